//! The file: what is in it, the one way it is written, and the digests that its seal is over.

use projections::Digest;
use serde::{Deserialize, Serialize};

/// The form of the file. A later one that says the same thing otherwise has another number.
pub const FORMAT: &str = "orkestra-evidence/1";
/// What the seal states, on its first line.
pub const SEAL: &str = "orkestra.evidence/1";

/// Evidence as a file. It is written in one way only ([`Bundle::text`]), so that no byte of it can be another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: String,
    /// What it proves and what it does not, in words, line by line.
    pub page: Vec<String>,
    /// Which records these are.
    pub selection: Selection,
    /// The public key of the log (C2SP signed-note, verifier key).
    pub key: String,
    /// The signed checkpoint that the records are proven against (C2SP tlog-checkpoint).
    pub checkpoint: String,
    /// The records in which the log's key named the next one, up to the one that signed: none where it is the first.
    pub rotations: Vec<Entry>,
    /// The records, in order.
    pub records: Vec<Entry>,
    /// A signed note over the digests of all of the above ([`SEAL`]); it names the record of the export too.
    pub seal: String,
}

/// Which records were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The journal's identifier.
    pub journal: String,
    /// What was asked for.
    pub what: What,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// Every record that concerns an action.
    Action(String),
    /// Every record of a range, both ends in it.
    Range {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
}

/// A record and the proof that it is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number, from 1; its leaf has the index before it.
    pub seq: u64,
    /// Its exact text: the content of its leaf.
    pub text: String,
    /// The audit path from the leaf up (RFC 6962, section 2.1.1), SHA-256 in lower-case hexadecimal.
    pub proof: Vec<String>,
}

/// The digest (SHA-256) of each part of a bundle, over its canonical JSON text. The seal states them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// Of the page.
    pub page: Digest,
    /// Of the selection.
    pub selection: Digest,
    /// Of the key.
    pub key: Digest,
    /// Of the checkpoint.
    pub checkpoint: Digest,
    /// Of the records that name keys, with their proofs.
    pub rotations: Digest,
    /// Of the records with their proofs.
    pub records: Digest,
}

impl Bundle {
    /// The text of the file.
    ///
    /// # Errors
    /// None is known.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// The digests of its parts.
    ///
    /// # Errors
    /// None is known.
    pub fn contents(&self) -> Result<Contents, serde_json::Error> {
        Ok(Contents {
            page: of(&self.page)?,
            selection: of(&self.selection)?,
            key: of(&self.key)?,
            checkpoint: of(&self.checkpoint)?,
            rotations: of(&self.rotations)?,
            records: of(&self.records)?,
        })
    }
}

fn of(part: &impl Serialize) -> Result<Digest, serde_json::Error> {
    serde_json::to_string(part).map(|text| Digest::of(text.as_bytes()))
}

impl Contents {
    /// The lines under which they are sealed: a name, a blank, 64 hexadecimal digits.
    pub fn lines(&self) -> [String; 6] {
        [
            format!("page {}", self.page),
            format!("selection {}", self.selection),
            format!("key {}", self.key),
            format!("checkpoint {}", self.checkpoint),
            format!("rotations {}", self.rotations),
            format!("records {}", self.records),
        ]
    }

    /// One digest over all of them: what the journal says of the export.
    pub fn digest(&self) -> Digest {
        Digest::of(self.lines().join("\n").as_bytes())
    }
}
