//! What goes to a worker and what comes back, as JSON; `ops/workers/` has the schemas, and a worker may be written in any
//! language.

use jiff::Timestamp;
use projections::{Action, Actor, Digest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::kernel::execution::{self, Report, Word, module_of};
use crate::kernel::plan::Effect;
use crate::kernel::{Past, Registry, Rejection, State, proposal};

/// The version of both shapes.
const VERSION: u16 = 1;

/// One attempt of one execution: all that its worker needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The version of this shape.
    pub v: u16,
    /// The action. It is the idempotency key of whatever is done for it, whichever attempt it is.
    pub action: String,
    /// The attempt; the first is 1.
    pub attempt: u32,
    /// The organisation.
    pub org: String,
    /// The module whose work it is.
    pub module: String,
    /// The tool.
    pub tool: String,
    /// Its arguments, as the caller gave them.
    pub arguments: Map<String, Value>,
    /// What was confirmed: canonical JSON (RFC 8785) with `tool`, `changes`, `effects` and `requires`, as a text, so that its
    /// digest can be checked without knowing what canonical means.
    pub plan: String,
    /// SHA-256 of `plan`, in hexadecimal.
    pub digest: String,
    /// Who proposed it.
    pub actor: Actor,
    /// The W3C trace context of the confirmation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// When the server gives up waiting: whatever was not begun by then must not be.
    pub deadline: Timestamp,
}

/// What the worker did not do, because the message is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBegun {
    /// The digest is another.
    #[error("the plan does not have the digest {0}")]
    Altered(String),
    /// It is too late.
    #[error("the deadline {0} has passed")]
    Late(Timestamp),
    /// The plan cannot be read.
    #[error("the plan cannot be read: {0}")]
    Unreadable(String),
}

#[derive(Deserialize)]
struct Planned {
    effects: Vec<Effect>,
}

impl Message {
    /// The current attempt of an action.
    ///
    /// # Errors
    /// `unavailable` where the journal cannot be read, or holds no work for anybody.
    pub fn of(
        registry: &Registry,
        state: &State,
        action: &Action,
        deadline: Timestamp,
        past: &dyn Past,
    ) -> Result<Self, Rejection> {
        let task = execution::task(past, action)?;
        Ok(Self {
            v: VERSION,
            action: action.id.to_string(),
            attempt: action.attempt,
            org: action.org.to_string(),
            module: module_of(registry, state, action).unwrap_or_default().to_owned(),
            tool: action.tool.to_string(),
            arguments: proposal::args(past, action)?,
            plan: task.plan,
            digest: action.digest.to_string(),
            actor: Actor::clone(&action.proposer),
            trace: task.trace,
            deadline,
        })
    }

    /// The key under which a broker tells copies of this attempt.
    pub fn id(&self) -> String {
        format!("{}:{}", self.action, self.attempt)
    }

    /// What is to be done outside, if the message is good and it is not too late.
    ///
    /// # Errors
    /// [`NotBegun`] says why nothing may be done.
    pub fn effects(&self, now: Timestamp) -> Result<Vec<Effect>, NotBegun> {
        if Digest::of(self.plan.as_bytes()).to_string() != self.digest {
            return Err(NotBegun::Altered(self.digest.clone()));
        }
        if now >= self.deadline {
            return Err(NotBegun::Late(self.deadline));
        }
        let planned: Planned =
            serde_json::from_str(&self.plan).map_err(|cause| NotBegun::Unreadable(cause.to_string()))?;
        Ok(planned.effects)
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It did what was planned.
    Succeeded,
    /// It did nothing.
    Failed,
    /// The worker cannot tell.
    Unknown,
}

/// What a worker reports of an attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    /// The version of this shape.
    pub v: u16,
    /// The action.
    pub action: String,
    /// The attempt.
    pub attempt: u32,
    /// The digest of the plan that was carried out.
    pub digest: String,
    /// How it ended.
    pub outcome: Ended,
    /// After a failure: whether another attempt may do better.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_retry: bool,
    /// Why it failed or is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the receipt shall say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
}

impl Outcome {
    /// The outcome of an attempt.
    pub fn of(message: &Message, word: &Word) -> Self {
        let (outcome, may_retry, reason, result) = match word {
            Word::Succeeded { result } => (Ended::Succeeded, false, None, result.clone()),
            Word::Failed { reason, may_retry } => (Ended::Failed, *may_retry, Some(reason.clone()), None),
            Word::Unknown { reason } => (Ended::Unknown, false, Some(reason.clone()), None),
        };
        Self {
            v: VERSION,
            action: message.action.clone(),
            attempt: message.attempt,
            digest: message.digest.clone(),
            outcome,
            may_retry,
            reason,
            result,
        }
    }

    /// The report of the worker that its credentials name, in the trace that came beside it.
    pub fn report(self, worker: &str, trace: Option<String>) -> Report {
        let reason = self.reason.unwrap_or_else(|| "the worker says nothing more".to_owned());
        Report {
            action: self.action,
            attempt: self.attempt,
            digest: self.digest,
            worker: worker.to_owned(),
            trace,
            word: match self.outcome {
                Ended::Succeeded => Word::Succeeded { result: self.result },
                Ended::Failed => Word::Failed {
                    reason,
                    may_retry: self.may_retry,
                },
                Ended::Unknown => Word::Unknown { reason },
            },
        }
    }
}

/// What a worker hears of its outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Whether it counts.
    pub accepted: bool,
    /// Whether the worker may forget the attempt; where not, it says the same again a little later.
    pub r#final: bool,
    /// What the server answers.
    pub answer: Value,
}

impl Receipt {
    /// Whether the attempt is somebody else's, who must get it.
    pub fn gives_back(&self) -> bool {
        self.answer
            .pointer("/error/code")
            .is_some_and(|code| code == "wrong_worker")
    }

    /// What is said to a report.
    pub fn of(answer: Result<Value, Rejection>) -> Self {
        match answer {
            Ok(answer) => Self {
                accepted: true,
                r#final: true,
                answer,
            },
            Err(no) => Self {
                accepted: false,
                r#final: no.code != "unavailable",
                answer: no.to_json(),
            },
        }
    }
}
