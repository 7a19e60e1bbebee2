//! A log without a disk, for tests: the same positions and batches.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Done, Error, Line, Lines, Log, line};

type Hook = Box<dyn Fn(u64) + Send + Sync>;

/// Records in memory; an append is durable at once.
#[derive(Default)]
pub struct MemoryLog {
    texts: Mutex<Vec<String>>,
    hooks: Mutex<Vec<Hook>>,
    grown: Condvar,
    closed: Mutex<Option<String>>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    fn texts(&self) -> MutexGuard<'_, Vec<String>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn position(texts: &[String]) -> u64 {
    u64::try_from(texts.len()).unwrap_or(u64::MAX)
}

impl Log for MemoryLog {
    fn append(&self, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        if let Some(reason) = self.closed() {
            return Err(Error::Closed { reason });
        }
        if !bodies.iter().all(|body| line::is_body(body)) {
            return Err(Error::NotABody);
        }
        let (first, last) = {
            let mut texts = self.texts();
            let first = position(&texts) + 1;
            for (seq, body) in (first..).zip(&bodies) {
                let mut text = String::new();
                line::write_record(seq, first, body, &mut text);
                texts.push(text.get(line::HEAD..text.len() - 1).unwrap_or_default().to_owned());
            }
            (first, position(&texts))
        };
        done(Ok(last));
        self.hooks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .for_each(|hook| hook(last));
        self.grown.notify_all();
        Ok(first)
    }

    fn durable(&self) -> u64 {
        position(&self.texts())
    }

    fn wait(&self, after: u64, timeout: Duration) -> u64 {
        let texts = self.texts();
        let waited = self
            .grown
            .wait_timeout_while(texts, timeout, |texts| position(texts) <= after);
        position(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    fn on_durable(&self, hook: Hook) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    fn read(&self, from: u64) -> Result<Lines, Error> {
        let skip = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        let texts: Vec<String> = self.texts().iter().skip(skip).cloned().collect();
        Ok(Box::new(
            (from.max(1)..).zip(texts).map(|(seq, text)| Ok(Line { seq, text })),
        ))
    }

    fn get(&self, seq: u64) -> Result<Option<Line>, Error> {
        let place = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1));
        Ok(place
            .and_then(|place| self.texts().get(place).cloned())
            .map(|text| Line { seq, text }))
    }

    fn closed(&self) -> Option<String> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn close(&self) -> Result<(), Error> {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = Some("it was closed".to_owned());
        Ok(())
    }
}
