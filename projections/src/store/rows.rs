//! A store as its readers have it: look-ups that see whole batches only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde::Serialize;

use super::keys::{self, BUCKET, Index};
use super::{Error, Mark, Shelf};

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
}

impl Rows {
    pub(super) fn new(shelf: Arc<dyn Shelf>, position: u64) -> Self {
        let position = Arc::new(AtomicU64::new(position));
        Self { shelf, position }
    }

    pub(super) fn shelf(&self) -> &dyn Shelf {
        self.shelf.as_ref()
    }

    /// A batch up to there is written.
    pub(super) fn reached(&self, position: u64) {
        self.position.store(position, Ordering::Release);
    }

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
    /// 4096 records at a time. `None` at the end, and where no value is given.
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
            let key = keys::posting(*index, &keys::indexed(value), bucket);
            let value = self.shelf.get(&key)?.unwrap_or_default();
            let (offsets, _) = value.as_chunks::<2>();
            let found = offsets
                .iter()
                .map(|offset| bucket * BUCKET + u64::from(u16::from_be_bytes(*offset)));
            let found: Vec<u64> = found.collect();
            match &mut common {
                None => common = Some(found),
                Some(common) => common.retain(|seq| found.binary_search(seq).is_ok()),
            }
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
