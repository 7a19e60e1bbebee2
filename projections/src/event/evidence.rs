//! What is journaled of evidence: that it was given out, that the log was decided again, that a witness disputes it, that the key changed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// A bundle of evidence was sealed for somebody.
pub const EXPORTED: &str = "evidence.exported";
/// The log is signed by another key from here on.
pub const KEY_ROTATED: &str = "log.key_rotated";

/// A journal was decided again, and what came of it was signed.
pub const REPLAYED: &str = "log.replayed";

/// Segments are archived, and their plain files are about to be removed.
pub const ARCHIVED: &str = "log.archived";

/// `log.archived`.
#[derive(Debug, Serialize, Deserialize)]
pub struct LogArchived<'a> {
    /// How many segments.
    pub segments: u64,
    /// Their first record.
    pub from: u64,
    /// Their last record.
    pub to: u64,
    /// Where their copies are.
    #[serde(borrow)]
    pub target: Cow<'a, str>,
    /// SHA-256 over what the manifest says, hexadecimal.
    #[serde(borrow)]
    pub digest: Cow<'a, str>,
}

/// A witness does not find the log consistent with what it saw before.
pub const DISPUTED: &str = "log.disputed";

/// `log.disputed`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Disputed<'a> {
    /// The witness's name.
    #[serde(borrow)]
    pub witness: Cow<'a, str>,
    /// The size of the checkpoint that it was shown.
    pub size: u64,
    /// The size that it says it has seen, where it said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// What it answered.
    #[serde(borrow)]
    pub why: Cow<'a, str>,
}

/// `evidence.exported`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exported<'a> {
    /// SHA-256 over the digests of the bundle's parts, as the bundle's seal states them.
    pub digest: Digest,
    /// The action that it is about. Not called `action`, so that an export does not concern the action itself.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Cow<'a, str>>,
    /// The first record.
    pub from: u64,
    /// The last record.
    pub to: u64,
    /// How many records.
    pub records: u64,
    /// The size of the tree that they are proven to be in.
    pub size: u64,
}

/// `log.replayed`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Replayed<'a> {
    /// How many records, from the first on.
    pub size: u64,
    /// The root of their tree, in hexadecimal.
    #[serde(borrow)]
    pub root: Cow<'a, str>,
    /// How many decisions were made again.
    pub decisions: u64,
    /// How many of them came out otherwise.
    pub divergences: u64,
    /// The digest of the state at the end.
    #[serde(borrow)]
    pub state: Cow<'a, str>,
}

/// `log.key_rotated`: both public keys, and the old key's word for the new one.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyRotated<'a> {
    /// The key that signed until here.
    #[serde(borrow)]
    pub old: Cow<'a, str>,
    /// The key that signs from here on.
    #[serde(borrow)]
    pub new: Cow<'a, str>,
    /// A signed note of the old key that names the new one.
    #[serde(borrow)]
    pub note: Cow<'a, str>,
}
