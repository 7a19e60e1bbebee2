//! The clerk writes the rows: nobody else does, and at a pace that leaves the processor alone.
//!
//! Each round takes the published state, reads the records that came since the last one up to exactly its position, and
//! writes what they say and the rows they touched in one batch. What fails here is told and given up until the next start:
//! the journal has everything.

mod desk;
mod marks;
mod work;

pub use desk::{Desk, Standing};
pub use marks::Marks;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use projections::store::Store;

use crate::processor::Handle;
use work::Work;

/// How long the end waits for the clerk's last round; then it is left behind, as a `kill -9` would.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running clerk; it writes a last round when it is dropped.
pub struct Clerk {
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Clerk {
    /// Starts the thread; what it gives up is told at the desk.
    ///
    /// # Errors
    /// What the operating system says when it gives no thread.
    pub fn start(handle: Handle, store: Store, desk: Desk) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let (end, ended) = channel();
        let thread = std::thread::Builder::new().name("clerk".to_owned()).spawn(move || {
            let work = Work::new(handle, store, stopped, desk.past().cloned());
            let done = catch_unwind(AssertUnwindSafe(|| work.run()));
            let why = match done {
                Ok(Ok(())) => None,
                Ok(Err(cause)) => Some(cause.to_string()),
                Err(_) => Some("the clerk panicked".to_owned()),
            };
            if let Some(why) = why {
                tracing::warn!(why, "the rows are given up until the next start");
                desk.give_up(&why);
            }
            drop(end);
        })?;
        Ok(Self {
            stop: Some(stop),
            ended,
            thread: Some(thread),
        })
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the rows are left as they are: writing them takes too long");
            return;
        }
        if let Some(thread) = self.thread.take() {
            // A panic was told already.
            drop(thread.join());
        }
    }
}
