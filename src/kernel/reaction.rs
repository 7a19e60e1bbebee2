//! Reactions: what is owed because of what the journal says happened. A fold like all the rest of the state, so nothing that
//! is owed gets lost with a crash, and nothing is done twice.
//!
//! A kind of entity that reacts says in its keys to which events ([`Keys::reacts`]). The record that holds such an event
//! makes a debt; the record that ends the reaction, or says that it came to nothing, takes it away again.

mod debts;

pub use debts::{Debt, Debts, Outcome, Took};

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::kernel::entity::Keys;
use crate::kernel::plan::Planned;
use crate::kernel::principal::Caller;
use crate::kernel::schedule::Due;
use crate::kernel::{Plan, Rejection, View};

/// The index of what a thing reacts to.
pub const REACTS: &str = "reacts";
/// How many reactions may follow one from another.
pub const CHAIN_MAX: usize = 5;

impl Keys {
    /// An event that it reacts to.
    pub fn reacts(&mut self, event: &str) {
        self.key(REACTS, event);
    }
}

/// Why a reaction must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Too many reactions led here.
    Depth,
    /// It set itself off: it reacted to the same thing before, on the way here.
    Loop,
    /// It reacted to the same thing in the same correlation, on another way.
    Twice,
}

/// What a reactor does next.
pub enum Next {
    /// Nothing, and why; nothing else was done before.
    Pass(String),
    /// Calls a tool in somebody's name.
    Act(Box<Act>),
    /// Ends, with these changes of its own.
    End(Box<Plan>),
}

/// A call that a reactor makes. It is decided like anybody's, and carried out at once.
pub struct Act {
    /// In whose name, with whose rights.
    pub caller: Caller,
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub args: Map<String, Value>,
}

/// How a kind of entity reacts; both are pure.
#[derive(Clone, Copy)]
pub struct Reactor {
    /// What it does next about a debt.
    pub next: fn(&View<'_>, &Debt, Option<Stop>) -> Result<Next, Rejection>,
    /// What a preview says of it where a plan would set it off, by its identifier; `None` where it would not.
    pub would: fn(&View<'_>, &str, &[Planned]) -> Option<Value>,
}

/// What follows when an hour comes that a kind of entity was waiting for.
pub struct Struck {
    /// Its changes; they must take the timer away or to a later hour.
    pub plan: Plan,
    /// The reactions that are owed.
    pub owes: Vec<projections::cause::Owed>,
}

/// What a kind of entity does when an hour comes.
pub type Striking = fn(&View<'_>, &Due) -> Result<Struck, Rejection>;

/// Names in a plan those who would react to it, for the preview; no part of the digest.
pub fn name_reactors(plan: &mut Plan, view: &View<'_>) {
    let mut named: Vec<(String, Value)> = Vec::new();
    for (kind, reactor) in view.registry.reactors() {
        let Some(table) = view.state.any(kind) else { continue };
        let events: BTreeSet<&str> = plan.changes.iter().map(|planned| planned.event.as_ref()).collect();
        let ids: BTreeSet<String> = events
            .iter()
            .flat_map(|event| table.under(&view.caller.org, REACTS, event))
            .collect();
        for id in ids.into_iter().filter(|id| view.registry.sees(kind, view, id)) {
            named.extend((reactor.would)(view, &id, &plan.changes).map(|said| (id, said)));
        }
    }
    plan.rules = named.into_iter().map(|(_, said)| said).collect();
}
