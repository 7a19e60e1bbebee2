//! Where an audit reads records: a journal that this process writes, or a look at one from outside.

use std::cell::RefCell;
use std::sync::Arc;

use jiff::Timestamp;
use journal::{Error, Line, Log, Look, Records};
use projections::Record;

use super::check::AHEAD;
use crate::kernel::{Past, Rejection};
use crate::processor::unavailable;

/// Records in order, and one by one.
pub trait Source: Send + Sync {
    /// The last record.
    fn last(&self) -> u64;

    /// The records from a position on.
    ///
    /// # Errors
    /// Where the journal cannot be read; damage is an item.
    fn lines(&self, from: u64) -> Result<Records, Error>;

    /// One record; `None` where there is none of that number.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn line(&self, seq: u64) -> Result<Option<Line>, Error>;

    /// The last record at or before a moment; 0 where there is none. Time never goes back in a journal.
    ///
    /// # Errors
    /// Where a record cannot be read.
    fn at(&self, moment: Timestamp) -> Result<u64, Error> {
        let (mut before, mut after) = (0, self.last() + 1);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            let line = self.line(middle)?;
            let mut room = String::new();
            let record = line.as_ref().map(|line| Record::parse(middle, &line.text, &mut room));
            match record {
                Some(Ok(record)) if record.at <= moment => before = middle,
                _ => after = middle,
            }
        }
        Ok(before)
    }
}

impl Source for Look {
    fn last(&self) -> u64 {
        self.last_seq()
    }

    fn lines(&self, from: u64) -> Result<Records, Error> {
        Ok(Box::new(self.reader(from)))
    }

    fn line(&self, seq: u64) -> Result<Option<Line>, Error> {
        self.get(seq)
    }
}

impl Source for Arc<dyn Log> {
    fn last(&self) -> u64 {
        self.durable()
    }

    fn lines(&self, from: u64) -> Result<Records, Error> {
        self.read(from)
    }

    fn line(&self, seq: u64) -> Result<Option<Line>, Error> {
        self.get(seq)
    }
}

/// What a decision may look at of a source: the same record is often asked for twice, so the newest are kept.
pub struct Behind<'a> {
    source: &'a dyn Source,
    kept: RefCell<Vec<Option<(u64, String)>>>,
}

/// How many records are kept: more than a check looks ahead, or what it keeps would be gone when it is asked for.
const KEPT: usize = 2 * AHEAD;

impl<'a> Behind<'a> {
    /// The past of a source.
    pub fn new(source: &'a dyn Source) -> Self {
        let kept = RefCell::new(vec![None; KEPT]);
        Self { source, kept }
    }

    fn place(seq: u64) -> usize {
        usize::try_from(seq).unwrap_or(0) % KEPT
    }

    /// Keeps a record that was read.
    pub fn keep(&self, seq: u64, text: &str) {
        if let Some(place) = self.kept.borrow_mut().get_mut(Self::place(seq)) {
            *place = Some((seq, text.to_owned()));
        }
    }
}

impl Past for Behind<'_> {
    fn record(&self, seq: u64) -> Result<Option<String>, Rejection> {
        if let Some(Some((kept, text))) = self.kept.borrow().get(Self::place(seq))
            && *kept == seq
        {
            return Ok(Some(text.clone()));
        }
        let line = self.source.line(seq).map_err(|cause| unavailable(&cause.to_string()))?;
        Ok(line.map(|line| line.text))
    }
}
