//! An action as it is kept: what was proposed by whom, where it stands, and while it is open what deciding again needs.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Actor, Digest, Id, Named, Stage};

/// The life of one plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Its identifier.
    pub id: Id<Action>,
    /// The organisation it belongs to.
    pub org: String,
    /// The tool that was called.
    pub tool: String,
    /// The tool's kind.
    pub kind: String,
    /// low, medium or high.
    pub risk: String,
    /// self, human or dual.
    pub policy: String,
    /// Where it stands.
    pub stage: Stage,
    /// Who proposed it.
    pub proposer: Actor,
    /// The hour the plan was made for.
    pub proposed_at: Timestamp,
    /// When the offer ends.
    pub expires_at: Timestamp,
    /// Equal proposals have equal keys.
    pub key: Digest,
    /// What the plan would do.
    pub digest: Digest,
    /// The record that proposed it.
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
    /// What it holds while it executes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<String>,
    /// The action it undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<Id<Action>>,
    /// The action that undid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<Id<Action>>,
    /// The action that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<Id<Action>>,
    /// Arguments and plan, kept while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Arc<Open>>,
}

/// What is needed to decide again; the journal keeps it for finished actions.
#[derive(Debug, Serialize, Deserialize)]
pub struct Open {
    /// The canonical arguments.
    pub args: Box<RawValue>,
    /// The plan as previewed.
    pub plan: Box<RawValue>,
}

impl Named for Action {
    const KIND: &'static str = "action";
    const PREFIX: &'static str = "act";
}
