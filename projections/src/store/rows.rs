//! A store as its readers have it: look-ups that see whole batches only.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;

use super::keys::{self, BUCKET};
use super::shelf::{Changes, Pair};
use super::{Error, Mark, Shelf};
use crate::facets::{Index, indexed};

/// How long a reader waits for a batch to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(5);

pub(super) fn number(value: Option<Vec<u8>>) -> Result<u64, Error> {
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

/// A store, as readers have it; cheap to clone.
#[derive(Clone)]
pub struct Rows {
    shelf: Arc<dyn Shelf>,
    position: Arc<AtomicU64>,
    is_whole: Arc<AtomicBool>,
    /// Taken to write a batch, and to read several rows of one position.
    batch: Arc<RwLock<()>>,
}

impl Rows {
    pub(super) fn new(shelf: Arc<dyn Shelf>, position: u64, is_whole: bool) -> Self {
        Self {
            shelf,
            position: Arc::new(AtomicU64::new(position)),
            is_whole: Arc::new(AtomicBool::new(is_whole)),
            batch: Arc::default(),
        }
    }

    pub(super) fn shelf(&self) -> &dyn Shelf {
        self.shelf.as_ref()
    }

    /// Writes a batch, after which the rows stand at a position.
    pub(super) fn apply(&self, changes: Changes, position: u64, is_whole: bool) -> Result<(), Error> {
        let _whole = self.batch.write().unwrap_or_else(PoisonError::into_inner);
        self.shelf.apply(changes)?;
        self.position.store(position, Ordering::Release);
        self.is_whole.store(is_whole, Ordering::Release);
        Ok(())
    }

    /// The newest record that is in them.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// Whether they hold the whole state as of that record.
    pub fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Acquire)
    }

    /// What is read while no batch comes in between, and the position that it belongs to.
    fn whole<T>(&self, read: impl FnOnce() -> Result<T, Error>) -> Result<(u64, T), Error> {
        let begun = Instant::now();
        loop {
            match self.batch.try_read() {
                Ok(_whole) => return Ok((self.position(), read()?)),
                // A writer that died in a batch left what was there before: a batch is written whole or not at all.
                Err(TryLockError::Poisoned(_)) => return Ok((self.position(), read()?)),
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(Error::shelf("read")("a batch is being written for long")),
            }
        }
    }

    /// The first record of the minute of an hour, or of the next one in which there was any; `None` where there is none.
    pub fn since(&self, at: Timestamp) -> Result<Option<u64>, Error> {
        let from = keys::minute(keys::minute_of(at));
        let found = self.shelf.scan(keys::MINUTES, &from).next().transpose()?;
        found.map(|(_, value)| number(Some(value))).transpose()
    }

    /// The records from `from` to `upto`, oldest first, that are found by every one of some values; all of one bucket of
    /// 4096 records at a time. `None` at the end, and where no value is given. Of what is beyond [`Rows::position`]
    /// nothing is found.
    ///
    /// # Errors
    /// As the shelf says.
    pub fn find(&self, by: &[(Index, String)], from: u64, upto: u64) -> Result<Option<Vec<u64>>, Error> {
        let mut bucket = from / BUCKET;
        while bucket * BUCKET <= upto {
            let Some(next) = self.next_bucket(by, bucket, false)? else {
                return Ok(None);
            };
            bucket = next;
            let mut found = self.bucket(by, bucket)?;
            found.retain(|seq| (from..=upto).contains(seq));
            if !found.is_empty() {
                return Ok(Some(found));
            }
            bucket += 1;
        }
        Ok(None)
    }

    /// The first bucket from `bucket` on, or the last one up to it where the newest comes first, that the first of some
    /// values has anything in; `None` where there is none.
    ///
    /// # Errors
    /// As the shelf says.
    pub fn next_bucket(&self, by: &[(Index, String)], bucket: u64, newest_first: bool) -> Result<Option<u64>, Error> {
        let Some((index, value)) = by.first() else {
            return Ok(None);
        };
        let mut next: Option<u64> = None;
        for value in index.standing(value) {
            let (prefix, at) = (keys::postings(*index, &value), keys::posting(*index, &value, bucket));
            let key = if newest_first {
                self.shelf.last(&prefix, &at)?
            } else {
                let found = self.shelf.scan(&prefix, &at).next().transpose()?;
                found.map(|(key, _)| key)
            };
            let Some(key) = key else { continue };
            let found = number(key.get(prefix.len()..).map(<[u8]>::to_vec))?;
            let nearer = |next: u64| if newest_first { next.max(found) } else { next.min(found) };
            next = Some(next.map_or(found, nearer));
        }
        Ok(next)
    }

    /// The records of one bucket, oldest first, that are found by every one of some values: those from `bucket * BUCKET` on,
    /// [`BUCKET`] of them. Of what is beyond [`Rows::position`] nothing is found.
    ///
    /// # Errors
    /// As the shelf says.
    pub fn bucket(&self, by: &[(Index, String)], bucket: u64) -> Result<Vec<u64>, Error> {
        let mut common: Option<Vec<u64>> = None;
        for (index, value) in by {
            let mut found = Vec::new();
            for value in index.standing(value) {
                let held = self.shelf.get(&keys::posting(*index, &value, bucket))?;
                let held = held.unwrap_or_default();
                let (offsets, _) = held.as_chunks::<2>();
                let offsets = offsets.iter().map(|offset| u64::from(u16::from_be_bytes(*offset)));
                found.extend(offsets.map(|offset| bucket * BUCKET + offset));
            }
            found.sort_unstable();
            match &mut common {
                None => common = Some(found),
                Some(common) => common.retain(|seq| found.binary_search(seq).is_ok()),
            }
            if common.as_ref().is_some_and(Vec::is_empty) {
                break;
            }
        }
        Ok(common.unwrap_or_default())
    }

    /// Every counter of an organisation, by day, tool and event, and the position they were counted up to.
    ///
    /// # Errors
    /// As the shelf says.
    pub fn counts(&self, org: &str) -> Result<(u64, Vec<Count>), Error> {
        let prefix = keys::counts(&indexed(org));
        let count = |(key, value): Pair| {
            let (day, tool, event) = keys::count_of(&key).ok_or(Error::Damaged("the key of a counter"))?;
            Ok(Count {
                day: day.to_owned(),
                tool: tool.to_owned(),
                event: event.to_owned(),
                count: number(Some(value))?,
            })
        };
        self.whole(|| {
            let found = self.shelf.scan(&prefix, &prefix);
            found.map(|pair| count(pair?)).collect()
        })
    }

    /// The marked actions with their marks, and the position at which they stand so.
    ///
    /// # Errors
    /// As the shelf says.
    pub fn marked(&self) -> Result<(u64, Vec<(String, Mark)>), Error> {
        let under = |prefix: &'static [u8], mark: Mark| {
            let found = self.shelf.scan(prefix, prefix);
            found.map(move |pair| {
                let id = pair?.0.split_off(prefix.len());
                let id = String::from_utf8(id).map_err(|_| Error::Damaged("the key of an action"))?;
                Ok((id, mark))
            })
        };
        self.whole(|| {
            let pending = under(keys::PENDING, Mark::Pending);
            pending.chain(under(keys::OUTBOX, Mark::Executing)).collect()
        })
    }
}
