//! A log that takes back what it accepted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Done, Error, Hook, Line, Log, MemoryLog, Priority, Records};

/// A log that now and then takes back what it accepted, as a full disk does, and goes on.
#[derive(Clone, Default)]
pub struct TakesBack {
    inner: MemoryLog,
    state: Arc<Mutex<Accepted>>,
}

#[derive(Default)]
struct Accepted {
    calls: u64,
    taken_back: usize,
    /// The last record given while something waits to be taken back.
    given: Option<u64>,
    waiting: Vec<Done>,
}

impl TakesBack {
    /// How many appends were taken back.
    pub fn taken_back(&self) -> usize {
        self.state.lock().unwrap().taken_back
    }

    /// Refuses everything that was accepted since the first one.
    fn take_back(&self) {
        let waiting = {
            let mut state = self.state.lock().unwrap();
            state.given = None;
            std::mem::take(&mut state.waiting)
        };
        for done in waiting {
            done(Err(Error::Full {
                room_bytes: 0,
                why: "for a test".into(),
            }));
        }
    }
}

impl Log for TakesBack {
    fn append_as(&self, priority: Priority, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.append_after(priority, self.durable(), bodies, done)
    }

    fn append_after(&self, priority: Priority, after: u64, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        let mut state = self.state.lock().unwrap();
        let last = state.given.unwrap_or_else(|| self.inner.durable());
        if after != last {
            return Err(Error::Moved { after, last });
        }
        state.calls += 1;
        if state.given.is_none() && !state.calls.is_multiple_of(7) {
            drop(state);
            return self.inner.append_after(priority, after, bodies, done);
        }
        if state.given.is_none() {
            let log = self.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(2));
                log.take_back();
            });
        }
        let given = last + bodies.len() as u64;
        state.given = Some(given);
        state.taken_back += 1;
        state.waiting.push(done);
        Ok(given)
    }

    fn durable(&self) -> u64 {
        self.inner.durable()
    }

    fn wait(&self, after: u64, timeout: Duration) -> u64 {
        self.inner.wait(after, timeout)
    }

    fn on_durable(&self, hook: Hook) {
        self.inner.on_durable(hook);
    }

    fn read(&self, from: u64) -> Result<Records, Error> {
        self.inner.read(from)
    }

    fn get(&self, seq: u64) -> Result<Option<Line>, Error> {
        self.inner.get(seq)
    }

    fn closed(&self) -> Option<Arc<str>> {
        self.inner.closed()
    }

    fn close(&self) -> Result<(), Error> {
        self.inner.close()
    }
}
