//! States of the past, some of them kept, so that the next journey begins near; on disk too, where there is a place for them.
//!
//! States share what they have in common, so keeping many costs little more than keeping the newest. A state from disk shares
//! nothing with others, so those that were kept before are let go then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use journal::Log;

use super::stretches::Stretch;
use super::{Error, Stretches};
use crate::kernel::state::Kind;
use crate::kernel::{Registry, Snapshot, State};

/// How far apart kept states are, in records, while there are few.
const STRIDE: u64 = 16_384;
/// How many states are kept; twice as far apart where there would be more.
const KEPT_MAX: usize = 64;

/// Goes to any position of one journal.
pub struct Machine {
    kinds: Vec<Kind>,
    kept: Mutex<Kept>,
    stretches: Option<Stretches>,
}

struct Kept {
    states: BTreeMap<u64, Snapshot>,
    stride: u64,
    /// Where somebody was last.
    last: Option<Snapshot>,
}

impl Machine {
    /// A machine that was nowhere yet.
    pub fn new(registry: &Registry) -> Self {
        Self::of(registry.kinds())
    }

    /// The same for kinds of entity.
    pub fn of(kinds: Vec<Kind>) -> Self {
        let kept = Kept {
            states: BTreeMap::new(),
            stride: STRIDE,
            last: None,
        };
        Self {
            kinds,
            kept: Mutex::new(kept),
            stretches: None,
        }
    }

    /// One that begins near what is kept on disk, and keeps there what it passes.
    #[must_use]
    pub fn keeping(mut self, stretches: Stretches) -> Self {
        self.stretches = Some(stretches);
        self
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state at a position; `progress` hears how many records of how many were folded.
    ///
    /// # Errors
    /// [`Error::Beyond`] where the journal is shorter; else where a record cannot be read or folded.
    pub fn at(&self, log: &dyn Log, position: u64, progress: &mut dyn FnMut(u64, u64)) -> Result<Snapshot, Error> {
        let last = log.durable();
        if position > last {
            return Err(Error::Beyond { asked: position, last });
        }
        let near = self.kept().near(position);
        let mut state = near.map_or_else(|| State::unindexed(&self.kinds), |near| State::clone(&near));
        let chain = self.stretches.as_ref().map(|stretches| stretches.chain(log));
        let mut chain = chain.unwrap_or_default();
        if let Some(loaded) = self.loaded(&mut chain, state.position, position) {
            state = loaded;
            let gone = std::mem::take(&mut self.kept().states);
            let_go(gone.into_values().collect());
        }
        let mut due = self.due(chain.last().map_or(0, Stretch::to));
        let (begun, all) = (state.position, position - state.position);
        if all > 0 {
            for line in log.read(begun + 1)? {
                let line = line?;
                state.apply(line.seq, &line.text)?;
                self.pass(&state);
                if due.is_some_and(|due| due <= line.seq) {
                    due = self.leave(log, &state);
                }
                if line.seq.is_multiple_of(1024) {
                    progress(line.seq - begun, all);
                }
                if line.seq == position {
                    break;
                }
            }
        }
        progress(all, all);
        let state = Arc::new(state);
        let gone = self.kept().last.replace(Arc::clone(&state));
        let_go(gone.into_iter().collect());
        Ok(state)
    }

    fn loaded(&self, chain: &mut Vec<Stretch>, near: u64, position: u64) -> Option<State> {
        self.stretches.as_ref()?.load(chain, &self.kinds, near, position)
    }

    /// Where the next stretch ends, after one that ends at a position.
    fn due(&self, end: u64) -> Option<u64> {
        Some(end + self.stretches.as_ref()?.stride())
    }

    /// Keeps a state on disk; says where the next one is due.
    fn leave(&self, log: &dyn Log, state: &State) -> Option<u64> {
        match self.stretches.as_ref()?.extend(log, state) {
            Ok(end) => self.due(end?),
            Err(cause) => {
                tracing::debug!(%cause, "no state on the way is kept");
                None
            }
        }
    }

    /// Keeps the state now and then.
    fn pass(&self, state: &State) {
        let mut kept = self.kept();
        if state.position.is_multiple_of(kept.stride) && !kept.states.contains_key(&state.position) {
            kept.states.insert(state.position, Arc::new(state.clone()));
            kept.thin();
        }
    }
}

/// Lets states go beside what goes on: one that nobody shares takes a tenth of the time that reading one takes.
fn let_go(states: Vec<Snapshot>) {
    if !states.is_empty() {
        // Where there is no thread to be had, they go here.
        drop(std::thread::Builder::new().spawn(move || drop(states)));
    }
}

impl Kept {
    fn near(&self, position: u64) -> Option<Snapshot> {
        let kept = self.states.range(..=position).next_back().map(|(_, state)| state);
        let last = self.last.as_ref().filter(|last| last.position <= position);
        kept.into_iter().chain(last).max_by_key(|state| state.position).cloned()
    }

    fn thin(&mut self) {
        while self.states.len() > KEPT_MAX {
            self.stride *= 2;
            let stride = self.stride;
            self.states.retain(|position, _| position.is_multiple_of(stride));
        }
    }
}
