//! The notary signs a checkpoint of the journal every minute in which something was written, and one at the end.
//!
//! An operator copies the newest to another machine now and then: it is what finds removed or rewritten records.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use journal::Log as _;

use crate::door::signer::Signer;

/// How often a checkpoint is signed while records come.
const EVERY: Duration = Duration::from_mins(1);

/// A running notary; it ends when it is dropped.
pub struct Notary {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Notary {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the operating system says when it gives no thread.
    pub fn start(signer: Signer) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("notary".to_owned())
            .spawn(move || run(&signer, &stopped))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Notary {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A notary that panicked has said so already.
            drop(thread.join());
        }
    }
}

fn run(signer: &Signer, stopped: &Receiver<()>) {
    let mut reached = 0;
    loop {
        let ends = stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
        if signer.journal().durable() > reached {
            match signer.checkpoint() {
                Ok(checkpoint) => reached = checkpoint.root.size,
                Err(cause) => tracing::warn!(%cause, "no checkpoint could be signed"),
            }
        }
        if ends {
            return;
        }
    }
}
