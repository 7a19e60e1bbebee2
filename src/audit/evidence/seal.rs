//! Journals an export and signs it. The record comes first: no seal was ever given out that the journal does not tell of.

use projections::event::{event, evidence};
use serde::{Deserialize, Serialize};

use super::bundle::{Contents, SEAL, What};
use crate::door::signer::Signer;
use crate::kernel::{Caller, Rejection};
use crate::processor::Handle;

/// What is to be sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Export {
    /// The digests of the bundle's parts.
    pub contents: Contents,
    /// What was asked for.
    pub what: What,
    /// The first record.
    pub from: u64,
    /// The last record.
    pub to: u64,
    /// How many records.
    pub records: u64,
    /// The size of the tree that they are proven to be in.
    pub size: u64,
}

/// What comes back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sealed {
    /// The signed note.
    pub seal: String,
    /// The record of the export.
    pub record: u64,
}

/// Journals the export in the name of a caller; when that is durable, signs.
///
/// # Errors
/// [`Rejection`] `unavailable` when it cannot be journaled or signed.
pub async fn seal(handle: &Handle, signer: &Signer, caller: Caller, export: Export) -> Result<Sealed, Rejection> {
    let who = format!("{} via {}", caller.member, caller.via);
    let digest = export.contents.digest();
    let (from, to, records, size) = (export.from, export.to, export.records, export.size);
    let about = match export.what {
        What::Action(id) => Some(id.into()),
        What::Range { .. } => None,
    };
    let facts = evidence::Exported {
        digest,
        about,
        from,
        to,
        records,
        size,
    };
    let told = event(evidence::EXPORTED, &facts).map_err(failed)?;
    let (record, at) = handle.record_for_all(caller, vec![told]).await?;
    let mut lines = export.contents.lines().to_vec();
    lines.push(format!("exported {record} {at} {who}"));
    let signer = signer.clone();
    // Whoever signs a checkpoint or changes the key is waited for.
    let stated = tokio::task::spawn_blocking(move || signer.state(SEAL, &lines)).await;
    let seal = stated.map_err(failed)?.map_err(failed)?.note;
    Ok(Sealed { seal, record })
}

fn failed(cause: impl std::fmt::Display) -> Rejection {
    Rejection::new("unavailable", format!("the evidence could not be sealed: {cause}"))
}
