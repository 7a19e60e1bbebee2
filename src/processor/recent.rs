//! Records that are not durable yet, beside the journal: a step may look at what an earlier step of the same batch wrote.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use journal::Log;

use crate::kernel::{Past, Rejection};

/// How many records are kept beside the journal; more than any batch and any queue of batches.
const KEPT_MAX: usize = 8_192;

/// The newest records in memory, the rest in the journal. Cheap to clone.
#[derive(Clone)]
pub(super) struct Recent {
    log: Arc<dyn Log>,
    kept: Arc<Mutex<VecDeque<(u64, String)>>>,
}

impl Recent {
    pub(super) fn new(log: Arc<dyn Log>) -> Self {
        Self {
            log,
            kept: Arc::default(),
        }
    }

    /// Adds records that follow `position`.
    pub(super) fn push(&self, position: u64, texts: &[String]) {
        let mut kept = self.kept();
        for (seq, text) in (position + 1..).zip(texts) {
            kept.push_back((seq, text.clone()));
        }
        let surplus = kept.len().saturating_sub(KEPT_MAX);
        kept.drain(..surplus);
    }

    /// Forgets what follows `position`: it was never written.
    pub(super) fn cut(&self, position: u64) {
        self.kept().retain(|(seq, _)| *seq <= position);
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(u64, String)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn newest(&self, seq: u64) -> Option<String> {
        let kept = self.kept();
        let first = kept.front()?.0;
        let place = usize::try_from(seq.checked_sub(first)?).ok()?;
        kept.get(place).map(|(_, text)| text.clone())
    }
}

impl Past for Recent {
    fn record(&self, seq: u64) -> Result<Option<String>, Rejection> {
        if let Some(text) = self.newest(seq) {
            return Ok(Some(text));
        }
        let found = self
            .log
            .get(seq)
            .map_err(|cause| super::unavailable(&cause.to_string()))?;
        Ok(found.map(|line| line.text))
    }
}
