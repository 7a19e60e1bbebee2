//! What the journal says of its own archive: which records were moved where, before their plain files are removed.

mod place;
mod store;

pub use place::{Place, check, disk, look, places};

use journal::Manifest;
use projections::event::{event, evidence};
use serde::{Deserialize, Serialize};

use crate::kernel::{Caller, Rejection};
use crate::processor::Handle;

/// What is told of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// How many segments it holds.
    pub segments: u64,
    /// Its first record.
    pub from: u64,
    /// Its last record.
    pub to: u64,
    /// Where it is.
    pub target: String,
    /// The manifest's digest.
    pub digest: String,
}

impl Told {
    /// Of a manifest.
    pub fn of(manifest: &Manifest) -> Self {
        let (target, digest) = (manifest.target.clone(), manifest.digest.clone());
        let segments = manifest.segments.len() as u64;
        let from = manifest.segments.first().map_or(0, |segment| segment.first);
        let to = manifest.segments.last().map_or(0, |segment| segment.last);
        Self {
            segments,
            from,
            to,
            target,
            digest,
        }
    }
}

/// Journals it in the name of a caller, durably. The record.
///
/// # Errors
/// [`Rejection`] `unavailable` when it cannot be journaled.
pub async fn tell(handle: &Handle, caller: Caller, told: &Told) -> Result<u64, Rejection> {
    let facts = evidence::LogArchived {
        segments: told.segments,
        from: told.from,
        to: told.to,
        target: told.target.as_str().into(),
        digest: told.digest.as_str().into(),
    };
    let said = event(evidence::ARCHIVED, &facts).map_err(|cause| Rejection::new("unavailable", cause.to_string()))?;
    let (record, _) = handle.record_for_all(caller, vec![said]).await?;
    Ok(record)
}
