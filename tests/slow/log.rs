//! A log whose disk takes its time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Done, Error, Hook, Line, Log, MemoryLog, Priority, Records};
use tokio::sync::watch;

/// Appends that wait, while the log is held.
type Held = Option<Vec<(Vec<String>, Done)>>;

/// A log whose disk takes its time: what is appended is durable only when it is let go.
#[derive(Clone)]
pub(super) struct Slow {
    inner: MemoryLog,
    held: Arc<Mutex<Held>>,
    /// How many appends wait.
    waiting: watch::Sender<usize>,
}

impl Slow {
    pub(super) fn new() -> Self {
        Self {
            inner: MemoryLog::new(),
            held: Arc::default(),
            waiting: watch::channel(0).0,
        }
    }

    pub(super) fn hold(&self) {
        self.held.lock().unwrap().get_or_insert_default();
    }

    /// Waits until something was appended since it is held.
    pub(super) async fn reached(&self) {
        let mut waiting = self.waiting.subscribe();
        let reached = tokio::time::timeout(Duration::from_secs(20), waiting.wait_for(|count| *count > 0));
        reached.await.expect("the call reaches the journal").unwrap();
    }

    pub(super) fn let_go(&self) {
        let held = self.held.lock().unwrap().take();
        self.waiting.send_replace(0);
        for (bodies, done) in held.into_iter().flatten() {
            self.inner.append_as(Priority::Normal, bodies, done).unwrap();
        }
    }

    pub(super) fn text(&self) -> String {
        let lines = self.inner.read(1).unwrap();
        lines.map(|line| line.unwrap().text + "\n").collect()
    }
}

impl Log for Slow {
    fn append_as(&self, priority: Priority, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        let mut held = self.held.lock().unwrap();
        let Some(held) = held.as_mut() else {
            return self.inner.append_as(priority, bodies, done);
        };
        held.push((bodies, done));
        self.waiting.send_replace(held.len());
        Ok(self.inner.durable() + held.iter().map(|(bodies, _)| bodies.len() as u64).sum::<u64>())
    }
    fn append_after(&self, priority: Priority, _: u64, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.append_as(priority, bodies, done)
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
