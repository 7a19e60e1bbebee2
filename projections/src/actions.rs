//! The fold of pending actions and confirmations: every action there ever was, each of them small.

mod action;
mod kept;
mod lists;
mod shared;
mod tally;

pub use action::{Action, Manner};
pub use kept::Reader;
pub use tally::Tally;

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::event::{Attempted, Moved, Proposed, names};
use crate::{Actor, Digest, Id, IllegalStep, Record, Stage, Step, life, packed};

use shared::Shared;

/// Why a record does not fit what came before it.
#[derive(Debug, Error)]
pub enum Misfit {
    /// An event's facts cannot be read.
    #[error("the facts of `{name}` cannot be read: {cause}")]
    Unreadable {
        /// The event.
        name: String,
        /// What serde says.
        cause: serde_json::Error,
    },
    /// An event about an action that was never proposed.
    #[error("`{name}` names an action that was never proposed: {action}")]
    UnknownAction {
        /// The event.
        name: String,
        /// The action.
        action: String,
    },
    /// A step that cannot be taken.
    #[error("{action}: {cause}")]
    Illegal {
        /// The action.
        action: String,
        /// The step.
        cause: IllegalStep,
    },
}

/// All actions. Cloning shares structure.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    all: OrdMap<Id<Action>, Arc<Action>>,
    by_key: OrdMap<Digest, Id<Action>>,
    deadlines: OrdSet<(Timestamp, Id<Action>)>,
    open_by_caller: OrdMap<String, u32>,
    executing: OrdSet<Id<Action>>,
    /// Attempts to hand over, by when.
    outbox: OrdSet<(Timestamp, Id<Action>)>,
    /// Attempts that a worker has, by when word of them must have come.
    awaited: OrdSet<(Timestamp, Id<Action>)>,
    held: OrdMap<String, Id<Action>>,
    tally: Tally,
    shared: Shared,
}

impl Actions {
    /// One action.
    pub fn get(&self, id: Id<Action>) -> Option<&Arc<Action>> {
        self.all.get(&id)
    }

    /// Every action, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Action>> {
        self.all.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The pending ones, the next to expire first.
    pub fn pending(&self) -> impl DoubleEndedIterator<Item = &Arc<Action>> {
        self.deadlines.iter().filter_map(|(_, id)| self.all.get(id))
    }

    /// How many are pending.
    pub fn pending_len(&self) -> usize {
        self.deadlines.len()
    }

    /// Those on their way through a worker.
    pub fn executing(&self) -> impl Iterator<Item = &Arc<Action>> {
        self.executing.iter().filter_map(|id| self.all.get(id))
    }

    /// Attempts that are to be handed to a worker, the next due first.
    pub fn outbox(&self) -> impl DoubleEndedIterator<Item = &Arc<Action>> {
        self.outbox.iter().filter_map(|(_, id)| self.all.get(id))
    }

    /// How many attempts are to be handed over.
    pub fn outbox_len(&self) -> usize {
        self.outbox.len()
    }

    /// Attempts that a worker has, the next that is overdue first.
    pub fn awaited(&self) -> impl DoubleEndedIterator<Item = &Arc<Action>> {
        self.awaited.iter().filter_map(|(_, id)| self.all.get(id))
    }

    /// What happened to attempts since this fold began.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The pending action of an equal proposal.
    pub fn equal(&self, key: &Digest) -> Option<&Arc<Action>> {
        self.by_key.get(key).and_then(|id| self.all.get(id))
    }

    /// How many pending actions a caller has.
    pub fn open_of(&self, caller: &str) -> u32 {
        self.open_by_caller.get(caller).copied().unwrap_or(0)
    }

    /// The action that holds an entity (`task:tsk_…`): it executes, or nobody knows yet whether it happened.
    pub fn holder(&self, entity: &str) -> Option<Id<Action>> {
        self.held.get(entity).copied()
    }

