//! Records that are not durable yet, beside the journal: a step may look at what an earlier step of the same batch wrote.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use journal::Log;
use projections::store::Rows;

use super::indexed::Indexed;
use super::plain::{self, Plain, Scan};
use crate::kernel::past::{Hits, Search};
use crate::kernel::state::Kind;
use crate::kernel::{Past, Rejection, Snapshot};

/// How many records are kept beside the journal; more than any batch and any queue of batches.
const KEPT_MAX: usize = 8_192;

/// The newest records in memory, the rest in the journal. Cheap to clone.
#[derive(Clone)]
pub(super) struct Recent {
    log: Arc<dyn Log>,
    kept: Arc<Mutex<VecDeque<(u64, String)>>>,
    /// Where records are found faster, as far as they reach.
    rows: Arc<OnceLock<Rows>>,
    /// Where states of the past are come by faster.
    states: Arc<OnceLock<States>>,
}

/// The state at a position that is on record.
pub type States = Box<dyn Fn(u64) -> Result<Snapshot, Rejection> + Send + Sync>;

impl Recent {
    pub(super) fn new(log: Arc<dyn Log>) -> Self {
        Self {
            log,
            kept: Arc::default(),
            rows: Arc::default(),
            states: Arc::default(),
        }
    }

    /// Finds records through rows from now on.
    pub(super) fn attach(&self, rows: Rows) {
        // They are opened once.
        drop(self.rows.set(rows));
    }

    /// Comes by states of the past so from now on.
    pub(super) fn travel(&self, states: States) {
        drop(self.states.set(states));
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
    fn state_at(&self, kinds: &[Kind], position: u64) -> Result<Snapshot, Rejection> {
        match self.states.get() {
            Some(states) => states(position),
            None => Plain(Arc::clone(&self.log)).state_at(kinds, position),
        }
    }

    fn record(&self, seq: u64) -> Result<Option<String>, Rejection> {
        if let Some(text) = self.newest(seq) {
            return Ok(Some(text));
        }
        plain::record(self.log.as_ref(), seq)
    }

    /// Through the rows as far as they reach, by reading what is newer, and from memory what is not durable yet.
    fn find<'p>(&'p self, search: Search<'p>) -> Hits<'p> {
        let (from, to) = search.range.clone().into_inner();
        let (log, newest_first) = (self.log.as_ref(), search.newest_first);
        let durable = log.durable();
        let rows = self.rows.get().filter(|_| !search.by.is_empty());
        let reach = rows.map_or(0, Rows::position).min(durable);
        let mut parts: Vec<Hits<'p>> = Vec::new();
        if let Some(rows) = rows.filter(|_| from <= reach) {
            let search = search.within(from..=to.min(reach));
            parts.push(Box::new(Indexed::new(rows.clone(), log, search)));
        }
        parts.push(Box::new(Scan::new(
            log,
            search.within(from.max(reach + 1)..=to.min(durable)),
        )));
        if to > durable {
            let search = search.within(from.max(durable + 1)..=to);
            let kept = search.positions().filter_map(move |seq| {
                let fits = |text: String| Ok(search.fits(seq, &text)?.then_some((seq, text)));
                self.newest(seq).and_then(|text| fits(text).transpose())
            });
            parts.push(Box::new(kept));
        }
        if newest_first {
            parts.reverse();
        }
        Box::new(parts.into_iter().flatten())
    }
}
