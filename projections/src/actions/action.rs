//! An action as it is kept: what was proposed by whom, and where it stands. Arguments and plan stay in the journal.

use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Actor, Digest, Id, Named, Stage};

/// What an action has in common with many others, kept once for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manner {
    /// The organisation it belongs to.
    pub org: Arc<str>,
    /// The tool that was called.
    pub tool: Arc<str>,
    /// The tool's kind.
    pub kind: Arc<str>,
    /// low, medium or high.
    pub risk: Arc<str>,
    /// self, human or dual.
    pub policy: Arc<str>,
    /// Who proposed it.
    pub proposer: Arc<Actor>,
}

/// The life of one plan; what it has in common with others is read as if it were its own.
#[derive(Clone, Debug)]
pub struct Action {
    /// Its identifier.
    pub id: Id<Action>,
    pub(super) manner: Arc<Manner>,
    /// Where it stands.
    pub stage: Stage,
    /// The hour the plan was made for.
    pub proposed_at: Timestamp,
    /// When the offer ends.
    pub expires_at: Timestamp,
    /// Equal proposals have equal keys.
    pub key: Digest,
    /// What the plan would do.
    pub digest: Digest,
    /// The record that proposed it; it holds the arguments and the plan as previewed.
    pub proposed_seq: u64,
    /// The record of its latest step; for a finished one it holds the receipt.
    pub last_seq: u64,
    /// When its latest step was taken.
    pub last_at: Timestamp,
    /// The number of the current attempt; 0 before the first.
    pub attempt: u32,
    /// Those who approved so far.
    pub approvals: Vec<String>,
    /// The record that confirmed it, where a worker carries it out; it holds the work.
    pub confirmed_seq: Option<u64>,
    /// While it executes: whether the current attempt was handed to a worker.
    pub is_handed_over: bool,
    /// While it executes: when the current attempt is to be handed over, or by when word of it must have come.
    pub due: Option<Timestamp>,
    /// What it holds while it executes.
    pub holds: Vec<String>,
    /// The action it undoes. Few have one, and there are very many: it and the next two take a word each.
    pub undoes: Option<Box<Id<Action>>>,
    /// The action that undid it.
    pub undone_by: Option<Box<Id<Action>>>,
    /// The action that took its place.
    pub superseded_by: Option<Box<Id<Action>>>,
}

impl Deref for Action {
    type Target = Manner;

    fn deref(&self) -> &Manner {
        &self.manner
    }
}

impl Named for Action {
    const KIND: &'static str = "action";
    const PREFIX: &'static str = "act";
}
