//! Rows derived from the journal, kept in sled: what records can be found by, counters, pending actions and outbox, and the
//! state itself as a checkpoint. All of it may be deleted at any time; it is built again from the journal.
//!
//! One owner writes, any number read. A batch holds what some consecutive records say, together with the position they
//! reach, so a reader never sees half of them.

mod fold;
mod keys;
mod opening;
mod seal;
mod shelf;

pub use fold::{Facets, Mark, Round, ToolOf, USED};
pub use keys::Index;
pub use opening::{Doubt, Opened, Reading, Wanted, begin, open};
pub use shelf::{Memory, Shelf};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Digest;
use keys::BUCKET;
use seal::Seal;
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
    /// A record that is none.
    #[error("record {seq} cannot be read: {cause}")]
    Record {
        /// The position.
        seq: u64,
        /// What serde says.
        cause: serde_json::Error,
    },
    /// A round that does not follow what is there.
    #[error("a round that begins with record {found} does not follow position {position}")]
    Gap {
        /// The store's position.
        position: u64,
        /// The round's first record.
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
}

/// A store, as its owner has it.
pub struct Store {
    meta: Meta,
    rows: Rows,
}

/// A store, as readers have it; cheap to clone.
#[derive(Clone)]
pub struct Rows {
    shelf: Arc<dyn Shelf>,
    position: Arc<AtomicU64>,
}

impl Store {
    /// An empty store on a shelf.
    pub fn new(shelf: Arc<dyn Shelf>, program: &str, journal: &str) -> Self {
        Self::with(shelf, Meta::new(program, journal))
    }

    fn with(shelf: Arc<dyn Shelf>, meta: Meta) -> Self {
        let position = Arc::new(AtomicU64::new(meta.stand.position));
        Self {
            meta,
            rows: Rows { shelf, position },
        }
    }

    /// Where it stands.
    pub fn stand(&self) -> &Stand {
        &self.meta.stand
    }

    /// Whether the state's rows are all there, so that a start can begin from them.
    pub fn is_whole(&self) -> bool {
        self.meta.whole
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
            shelf: self.rows.shelf.as_ref(),
            changes: Changes::new(),
            seal: meta.seal,
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
        meta.seal = batch.seal;
        let mut changes = batch.changes;
        let said = serde_json::to_vec(&meta).map_err(Error::shelf("describe"))?;
        changes.push((keys::META.to_vec(), Some(said)));
        self.rows.shelf.apply(changes)?;
        self.rows.position.store(meta.stand.position, Ordering::Release);
        self.meta = meta;
        Ok(())
    }

    /// What was written is there after a power cut.
    pub fn flush(&self) -> Result<(), Error> {
        self.rows.shelf.flush()
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

fn number(value: Option<Vec<u8>>) -> Result<u64, Error> {
    let Some(value) = value else { return Ok(0) };
    let bytes = value.try_into().map_err(|_| Error::Damaged("a number"))?;
    Ok(u64::from_be_bytes(bytes))
}

/// How often an event came for a tool on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The day (UTC), as `2026-11-24`.
    pub day: String,
    /// The tool.
    pub tool: String,
    /// The event, for example `action.confirmed`.
    pub event: String,
    /// How often.
    pub count: u64,
}

impl Rows {
    /// The newest record that is in them.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// The first record of the minute of an hour, or of the next one in which there was any; `None` where there is none.
    pub fn since(&self, at: Timestamp) -> Result<Option<u64>, Error> {
        let from = keys::minute(keys::minute_of(at));
        let found = self.shelf.scan(keys::MINUTES, &from).next().transpose()?;
        found.map(|(_, value)| number(Some(value))).transpose()
    }

    /// The records from `from` on, oldest first, that are found by every one of some values; all of one bucket of
    /// 4096 records at a time. `None` at the end.
    ///
    /// # Errors
    /// As the shelf says.
    pub fn find(&self, by: &[(Index, String)], from: u64) -> Result<Option<Vec<u64>>, Error> {
        let position = self.position();
        let mut bucket = from / BUCKET;
        while bucket * BUCKET <= position {
            let Some(next) = self.next_bucket(by, bucket)? else {
                return Ok(None);
            };
            bucket = next;
            let found = self.in_bucket(by, bucket)?;
            let found: Vec<u64> = found
                .into_iter()
                .filter(|seq| (from..=position).contains(seq))
                .collect();
            if !found.is_empty() {
                return Ok(Some(found));
            }
            bucket += 1;
        }
        Ok(None)
    }

    /// The first bucket from `bucket` on that the first value has anything in.
    fn next_bucket(&self, by: &[(Index, String)], bucket: u64) -> Result<Option<u64>, Error> {
        let Some((index, value)) = by.first() else {
            return Ok(None);
        };
        let value = keys::indexed(value);
        let prefix = keys::postings(*index, &value);
        let found = self
            .shelf
            .scan(&prefix, &keys::posting(*index, &value, bucket))
            .next()
            .transpose()?;
        found
            .map(|(key, _)| number(key.get(prefix.len()..).map(<[u8]>::to_vec)))
            .transpose()
    }

    fn in_bucket(&self, by: &[(Index, String)], bucket: u64) -> Result<Vec<u64>, Error> {
        let mut common: Option<Vec<u64>> = None;
        for (index, value) in by {
            let value = self.shelf.get(&keys::posting(*index, &keys::indexed(value), bucket))?;
            let value = value.unwrap_or_default();
            let (pairs, _) = value.as_chunks::<2>();
            let mut found = pairs
                .iter()
                .map(|pair| bucket * BUCKET + u64::from(u16::from_be_bytes(*pair)));
            common = Some(match common {
                None => found.collect(),
                Some(before) => {
                    let found: Vec<u64> = found.by_ref().collect();
                    before
                        .into_iter()
                        .filter(|seq| found.binary_search(seq).is_ok())
                        .collect()
                }
            });
        }
        Ok(common.unwrap_or_default())
    }

    /// Every counter, by day, tool and event.
    pub fn counts(&self) -> impl Iterator<Item = Result<Count, Error>> + '_ {
        self.shelf.scan(keys::COUNTS, keys::COUNTS).map(|pair| {
            let (key, value) = pair?;
            let (day, tool, event) = keys::count_of(&key).ok_or(Error::Damaged("the key of a counter"))?;
            Ok(Count {
                day: day.to_owned(),
                tool: tool.to_owned(),
                event: event.to_owned(),
                count: number(Some(value))?,
            })
        })
    }

    /// The actions with a mark, by identifier.
    pub fn marked(&self, mark: Mark) -> impl Iterator<Item = Result<String, Error>> + '_ {
        let prefix = match mark {
            Mark::Pending => keys::PENDING,
            Mark::Executing => keys::OUTBOX,
        };
        self.shelf.scan(prefix, prefix).map(move |pair| {
            let id = pair?.0.split_off(prefix.len());
            String::from_utf8(id).map_err(|_| Error::Damaged("the key of an action"))
        })
    }
}
