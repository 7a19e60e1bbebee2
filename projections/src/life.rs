//! The life of an action: the one transition function that kernel, rows and console share.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Proposed and previewed; waits for somebody to confirm.
    Pending,
    /// Confirmed; its effects are on their way.
    Executing,
    /// Done.
    Succeeded,
    /// Did not happen, and will not by itself.
    Failed,
    /// Nobody knows whether it happened; an operator has to find out.
    Unknown,
    /// Somebody who may confirm said no.
    Declined,
    /// The proposer took it back.
    Cancelled,
    /// Nobody confirmed it in time.
    Expired,
    /// The plan changed since the preview; another action took its place.
    Superseded,
}

/// What can happen to an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A plan was made and shown.
    Proposed,
    /// One of several approvers agreed.
    Approved,
    /// Enough agreed; it may be carried out.
    Confirmed,
    /// An approver refused.
    Declined,
    /// The proposer withdrew.
    Cancelled,
    /// The lifetime passed.
    Expired,
    /// A newer plan replaced it.
    Superseded,
    /// An attempt was handed to a worker.
    Published,
    /// The attempt did what was planned.
    Succeeded,
    /// The attempt did nothing; it may be tried again.
    FailedForNow,
    /// The attempt did nothing and cannot.
    FailedForGood,
    /// No word came, or the worker cannot say.
    Lost,
    /// An operator established with evidence that it happened.
    ReconciledAsDone,
    /// An operator established with evidence that it did not happen.
    ReconciledAsNotDone,
    /// An operator ordered another attempt under the same idempotency key.
    Retried,
}

/// A step that cannot be taken from a stage.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("an action that is {} cannot be {}", Shown(.from), .step)]
pub struct IllegalStep {
    /// The stage, or `None` where the action does not exist.
    pub from: Option<Stage>,
    /// The step that was asked for.
    pub step: Step,
}

struct Shown<'a>(&'a Option<Stage>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("unknown here"),
            Some(stage) => write!(f, "{stage}"),
        }
    }
}

/// Where a step leads. The table of DESIGN section 5; nothing else decides this.
pub fn next(from: Option<Stage>, step: Step) -> Result<Stage, IllegalStep> {
    use Stage::{Cancelled, Declined, Executing, Expired, Failed, Pending, Succeeded, Superseded, Unknown};
    match (from, step) {
        (None, Step::Proposed) | (Some(Pending), Step::Approved) => Ok(Pending),
        (Some(Pending), Step::Confirmed)
        | (Some(Executing), Step::Published | Step::FailedForNow)
        | (Some(Unknown | Failed), Step::Retried) => Ok(Executing),
        (Some(Pending), Step::Declined) => Ok(Declined),
        (Some(Pending), Step::Cancelled) => Ok(Cancelled),
        (Some(Pending), Step::Expired) => Ok(Expired),
        (Some(Pending), Step::Superseded) => Ok(Superseded),
        (Some(Executing), Step::Succeeded) | (Some(Unknown | Failed), Step::ReconciledAsDone) => Ok(Succeeded),
        (Some(Executing), Step::FailedForGood) | (Some(Unknown | Failed), Step::ReconciledAsNotDone) => Ok(Failed),
        (Some(Executing), Step::Lost) => Ok(Unknown),
        (from, step) => Err(IllegalStep { from, step }),
    }
}

impl Stage {
    /// Every stage, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Executing,
        Self::Succeeded,
        Self::Failed,
        Self::Unknown,
        Self::Declined,
        Self::Cancelled,
        Self::Expired,
        Self::Superseded,
    ];

    /// Whether nothing happens to it any more by itself.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::Executing)
    }

    /// Whether the entities it would change are held: it is being carried out, or nobody knows yet whether it happened.
    pub const fn holds(self) -> bool {
        matches!(self, Self::Executing | Self::Unknown)
    }

    /// The word used in records and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Executing => "executing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Published => "published",
            Self::Succeeded => "reported as done",
            Self::FailedForNow | Self::FailedForGood => "reported as failed",
            Self::Lost => "lost",
            Self::ReconciledAsDone | Self::ReconciledAsNotDone => "reconciled",
            Self::Retried => "retried",
        })
    }
}
