//! What a journal can show to those who do not trust it: roots, checkpoints, tiles, proofs.

use std::sync::{MutexGuard, PoisonError};

use super::Journal;
use crate::index::Index;
use crate::merkle::{Shown, Tree};
use crate::{Checkpoint, Consistency, Error, Log as _, Root, SigningKey, checkpoint};

impl Journal {
    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.inner.origin
    }

    /// The root of the first `size` records, or of all durable ones.
    ///
    /// # Errors
    /// [`Error::Beyond`] when there are fewer; [`Error::Damaged`] or [`Error::Io`] when they cannot be read.
    pub fn root(&self, size: Option<u64>) -> Result<Root, Error> {
        let size = size.unwrap_or_else(|| self.durable());
        self.prove(size, |tree| tree.root(size))
    }

    /// Signs the root of all durable records and saves it beside them; where the newest one saved is of the same records and
    /// key, it is that one, with whatever other signatures it bears.
    ///
    /// # Errors
    /// As for [`Journal::root`]; [`Error::Checkpoint`] when it cannot be signed.
    pub fn checkpoint(&self, key: &SigningKey) -> Result<Checkpoint, Error> {
        let _alone = self.saving();
        let root = self.root(None)?;
        let newest = self.newest_checkpoint().ok().flatten();
        let same = |kept: &Checkpoint| kept.root == root && kept.origin == self.inner.origin;
        if let Some(kept) = newest.filter(same)
            && kept.verify(&key.verifying_key()?).is_ok()
        {
            return Ok(kept);
        }
        let checkpoint = Checkpoint::sign(key, &self.inner.origin, root)?;
        checkpoint.save(self.inner.source.disk.as_ref())?;
        Ok(checkpoint)
    }

    /// The newest checkpoint that was saved beside the records; `None` where none was signed yet.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Checkpoint`] when the file holds something else.
    pub fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, Error> {
        checkpoint::newest(self.inner.source.disk.as_ref())
    }

    /// Saves a checkpoint of these records again, as with the signatures of others on it.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is not one of these records; [`Error::Io`].
    pub fn keep_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let _alone = self.saving();
        if self.root(Some(checkpoint.root.size))? != checkpoint.root {
            let why = "it is a checkpoint of other records".to_owned();
            return Err(Error::Checkpoint { why });
        }
        checkpoint.save(self.inner.source.disk.as_ref())
    }

    /// The first `width` hashes of a tile (C2SP tlog-tiles), 32 bytes each; `None` where the durable records do not fill
    /// that many.
    ///
    /// # Errors
    /// As for [`Journal::root`].
    pub fn tile(&self, level: u8, index: u64, width: usize) -> Result<Option<Vec<u8>>, Error> {
        self.prove(self.durable(), |tree| tree.first(level, index, width))
    }

    /// Proves that the first `old` records are the beginning of the first `new`.
    ///
    /// # Errors
    /// [`Error::Beyond`] when `new` is not durable yet; [`Error::Proof`] when `old` is 0 or greater than `new`.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Consistency, Error> {
        self.prove(new, |tree| tree.consistency(old, new))
    }

    /// Reads from the tree of `size` records, without keeping others from it; when a tile turns out bad, all are computed
    /// again, once.
    fn prove<T>(&self, size: u64, prove: impl Fn(&Shown) -> Result<T, Error>) -> Result<T, Error> {
        let shown = self.tree_of(size)?.shown();
        let proof = prove(&shown);
        if !shown.is_spoilt() {
            return proof;
        }
        let mut tree = self.tree_of(size)?;
        tree.again()?;
        let proof = prove(&tree.shown());
        tree.flush()?;
        proof
    }

    /// One checkpoint is saved after the other, each beside the newest before it.
    fn saving(&self) -> MutexGuard<'_, ()> {
        self.inner.saving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tree, grown to at least `size`.
    fn tree_of(&self, size: u64) -> Result<MutexGuard<'_, Tree>, Error> {
        let last = self.inner.source.look(Index::last);
        if size > last {
            return Err(Error::Beyond { seq: size, last });
        }
        let mut tree = self.inner.tree.lock().unwrap_or_else(PoisonError::into_inner);
        tree.advance(size)?;
        Ok(tree)
    }
}
