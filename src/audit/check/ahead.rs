//! Records seen before their turn, and the reads among them by the position that they read.

use std::collections::{BTreeMap, VecDeque};

use journal::Line;

use super::again::Asked;
use crate::audit::Unreadable;

/// How many records are looked ahead. A read is journaled after at most the records of those that wait with it.
pub(in crate::audit) const AHEAD: usize = 16_384;

pub(super) struct Ahead<L> {
    lines: L,
    waiting: VecDeque<(u64, String)>,
    reads: BTreeMap<u64, Vec<Asked>>,
    /// The next record to be handed out.
    next: u64,
    late: u64,
}

impl<L: Iterator<Item = Result<Line, journal::Error>>> Ahead<L> {
    pub(super) fn new(lines: L) -> Self {
        Self {
            lines,
            waiting: VecDeque::new(),
            reads: BTreeMap::new(),
            next: 1,
            late: 0,
        }
    }

    /// The next record.
    pub(super) fn next(&mut self) -> Result<Option<(u64, String)>, Unreadable> {
        while self.waiting.len() < AHEAD {
            let Some(line) = self.lines.next().transpose()? else {
                break;
            };
            self.see(line)?;
        }
        let next = self.waiting.pop_front();
        self.next += u64::from(next.is_some());
        Ok(next)
    }

    fn see(&mut self, line: Line) -> Result<(), Unreadable> {
        if let Some(asked) = Asked::ahead(line.seq, &line.text)? {
            if asked.position + 1 >= self.next {
                self.reads.entry(asked.position).or_default().push(asked);
            } else {
                self.late += 1;
            }
        }
        self.waiting.push_back((line.seq, line.text));
        Ok(())
    }

    /// The reads of the state at a position.
    pub(super) fn due(&mut self, position: u64) -> Vec<Asked> {
        self.reads.remove(&position).unwrap_or_default()
    }

    /// How many reads were seen too late.
    pub(super) fn late(&self) -> u64 {
        self.late
    }
}
