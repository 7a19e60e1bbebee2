//! Rows derived from the journal, kept in sled: what records can be found by, counters, pending actions and outbox, and the
//! state itself as a checkpoint. All of it may be deleted at any time; it is built again from the journal.
//!
//! One owner writes, any number read. A batch holds what some consecutive records say, together with the position they
//! reach, so a reader never sees half of them.

mod fold;
mod keys;
mod look;
mod opening;
mod rows;
mod seal;
mod shelf;

pub use crate::facets::{Facets, Index, ToolOf, USED};
pub use fold::{Mark, Round};
pub use keys::BUCKET;
pub use look::look;
pub use opening::{Doubt, Opened, Reading, Understand, Wanted, begin, bytes, open};
pub use rows::{Count, Rows};
pub use seal::Seal;
pub use shelf::{Memory, Shelf};

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Digest, Unread};
use rows::number;
use shelf::Changes;

/// Why rows cannot be read or written.
#[derive(Debug, Error)]
pub enum Error {
    /// sled or the disk.
    #[error("the rows cannot be used: {doing} failed: {cause}")]
    Shelf {
        /// What was tried.
        doing: &'static str,
        /// What it said.
        cause: String,
    },
    /// A record that cannot be read.
    #[error(transparent)]
    Record(#[from] Unread),
    /// A record that does not follow the one before.
    #[error("record {found} does not follow position {position}")]
    Gap {
        /// The position of the store or of the round.
        position: u64,
        /// The record's.
        found: u64,
    },
    /// A row that is not what was written.
    #[error("a row is damaged: {0}")]
    Damaged(&'static str),
}

impl Error {
    fn shelf<E: std::fmt::Display>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |cause| Self::Shelf {
            doing,
            cause: cause.to_string(),
        }
    }
}

/// Where a store stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stand {
    /// The newest record that is in it.
    pub position: u64,
    /// The hour of that record.
    pub at: Timestamp,
    /// The digest of that record's text.
    pub digest: Digest,
}

/// The row that says what the others are.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Meta {
    /// The build of the program that wrote them.
    program: String,
    /// The journal they come from.
    journal: String,
    stand: Stand,
    /// The last minute that has a first record.
    minute: Option<u64>,
    /// Whether the state's rows are all there.
    whole: bool,
    /// Over all rows, this one with an empty seal included.
    seal: Seal,
}

impl Meta {
    fn new(program: &str, journal: &str) -> Self {
        Self {
            program: program.to_owned(),
            journal: journal.to_owned(),
            stand: Stand {
                position: 0,
                at: Timestamp::UNIX_EPOCH,
                digest: Digest::default(),
            },
            minute: None,
            whole: false,
            seal: Seal::default(),
        }
    }

    /// Sets the seal to that over all rows; `rows` is over the others.
    fn sealed(mut self, rows: Seal) -> Result<Self, serde_json::Error> {
        self.seal = Seal::default();
        let mut seal = rows;
        seal.add(keys::META, &serde_json::to_vec(&self)?);
        self.seal = seal;
        Ok(self)
    }
}

/// A store, as its owner has it.
pub struct Store {
    meta: Meta,
    /// The seal over all rows but the one that says what they are.
    seal: Seal,
    rows: Rows,
}

impl Store {
    /// An empty store on a shelf.
    pub fn new(shelf: Arc<dyn Shelf>, program: &str, journal: &str) -> Self {
        Self::with(shelf, Meta::new(program, journal), Seal::default())
    }

    fn with(shelf: Arc<dyn Shelf>, meta: Meta, seal: Seal) -> Self {
        let rows = Rows::new(shelf, meta.stand.position, meta.whole);
        Self { meta, seal, rows }
    }

    /// Where it stands.
    pub fn stand(&self) -> &Stand {
        &self.meta.stand
    }

    /// Whether the state's rows are all there.
    pub fn is_whole(&self) -> bool {
        self.meta.whole
    }

    /// A sum over all rows but the one about them: equal rows have equal sums, however they came to be.
    pub fn seal(&self) -> Seal {
        self.seal
    }

    /// The store for readers.
    pub fn rows(&self) -> Rows {
        self.rows.clone()
    }

    /// Writes a round in one batch. `whole` says that the state's rows are all there then, as of the round's last record.
    ///
    /// # Errors
    /// Then nothing was written.
    pub fn write(&mut self, round: Round, whole: bool) -> Result<(), Error> {
        let mut meta = self.meta.clone();
        meta.whole = whole;
        if let Some(last) = round.last {
            if round.first != meta.stand.position + 1 {
                return Err(Error::Gap {
                    position: meta.stand.position,
                    found: round.first,
                });
            }
            (meta.stand.position, meta.stand.at, meta.stand.digest) = (last.seq, last.at, last.digest);
        }
        let mut batch = Batch {
            shelf: self.rows.shelf(),
            changes: Changes::new(),
            seal: self.seal,
        };
        for (key, offsets) in round.postings {
            let more = offsets.into_iter().flat_map(u16::to_be_bytes);
            batch.change(key, |old| {
                Ok(Some(old.unwrap_or_default().into_iter().chain(more).collect()))
            })?;
        }
        for (key, more) in round.counts {
            batch.change(key, |old| Ok(Some((number(old)? + more).to_be_bytes().to_vec())))?;
        }
        for (minute, seq) in round.minutes {
            if meta.minute.is_none_or(|last| last < minute) {
                batch.change(keys::minute(minute), |_| Ok(Some(seq.to_be_bytes().to_vec())))?;
                meta.minute = Some(minute);
            }
        }
        for (key, value) in round.rows {
            batch.change(key, |_| Ok(value))?;
        }
        let Batch { mut changes, seal, .. } = batch;
        let meta = meta.sealed(seal).map_err(Error::shelf("describe"))?;
        let said = serde_json::to_vec(&meta).map_err(Error::shelf("describe"))?;
        changes.push((keys::META.to_vec(), Some(said)));
        self.rows.apply(changes, meta.stand.position, whole)?;
        (self.meta, self.seal) = (meta, seal);
        Ok(())
    }

    /// What was written is there after a power cut.
    pub fn flush(&self) -> Result<(), Error> {
        self.rows.shelf().flush()
    }
}

/// Changes on their way, and the seal after them.
struct Batch<'a> {
    shelf: &'a dyn Shelf,
    changes: Changes,
    seal: Seal,
}

impl Batch<'_> {
    fn change(
        &mut self,
        key: Vec<u8>,
        to: impl FnOnce(Option<Vec<u8>>) -> Result<Option<Vec<u8>>, Error>,
    ) -> Result<(), Error> {
        let old = self.shelf.get(&key)?;
        if let Some(old) = &old {
            self.seal.take(&key, old);
        }
        let had = old.is_some();
        let new = to(old)?;
        if let Some(new) = &new {
            self.seal.add(&key, new);
        }
        if had || new.is_some() {
            self.changes.push((key, new));
        }
        Ok(())
    }
}
