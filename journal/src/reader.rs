//! Reading: from any position up to what is durable, every record checked again.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::disk::{Disk, DiskFile};
use crate::recovery::Mark;
use crate::segment::{self, CHUNK};
use crate::{Error, Line, line};

type Hook = Box<dyn Fn(u64) + Send + Sync>;

struct Known {
    durable: u64,
    segments: Vec<u64>,
    marks: BTreeMap<u64, (u64, u64)>,
    stopped: bool,
}

/// What readers know of the files; the writer keeps it up to date.
pub(crate) struct Shared {
    known: Mutex<Known>,
    grown: Condvar,
    hooks: Mutex<Vec<Hook>>,
}

impl Shared {
    pub(crate) fn new(durable: u64, segments: Vec<u64>, marks: Vec<Mark>) -> Self {
        let marks = marks
            .into_iter()
            .map(|(seq, first, offset)| (seq, (first, offset)))
            .collect();
        let known = Mutex::new(Known {
            durable,
            segments,
            marks,
            stopped: false,
        });
        Self {
            known,
            grown: Condvar::new(),
            hooks: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn durable(&self) -> u64 {
        self.known().durable
    }

    pub(crate) fn publish(&self, durable: u64) {
        self.known().durable = durable;
        self.grown.notify_all();
    }

    pub(crate) fn announce(&self, durable: u64) {
        self.hooks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .for_each(|hook| hook(durable));
    }

    pub(crate) fn hook(&self, hook: Hook) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    pub(crate) fn mark(&self, marks: Vec<Mark>) {
        self.known()
            .marks
            .extend(marks.into_iter().map(|(seq, first, offset)| (seq, (first, offset))));
    }

    pub(crate) fn begun(&self, first: u64) {
        self.known().segments.push(first);
    }

    pub(crate) fn stop(&self) {
        self.known().stopped = true;
        self.grown.notify_all();
    }

    pub(crate) fn wait(&self, after: u64, timeout: Duration) -> u64 {
        let grown = self
            .grown
            .wait_timeout_while(self.known(), timeout, |known| known.durable <= after && !known.stopped);
        grown.unwrap_or_else(PoisonError::into_inner).0.durable
    }

    /// The nearest remembered place at or before a position: segment and offset; the start of its segment otherwise.
    fn place(&self, seq: u64) -> Option<(u64, u64, u64)> {
        let known = self.known();
        let first = *known.segments.iter().rev().find(|first| **first <= seq)?;
        let mark = known.marks.range(first..=seq).next_back();
        Some(mark.map_or((first, first, 0), |(at, (first, offset))| (*at, *first, *offset)))
    }

    fn segment_after(&self, first: u64) -> Option<u64> {
        self.known().segments.iter().copied().find(|next| *next > first)
    }
}

/// A position in the files that moves forward, up to what was durable when it was made.
pub(crate) struct Cursor {
    disk: Arc<dyn Disk>,
    shared: Arc<Shared>,
    wanted: u64,
    until: u64,
    next: u64,
    segment: u64,
    file: Option<Arc<dyn DiskFile>>,
    offset: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl Cursor {
    pub(crate) fn new(disk: Arc<dyn Disk>, shared: Arc<Shared>, from: u64, until: u64) -> Self {
        let wanted = from.max(1);
        let (next, segment, offset) = shared.place(wanted).unwrap_or((1, 1, 0));
        Self {
            disk,
            shared,
            wanted,
            until,
            next,
            segment,
            file: None,
            offset,
            buffer: Vec::new(),
            used: 0,
        }
    }

    /// The next record; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, &str)>, Error> {
        while self.next <= self.until {
            let len = self.line_end()?;
            let begins = self.used;
            self.used = begins + len + 1;
            let at = self.offset + size(begins);
            let bytes = self.buffer.get(begins..begins + len).unwrap_or_default();
            let json =
                line::checked(bytes).ok_or_else(|| damaged(self.segment, at, self.next, "its checksum is wrong"))?;
            let Some((seq, _)) = line::numbers(json) else { continue };
            if seq != self.next {
                return Err(damaged(
                    self.segment,
                    at,
                    self.next,
                    &format!("record {seq} stands in its place"),
                ));
            }
            self.next += 1;
            if seq >= self.wanted {
                // Checked again because the borrow checker cannot see that the first look ended.
                let bytes = self.buffer.get(begins + line::HEAD..begins + len).unwrap_or_default();
                return Ok(Some((seq, std::str::from_utf8(bytes).unwrap_or_default())));
            }
        }
        Ok(None)
    }

    /// The length of the line at the place, reading on as needed.
    fn line_end(&mut self) -> Result<usize, Error> {
        let mut searched = 0;
        loop {
            let rest = self.buffer.get(self.used..).unwrap_or_default();
            if let Some(end) = rest
                .get(searched..)
                .and_then(|part| part.iter().position(|byte| *byte == b'\n'))
            {
                return Ok(searched + end);
            }
            searched = rest.len();
            self.more(searched)?;
        }
    }

    fn more(&mut self, kept: usize) -> Result<(), Error> {
        self.buffer.drain(..self.used);
        self.offset += size(self.used);
        self.used = 0;
        let name = segment::name(self.segment);
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => self.disk.open(&name).map_err(Error::disk(name.clone()))?,
        };
        self.buffer.resize(kept + CHUNK, 0);
        let into = self.buffer.get_mut(kept..).unwrap_or_default();
        let got = file
            .read_at(self.offset + size(kept), into)
            .map_err(Error::disk(name))?;
        self.buffer.truncate(kept + got);
        self.file = Some(file);
        if got > 0 {
            return Ok(());
        }
        match self.shared.segment_after(self.segment) {
            Some(next) if kept == 0 => {
                (self.segment, self.offset, self.file) = (next, 0, None);
                Ok(())
            }
            _ => Err(damaged(self.segment, self.offset, self.next, "the file ends here")),
        }
    }
}

impl Iterator for Cursor {
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = Cursor::next(self).map(|found| {
            found.map(|(seq, text)| Line {
                seq,
                text: text.to_owned(),
            })
        });
        if found.is_err() {
            self.until = 0;
        }
        found.transpose()
    }
}

fn damaged(segment: u64, offset: u64, seq: u64, why: &str) -> Error {
    Error::Damaged {
        file: segment::name(segment),
        offset,
        seq,
        why: why.to_owned(),
    }
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
