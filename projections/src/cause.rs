//! Why a record was written although nobody called: what it reacts to, and what led there.

use serde::{Deserialize, Serialize};

/// The reaction that a record belongs to (catalogue section 0.9: `causationId`, `correlationId`, `chainDepth`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The position of the record that it reacts to.
    pub causation_id: u64,
    /// The position of the record that the whole chain began with.
    pub correlation_id: u64,
    /// How many reactions led here, this one included; the first is 1.
    pub chain_depth: u32,
    /// The reactors on the way, the first first; the last of them wrote this.
    pub chain: Vec<String>,
    /// The thing whose change is reacted to; empty where only the hour came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Whether the reaction ends with this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends: bool,
}

impl Cause {
    /// Who reacts.
    pub fn by(&self) -> &str {
        self.chain.last().map_or("", String::as_str)
    }
}

/// One thing that is owed: who owes it, about what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// Who is to react.
    pub by: String,
    /// About which thing; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
}

/// `schedule.fired`: an hour came that a thing was waiting for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fired {
    /// The kind of the thing.
    pub kind: String,
    /// The thing.
    pub id: String,
    /// Which of its timers.
    pub timer: String,
    /// The hour that it waited for; the record's own may be much later.
    pub due: jiff::Timestamp,
    /// The reactions that are owed because of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owes: Vec<Owed>,
}

/// `reaction.passed`: what was owed and came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Each with the reason.
    pub passed: Vec<PassedOne>,
}

/// One reaction that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOne {
    /// The record that was to be reacted to.
    pub seq: u64,
    /// Who was to react.
    pub by: String,
    /// About which thing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Why not.
    pub why: String,
}
