//! Roots and the two proofs of RFC 6962, as values that anybody can check without the journal.

use std::fmt;

use tlog_tiles::{Hash, check_record, check_tree, record_hash};

use super::hex;
use crate::Error;

/// The Merkle root of the first `size` records. In text: the size, a space, the hash in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Root {
    /// How many records.
    pub size: u64,
    /// SHA-256, 32 bytes.
    pub hash: [u8; 32],
}

impl Root {
    pub(crate) fn new(size: u64, hash: Hash) -> Self {
        Self { size, hash: hash.0 }
    }

    /// The hash in lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hex(&Hash(self.hash))
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.size, self.hex())
    }
}

/// Proves that a record is in the tree of a root (RFC 6962, section 2.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The record; its leaf has the index `seq - 1`.
    pub seq: u64,
    /// The size of the tree.
    pub size: u64,
    /// The audit path, from the leaf up.
    pub path: Vec<[u8; 32]>,
}

impl Inclusion {
    /// Checks that `text` is the record, byte for byte.
    ///
    /// # Errors
    /// [`Error::Proof`] when it does not hold.
    pub fn check(&self, text: &str, root: &Root) -> Result<(), Error> {
        let refuse = |why: String| Error::Proof { why };
        if self.size != root.size || self.seq == 0 {
            return Err(refuse(format!(
                "it is for a tree of {}, the root of one of {}",
                self.size, root.size
            )));
        }
        let (path, leaf) = (unwrapped(&self.path), record_hash(text.as_bytes()));
        check_record(&path, root.size, Hash(root.hash), self.seq - 1, leaf).map_err(|cause| refuse(cause.to_string()))
    }
}

/// Proves that an older tree is the beginning of a newer one (RFC 6962, section 2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// The size of the older tree.
    pub old: u64,
    /// The size of the newer tree.
    pub new: u64,
    /// The proof.
    pub path: Vec<[u8; 32]>,
}

impl Consistency {
    /// Checks it against both roots.
    ///
    /// # Errors
    /// [`Error::Proof`] when it does not hold.
    pub fn check(&self, old: &Root, new: &Root) -> Result<(), Error> {
        let refuse = |why: String| Error::Proof { why };
        if (self.old, self.new) != (old.size, new.size) {
            return Err(refuse(format!(
                "it is for {} and {}, the roots for {} and {}",
                self.old, self.new, old.size, new.size
            )));
        }
        let path = unwrapped(&self.path);
        check_tree(&path, new.size, Hash(new.hash), old.size, Hash(old.hash)).map_err(|cause| refuse(cause.to_string()))
    }
}

fn unwrapped(path: &[[u8; 32]]) -> Vec<Hash> {
    path.iter().copied().map(Hash).collect()
}
