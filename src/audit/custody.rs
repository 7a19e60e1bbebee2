//! Opens the key that signs the log, and insists that it is the log's own: not one that was replaced, nor a new one where another
//! signed before.

use journal::{Checkpoint, Journal, Reader, SigningKey, VerifyingKey};
use thiserror::Error;

use super::keys::Chain;
use super::rotation;
use crate::door::keys;
use crate::door::signing::{Source, VARIABLE};

/// Why nothing is signed.
#[derive(Debug, Error)]
pub enum Error {
    /// The key.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// There is no key.
    #[error(
        "{0}: the key that signs this log is not there, and none is made in its place; restore the folder keys from the newest \
         backup, or say where the key is ({VARIABLE}, evidence.signing_key_file)"
    )]
    Missing(String),
    /// It is another key than the log's.
    #[error(
        "{of}: {public} is not the key of this log: {why}; restore the folder keys from the newest backup, or give the right \
         key ({VARIABLE}, evidence.signing_key_file). Only `orkestra journal rotate-key` replaces it; ops/evidence.md says \
         what to do where it is lost"
    )]
    Other {
        /// Where it came from.
        of: String,
        /// Its public half.
        public: String,
        /// How that shows.
        why: String,
    },
}

/// Opens the key, after a rotation that was interrupted is settled. With `may_make` one is made where nothing was ever signed.
///
/// # Errors
/// [`Error`]; nothing is made or changed then, but what [`rotation::settle`] changes.
pub fn open(source: &Source, journal: &Journal, may_make: bool) -> Result<SigningKey, Error> {
    rotation::settle(source, journal)?;
    let newest = journal.newest_checkpoint();
    if source.is_missing() {
        return match newest? {
            None if may_make => Ok(source.make()?),
            _ => Err(Error::Missing(source.to_string())),
        };
    }
    let key = source.open()?;
    // One that cannot be read proves nothing; `verify` names it.
    expect_current(source, &key.verifying_key()?, newest.ok().flatten().as_ref(), &|from| {
        journal.reader(from)
    })?;
    Ok(key)
}

/// Insists that a key is the one that signs now: the newest checkpoint is by it, or by one whose successor it is, and the journal
/// names none after it. Reads only what came after that checkpoint where it is by the key.
///
/// # Errors
/// [`Error::Other`] where it is not; [`Error::Journal`].
pub fn expect_current(
    source: &Source,
    public: &VerifyingKey,
    newest: Option<&Checkpoint>,
    read: &dyn Fn(u64) -> Reader,
) -> Result<(), Error> {
    let other = |why: String| Error::Other {
        of: source.to_string(),
        public: public.encode().to_owned(),
        why,
    };
    // Nothing was ever signed here, or an operator whose key is lost took it away.
    let Some(newest) = newest else { return Ok(()) };
    let by_it = newest.verify(public).is_ok();
    let from = if by_it { newest.root.size + 1 } else { 1 };
    let chain = Chain::read(&mut read(from), &mut |_| ())?;
    if let Some((seq, key)) = chain.replaced(public) {
        return Err(other(format!(
            "record {seq} names {} to sign from there on",
            key.encode()
        )));
    }
    if by_it {
        return Ok(());
    }
    let signed = chain.keys(public.clone()).at(newest.root.size).clone();
    newest.verify(&signed).map_err(|_| {
        let size = newest.root.size;
        other(format!(
            "the newest checkpoint, of {size} records, is by another that does not name it"
        ))
    })
}
