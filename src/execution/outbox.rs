//! The outbox: attempts that are confirmed and not handed over yet. It is a list of the state, so a crash forgets nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use projections::{Action, Id};
use tokio::sync::watch;

use crate::kernel::Snapshot;
use crate::processor::Handle;

/// The longest wait for something that is due later.
const LONGEST: Duration = Duration::from_mins(1);

/// A reader of the outbox; what it takes it does not give again before it is put back.
pub struct Outbox {
    handle: Handle,
    durable: watch::Receiver<u64>,
    taken: BTreeSet<Id<Action>>,
    wants: fn(&Handle, &crate::kernel::State, &Arc<Action>) -> bool,
}

impl Outbox {
    /// The attempts that `wants` says.
    pub fn new(handle: &Handle, wants: fn(&Handle, &crate::kernel::State, &Arc<Action>) -> bool) -> Self {
        Self {
            handle: handle.clone(),
            durable: handle.durable(),
            taken: BTreeSet::new(),
            wants,
        }
    }

    /// The next attempt that is due, with the state that it was found in.
    pub fn take(&mut self) -> Option<(Arc<Action>, Snapshot)> {
        self.durable.mark_unchanged();
        let (state, now) = (self.handle.snapshot(), self.handle.now());
        let found = {
            let is_due = |action: &&Arc<Action>| action.due.is_none_or(|due| due <= now);
            let mut due = state.actions.outbox().take_while(is_due);
            due.find(|action| !self.taken.contains(&action.id) && (self.wants)(&self.handle, &state, action))
                .cloned()?
        };
        self.taken.insert(found.id);
        Some((found, state))
    }

    /// The attempt is handed over, or may be taken again.
    pub fn put_back(&mut self, id: Id<Action>) {
        self.taken.remove(&id);
    }

    /// Waits until [`Outbox::take`] may find more; false when the server stops.
    pub async fn changed(&mut self) -> bool {
        let pause = self.until_due();
        match tokio::time::timeout(pause, self.durable.changed()).await {
            Ok(changed) => changed.is_ok(),
            Err(_) => true,
        }
    }

    fn until_due(&self) -> Duration {
        let (state, now) = (self.handle.snapshot(), self.handle.now());
        let next = state.actions.outbox().find(|action| !self.taken.contains(&action.id));
        let due = next.and_then(|action| action.due).map(|due| due.duration_since(now));
        let pause = due.map_or(LONGEST, |left| Duration::try_from(left).unwrap_or_default());
        pause.clamp(Duration::from_millis(1), LONGEST)
    }
}
