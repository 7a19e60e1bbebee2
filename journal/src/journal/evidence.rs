//! What a journal can show to those who do not trust it: roots, checkpoints, tiles, proofs.

use std::sync::{MutexGuard, PoisonError};

use tlog_tiles::{prove_record, prove_tree};

use super::Journal;
use crate::index::Index;
use crate::merkle::{Tree, content};
use crate::{Checkpoint, Consistency, Error, Inclusion, Log as _, Root, SigningKey, checkpoint};

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
        self.tree_of(size)
            .and_then(|mut tree| Ok(Root::new(size, tree.root_at(size)?)))
    }

    /// Signs the root of all durable records and saves it beside them; where the newest one saved is of the same records and
    /// key, it is that one, with whatever other signatures it bears.
    ///
    /// # Errors
    /// As for [`Journal::root`]; [`Error::Checkpoint`] when it cannot be signed.
    pub fn checkpoint(&self, key: &SigningKey) -> Result<Checkpoint, Error> {
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
        let mut tree = self.tree_of(self.durable())?;
        if tree.width(level, index) < width || width == 0 {
            return Ok(None);
        }
        let read = |tree: &Tree| tree.tile(level, index).ok_or(tlog_tiles::Error::InvalidTile);
        Ok(tree.prove(read)?.get(..width).map(content))
    }

    /// Proves that a record is among the first `size`.
    ///
    /// # Errors
    /// [`Error::Beyond`] when `size` is not durable yet; [`Error::Proof`] when the record is not among them.
    pub fn prove_inclusion(&self, seq: u64, size: u64) -> Result<Inclusion, Error> {
        if seq == 0 || seq > size {
            return Err(Error::Proof {
                why: format!("record {seq} is not among the first {size}"),
            });
        }
        let path = self
            .tree_of(size)?
            .prove(|reader| prove_record(size, seq - 1, reader))?;
        Ok(Inclusion {
            seq,
            size,
            path: path.into_iter().map(|hash| hash.0).collect(),
        })
    }

    /// Proves that the first `old` records are the beginning of the first `new`.
    ///
    /// # Errors
    /// [`Error::Beyond`] when `new` is not durable yet; [`Error::Proof`] when `old` is 0 or greater than `new`.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Consistency, Error> {
        if old == 0 || old > new {
            return Err(Error::Proof {
                why: format!("{old} is not between 1 and {new}"),
            });
        }
        let path = self.tree_of(new)?.prove(|reader| prove_tree(new, old, reader))?;
        Ok(Consistency {
            old,
            new,
            path: path.into_iter().map(|hash| hash.0).collect(),
        })
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
