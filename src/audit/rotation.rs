//! Another key for the log: the old one names it, the journal keeps that, and only then does it sign.
//!
//! The new key waits beside the old one (`signing.next`) until the record is durable. Whatever stops in between, the next start
//! or the next rotation finds out from the journal which of the two signs. A key that is kept elsewhere is not written here: the
//! operator gives the new one in a file, and puts it where the old one was.

use std::fs;
use std::path::{Path, PathBuf};

use journal::{Journal, SigningKey, Statement, VerifyingKey};
use projections::event::{event, evidence};

use super::custody::Error;
use super::keys::{Chain, KIND, lines};
use crate::door::keys::{self, random, write_private};
use crate::door::signer::{Signer, Turning};
use crate::door::signing::{ORIGIN, Source};
use crate::kernel::{Caller, Rejection};
use crate::processor::Handle;

fn failed(cause: impl std::fmt::Display) -> Rejection {
    Rejection::new("unavailable", format!("the key was not changed: {cause}"))
}

/// Where the next key waits.
fn next(path: &Path) -> PathBuf {
    path.with_extension("next")
}

/// A rotation of which nothing is journaled yet. While it lasts, nothing else is signed.
struct Begun {
    turning: Turning,
    new: SigningKey,
    old: VerifyingKey,
    public: VerifyingKey,
    /// The old key's word for the new one.
    statement: Statement,
    /// The file whose place the new key takes; `None` where this program does not keep it.
    place: Option<PathBuf>,
}

/// Gives the log another key, in the name of a caller; the public half of the new one. `to` is a file that holds it, where it is not
/// to be made in the data directory.
///
/// # Errors
/// [`Rejection`] `key_elsewhere` when the key is not kept in the data directory and none is given; `unavailable` when something
/// fails: the message says whether the key was changed. The next start settles what is left.
pub async fn rotate(
    handle: &Handle,
    signer: &Signer,
    caller: Caller,
    to: Option<PathBuf>,
) -> Result<String, Rejection> {
    let signing = signer.clone();
    let begun = blocking(move || begin(&signing, to.as_deref())).await??;
    if let Err(no) = journaled(handle, caller, &begun).await {
        begun.refused(handle).await;
        return Err(no);
    }
    let public = begun.public.encode().to_owned();
    let Begun {
        turning, new, place, ..
    } = begun;
    // From here on the log is the new key's, whatever else fails; but nobody signs or begins anew before the files say so, too.
    turning.take(new);
    let ended = blocking(move || end(&turning, place.as_deref())).await;
    match ended.map_err(|no| no.message).flatten() {
        Ok(()) => Ok(public),
        Err(cause) => Err(Rejection::new(
            "unavailable",
            format!("the key was changed, and {public} signs from now on, but {cause}"),
        )
        .hint("the next start puts the rest in order; then back up the folder keys")),
    }
}

/// Readies a rotation: the old key vouches for everything before, and for the new one.
fn begin(signer: &Signer, to: Option<&Path>) -> Result<Begun, Rejection> {
    let turning = signer.turn().map_err(failed)?;
    let Next { key: new, seed, place } = made(signer, to)?;
    let (old, public) = (turning.public().map_err(failed)?, new.verifying_key().map_err(failed)?);
    if old == public {
        return Err(failed(format!("{} signs already", public.encode())));
    }
    turning.checkpoint().map_err(failed)?;
    let statement = turning.state(KIND, &lines(&old, &public)).map_err(failed)?;
    if let Some(path) = &place {
        write_private(&next(path), &format!("{}\n", projections::Digest::from(seed))).map_err(failed)?;
    }
    Ok(Begun {
        turning,
        new,
        old,
        public,
        statement,
        place,
    })
}

/// A new key: of the seed, which waits beside the place it will take, or from a file where there is no such place.
struct Next {
    key: SigningKey,
    seed: [u8; 32],
    place: Option<PathBuf>,
}

fn made(signer: &Signer, to: Option<&Path>) -> Result<Next, Rejection> {
    let seed = random().map_err(failed)?;
    let (key, place) = match (signer.source(), to) {
        (_, Some(file)) => (Source::File(file.to_owned()).open().map_err(failed)?, None),
        (Source::Directory(path), None) => {
            settle(signer.source(), signer.journal()).map_err(failed)?;
            let key = SigningKey::from_seed(ORIGIN, seed).map_err(failed)?;
            (key, Some(path.to_owned()))
        }
        (elsewhere, None) => return Err(key_elsewhere(elsewhere)),
    };
    Ok(Next { key, seed, place })
}

fn key_elsewhere(source: &Source) -> Rejection {
    let said = format!("the log's key comes from {source}, which this program does not write");
    Rejection::new("key_elsewhere", said)
        .hint("give the new one in a file with --to FILE, and put it there afterwards; see ops/evidence.md")
}

/// What remains when the record is durable: the files, and the first checkpoint by the new key.
fn end(turning: &Turning, place: Option<&Path>) -> Result<(), String> {
    if let Some(path) = place {
        take_place(path).map_err(|cause| format!("{} was not replaced: {cause}", path.display()))?;
    }
    turning
        .checkpoint()
        .map(drop)
        .map_err(|cause| format!("it signed no checkpoint yet: {cause}"))
}

impl Begun {
    /// Takes the waiting key away if it is certain that no record names it: the processor goes on, and with it the journal.
    /// Else the next start finds out.
    async fn refused(self, handle: &Handle) {
        let goes_on = handle.ask(|_, _, _| Ok((Vec::new(), ()))).await.is_ok() && handle.closed().borrow().is_none();
        if let Some(path) = self.place.filter(|_| goes_on) {
            // What stays is settled by the next rotation.
            drop(blocking(move || fs::remove_file(next(&path))).await);
        }
    }
}

async fn journaled(handle: &Handle, caller: Caller, begun: &Begun) -> Result<(), Rejection> {
    let facts = evidence::KeyRotated {
        old: begun.old.encode().into(),
        new: begun.public.encode().into(),
        note: begun.statement.note.as_str().into(),
    };
    let told = event(evidence::KEY_ROTATED, &facts).map_err(failed)?;
    handle.record_for_all(caller, vec![told]).await.map(drop)
}

async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<T, Rejection> {
    tokio::task::spawn_blocking(run).await.map_err(failed)
}

fn take_place(path: &Path) -> std::io::Result<()> {
    fs::rename(next(path), path)?;
    path.parent()
        .map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

/// Ends a rotation that was interrupted, before the key is opened: the next key takes its place if the journal names it, and goes
/// if the journal was read and does not, or if it was never written whole.
///
/// # Errors
/// [`Error`] when that cannot be found out, and then nothing is touched: it may be the only copy of the key.
pub fn settle(source: &Source, journal: &Journal) -> Result<(), Error> {
    let Source::Directory(path) = source else {
        return Ok(());
    };
    let waiting = next(path);
    let file = |cause| keys::Error::File {
        path: waiting.clone(),
        cause,
    };
    if !waiting.try_exists().map_err(file)? {
        return Ok(());
    }
    let named = match Source::Directory(waiting.clone()).public() {
        Ok(public) => {
            let chain = Chain::read(&mut journal.reader(1), &mut |_| ())?;
            chain.names(&public)
        }
        // One that was not written whole was not journaled either.
        Err(keys::Error::NoKey(_)) => false,
        Err(cause) => return Err(cause.into()),
    };
    let settled = if named {
        take_place(path)
    } else {
        fs::remove_file(&waiting)
    };
    Ok(settled.map_err(file)?)
}
