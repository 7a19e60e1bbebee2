//! The clerk's rounds: which records, which rows, how much at once, and how long to rest in between.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use projections::store::{self, Mark, Round, Store};
use projections::{Action, Named as _, Stage};
use thiserror::Error;

use crate::audit::travel::Stretches;
use crate::kernel::{Snapshot, State};
use crate::processor::Handle;

/// Least time between two rounds: many records in one round cost less than as many rounds.
const REST: Duration = Duration::from_secs(1);
/// Rest after a round, in lengths of the round: the clerk never takes more than a quarter of one core.
const REST_PER_WORK: u32 = 3;
/// How much of what was written a `kill -9` may take: it is read from the journal again at the next start.
const FLUSH_EVERY: Duration = Duration::from_secs(10);
/// Most records of one batch.
const RECORDS_MAX: u64 = 16_384;
/// A batch takes no further record or row when it has read so many bytes.
const BYTES_MAX: usize = 16 << 20;
/// How long a catch-up may go on after the end was asked for.
const LEAVING_MAX: Duration = Duration::from_secs(4);

/// Why the rows are given up.
#[derive(Debug, Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Rows(#[from] store::Error),
    #[error(transparent)]
    Journal(#[from] journal::Error),
    #[error("a row or a record is not the text it should be: {0}")]
    Text(#[from] serde_json::Error),
    #[error("the journal has no record {0}, which was published")]
    Missing(u64),
}

pub(super) struct Work {
    handle: Handle,
    store: Store,
    stopped: Receiver<()>,
    /// Where states of the past are kept, for as long as that goes well.
    past: Option<Stretches>,
    /// Where the newest of them ends.
    passed: u64,
    /// Since when it has not rested.
    working: Instant,
    /// Since when the end is asked for.
    leaving: Option<Instant>,
    /// The position that is flushed, and when that was.
    flushed: Option<(u64, Instant)>,
}

impl Work {
    pub(super) fn new(handle: Handle, store: Store, stopped: Receiver<()>, past: Option<Stretches>) -> Self {
        Self {
            handle,
            store,
            stopped,
            past,
            passed: 0,
            working: Instant::now(),
            leaving: None,
            flushed: None,
        }
    }

    /// Round after round, and a last one when the end is asked for.
    pub(super) fn run(mut self) -> Result<(), Failed> {
        loop {
            let last = self.leaving.is_some();
            self.catch_up()?;
            self.flush(last)?;
            self.leave_behind();
            if last {
                return Ok(());
            }
            self.rest(REST.max(self.working.elapsed() * REST_PER_WORK));
        }
    }

    /// Brings the store to the published state.
    fn catch_up(&mut self) -> Result<(), Failed> {
        let snapshot = self.handle.snapshot();
        let follows = self.store.is_whole();
        let mut touched = BTreeSet::new();
        while self.store.stand().position < snapshot.position {
            let (mut round, reached) = self.records(&snapshot)?;
            let last = reached == snapshot.position;
            if follows {
                touched.extend(round.touched().map(|(kind, id)| (kind.to_owned(), id.to_owned())));
            }
            if follows && last {
                keep(&mut round, &snapshot, &touched)?;
            }
            self.store.write(round, follows && last)?;
            if !last && !self.breathe() {
                return Ok(());
            }
        }
        if follows { Ok(()) } else { self.keep_all(&snapshot) }
    }

    /// The next records, at most one batch of them, and the last one's position.
    fn records(&self, snapshot: &State) -> Result<(Round, u64), Failed> {
        let tool_of = |id: &str| Some(snapshot.actions.get(id.parse().ok()?)?.tool.to_string());
        let position = self.store.stand().position;
        let last = snapshot.position.min(position + RECORDS_MAX);
        let (mut round, mut reached, mut bytes) = (Round::default(), position, 0);
        let mut lines = self.handle.log().read_written(position + 1)?;
        while reached < last && bytes < BYTES_MAX {
            let line = lines.next().ok_or(Failed::Missing(reached + 1))??;
            round.record(line.seq, &line.text, &tool_of)?;
            reached = line.seq;
            bytes += line.text.len();
        }
        Ok((round, reached))
    }

    /// Writes every row of a state to a store that has its records.
    fn keep_all(&mut self, snapshot: &Snapshot) -> Result<(), Failed> {
        let (mut round, mut bytes) = (Round::default(), 0);
        for kept in snapshot.keep_all() {
            let kept = kept?;
            if let Some(mark) = mark_of(snapshot, kept.kind, &kept.id) {
                round.mark(&kept.id, Some(mark));
            }
            bytes += kept.text.len();
            round.row(kept.kind, &kept.id, Some(kept.text));
            if bytes >= BYTES_MAX {
                self.store.write(std::mem::take(&mut round), false)?;
                if !self.breathe() {
                    return Ok(());
                }
                bytes = 0;
            }
        }
        Ok(self.store.write(round, true)?)
    }

    /// Keeps the state as one of the past when so many records have passed.
    fn leave_behind(&mut self) {
        let Some(past) = &self.past else { return };
        let snapshot = self.handle.snapshot();
        if self.leaving.is_some() || snapshot.position < self.passed + past.stride() {
            return;
        }
        match past.extend(self.handle.log().as_ref(), &snapshot) {
            Ok(Some(end)) => self.passed = end,
            // There is no room, or a journey has to fill a gap first: this server asks no more.
            Ok(None) => self.past = None,
            Err(cause) => {
                tracing::warn!(%cause, "no states of the past are kept until the next start");
                self.past = None;
            }
        }
    }

    fn flush(&mut self, last: bool) -> Result<(), Failed> {
        let position = self.store.stand().position;
        let due = self
            .flushed
            .is_none_or(|(at, when)| at != position && (last || when.elapsed() >= FLUSH_EVERY));
        if due {
            self.store.flush()?;
            self.flushed = Some((position, Instant::now()));
        }
        Ok(())
    }

    /// Rests within a long catch-up. False where there is no time for the rest of it.
    fn breathe(&mut self) -> bool {
        self.rest(self.working.elapsed());
        self.leaving.is_none_or(|since| since.elapsed() < LEAVING_MAX)
    }

    fn rest(&mut self, rest: Duration) {
        if self.leaving.is_none() && self.stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
            self.leaving = Some(Instant::now());
        }
        self.working = Instant::now();
    }
}

/// Adds the rows that were touched, as the state has them.
fn keep(round: &mut Round, state: &State, touched: &BTreeSet<(String, String)>) -> Result<(), Failed> {
    for (kind, id) in touched {
        round.row(kind, id, state.keep(kind, id).transpose()?);
        if kind == Action::KIND {
            round.mark(id, mark_of(state, kind, id));
        }
    }
    Ok(())
}

/// What an action's row stands under; `None` for what is over, and for rows of another kind.
pub(super) fn mark_of(state: &State, kind: &str, id: &str) -> Option<Mark> {
    let id = (kind == Action::KIND).then(|| id.parse().ok())??;
    match state.actions.get(id)?.stage {
        Stage::Pending => Some(Mark::Pending),
        Stage::Executing => Some(Mark::Executing),
        _ => None,
    }
}
