//! The system's own vocabulary: what the events about calls, actions and executions carry.
//!
//! Changes of the domain (`task.created`, …) are not here; they are [`crate::record::Change`]s named by their modules.

pub mod evidence;
mod system;
mod viewed;

pub use system::{Folded, Recovered, Resumed, Started};
pub use viewed::PayloadViewed;

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::upcast::{Shape, TODAY};
use crate::{Digest, Event};

/// Builds an event of this vocabulary, in today's shape.
pub fn event<T: Serialize>(name: &'static str, data: &T) -> Result<Event, serde_json::Error> {
    let data = serde_json::value::to_raw_value(data)?;
    Ok(Event {
        name: Cow::Borrowed(name),
        v: TODAY.version(Shape::Event(name)),
        data: Some(data),
        change: None,
    })
}

/// The names, so that no text is written twice.
pub mod names {
    pub use super::viewed::PAYLOAD_VIEWED;

    /// A read was answered.
    pub const CALL_ANSWERED: &str = "call.answered";
    /// A call was refused for a reason that the caller can act on.
    pub const CALL_REJECTED: &str = "call.rejected";
    /// A write was planned and previewed.
    pub const PROPOSED: &str = "action.proposed";
    /// The same write was proposed again within its lifetime.
    pub const REPEATED: &str = "action.repeated";
    /// One of several approvers agreed.
    pub const APPROVED: &str = "action.approved";
    /// Confirmed.
    pub const CONFIRMED: &str = "action.confirmed";
    /// Refused by an approver.
    pub const DECLINED: &str = "action.declined";
    /// Withdrawn.
    pub const CANCELLED: &str = "action.cancelled";
    /// Nobody confirmed in time.
    pub const EXPIRED: &str = "action.expired";
    /// Replaced by a newer plan.
    pub const SUPERSEDED: &str = "action.superseded";
    /// Taken back by a later action.
    pub const UNDONE: &str = "action.undone";
    /// A confirm, cancel or approve was refused.
    pub const CONFIRM_REFUSED: &str = "confirm.refused";
    /// An attempt was handed to a worker.
    pub const PUBLISHED: &str = "execution.published";
    /// Done.
    pub const SUCCEEDED: &str = "execution.succeeded";
    /// Not done.
    pub const FAILED: &str = "execution.failed";
    /// Nobody knows.
    pub const UNKNOWN: &str = "execution.unknown";
    /// Settled by an operator with evidence.
    pub const RECONCILED: &str = "execution.reconciled";
    /// Another attempt was ordered.
    pub const RETRIED: &str = "execution.retried";
    /// What a worker reported was refused.
    pub const OUTCOME_REFUSED: &str = "outcome.refused";
    /// An hour came that a thing was waiting for.
    pub const FIRED: &str = "schedule.fired";
    /// What was owed as a reaction came to nothing.
    pub const PASSED: &str = "reaction.passed";
    /// Somebody read the security log.
    pub const LOG_READ: &str = "audit.log_read";
    /// The server started.
    pub const STARTED: &str = "system.started";
    /// A torn tail was cut off at the start.
    pub const RECOVERED: &str = "journal.recovered";
    /// Work is journaled again, after there was no room for it.
    pub const RESUMED: &str = "journal.resumed";
    /// Requests were refused before they became calls (folded).
    pub const SECURITY_REJECTED: &str = "security.rejected";
    /// Requests were refused by a rate limit (folded).
    pub const LIMITED: &str = "limits.refused";

    /// Whether an event says that something was refused, and nothing else came of it.
    pub fn is_refusal(name: &str) -> bool {
        [CALL_REJECTED, CONFIRM_REFUSED, SECURITY_REJECTED, LIMITED].contains(&name)
    }
}

/// `call.answered`: enough to give the same answer again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answered<'a> {
    /// The tool.
    #[serde(borrow)]
    pub tool: Cow<'a, str>,
    /// The arguments as given.
    #[serde(borrow)]
    pub args: &'a RawValue,
    /// The position of the state that was read.
    pub position: u64,
    /// The hour that the read saw.
    pub now: Timestamp,
    /// The digest of the canonical answer.
    pub digest: Digest,
    /// The version of the code's rules for this tool; not written where it is the first.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub decider: u32,
}

const fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_first(decider: &u32) -> bool {
    *decider == 1
}

/// `call.rejected`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rejected<'a> {
    /// The tool as asked for.
    #[serde(borrow)]
    pub tool: Cow<'a, str>,
    /// The arguments as given, where they may be kept.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub args: Option<&'a RawValue>,
    /// The position of the state that was read.
    pub position: u64,
    /// The stable code.
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    /// The sentence that was said.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
    /// The version of the code's rules for this tool; not written where it is the first.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub decider: u32,
}