    /// Whether anything is held.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// When the next offer ends, or the next attempt is overdue.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let first = [self.deadlines.get_min(), self.awaited.get_min()];
        first.into_iter().flatten().map(|(at, _)| *at).min()
    }

    /// Puts back an action that a checkpoint kept.
    pub fn restore(&mut self, mut action: Action) {
        action.manner = self.shared.manner(&action.manner);
        self.put(action);
    }

    /// Puts actions that were put back in order into as little room as they need.
    pub fn settle(&mut self) {
        self.all = packed::map(std::mem::take(&mut self.all).into_iter().collect());
    }

    /// Applies what one record says about actions.
    pub fn apply(&mut self, seq: u64, record: &Record<'_>) -> Result<(), Misfit> {
        for entry in &record.events {
            let name = entry.name.as_ref();
            self.tally.refused += u64::from(name == names::OUTCOME_REFUSED);
            if !name.starts_with("action.") && !name.starts_with("execution.") {
                continue;
            }
            let facts = entry.data.map_or("null", RawValue::get);
            if name == names::PROPOSED {
                self.proposed(seq, record, entry.offer().map_err(|cause| unreadable(name, cause))?)?;
            } else if name.starts_with("action.") {
                self.moved(seq, record, name, read(name, facts)?)?;
            } else {
                self.attempted(seq, record.at, name, read(name, facts)?)?;
            }
        }
        Ok(())
    }

    fn proposed(&mut self, seq: u64, record: &Record<'_>, facts: &Proposed<'_>) -> Result<(), Misfit> {
        let id = Self::id(names::PROPOSED, &facts.action)?;
        let stage = step(
            &facts.action,
            self.all.get(&id).map(|action| action.stage),
            Step::Proposed,
        )?;
        let manner = Manner {
            org: record.org.as_deref().unwrap_or_default().into(),
            tool: facts.tool.as_ref().into(),
            kind: facts.kind.as_ref().into(),
            risk: facts.risk.as_ref().into(),
            policy: facts.policy.as_ref().into(),
            proposer: Arc::new(record.actor.clone()),
        };
        let action = Action {
            id,
            manner: self.shared.manner(&manner),
            stage,
            proposed_at: facts.now,
            expires_at: facts.expires_at,
            key: facts.key,
            digest: facts.digest,
            proposed_seq: seq,
            last_seq: seq,
            last_at: record.at,
            attempt: 0,
            approvals: Vec::new(),
            confirmed_seq: None,
            is_handed_over: false,
            due: None,
            holds: Vec::new(),
            undoes: facts.undoes.as_deref().and_then(|id| id.parse().ok()).map(Box::new),
            undone_by: None,
            superseded_by: None,
        };
        self.put(action);
        Ok(())
    }

    fn moved(&mut self, seq: u64, record: &Record<'_>, name: &str, facts: Moved<'_>) -> Result<(), Misfit> {
        let mut action = self.known(name, &facts.action)?;
        let by = facts.by.as_deref().and_then(|id| id.parse().ok()).map(Box::new);
        if name == names::UNDONE {
            action.undone_by = by;
            self.put(action);
            return Ok(());
        }
        let taken = match name {
            names::APPROVED => Step::Approved,
            names::CONFIRMED => Step::Confirmed,
            names::DECLINED => Step::Declined,
            names::CANCELLED => Step::Cancelled,
            names::EXPIRED => Step::Expired,
            names::SUPERSEDED => Step::Superseded,
            _ => return Ok(()),
        };
        action.stage = step(&facts.action, Some(action.stage), taken)?;
        if matches!(taken, Step::Approved | Step::Confirmed) {
            action.approvals.extend(record.actor.principal_id.clone());
        }
        if facts.work.is_some() {
            (action.attempt, action.confirmed_seq, action.due) = (1, Some(seq), Some(record.at));
        }
        action.holds = facts.holds.iter().map(ToString::to_string).collect();
        action.superseded_by = by;
        self.advance(action, seq, record.at);
        Ok(())
    }

    fn attempted(&mut self, seq: u64, at: Timestamp, name: &str, facts: Attempted<'_>) -> Result<(), Misfit> {
        let mut action = self.known(name, &facts.action)?;
        let taken = match (name, facts.yes) {
            (names::PUBLISHED, _) => Step::Published,
            (names::SUCCEEDED, _) => Step::Succeeded,
            (names::FAILED, true) => Step::FailedForNow,
            (names::FAILED, false) => Step::FailedForGood,
            (names::UNKNOWN, _) => Step::Lost,
            (names::RECONCILED, true) => Step::ReconciledAsDone,
            (names::RECONCILED, false) => Step::ReconciledAsNotDone,
            (names::RETRIED, _) => Step::Retried,
            _ => return Ok(()),
        };
        action.stage = step(&facts.action, Some(action.stage), taken)?;
        if action.confirmed_seq.is_some() {
            self.tally.count(taken);
        }
        action.attempt = facts.attempt;
        action.is_handed_over = taken == Step::Published;
        if facts.work.is_some() {
            action.confirmed_seq = Some(seq);
            action.holds = facts.holds.iter().map(ToString::to_string).collect();
        }
        match taken {
            Step::Published => action.due = facts.due,
            // The next attempt, in time.
            Step::FailedForNow => (action.attempt, action.due) = (facts.attempt + 1, facts.due.or(Some(at))),
            Step::Retried => action.due = facts.due.or(Some(at)),
            _ => action.due = None,
        }
        self.advance(action, seq, at);
        Ok(())
    }

    fn advance(&mut self, mut action: Action, seq: u64, at: Timestamp) {
        action.last_seq = seq;
        action.last_at = at;
        if !action.stage.holds() {
            action.holds.clear();
        }
        self.put(action);
    }

    fn id(name: &str, text: &str) -> Result<Id<Action>, Misfit> {
        text.parse().map_err(|_| Misfit::UnknownAction {
            name: name.to_owned(),
            action: text.to_owned(),
        })
    }

    fn known(&self, name: &str, text: &str) -> Result<Action, Misfit> {
        self.all
            .get(&Self::id(name, text)?)
            .map(|action| Action::clone(action))
            .ok_or_else(|| Misfit::UnknownAction {
                name: name.to_owned(),
                action: text.to_owned(),
            })
    }
}

/// Whose pending actions are counted together: the token, or else the member.
pub fn caller(actor: &Actor) -> &str {
    let known = actor.token_id.as_deref().or(actor.principal_id.as_deref());
    known.unwrap_or_default()
}

fn read<'a, T: Deserialize<'a>>(name: &str, facts: &'a str) -> Result<T, Misfit> {
    serde_json::from_str(facts).map_err(|cause| unreadable(name, cause))
}

fn unreadable(name: &str, cause: serde_json::Error) -> Misfit {
    let name = name.to_owned();
    Misfit::Unreadable { name, cause }
}

fn step(action: &str, from: Option<Stage>, taken: Step) -> Result<Stage, Misfit> {
    life::next(from, taken).map_err(|cause| Misfit::Illegal {
        action: action.to_string(),
        cause,
    })
}
