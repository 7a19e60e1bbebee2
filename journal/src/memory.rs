//! A log in memory, for tests of what stands on a log: the same numbers and the same order, no disk, no thread.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::queue::{BY_OWNER, YEAR};
use crate::{Done, Error, Hook, Line, Log, Options, Priority, Records, line};

#[derive(Default)]
struct State {
    lines: Vec<Line>,
    /// Callbacks that have to run, in order, and whether somebody runs them.
    calls: VecDeque<(u64, Done)>,
    calling: bool,
    closed: Option<Arc<str>>,
}

/// A log in memory. Clones are the same log. `done` runs on the thread that appends, in the order of sequence numbers; a
/// batch is what one call appends.
#[derive(Clone, Default)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    moved: Condvar,
    hooks: Mutex<Vec<Hook>>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Closes it as a failed sync would: for good, with a reason.
    pub fn fail(&self, reason: &str) {
        self.state().closed.get_or_insert_with(|| reason.into());
        self.shared.moved.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, after: Option<u64>, bodies: &[String], done: Done) -> Result<u64, Error> {
        if bodies.is_empty() {
            return Err(Error::Malformed {
                why: "there is no record",
            });
        }
        let last = self.push(after, bodies, done)?;
        self.shared.moved.notify_all();
        self.call();
        Ok(last)
    }

    fn push(&self, after: Option<u64>, bodies: &[String], done: Done) -> Result<u64, Error> {
        let max = Options::default().record_bytes_max;
        for body in bodies {
            let bytes = body.len() as u64 + line::LINE_EXTRA_BYTES;
            if bytes > max {
                return Err(Error::TooLarge { bytes, max });
            }
            line::check_body(body).map_err(|why| Error::Malformed { why })?;
        }
        let mut state = self.state();
        if let Some(reason) = &state.closed {
            return Err(Error::Closed {
                reason: Arc::clone(reason),
            });
        }
        let last = state.lines.len() as u64;
        if let Some(after) = after.filter(|after| *after != last) {
            return Err(Error::Moved { after, last });
        }
        let batch = last + 1;
        for (seq, body) in (batch..).zip(bodies) {
            state.lines.push(Line {
                seq,
                text: line::join(seq, batch, body),
            });
        }
        let last = state.lines.len() as u64;
        state.calls.push_back((last, done));
        Ok(last)
    }

    /// Runs the callbacks, unless another thread is at it: then that one runs ours as well.
    fn call(&self) {
        if std::mem::replace(&mut self.state().calling, true) {
            return;
        }
        loop {
            let mut state = self.state();
            let Some((seq, done)) = state.calls.pop_front() else {
                state.calling = false;
                return;
            };
            drop(state);
            done(Ok(seq));
            self.shared
                .hooks
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .for_each(|hook| hook(seq));
        }
    }
}

impl Log for MemoryLog {
    fn append_as(&self, _: Priority, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.accept(None, &bodies, done)
    }

    fn append_after(&self, _: Priority, after: u64, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.accept(Some(after), &bodies, done)
    }

    fn durable(&self) -> u64 {
        self.state().lines.len() as u64
    }

    fn wait(&self, after: u64, timeout: Duration) -> u64 {
        let until = Instant::now() + timeout.min(YEAR);
        let mut state = self.state();
        while state.lines.len() as u64 <= after && state.closed.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self
                .shared
                .moved
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.lines.len() as u64
    }

    fn on_durable(&self, hook: Hook) {
        self.shared
            .hooks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(hook);
    }

    fn read(&self, from: u64) -> Result<Records, Error> {
        let log = self.clone();
        let mut next = from.max(1);
        Ok(Box::new(std::iter::from_fn(move || {
            let line = log.get(next).transpose()?;
            next += 1;
            Some(line)
        })))
    }

    fn get(&self, seq: u64) -> Result<Option<Line>, Error> {
        let place = seq.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        Ok(place.and_then(|place| self.state().lines.get(place).cloned()))
    }

    fn closed(&self) -> Option<Arc<str>> {
        self.state().closed.clone()
    }

    fn close(&self) -> Result<(), Error> {
        match self.closed() {
            Some(reason) if &*reason != BY_OWNER => Err(Error::Closed { reason }),
            _ => {
                self.fail(BY_OWNER);
                Ok(())
            }
        }
    }
}
