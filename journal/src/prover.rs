//! Proofs from the records themselves, without the lock of the directory and without trust in what lies beside them.

use std::sync::Arc;

use tlog_tiles::{prove_record, prove_tree, tree_hash};

use crate::index::Source;
use crate::merkle::Tree;
use crate::{Consistency, Error, Inclusion, Root};

/// Records hashed between two calls of `progress`.
const STRIDE: u64 = 8192;

/// The tree of the first records of a journal that somebody looks at ([`crate::Look::prover`]). It is made of the records,
/// not of the tiles: a tile that differs is an error, because then the records are not those that were signed.
pub struct Prover {
    tree: Tree,
}

impl Prover {
    pub(crate) fn of(source: Arc<Source>, size: u64, progress: &mut dyn FnMut(u64)) -> Result<Self, Error> {
        let mut tree = Tree::empty(source);
        while tree.size() < size {
            tree.advance(size.min(tree.size() + STRIDE))?;
            tree.settle().map_err(|file| Error::Tile { file })?;
            progress(tree.size());
        }
        Ok(Self { tree })
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
        self.within(size)?;
        if size == self.size() {
            return Ok(Root::new(size, self.tree.root()));
        }
        let hash = tree_hash(size, &self.tree).map_err(failed)?;
        Ok(Root::new(size, hash))
    }

    /// Proves that a record is among the first `size`.
    ///
    /// # Errors
    /// As for [`Prover::root`]; [`Error::Proof`] when it is not among them.
    pub fn inclusion(&self, seq: u64, size: u64) -> Result<Inclusion, Error> {
        self.within(size)?;
        if seq == 0 || seq > size {
            let why = format!("record {seq} is not among the first {size}");
            return Err(Error::Proof { why });
        }
        let path = prove_record(size, seq - 1, &self.tree).map_err(failed)?;
        let path = path.into_iter().map(|hash| hash.0).collect();
        Ok(Inclusion { seq, size, path })
    }

    /// Proves that the first `old` records are the beginning of the first `new`.
    ///
    /// # Errors
    /// As for [`Prover::root`]; [`Error::Proof`] when `old` is 0 or greater than `new`.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Consistency, Error> {
        self.within(new)?;
        if old == 0 || old > new {
            let why = format!("{old} is not between 1 and {new}");
            return Err(Error::Proof { why });
        }
        let path = prove_tree(new, old, &self.tree).map_err(failed)?;
        let path = path.into_iter().map(|hash| hash.0).collect();
        Ok(Consistency { old, new, path })
    }

    fn within(&self, size: u64) -> Result<(), Error> {
        let last = self.size();
        if size > last {
            return Err(Error::Beyond { seq: size, last });
        }
        Ok(())
    }
}

fn failed(cause: tlog_tiles::Error) -> Error {
    Error::Proof { why: cause.to_string() }
}
