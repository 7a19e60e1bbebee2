//! What is shared between those who append and the writer: the records that wait, the room there is, and what is durable.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::line::{LINE_EXTRA_BYTES, check_body};
use crate::segment::HEADER_BYTES_MAX;
use crate::{Done, Error, Hook, Options, Priority};

/// The longest that somebody waits: the clock cannot hold every `Duration`.
pub(crate) const YEAR: Duration = Duration::from_hours(365 * 24);
/// The most bytes that wait; more means that the disk cannot follow.
const WAITING_BYTES_MAX: u64 = 256 << 20;
/// The reason of a journal that its owner closed.
pub(crate) const BY_OWNER: &str = "it was closed by its owner";

/// The records of one append, which go into one batch.
pub(crate) struct Pending {
    pub(crate) bodies: Vec<String>,
    /// The most bytes that their lines can have.
    pub(crate) bytes_max: u64,
    pub(crate) done: Done,
}

/// The room that is left, as the writer last saw it.
#[derive(Default)]
struct Room {
    /// In the active segment.
    left: u64,
    /// Whether the next segment is prepared.
    ready: bool,
    /// Why none could be prepared, last time.
    stuck: Option<Arc<str>>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Pending>,
    /// Upper bound for what was accepted and is not durable yet.
    accepted_bytes: u64,
    /// The last number given out.
    given: u64,
    asleep: bool,
    stopping: bool,
    closed: Option<Arc<str>>,
    room: Room,
    watchers: usize,
}

pub(crate) struct Queue {
    options: Options,
    state: Mutex<State>,
    work: Condvar,
    moved: Condvar,
    durable: AtomicU64,
    hooks: Mutex<Vec<Hook>>,
}

