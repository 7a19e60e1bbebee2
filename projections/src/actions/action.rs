//! An action as it is kept: what was proposed by whom, and where it stands. Arguments and plan stay in the journal.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Actor, Digest, Id, Named, Stage};

/// The life of one plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Its identifier.
    pub id: Id<Action>,
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
    /// Where it stands.
    pub stage: Stage,
    /// Who proposed it.
    pub proposer: Arc<Actor>,
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<String>,
    /// The record that confirmed it, where a worker carries it out; it holds the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_seq: Option<u64>,
    /// While it executes: whether the current attempt was handed to a worker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_handed_over: bool,
    /// While it executes: when the current attempt is to be handed over, or by when word of it must have come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// What it holds while it executes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<String>,
    /// The action it undoes. Few have one, and there are very many: it and the next two take a word each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<Box<Id<Action>>>,
    /// The action that undid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<Box<Id<Action>>>,
    /// The action that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<Box<Id<Action>>>,
}

impl Named for Action {
    const KIND: &'static str = "action";
    const PREFIX: &'static str = "act";
}
