//! A log alone as the recorded past: what is looked for is found by reading.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use journal::Log;

use super::unavailable;
use crate::kernel::past::{Hits, Search};
use crate::kernel::{Past, Rejection};

/// Records read at first; each further read takes twice as many, so that a page costs little and a long search few reads.
const FIRST_READ: u64 = 64;
/// Most records of one read.
const READ_MAX: u64 = 4_096;
/// What was found and not yet asked for holds no more bytes than this, or a single record: what is further is read again.
pub(super) const FOUND_BYTES_MAX: usize = 8 << 20;
/// No positions.
pub(super) const NOTHING: RangeInclusive<u64> = RangeInclusive::new(1, 0);

/// A log without anything beside it.
#[derive(Clone)]
pub struct Plain(pub Arc<dyn Log>);

impl Past for Plain {
    fn record(&self, seq: u64) -> Result<Option<String>, Rejection> {
        record(self.0.as_ref(), seq)
    }

    fn find<'p>(&'p self, search: Search<'p>) -> Hits<'p> {
        Box::new(Scan::new(self.0.as_ref(), search))
    }
}

pub(super) fn failed(cause: journal::Error) -> Rejection {
    unavailable(&cause.to_string())
}

pub(super) fn record(log: &dyn Log, seq: u64) -> Result<Option<String>, Rejection> {
    Ok(log.get(seq).map_err(failed)?.map(|line| line.text))
}

/// Records of a log, read in stretches: forwards, or backwards one stretch after the other.
pub(super) struct Scan<'p> {
    log: &'p dyn Log,
    search: Search<'p>,
    /// The stretch of the next read.
    stretch: u64,
    found: VecDeque<(u64, String)>,
}

impl<'p> Scan<'p> {
    pub(super) fn new(log: &'p dyn Log, search: Search<'p>) -> Self {
        let (from, to) = search.range.clone().into_inner();
        let search = search.within(from..=to.min(log.durable()));
        Self {
            log,
            search,
            stretch: FIRST_READ,
            found: VecDeque::new(),
        }
    }

    fn read(&mut self) -> Result<(), Rejection> {
        let (from, to) = self.search.range.clone().into_inner();
        let (first, last) = if self.search.newest_first {
            (to.saturating_sub(self.stretch - 1).max(from), to)
        } else {
            (from, to.min(from.saturating_add(self.stretch - 1)))
        };
        self.search.range = if self.search.newest_first {
            from..=first - 1
        } else {
            last + 1..=to
        };
        self.stretch = (self.stretch * 2).min(READ_MAX);
        let mut bytes = 0;
        for line in self.log.read(first).map_err(failed)? {
            let line = line.map_err(failed)?;
            if line.seq > last {
                break;
            }
            if !self.search.fits(line.seq, &line.text)? {
                continue;
            }
            bytes += line.text.len();
            if self.search.newest_first {
                self.found.push_front((line.seq, line.text));
                self.shorten(from, &mut bytes);
            } else {
                let seq = line.seq;
                self.found.push_back((seq, line.text));
                if bytes > FOUND_BYTES_MAX {
                    self.search.range = seq + 1..=to;
                    self.stretch = FIRST_READ;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Leaves the oldest for another read where too much was found.
    fn shorten(&mut self, from: u64, bytes: &mut usize) {
        while *bytes > FOUND_BYTES_MAX && self.found.len() > 1 {
            if let Some((seq, text)) = self.found.pop_back() {
                *bytes -= text.len();
                self.search.range = from..=seq;
                self.stretch = FIRST_READ;
            }
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<(u64, String), Rejection>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.found.is_empty() {
            if self.search.range.is_empty() {
                return None;
            }
            if let Err(no) = self.read() {
                self.search.range = NOTHING;
                return Some(Err(no));
            }
        }
        self.found.pop_front().map(Ok)
    }
}
