//! Copying records that fit: found as searches find them, or read one after the other where everything is asked for. What is
//! sent does not depend on the rows, only how long it takes.

use std::rc::Rc;

use projections::Record;
use projections::store::Index;
use tokio::sync::mpsc;

use super::Asked;
use crate::http::Faces;
use crate::http::auditing::Line;
use crate::kernel::Caller;
use crate::kernel::opened::is_own;
use crate::kernel::past::{Search, position_at};
use crate::modules::audit::{Sight, veil};

/// One stream of records.
pub(super) struct Copying {
    pub(super) faces: Faces,
    pub(super) caller: Caller,
    pub(super) sight: Sight,
    pub(super) asked: Asked,
    pub(super) out: mpsc::Sender<Line>,
}

/// Why copying ends early: the reader has gone, or has heard why there is no more.
struct Gone;

impl Copying {
    /// Sends what is durable; the next position, or `None` where the reader has gone or the journal failed.
    pub(super) fn run(&self, from: u64) -> Option<u64> {
        self.sent(from).ok()
    }

    fn sent(&self, from: u64) -> Result<u64, Gone> {
        let (past, upto) = (self.faces.handle.past(), self.faces.handle.log().durable());
        let since = self.asked.since.map(|since| position_at(past, upto, since)).transpose();
        let first = since.map_err(|no| self.failed(no.message))?.unwrap_or(from).max(from);
        if self.asked.by.is_empty() {
            return self.onward(first);
        }
        let snapshot = self.faces.handle.snapshot();
        let ours = (Index::Org, self.caller.org.clone());
        let hits = past.find(Search {
            by: self.asked.by.iter().cloned().chain([ours]).collect(),
            range: first..=upto,
            newest_first: false,
            tool_of: Rc::new(move |id| Some(snapshot.actions.get(id.parse().ok()?)?.tool.to_string())),
        });
        for hit in hits {
            let (seq, text) = hit.map_err(|no| self.failed(no.message))?;
            let line = self.faces.handle.log().as_written(journal::Line { seq, text });
            self.send(seq, line.map_err(|cause| self.failed(cause.to_string()))?.text)?;
        }
        Ok((upto + 1).max(first))
    }

    /// Sends all of the organisation's records from one on; the position after the last.
    fn onward(&self, from: u64) -> Result<u64, Gone> {
        let mut next = from;
        let failed = |cause: journal::Error| self.failed(cause.to_string());
        for line in self.faces.handle.log().read_written(from).map_err(failed)? {
            let line = line.map_err(failed)?;
            next = line.seq + 1;
            let mut room = String::new();
            let record = Record::parse(line.seq, &line.text, &mut room);
            if record.is_ok_and(|record| record.org.as_deref().is_none_or(|of| of == self.caller.org)) {
                self.send(line.seq, line.text)?;
            }
        }
        Ok(next)
    }

    /// Sends a record as it is written, or veiled where the caller may only see that it is there.
    fn send(&self, seq: u64, text: String) -> Result<(), Gone> {
        let text = match self.sight {
            Sight::Whole => text,
            _ => self.veiled(seq, text)?,
        };
        self.out.blocking_send(Ok(text + "\n")).map_err(|_| Gone)
    }

    fn veiled(&self, seq: u64, text: String) -> Result<String, Gone> {
        let mut room = String::new();
        let record = Record::parse(seq, &text, &mut room).map_err(|cause| self.failed(cause.to_string()))?;
        if is_own(&record.actor, &self.caller) {
            return Ok(text);
        }
        Ok(veil::record(seq, &text, &record).to_string())
    }

    fn failed(&self, why: String) -> Gone {
        // A reader that has gone need not hear it.
        drop(self.out.blocking_send(Err(std::io::Error::other(why))));
        Gone
    }
}
