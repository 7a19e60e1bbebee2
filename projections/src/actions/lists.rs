//! The lists in which an action stands for as long as it is at a stage: what waits, for whom, until when, and what it holds.

use imbl::OrdSet;
use jiff::Timestamp;

use std::sync::Arc;

use super::{Action, Actions, caller};
use crate::{Id, Stage};

impl Actions {
    pub(super) fn put(&mut self, action: Action) {
        if let Some(old) = self.all.get(&action.id).cloned() {
            self.unlist(&old);
        }
        let id = action.id;
        if action.stage == Stage::Pending {
            self.by_key.insert(action.key, id);
            self.deadlines.insert((action.expires_at, id));
            self.count_open(caller(&action.proposer), 1);
        } else if action.stage == Stage::Executing {
            self.executing.insert(id);
            if let Some(due) = action.due {
                self.waiting(&action).insert((due, id));
            }
        }
        self.held.extend(action.holds.iter().map(|entity| (entity.clone(), id)));
        self.all.insert(id, Arc::new(action));
    }

    fn waiting(&mut self, action: &Action) -> &mut OrdSet<(Timestamp, Id<Action>)> {
        if action.is_handed_over {
            &mut self.awaited
        } else {
            &mut self.outbox
        }
    }

    fn unlist(&mut self, old: &Action) {
        if old.stage == Stage::Executing {
            self.executing.remove(&old.id);
            if let Some(due) = old.due {
                self.waiting(old).remove(&(due, old.id));
            }
        }
        for entity in &old.holds {
            self.held.remove(entity);
        }
        if old.stage != Stage::Pending {
            return;
        }
        if self.by_key.get(&old.key) == Some(&old.id) {
            self.by_key.remove(&old.key);
        }
        self.deadlines.remove(&(old.expires_at, old.id));
        self.count_open(caller(&old.proposer), -1);
    }

    fn count_open(&mut self, caller: &str, more: i32) {
        let count = self.open_of(caller).saturating_add_signed(more);
        if count == 0 {
            self.open_by_caller.remove(caller);
        } else if let Some(known) = self.open_by_caller.get_mut(caller) {
            *known = count;
        } else {
            self.open_by_caller.insert(caller.to_owned(), count);
        }
    }
}
