//! A journal whose records are sealed when they are written and opened when they are read: nobody above sees a sealed text
//! but those of people who were erased.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use journal::{Done, Error, Hook, Line, Log, Priority, Records};

use super::ring::Ring;

/// A log over a log, and the keys between them.
pub struct Sealing<L> {
    inner: L,
    ring: Arc<Ring>,
}

impl<L: Log> Sealing<L> {
    /// The keys over a log.
    pub fn over(inner: L, ring: Arc<Ring>) -> Self {
        Self { inner, ring }
    }

    fn sealed(&self, bodies: Vec<String>) -> Result<Vec<String>, Error> {
        let seal = |text: String| {
            let sealed = match self.ring.seal(&text) {
                Ok(Cow::Borrowed(_)) => None,
                Ok(Cow::Owned(sealed)) => Some(sealed),
                Err(cause) => {
                    return Err(Error::Io {
                        action: "seal for",
                        file: self.ring.dir().display().to_string(),
                        source: Arc::new(std::io::Error::other(cause.to_string())),
                    });
                }
            };
            Ok(sealed.unwrap_or(text))
        };
        bodies.into_iter().map(seal).collect()
    }
}

fn opened(ring: &Ring, mut line: Line) -> Line {
    if let Cow::Owned(text) = ring.unseal(&line.text) {
        line.text = text;
    }
    line
}

impl<L: Log> Log for Sealing<L> {
    fn append_as(&self, priority: Priority, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.inner.append_as(priority, self.sealed(bodies)?, done)
    }

    fn append_after(&self, priority: Priority, after: u64, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.inner.append_after(priority, after, self.sealed(bodies)?, done)
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
        let ring = Arc::clone(&self.ring);
        let lines = self.inner.read(from)?;
        Ok(Box::new(lines.map(move |line| line.map(|line| opened(&ring, line)))))
    }

    fn get(&self, seq: u64) -> Result<Option<Line>, Error> {
        Ok(self.inner.get(seq)?.map(|line| opened(&self.ring, line)))
    }

    fn read_written(&self, from: u64) -> Result<Records, Error> {
        self.inner.read_written(from)
    }

    fn as_written(&self, line: Line) -> Result<Line, Error> {
        Ok(self.inner.get(line.seq)?.unwrap_or(line))
    }

    fn closed(&self) -> Option<Arc<str>> {
        self.inner.closed()
    }

    fn close(&self) -> Result<(), Error> {
        self.inner.close()
    }
}
