//! What waits to be written, and the room there is for it. Positions are given out here, so the order of calls is the order of
//! the journal.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Done, Error, line};

/// How long an append waits for a segment that is being prepared.
const PATIENCE: Duration = Duration::from_secs(10);

/// One append.
pub(crate) struct Job {
    pub(crate) first: u64,
    pub(crate) bodies: Vec<String>,
    pub(crate) done: Done,
    /// Whether a new segment must be begun for it.
    pub(crate) turn: bool,
    pub(crate) bytes: u64,
}

/// The next segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spare {
    /// Somebody must make it.
    Wanted,
    /// It is there.
    Ready,
    /// It is reserved by an append, and the writer has not begun it.
    Taken,
    /// It could not be made; it will be tried again.
    Failed(String),
}

pub(crate) struct Waiting {
    pub(crate) jobs: VecDeque<Job>,
    pub(crate) next: u64,
    /// Room in the segment that the last job goes to.
    pub(crate) left: u64,
    pub(crate) spare: Spare,
    pub(crate) closing: bool,
    pub(crate) failed: Option<String>,
}

/// The queue, and who waits for it: the writer for jobs, the preparer for work, appends for room.
pub(crate) struct Queue {
    state: Mutex<Waiting>,
    pub(crate) changed: Condvar,
    segment_room: u64,
    record_bytes_max: usize,
}

impl Queue {
    pub(crate) fn new(next: u64, left: u64, segment_room: u64, record_bytes_max: usize) -> Self {
        let state = Waiting {
            jobs: VecDeque::new(),
            next,
            left,
            spare: Spare::Wanted,
            closing: false,
            failed: None,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            segment_room,
            record_bytes_max,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an append in, or refuses it before anything is written.
    pub(crate) fn push(&self, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        let bytes = self.measure(&bodies)?;
        let mut waiting = self.lock();
        if let Some(reason) = closed(&waiting) {
            return Err(Error::Closed { reason });
        }
        let turn = bytes > waiting.left;
        if turn {
            waiting = self.turn(waiting)?;
        }
        let first = waiting.next;
        waiting.next += u64::try_from(bodies.len()).unwrap_or(0);
        waiting.left -= bytes;
        waiting.jobs.push_back(Job {
            first,
            bodies,
            done,
            turn,
            bytes,
        });
        drop(waiting);
        self.changed.notify_all();
        Ok(first)
    }

    fn measure(&self, bodies: &[String]) -> Result<u64, Error> {
        let mut sum = 0;
        for body in bodies {
            if !line::is_body(body) {
                return Err(Error::NotABody);
            }
            let bytes = body.len() + line::OVERHEAD;
            if bytes > self.record_bytes_max {
                return Err(Error::TooLong {
                    bytes,
                    most: self.record_bytes_max,
                });
            }
            sum += u64::try_from(bytes).unwrap_or(u64::MAX);
        }
        if sum > self.segment_room {
            let most = usize::try_from(self.segment_room).unwrap_or(usize::MAX);
            return Err(Error::TooLong {
                bytes: usize::try_from(sum).unwrap_or(usize::MAX),
                most,
            });
        }
        if bodies.is_empty() {
            Err(Error::NotABody)
        } else {
            Ok(sum)
        }
    }

    /// Reserves the next segment; waits while it is being prepared, refuses when it cannot be had.
    fn turn<'a>(&'a self, mut waiting: MutexGuard<'a, Waiting>) -> Result<MutexGuard<'a, Waiting>, Error> {
        if matches!(waiting.spare, Spare::Failed(_)) {
            // Perhaps there is room again.
            waiting.spare = Spare::Wanted;
            self.changed.notify_all();
        }
        let unsettled =
            |waiting: &mut Waiting| matches!(waiting.spare, Spare::Wanted | Spare::Taken) && closed(waiting).is_none();
        let (mut waiting, _) = self
            .changed
            .wait_timeout_while(waiting, PATIENCE, unsettled)
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = closed(&waiting) {
            return Err(Error::Closed { reason });
        }
        match &waiting.spare {
            Spare::Ready => {
                waiting.spare = Spare::Taken;
                waiting.left = self.segment_room;
                Ok(waiting)
            }
            Spare::Failed(reason) => Err(Error::Full { reason: reason.clone() }),
            Spare::Wanted | Spare::Taken => Err(Error::Full {
                reason: "the next segment is still being prepared".to_owned(),
            }),
        }
    }
}

/// Why nothing is taken any more, if so.
pub(crate) fn closed(waiting: &Waiting) -> Option<String> {
    waiting
        .failed
        .clone()
        .or_else(|| waiting.closing.then(|| "it was closed".to_owned()))
}
