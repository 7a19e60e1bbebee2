//! The sections of the configuration that belong to no other place.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Who carries out executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Execution {
    /// This server.
    Embedded,
    /// Workers that take them from NATS.
    Nats,
}

/// How long and how often an execution is tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempts {
    /// How long an attempt may take before nobody knows what came of it.
    pub patience_seconds: u32,
    /// Most attempts of one execution that are made without being asked for.
    pub max: NonZeroU32,
    /// The pause before the second attempt; each further one is twice as long, up to five minutes.
    pub pause_seconds: u32,
}

/// Modules whose writes are carried out by somebody else's worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The modules' toolset names.
    pub modules: Vec<String>,
    /// The worker's name: of letters, digits, `-` and `_`.
    pub worker: String,
}

/// The journal's sizes, in bytes, and its archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// The size a segment is preallocated to.
    pub segment_bytes: u64,
    /// The largest record.
    pub record_bytes_max: u64,
    /// What is kept free for refusals on a full disk.
    pub reserve_bytes: u64,
    /// Where the archive is, if elsewhere than its manifest says.
    pub archive: Option<String>,
}

/// Requests a minute and token, by class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Everything but the next.
    pub normal_per_minute: NonZeroU32,
    /// Proposing sensitive and bulk writes.
    pub sensitive_per_minute: NonZeroU32,
}
