//! Proofs from the records themselves, without the lock of the directory and without trust in what lies beside them.

use std::sync::Arc;

use crate::index::Source;
use crate::merkle::{Shown, Tree};
use crate::{Consistency, Error, Inclusion, Root};

/// Records hashed between two calls of `progress`.
const STRIDE: u64 = 8192;

/// The tree of the first records of a journal that somebody looks at ([`crate::Look::prover`]). It is made of the records,
/// not of the tiles: a tile that differs is an error, because then the records are not those that were signed.
pub struct Prover {
    tree: Shown,
}

impl Prover {
    pub(crate) fn of(source: Arc<Source>, size: u64, progress: &mut dyn FnMut(u64)) -> Result<Self, Error> {
        let mut tree = Tree::empty(source);
        while tree.size() < size {
            tree.advance(size.min(tree.size() + STRIDE))?;
            tree.settle().map_err(|file| Error::Tile { file })?;
            progress(tree.size());
        }
        Ok(Self { tree: tree.shown() })
    }

    /// How many records were hashed.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root of the first `size` records.
    ///
    /// # Errors
    /// [`Error::Beyond`] when fewer were hashed; [`Error::Proof`] when a tile went away meanwhile.
    pub fn root(&self, size: u64) -> Result<Root, Error> {
        self.tree.root(size)
    }

    /// Proves that a record is among the first `size`. Quickest for one record after the other, in order.
    ///
    /// # Errors
    /// As for [`Prover::root`]; [`Error::Proof`] when it is not among them.
    pub fn inclusion(&self, seq: u64, size: u64) -> Result<Inclusion, Error> {
        self.tree.inclusion(seq, size)
    }

    /// Proves that the first `old` records are the beginning of the first `new`.
    ///
    /// # Errors
    /// As for [`Prover::root`]; [`Error::Proof`] when `old` is 0 or greater than `new`.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Consistency, Error> {
        self.tree.consistency(old, new)
    }
}
