//! What records say to the rows beside the state: where they can be found, how often, when, and which rows they touched.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Error;
use super::keys::{self, BUCKET, Index};
use crate::event::names;
use crate::{Action, Digest, Id, Named as _, Record};

/// The tool of an action, by the action's identifier.
pub type ToolOf<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The kind under which the hour of a token's last use is kept.
pub const USED: &str = "used";

/// The facts of the system's own events that matter here.
#[derive(Default, Deserialize)]
struct Facts<'a> {
    #[serde(borrow, default)]
    tool: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    action: Option<Cow<'a, str>>,
}

/// Whether an event's facts name a tool or an action.
fn names_a_call(event: &str) -> bool {
    event.starts_with("call.")
        || event.starts_with("action.")
        || event.starts_with("execution.")
        || event == names::CONFIRM_REFUSED
}

fn facts<'a>(event: &str, data: Option<&'a RawValue>) -> Facts<'a> {
    let data = data.filter(|_| names_a_call(event));
    // What cannot be read stops the fold of the state; here it is only not found.
    data.and_then(|data| serde_json::from_str(data.get()).ok())
        .unwrap_or_default()
}

/// What a record can be found by.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// Indexes with their values.
    pub values: BTreeSet<(Index, String)>,
    /// Rows of the state that it touched.
    pub touched: BTreeSet<(String, String)>,
    /// Tools with what happened to their calls.
    pub calls: Vec<(String, String)>,
}

impl Facets {
    /// Reads them off a record.
    pub fn of(record: &Record<'_>, tool_of: ToolOf<'_>) -> Self {
        let mut facets = Self::default();
        for actor in [&record.actor.principal_id, &record.actor.token_id]
            .into_iter()
            .flatten()
        {
            facets.found(Index::Actor, actor);
        }
        if let Some(token) = &record.actor.token_id {
            facets.touches(USED, token);
        }
        for entry in &record.events {
            facets.found(Index::Event, &entry.name);
            if let Some(change) = &entry.change {
                facets.found(Index::Entity, &change.id);
                facets.touches(&change.entity, &change.id);
            }
            let said = facts(&entry.name, entry.data);
            let its_tool = || said.action.as_deref().and_then(tool_of);
            if let Some(tool) = said.tool.as_deref().map(ToOwned::to_owned).or_else(its_tool) {
                facets.found(Index::Tool, &tool);
                facets.calls.push((tool, entry.name.to_string()));
            }
            if let Some(action) = &said.action {
                // What a caller named need not be an action, nor be written as we write it.
                let id = action.parse::<Id<Action>>().ok().map(|id| id.to_string());
                facets.found(Index::Action, id.as_deref().unwrap_or(action));
                if let Some(id) = id {
                    facets.touches(Action::KIND, &id);
                }
            }
        }
        facets
    }

    /// Whether the record is found by a value.
    pub fn has(&self, index: Index, value: &str) -> bool {
        self.values.contains(&(index, keys::indexed(value)))
    }

    fn found(&mut self, index: Index, value: &str) {
        self.values.insert((index, keys::indexed(value)));
    }

    fn touches(&mut self, kind: &str, id: &str) {
        self.touched.insert((kind.to_owned(), id.to_owned()));
    }
}

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
        let org = keys::indexed(record.org.as_deref().unwrap_or_default());
        for (tool, event) in &facets.calls {
            let key = keys::count(&org, record.at, &keys::indexed(tool), event);
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
