//! Copying records that fit: found through the rows as far as those reach, read one by one after that. What is sent does
//! not depend on the rows, only how long it takes.

use projections::Record;
use projections::store::{self, Facets, Rows};
use tokio::sync::mpsc;

use super::Asked;
use crate::http::Faces;

/// Hits with at most so many records between them are read in one go.
const NEAR: u64 = 64;

pub(super) type Line = Result<String, std::io::Error>;

/// One stream of records.
pub(super) struct Copying {
    pub(super) faces: Faces,
    pub(super) org: String,
    pub(super) asked: Asked,
    pub(super) out: mpsc::Sender<Line>,
}

/// Why copying ends early.
enum Stop {
    /// The reader has gone, or has heard why there is no more.
    Gone,
    /// The rows cannot be read.
    Rows(store::Error),
}

impl From<store::Error> for Stop {
    fn from(cause: store::Error) -> Self {
        Self::Rows(cause)
    }
}

impl Copying {
    /// Sends what is durable; the next position, or `None` where the reader has gone or the journal failed.
    pub(super) fn run(&self, from: u64) -> Option<u64> {
        let mut next = from;
        let filters = self.asked.since.is_some() || !self.asked.by.is_empty();
        if let Some(rows) = self.faces.desk.rows().filter(|_| filters) {
            match self.through(rows, &mut next) {
                Ok(()) => {}
                Err(Stop::Gone) => return None,
                Err(Stop::Rows(cause)) => tracing::warn!(%cause, "records are looked for without the rows"),
            }
        }
        self.onward(next, None).ok()
    }

    /// Sends what the rows find, and moves `next` on.
    fn through(&self, rows: &Rows, next: &mut u64) -> Result<(), Stop> {
        // Taken first: what comes meanwhile is read one by one.
        let upto = rows.position();
        if let Some(since) = self.asked.since {
            *next = rows.since(since)?.unwrap_or(upto + 1).max(*next);
        }
        if self.asked.by.is_empty() {
            return Ok(());
        }
        while let Some(hits) = rows.find(&self.asked.by, *next, upto)? {
            for run in hits.chunk_by(|before, after| after - before <= NEAR) {
                self.onward(run.first().copied().unwrap_or(*next), Some(run))?;
                *next = run.last().copied().unwrap_or(*next) + 1;
            }
        }
        *next = (upto + 1).max(*next);
        Ok(())
    }

    /// Sends what fits from a record on, up to the end or through a run of hits; the position after it.
    fn onward(&self, from: u64, run: Option<&[u64]>) -> Result<u64, Stop> {
        let mut next = from;
        let failed = |cause: journal::Error| {
            // A reader that has gone need not hear it.
            drop(self.out.blocking_send(Err(std::io::Error::other(cause.to_string()))));
            Stop::Gone
        };
        let log = self.faces.handle.log();
        let lines = match run {
            // A single record takes a smaller read.
            Some([one]) => Box::new(log.get(*one).transpose().into_iter()),
            _ => log.read(from).map_err(failed)?,
        };
        for line in lines {
            let line = line.map_err(failed)?;
            next = line.seq + 1;
            let hit = run.is_none_or(|hits| hits.binary_search(&line.seq).is_ok());
            if hit && self.fits(&line) {
                self.out.blocking_send(Ok(line.text + "\n")).map_err(|_| Stop::Gone)?;
            }
            if run.and_then(<[u64]>::last).is_some_and(|last| line.seq >= *last) {
                break;
            }
        }
        Ok(next)
    }

    fn fits(&self, line: &journal::Line) -> bool {
        let mut room = String::new();
        let Ok(record) = Record::parse(line.seq, &line.text, &mut room) else {
            return false;
        };
        let tool_of = |id: &str| {
            let snapshot = self.faces.handle.snapshot();
            Some(snapshot.actions.get(id.parse().ok()?)?.tool.to_string())
        };
        let Asked { since, by, .. } = &self.asked;
        let ours = record.org.as_deref().is_none_or(|of| of == self.org);
        if !ours || since.is_some_and(|since| record.at < since) {
            return false;
        }
        if by.is_empty() {
            return true;
        }
        let facets = Facets::of(&record, &tool_of);
        by.iter().all(|(index, value)| facets.has(*index, value))
    }
}