/// `action.proposed`: the plan as shown, and what it is bound to.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposed<'a> {
    /// The action's identifier.
    #[serde(borrow)]
    pub action: Cow<'a, str>,
    /// The tool.
    #[serde(borrow)]
    pub tool: Cow<'a, str>,
    /// The tool's kind: write, light, sensitive, destructive or bulk.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// Risk: low, medium or high.
    #[serde(borrow)]
    pub risk: Cow<'a, str>,
    /// Who may confirm: self, human or dual.
    #[serde(borrow)]
    pub policy: Cow<'a, str>,
    /// The arguments, canonical (RFC 8785).
    #[serde(borrow)]
    pub args: &'a RawValue,
    /// Digest over caller, tool, canonical arguments and client key: an equal proposal has an equal one.
    pub key: Digest,
    /// Digest of what the plan would do.
    pub digest: Digest,
    /// The plan as previewed.
    #[serde(borrow)]
    pub plan: &'a RawValue,
    /// The hour the plan was made for; used again when it is confirmed.
    pub now: Timestamp,
    /// When the offer ends.
    pub expires_at: Timestamp,
    /// The version of the code's rules for this tool.
    pub decider: u32,
    /// The action this one takes the place of.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Cow<'a, str>>,
    /// The action that this one would undo.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<Cow<'a, str>>,
}

/// Events that only move an action along: `action.repeated|approved|confirmed|declined|cancelled|expired|superseded`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved<'a> {
    /// The action.
    #[serde(borrow)]
    pub action: Cow<'a, str>,
    /// What the mover said.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Cow<'a, str>>,
    /// The action that took its place.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Cow<'a, str>>,
    /// The entities that are held while a worker is at it (`task:tsk_…`).
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Cow<'a, str>>,
    /// What a worker has to do before it is done (`action.confirmed`); a [`Work`].
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub work: Option<&'a RawValue>,
}

/// What was confirmed and needs a worker: all of it, so that nothing is decided again once something happened outside.
#[derive(Debug, Serialize, Deserialize)]
pub struct Work<'a> {
    /// The canonical text (RFC 8785) that the action's digest is of: changes, effects and required facts.
    #[serde(borrow)]
    pub plan: Cow<'a, str>,
    /// The changes that are made when the worker succeeded.
    pub events: Vec<Event>,
    /// What the receipt will say: `result` and `undo`.
    #[serde(borrow)]
    pub result: &'a RawValue,
}

impl<'a> Moved<'a> {
    /// Only the action.
    pub fn of(action: impl Into<Cow<'a, str>>) -> Self {
        Self {
            action: action.into(),
            note: None,
            by: None,
            holds: Vec::new(),
            work: None,
        }
    }
}

/// `execution.*`: one attempt and what came of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempted<'a> {
    /// The action.
    #[serde(borrow)]
    pub action: Cow<'a, str>,
    /// The attempt; the first is 1.
    pub attempt: u32,
    /// The receipt's result.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub result: Option<&'a RawValue>,
    /// Why it failed or is not known; the evidence of a reconciliation.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// Whether it may be tried again (`execution.failed`), or whether it happened (`execution.reconciled`).
    #[serde(default)]
    pub yes: bool,
    /// Who carried it out, as the worker's credentials say.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<Cow<'a, str>>,
    /// When word must have come (`execution.published`), or when the next attempt begins (`execution.failed`, `retried`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The entities that are held again (`execution.retried` after a failure).
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Cow<'a, str>>,
    /// What a worker has to do, decided again (`execution.retried` after a failure); a [`Work`].
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub work: Option<&'a RawValue>,
}

impl<'a> Attempted<'a> {
    /// Only the action and the attempt.
    pub fn of(action: impl Into<Cow<'a, str>>, attempt: u32) -> Self {
        Self {
            action: action.into(),
            attempt,
            result: None,
            reason: None,
            yes: false,
            worker: None,
            due: None,
            holds: Vec::new(),
            work: None,
        }
    }
}

/// `outcome.refused`: what a worker reported and why it does not count.
#[derive(Debug, Serialize, Deserialize)]
pub struct OutcomeRefused<'a> {
    /// The action as named by the worker.
    #[serde(borrow)]
    pub action: Cow<'a, str>,
    /// The attempt as named by the worker.
    pub attempt: u32,
    /// Who reported it.
    #[serde(borrow)]
    pub worker: Cow<'a, str>,
    /// How the worker says it ended: succeeded, failed or unknown; nothing where it was not understood.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Cow<'a, str>>,
    /// Why, as the worker says.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// What the worker wanted in the receipt, where that is short.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub result: Option<&'a RawValue>,
    /// The stable code.
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    /// The sentence that was said.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
}

/// `confirm.refused`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfirmRefused<'a> {
    /// The action as named by the caller.
    #[serde(borrow)]
    pub action: Cow<'a, str>,
    /// The stable code.
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    /// The sentence that was said.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
}

/// `audit.log_read`: who read is the record's actor, and what was asked for stands in the call beside it.
#[derive(Debug, Serialize, Deserialize)]
pub struct LogRead<'a> {
    /// The tool, or the address with what was asked for.
    #[serde(borrow)]
    pub through: Cow<'a, str>,
}