impl Queue {
    pub(crate) fn new(options: Options, durable: u64, left: u64) -> Self {
        let room = Room {
            left,
            ..Room::default()
        };
        let state = Mutex::new(State {
            given: durable,
            room,
            ..State::default()
        });
        Self {
            options,
            state,
            work: Condvar::new(),
            moved: Condvar::new(),
            durable: durable.into(),
            hooks: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts records, or refuses all of them; with `after`, only where the first becomes the record after that one.
    pub(crate) fn push(
        &self,
        priority: Priority,
        after: Option<u64>,
        bodies: Vec<String>,
        done: Done,
    ) -> Result<u64, Error> {
        let bytes = self.measure(&bodies)?;
        let mut state = self.state();
        if let Some(reason) = &state.closed {
            return Err(Error::Closed {
                reason: Arc::clone(reason),
            });
        }
        if state.stopping {
            return Err(Error::Closed {
                reason: BY_OWNER.into(),
            });
        }
        if let Some(after) = after.filter(|after| *after != state.given) {
            let last = state.given;
            return Err(Error::Moved { after, last });
        }
        self.refuse_full(&state, priority, bytes)?;
        state.accepted_bytes += bytes;
        state.given += bodies.len() as u64;
        let (given, wake) = (state.given, std::mem::take(&mut state.asleep));
        state.waiting.push_back(Pending {
            bodies,
            bytes_max: bytes,
            done,
        });
        drop(state);
        if wake {
            self.work.notify_one();
        }
        Ok(given)
    }

    fn measure(&self, bodies: &[String]) -> Result<u64, Error> {
        let mut total = 0;
        for body in bodies {
            let (bytes, max) = (body.len() as u64 + LINE_EXTRA_BYTES, self.options.record_bytes_max);
            if bytes > max {
                return Err(Error::TooLarge { bytes, max });
            }
            check_body(body).map_err(|why| Error::Malformed { why })?;
            total += bytes;
        }
        let max = self.options.segment_bytes.saturating_sub(HEADER_BYTES_MAX);
        if bodies.is_empty() {
            Err(Error::Malformed {
                why: "there is no record",
            })
        } else if total > max {
            Err(Error::TooLarge { bytes: total, max })
        } else {
            Ok(total)
        }
    }

    fn refuse_full(&self, state: &State, priority: Priority, bytes: u64) -> Result<(), Error> {
        let needed = state.accepted_bytes + bytes;
        let full = |why: &str| {
            Err(Error::Full {
                room_bytes: state.room.left,
                why: why.into(),
            })
        };
        if needed > WAITING_BYTES_MAX {
            return full("too much is waiting to be written");
        }
        let Some(stuck) = &state.room.stuck else { return Ok(()) };
        let reserve = if priority == Priority::Normal {
            self.options.reserve_bytes
        } else {
            0
        };
        let unused = HEADER_BYTES_MAX + self.options.record_bytes_max;
        let next = if state.room.ready {
            self.options.segment_bytes.saturating_sub(unused)
        } else {
            0
        };
        if needed + reserve > state.room.left + next {
            full(stuck)
        } else {
            Ok(())
        }
    }

    /// Everything that waits, once there is something; false when the journal stops and nothing waits any more.
    pub(crate) fn take(&self, into: &mut VecDeque<Pending>) -> bool {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.stopping {
                return false;
            }
            state.asleep = true;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.asleep = false;
        std::mem::swap(&mut state.waiting, into);
        true
    }

    /// Records up to `last` are durable. Every reader may see them from here on.
    pub(crate) fn publish(&self, last: u64, bytes_max: u64, left: u64) {
        let mut state = self.state();
        self.durable.store(last, Ordering::Release);
        state.accepted_bytes = state.accepted_bytes.saturating_sub(bytes_max);
        state.room.left = left;
        let watched = state.watchers > 0;
        drop(state);
        if watched {
            self.moved.notify_all();
        }
    }

    /// Calls the hooks, once per batch.
    pub(crate) fn call_hooks(&self, last: u64) {
        for hook in self.hooks.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // A hook that panics is its owner's trouble, not the journal's.
            let _ = catch_unwind(AssertUnwindSafe(|| hook(last)));
        }
    }

    pub(crate) fn hook(&self, hook: Hook) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    /// The writer went on to a new segment.
    pub(crate) fn rolled(&self, left: u64) {
        let mut state = self.state();
        state.room = Room {
            left,
            ..Room::default()
        };
    }

    /// A next segment is there, or why it is not.
    pub(crate) fn prepared(&self, result: Result<(), Arc<str>>) {
        let mut state = self.state();
        state.room.ready = result.is_ok();
        state.room.stuck = result.err();
    }

    /// Takes back all that waits, so that it can be refused; numbers are given again from the durable position on.
    pub(crate) fn take_back(&self) -> VecDeque<Pending> {
        let mut state = self.state();
        state.given = self.durable();
        state.accepted_bytes = 0;
        std::mem::take(&mut state.waiting)
    }

    /// Closes for good and gives back what waits. The first reason stays.
    pub(crate) fn close(&self, reason: &Arc<str>) -> VecDeque<Pending> {
        let mut state = self.state();
        state.closed.get_or_insert_with(|| Arc::clone(reason));
        state.stopping = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.moved.notify_all();
        waiting
    }

    /// Accepts nothing any more; the writer stops when it has written what waits.
    pub(crate) fn stop(&self) {
        self.state().stopping = true;
        self.work.notify_all();
    }

    pub(crate) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    pub(crate) fn closed(&self) -> Option<Arc<str>> {
        self.state().closed.clone()
    }

    pub(crate) fn wait(&self, after: u64, timeout: Duration) -> u64 {
        let until = Instant::now() + timeout.min(YEAR);
        let mut state = self.state();
        state.watchers += 1;
        while self.durable() <= after && state.closed.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self
                .moved
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.watchers -= 1;
        self.durable()
    }

    /// Bytes left in the active segment, why no other can be had, and how many records wait.
    pub(crate) fn room(&self) -> (u64, Option<Arc<str>>, usize) {
        let state = self.state();
        let waiting = state.waiting.iter().map(|pending| pending.bodies.len()).sum();
        (state.room.left, state.room.stuck.clone(), waiting)
    }
}
