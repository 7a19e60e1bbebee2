//! What can go wrong with a journal.

use std::io;

use thiserror::Error;

/// What can go wrong. Cloned to everybody who waits for the same write.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// A write or sync failed; nothing is accepted until a restart has read what is on disk.
    #[error("closed for good: {reason}")]
    Closed {
        /// The first failure.
        reason: String,
    },
    /// There is no room, and nothing was written.
    #[error("full: {reason}")]
    Full {
        /// Why no further segment could be had.
        reason: String,
    },
    /// A record is too long; nothing was written.
    #[error("a record of {bytes} bytes is longer than {most}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest that is taken.
        most: usize,
    },
    /// A body that is no JSON object with members; nothing was written.
    #[error("a body must be the text of a JSON object with members, in one line")]
    NotABody,
    /// What is on disk is not what was written.
    #[error("{file}, byte {offset}: record {seq} is damaged: {why}; restore this file from a backup")]
    Damaged {
        /// The segment.
        file: String,
        /// Where in it.
        offset: u64,
        /// The record that should be there.
        seq: u64,
        /// What is wrong.
        why: String,
    },
    /// A segment is missing.
    #[error("the segment that begins with record {seq} is missing; restore it from a backup")]
    Missing {
        /// Its first record.
        seq: u64,
    },
    /// A later version wrote this.
    #[error("{file} has version {found}, this program knows {known}: use the newer program")]
    Future {
        /// The segment.
        file: String,
        /// Its version.
        found: u32,
        /// The newest known one.
        known: u32,
    },
    /// Another process has the directory.
    #[error("another process uses this journal; stop it first")]
    Locked,
    /// The disk failed while reading or opening.
    #[error("{what}: {why}")]
    Disk {
        /// What was tried.
        what: String,
        /// What the system says.
        why: String,
    },
    /// A checkpoint, key or proof is not acceptable.
    #[error("{0}")]
    Evidence(String),
}

impl Error {
    /// A failure of the disk.
    pub(crate) fn disk(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::Disk {
            what,
            why: cause.to_string(),
        }
    }
}
