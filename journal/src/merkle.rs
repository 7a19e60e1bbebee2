//! The Merkle tree over all records (RFC 6962): roots, tiles, proofs.

mod edge;
mod proof;
mod shown;
mod text;
mod tree;

pub(crate) use edge::{Edge, content};
pub use proof::{Consistency, Inclusion, Root};
pub(crate) use shown::Shown;
pub(crate) use tree::{Tree, compare, saved};

use std::fmt::Write;

use tlog_tiles::Hash;

/// A hash in lower-case hexadecimal.
pub(crate) fn hex(hash: &Hash) -> String {
    hash.0.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
