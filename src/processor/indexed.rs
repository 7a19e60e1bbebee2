//! Records found through the rows. What is found does not depend on the rows, only how long it takes: where they cannot be
//! read, the journal is.

use std::collections::VecDeque;

use journal::Log;
use projections::store::{BUCKET, Rows};

use super::plain::{self, FOUND_BYTES_MAX, NOTHING, Scan};
use crate::kernel::Rejection;
use crate::kernel::past::Search;

/// Hits with at most so many records between them are read in one go.
const NEAR: u64 = 16;
/// Most hits that are read at once.
const TOGETHER_MAX: usize = 32;

pub(super) struct Indexed<'p> {
    rows: Rows,
    log: &'p dyn Log,
    search: Search<'p>,
    /// Positions of the bucket at hand, oldest first.
    hits: VecDeque<u64>,
    /// Records in the order that was asked for.
    found: VecDeque<(u64, String)>,
    instead: Option<Scan<'p>>,
}

impl<'p> Indexed<'p> {
    /// The range must not go beyond the rows, and something must be looked for.
    pub(super) fn new(rows: Rows, log: &'p dyn Log, search: Search<'p>) -> Self {
        Self {
            rows,
            log,
            search,
            hits: VecDeque::new(),
            found: VecDeque::new(),
            instead: None,
        }
    }

    /// Takes the next bucket out of the range.
    fn bucket(&mut self) -> Result<(), projections::store::Error> {
        let (from, to) = self.search.range.clone().into_inner();
        let newest = self.search.newest_first;
        let bucket = if newest { to } else { from } / BUCKET;
        // Whole buckets without a hit are many in a long journal.
        let Some(bucket) = self.rows.next_bucket(&self.search.by, bucket, newest)? else {
            self.search.range = NOTHING;
            return Ok(());
        };
        if bucket * BUCKET > to || bucket * BUCKET + BUCKET - 1 < from {
            self.search.range = NOTHING;
            return Ok(());
        }
        let (first, last) = ((bucket * BUCKET).max(from), (bucket * BUCKET + BUCKET - 1).min(to));
        let hits = self.rows.bucket(&self.search.by, bucket)?;
        self.hits = hits.into_iter().filter(|seq| (first..=last).contains(seq)).collect();
        self.search.range = if newest {
            // Nothing stands before record 1.
            from..=first.saturating_sub(1)
        } else {
            last + 1..=to
        };
        Ok(())
    }

    /// Reads the next hits that lie close together.
    fn read(&mut self) -> Result<(), Rejection> {
        let newest = self.search.newest_first;
        let mut run: VecDeque<u64> = VecDeque::new();
        while run.len() < TOGETHER_MAX {
            let next = if newest { self.hits.back() } else { self.hits.front() }.copied();
            let near = |seq: &u64| {
                let edge = if newest { run.front() } else { run.back() };
                edge.is_none_or(|edge| edge.abs_diff(*seq) <= NEAR)
            };
            let Some(seq) = next.filter(near) else { break };
            if newest {
                run.push_front(seq);
                self.hits.pop_back();
            } else {
                run.push_back(seq);
                self.hits.pop_front();
            }
        }
        let (Some(first), Some(last)) = (run.front(), run.back()) else {
            return Ok(());
        };
        let (first, last) = (*first, *last);
        if first == last {
            let text = plain::record(self.log, first)?;
            return text.map_or(Ok(()), |text| self.keep(first, text));
        }
        let mut bytes = 0;
        for line in self.log.read(first).map_err(plain::failed)? {
            let line = line.map_err(plain::failed)?;
            if line.seq > last {
                break;
            }
            if !run.contains(&line.seq) {
                continue;
            }
            bytes += line.text.len();
            let (seq, is_much) = (line.seq, bytes > FOUND_BYTES_MAX);
            self.keep(seq, line.text)?;
            if newest {
                self.shorten(&mut bytes);
            } else if is_much {
                run.retain(|hit| *hit > seq);
                run.append(&mut self.hits);
                self.hits = run;
                break;
            }
        }
        Ok(())
    }

    /// Leaves the oldest for another read where too much was found.
    fn shorten(&mut self, bytes: &mut usize) {
        while *bytes > FOUND_BYTES_MAX && self.found.len() > 1 {
            if let Some((seq, text)) = self.found.pop_back() {
                *bytes = bytes.saturating_sub(text.len());
                let at = self.hits.partition_point(|hit| *hit < seq);
                self.hits.insert(at, seq);
            }
        }
    }

    fn keep(&mut self, seq: u64, text: String) -> Result<(), Rejection> {
        if self.search.fits(seq, &text)? {
            if self.search.newest_first {
                self.found.push_front((seq, text));
            } else {
                self.found.push_back((seq, text));
            }
        }
        Ok(())
    }
}

impl Iterator for Indexed<'_> {
    type Item = Result<(u64, String), Rejection>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(scan) = &mut self.instead {
                return scan.next();
            }
            if let Some(found) = self.found.pop_front() {
                return Some(Ok(found));
            }
            if !self.hits.is_empty() {
                if let Err(no) = self.read() {
                    (self.hits, self.search.range) = (VecDeque::new(), NOTHING);
                    return Some(Err(no));
                }
            } else if self.search.range.is_empty() {
                return None;
            } else if let Err(cause) = self.bucket() {
                tracing::warn!(%cause, "records are looked for without the rows");
                self.instead = Some(Scan::new(self.log, self.search.clone()));
            }
        }
    }
}
