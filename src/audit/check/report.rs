//! What a check found.

use std::borrow::Cow;

use projections::Record;
use projections::event::{Started, names};
use serde::Serialize;

use super::compare::Compared;

/// Divergences that are kept whole; the others are counted.
const KEPT_MAX: usize = 10;

/// What came of deciding a journal again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Records that were folded.
    pub records: u64,
    /// Decisions that were made again.
    pub decisions: u64,
    /// Of them, those that came out the same.
    pub same: u64,
    /// Decided by another version of the tool's rules, and differently: no sign of tampering.
    pub other_version: u64,
    /// Decisions that come out differently because somebody in them was erased since: no sign of tampering.
    pub erased: u64,
    /// Not decided again, because what was given is recorded nowhere (tokens).
    pub not_decided: u64,
    /// Reads that were journaled so late that the state they read had gone by.
    pub late: u64,
    /// Decisions that came out differently.
    pub divergences: u64,
    /// The first of them.
    pub first: Vec<Divergence>,
    /// The digest of the state at the end.
    pub state: String,
    /// The program that wrote the newest record.
    pub program: String,
}

/// A decision that came out differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Divergence {
    /// The record.
    pub seq: u64,
    /// The tool.
    pub tool: String,
    /// What differs: `call` or `plan`.
    pub what: &'static str,
    /// Where, what was recorded, and what it would be today.
    pub lines: Vec<String>,
    /// The program that wrote the record.
    pub program: String,
}

impl Report {
    /// Whether everything came out the same.
    pub fn is_good(&self) -> bool {
        self.divergences == 0
    }

    pub(super) fn count(&mut self, seq: u64, compared: Compared) {
        self.decisions += u64::from(!matches!(compared, Compared::NotDecided));
        match compared {
            Compared::Same => self.same += 1,
            Compared::OtherVersion => self.other_version += 1,
            Compared::NotDecided => self.not_decided += 1,
            Compared::Erased => self.erased += 1,
            Compared::Differs { tool, what, lines } => {
                self.divergences += 1;
                if self.first.len() < KEPT_MAX {
                    let program = self.program.clone();
                    self.first.push(Divergence {
                        seq,
                        tool,
                        what,
                        lines,
                        program,
                    });
                }
            }
        }
    }

    /// Remembers which program writes.
    pub(super) fn note(&mut self, record: &Record<'_>) {
        let starts = record.events.iter().filter(|entry| entry.name == names::STARTED);
        for data in starts.filter_map(|entry| entry.data) {
            let version = serde_json::from_str::<Started<'_>>(data.get()).map(|facts| facts.version);
            self.program = version.map(Cow::into_owned).unwrap_or_default();
        }
    }
}
