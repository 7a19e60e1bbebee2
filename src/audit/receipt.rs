//! The receipt of a replay: a statement of the log's key on what came of deciding its first records again.
//!
//! It says which records (their number and the root of their tree, as in a checkpoint), with which program, what the state was at
//! the end, and how many decisions came out otherwise. Whoever holds the log's public key can check it, offline; it is a signed
//! note (C2SP signed-note).

use journal::{Checkpoint, Statement, VerifyingKey};
use projections::event::{event, evidence};
use serde::{Deserialize, Serialize};

use super::check::Report;
use crate::door::signer::Signer;
use crate::kernel::{Caller, Rejection};
use crate::processor::Handle;

/// The first line of a receipt.
pub const RECEIPT: &str = "orkestra.replay/1";

/// What a receipt states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// How many records were decided again, from the first on.
    pub size: u64,
    /// The root of their tree, SHA-256 in hexadecimal.
    pub root: String,
    /// The program that decided them again.
    pub program: String,
    /// The program that wrote the newest of them.
    pub written_by: String,
    /// Decisions that were made again.
    pub decisions: u64,
    /// Of them, those that came out the same.
    pub same: u64,
    /// Those that another version of a tool's rules had decided otherwise.
    pub other_version: u64,
    /// Those that came out otherwise.
    pub divergences: u64,
    /// Decisions that cannot be made again.
    pub not_decided: u64,
    /// Reads that were journaled too late to be answered again.
    pub late: u64,
    /// The digest of the state at the end.
    pub state: String,
    /// The record of the first decision that came out otherwise.
    pub first_divergence: Option<u64>,
}

impl Receipt {
    /// Of a report on the records of a checkpoint.
    pub fn of(report: &Report, checkpoint: &Checkpoint) -> Self {
        Self {
            size: checkpoint.root.size,
            root: checkpoint.root.hex(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            written_by: report.program.clone(),
            decisions: report.decisions - report.erased,
            same: report.same,
            other_version: report.other_version,
            divergences: report.divergences,
            not_decided: report.not_decided + report.erased,
            late: report.late,
            state: report.state.clone(),
            first_divergence: report.first.first().map(|first| first.seq),
        }
    }

    fn lines(&self) -> [String; 7] {
        let first = self.first_divergence;
        let first = first.map_or_else(String::new, |seq| format!(", the first in record {seq}"));
        [
            format!("records 1 to {}", self.size),
            format!("root {}", self.root),
            format!("decided again by orkestra {}", self.program),
            format!("newest records by orkestra {}", self.written_by),
            format!(
                "{} decisions: {} the same, {} by other versions of their rules, {} otherwise{first}",
                self.decisions, self.same, self.other_version, self.divergences
            ),
            format!(
                "not made again: {} decisions, {} late reads",
                self.not_decided, self.late
            ),
            format!("state {}", self.state),
        ]
    }
}

/// Journals a receipt in the name of a caller; when that is durable, signs it. The signed note.
///
/// # Errors
/// [`Rejection`] `another_history` where the records are not those of the log; `unavailable` when it cannot be journaled or
/// signed.
pub async fn sign(handle: &Handle, signer: &Signer, caller: Caller, receipt: Receipt) -> Result<String, Rejection> {
    let (log, size) = (signer.journal().clone(), receipt.size);
    let root = tokio::task::spawn_blocking(move || log.root(Some(size))).await;
    if root.map_err(failed)?.map_err(failed)?.hex() != receipt.root {
        let no = "what was decided again is not what the log holds";
        return Err(Rejection::new("another_history", no).hint("`orkestra journal verify` tells which is altered"));
    }
    let facts = evidence::Replayed {
        size,
        root: receipt.root.as_str().into(),
        decisions: receipt.decisions,
        divergences: receipt.divergences,
        state: receipt.state.as_str().into(),
    };
    let told = event(evidence::REPLAYED, &facts).map_err(failed)?;
    let who = format!("{} via {}", caller.member, caller.via);
    let (record, at) = handle.record_for_all(caller, vec![told]).await?;
    let mut lines = receipt.lines().to_vec();
    lines.push(format!("replayed {record} {at} {who}"));
    let signer = signer.clone();
    // Whoever signs a checkpoint or changes the key is waited for.
    let stated = tokio::task::spawn_blocking(move || signer.state(RECEIPT, &lines)).await;
    Ok(stated.map_err(failed)?.map_err(failed)?.note)
}

/// What a receipt states, a line each, where it was signed by the key.
///
/// # Errors
/// [`journal::Error::Checkpoint`] when it was not, or is no receipt.
pub fn open(note: &str, key: &VerifyingKey) -> Result<Vec<String>, journal::Error> {
    let stated = Statement::open(note, RECEIPT, key)?;
    Ok(stated.lines().map(ToOwned::to_owned).collect())
}

fn failed(cause: impl std::fmt::Display) -> Rejection {
    Rejection::new("unavailable", format!("the receipt could not be signed: {cause}"))
}
