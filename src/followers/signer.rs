//! Who signs in the name of the log: checkpoints, and what else the log vouches for.

use std::sync::{Arc, PoisonError, RwLock};

use journal::{Checkpoint, Error, Journal, SigningKey, Statement, VerifyingKey};

/// The log and the key that signs for it; clones are the same.
#[derive(Clone)]
pub struct Signer {
    journal: Journal,
    key: Arc<RwLock<SigningKey>>,
}

impl Signer {
    /// A log and its key.
    pub fn new(journal: Journal, key: SigningKey) -> Self {
        let key = Arc::new(RwLock::new(key));
        Self { journal, key }
    }

    /// The log.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The key that checks what is signed from now on.
    ///
    /// # Errors
    /// As for [`SigningKey::verifying_key`].
    pub fn public(&self) -> Result<VerifyingKey, Error> {
        self.key().verifying_key()
    }

    /// Signs a checkpoint of everything that is durable, and keeps it.
    ///
    /// # Errors
    /// As for [`Journal::checkpoint`].
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        self.journal.checkpoint(&self.key())
    }

    /// The newest checkpoint that is kept; one is signed where there is none.
    ///
    /// # Errors
    /// As for [`Journal::checkpoint`].
    pub fn newest(&self) -> Result<Checkpoint, Error> {
        match self.journal.newest_checkpoint()? {
            Some(kept) => Ok(kept),
            None => self.checkpoint(),
        }
    }

    /// Signs a statement of a kind.
    ///
    /// # Errors
    /// As for [`Statement::sign`].
    pub fn state(&self, kind: &str, lines: &[String]) -> Result<Statement, Error> {
        Statement::sign(&self.key(), kind, lines)
    }

    /// Signs with another key from now on.
    pub fn change(&self, key: SigningKey) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = key;
    }

    fn key(&self) -> SigningKey {
        self.key.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
