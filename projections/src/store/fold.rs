//! What records say to the rows beside the state: where they can be found, how often, when, and which rows they touched.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Error;
use super::keys::{self, BUCKET};
use crate::facets::{Facets, ToolOf, indexed};
use crate::{Digest, Record};

/// Consecutive records, folded into what one batch writes.
#[derive(Debug, Default)]
pub struct Round {
    pub(super) postings: BTreeMap<Vec<u8>, Vec<u16>>,
    pub(super) counts: BTreeMap<Vec<u8>, u64>,
    pub(super) minutes: BTreeMap<u64, u64>,
    pub(super) rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) first: u64,
    pub(super) last: Option<Last>,
    touched: BTreeSet<(String, String)>,
}

/// The last record of a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) digest: Digest,
}

/// What an action's row stands under beside the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It waits for a confirmation.
    Pending,
    /// A worker is at it.
    Executing,
}

impl Round {
    /// Folds the next record in.
    ///
    /// # Errors
    /// [`Error::Gap`] when it does not follow the one before, [`Error::Record`] when it cannot be read.
    pub fn record(&mut self, seq: u64, text: &str, tool_of: ToolOf<'_>) -> Result<(), Error> {
        if let Some(last) = self.last.filter(|last| last.seq + 1 != seq) {
            return Err(Error::Gap {
                position: last.seq,
                found: seq,
            });
        }
        let mut room = String::new();
        let record = Record::parse(seq, text, &mut room)?;
        let facets = Facets::of(&record, tool_of);
        let offset = u16::try_from(seq % BUCKET).unwrap_or_default();
        for (index, value) in &facets.values {
            let key = keys::posting(*index, value, seq / BUCKET);
            self.postings.entry(key).or_default().push(offset);
        }
        let org = indexed(record.org.as_deref().unwrap_or_default());
        for (tool, event) in &facets.calls {
            let key = keys::count(&org, record.at, &indexed(tool), event);
            *self.counts.entry(key).or_default() += 1;
        }
        self.minutes.entry(keys::minute_of(record.at)).or_insert(seq);
        self.touched.extend(facets.touched);
        if self.last.is_none() {
            self.first = seq;
        }
        self.last = Some(Last {
            seq,
            at: record.at,
            digest: Digest::of(text.as_bytes()),
        });
        Ok(())
    }

    /// The rows of the state that its records touched, as kind and identifier.
    pub fn touched(&self) -> impl Iterator<Item = (&str, &str)> {
        self.touched.iter().map(|(kind, id)| (kind.as_str(), id.as_str()))
    }

    /// Sets a row of the state; `None` takes it away.
    pub fn row(&mut self, kind: &str, id: &str, text: Option<String>) {
        self.rows.insert(keys::row(kind, id), text.map(String::into_bytes));
    }

    /// Says where an action stands.
    pub fn mark(&mut self, action: &str, mark: Option<Mark>) {
        for (which, prefix) in [(Mark::Pending, keys::PENDING), (Mark::Executing, keys::OUTBOX)] {
            let value = (mark == Some(which)).then(Vec::new);
            self.rows.insert(keys::mark(prefix, action), value);
        }
    }
}
