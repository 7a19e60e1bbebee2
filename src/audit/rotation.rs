//! Another key for the log: the old one names it, the journal keeps that, and only then does it sign.
//!
//! The new key waits beside the old one (`signing.next`) until the record is durable. Whatever stops in between, the next start
//! finds out from the journal which of the two signs.

use std::fs;
use std::path::{Path, PathBuf};

use journal::{Look, SigningKey, Statement};
use projections::event::{event, evidence};

use super::keys::{KIND, Keys, lines};
use crate::data::ORIGIN;
use crate::door::keys::{self, random, write_private};
use crate::door::signing::Source;
use crate::followers::signer::Signer;
use crate::kernel::{Caller, Rejection};
use crate::processor::Handle;

fn failed(cause: impl std::fmt::Display) -> Rejection {
    Rejection::new("unavailable", format!("the key was not changed: {cause}"))
}

/// Where the next key waits.
fn next(path: &Path) -> PathBuf {
    path.with_extension("next")
}

/// Gives the log another key, in the name of a caller; the public half of the new one.
///
/// # Errors
/// [`Rejection`] `key_elsewhere` when the key is not kept in the data directory; `unavailable` when something fails, and then
/// the next start settles which key signs.
pub async fn rotate(handle: &Handle, signer: &Signer, caller: Caller) -> Result<String, Rejection> {
    let Source::Directory(path) = signer.source() else {
        let said = format!(
            "the log's key comes from {}, which this program does not write",
            signer.source()
        );
        return Err(Rejection::new("key_elsewhere", said)
            .hint("keep the key in the data directory to have it rotated; see ops/evidence.md"));
    };
    // The old key vouches for everything before.
    signer.checkpoint().map_err(failed)?;
    let seed = random().map_err(failed)?;
    let new = SigningKey::from_seed(ORIGIN, seed).map_err(failed)?;
    let (old, public) = (signer.public().map_err(failed)?, new.verifying_key().map_err(failed)?);
    let statement = signer.state(KIND, &lines(&old, &public)).map_err(failed)?;
    let turning = signer.turn().map_err(failed)?;
    write_private(&next(path), &format!("{}\n", projections::Digest::from(seed))).map_err(failed)?;
    journaled(handle, caller, &old, &public, &statement).await?;
    take_place(path).map_err(failed)?;
    turning.take(new);
    signer.checkpoint().map_err(failed)?;
    Ok(public.encode().to_owned())
}

async fn journaled(
    handle: &Handle,
    caller: Caller,
    old: &journal::VerifyingKey,
    new: &journal::VerifyingKey,
    statement: &Statement,
) -> Result<(), Rejection> {
    let facts = evidence::KeyRotated {
        old: old.encode().into(),
        new: new.encode().into(),
        note: statement.note.as_str().into(),
    };
    let told = event(evidence::KEY_ROTATED, &facts).map_err(failed)?;
    handle.record(caller, vec![told]).await
}

fn take_place(path: &Path) -> std::io::Result<()> {
    fs::rename(next(path), path)?;
    path.parent()
        .map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

/// Ends a rotation that was interrupted, before the key is opened: the next key takes its place if the journal names it.
///
/// # Errors
/// [`keys::Error`] when the files cannot be read or moved.
pub fn settle(source: &Source, journal: &Path, line_max: u64) -> Result<(), keys::Error> {
    let Source::Directory(path) = source else {
        return Ok(());
    };
    let waiting = Source::Directory(next(path));
    if !waiting.has_key() {
        return Ok(());
    }
    let file = |cause| keys::Error::File {
        path: next(path),
        cause,
    };
    // One that was not written whole was not journaled either.
    let named = waiting.public().is_ok_and(|public| {
        let keys = Look::at(journal, line_max).and_then(|look| Keys::of(&look, public.clone()));
        keys.is_ok_and(|keys| *keys.at(u64::MAX) == public && keys.vouches_from().is_some())
    });
    if named {
        take_place(path).map_err(file)
    } else {
        fs::remove_file(next(path)).map_err(file)
    }
}
