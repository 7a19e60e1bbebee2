//! What the system itself has to tell: refusals folded together, the boot report, and what became of the journal.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `limits.refused` and `security.rejected`: many refusals folded into one record.
#[derive(Debug, Serialize, Deserialize)]
pub struct Folded<'a> {
    /// The rate class, or the reason.
    #[serde(borrow)]
    pub what: Cow<'a, str>,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub from: Timestamp,
    /// The last of them.
    pub to: Timestamp,
}

/// `system.started`: the boot report.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started<'a> {
    /// The version of the program.
    #[serde(borrow)]
    pub version: Cow<'a, str>,
    /// Actions that wait for a confirmation, restored.
    pub pending: u64,
    /// Actions whose offer ended while the server was down.
    pub expired: u64,
    /// Executions that have no outcome.
    pub without_outcome: u64,
    /// Why the whole journal was read although there was a checkpoint. Records before 0005 have none.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<Cow<'a, str>>,
}

/// `journal.recovered`: what was cut off.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recovered<'a> {
    /// The segment.
    #[serde(borrow)]
    pub file: Cow<'a, str>,
    /// Where the torn part began.
    pub offset: u64,
    /// How long it was.
    pub bytes: u64,
}

/// `journal.resumed`: since when work was refused.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resumed<'a> {
    /// The first refusal.
    pub since: Timestamp,
    /// Why.
    #[serde(borrow)]
    pub why: Cow<'a, str>,
}
