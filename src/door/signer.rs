//! Who signs in the name of the log: checkpoints, and what else the log vouches for.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use journal::{Checkpoint, Error, Journal, SigningKey, Statement, VerifyingKey};

use tokio::sync::watch;

use super::signing::Source;

/// The log and the key that signs for it; clones are the same.
#[derive(Clone)]
pub struct Signer {
    journal: Journal,
    source: Source,
    key: Arc<RwLock<Key>>,
    signed: watch::Sender<u64>,
}

struct Key {
    key: SigningKey,
    /// Whether another key is about to take its place: then nothing is signed.
    turning: bool,
}

/// Nothing is signed but through this, until it is dropped.
pub struct Turning(Signer);

impl Signer {
    /// A log and its key.
    pub fn new(journal: Journal, source: Source, key: SigningKey) -> Self {
        let key = Arc::new(RwLock::new(Key { key, turning: false }));
        let signed = watch::Sender::new(0);
        Self {
            journal,
            source,
            key,
            signed,
        }
    }

    /// The log.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Where the key came from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The key that checks what is signed from now on.
    ///
    /// # Errors
    /// As for [`SigningKey::verifying_key`].
    pub fn public(&self) -> Result<VerifyingKey, Error> {
        self.read().key.verifying_key()
    }

    /// Signs a checkpoint of everything that is durable, and keeps it.
    ///
    /// # Errors
    /// As for [`Journal::checkpoint`]; [`Error::Key`] while the key changes.
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        // Held until it is signed: what comes after a change of the key is never signed by the old one.
        let held = self.usable()?;
        self.checkpoint_by(&held.key)
    }

    fn checkpoint_by(&self, key: &SigningKey) -> Result<Checkpoint, Error> {
        let checkpoint = self.journal.checkpoint(key)?;
        self.signed.send_replace(checkpoint.root.size);
        Ok(checkpoint)
    }

    /// Follows the size of the checkpoint that was signed last.
    pub fn signed(&self) -> watch::Receiver<u64> {
        self.signed.subscribe()
    }

    /// The newest checkpoint that is kept; one is signed where there is none.
    ///
    /// # Errors
    /// As for [`Signer::checkpoint`].
    pub fn newest(&self) -> Result<Checkpoint, Error> {
        match self.journal.newest_checkpoint()? {
            Some(kept) => Ok(kept),
            None => self.checkpoint(),
        }
    }

    /// Signs a statement of a kind.
    ///
    /// # Errors
    /// As for [`Statement::sign`]; [`Error::Key`] while the key changes.
    pub fn state(&self, kind: &str, lines: &[String]) -> Result<Statement, Error> {
        Statement::sign(&self.usable()?.key, kind, lines)
    }

    /// Stops signing, because the key is about to change.
    ///
    /// # Errors
    /// [`Error::Key`] when it is changing already.
    pub fn turn(&self) -> Result<Turning, Error> {
        let mut held = self.write();
        if held.turning {
            return Err(changing());
        }
        held.turning = true;
        Ok(Turning(self.clone()))
    }

    fn usable(&self) -> Result<RwLockReadGuard<'_, Key>, Error> {
        let held = self.read();
        if held.turning { Err(changing()) } else { Ok(held) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Key> {
        self.key.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Key> {
        self.key.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turning {
    /// The key that signs, which is about to be replaced.
    ///
    /// # Errors
    /// As for [`Signer::public`].
    pub fn public(&self) -> Result<VerifyingKey, Error> {
        self.0.public()
    }

    /// Signs a checkpoint: the last by the old key, or the first by the new one.
    ///
    /// # Errors
    /// As for [`Journal::checkpoint`].
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        self.0.checkpoint_by(&self.0.read().key)
    }

    /// Signs a statement with it.
    ///
    /// # Errors
    /// As for [`Statement::sign`].
    pub fn state(&self, kind: &str, lines: &[String]) -> Result<Statement, Error> {
        Statement::sign(&self.0.read().key, kind, lines)
    }

    /// Another key signs from now on; others hear of it when this is dropped.
    pub fn take(&self, key: SigningKey) {
        self.0.write().key = key;
    }
}

impl Drop for Turning {
    fn drop(&mut self) {
        self.0.write().turning = false;
    }
}

fn changing() -> Error {
    Error::Key {
        why: "the key is being changed; ask again in a moment".to_owned(),
    }
}
