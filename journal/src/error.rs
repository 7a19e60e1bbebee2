//! What can go wrong, each with the file, the offset or the value that somebody has to look at.

use std::io;
use std::sync::Arc;

use thiserror::Error;

/// Why the journal could not do what it was asked. Offsets are in bytes from the start of the file; file names are
/// relative to the journal's directory. Cloning is cheap: one failure is told to everybody who waited.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a call.
    #[error("cannot {action} {file}: {source}")]
    Io {
        /// What was tried, an infinitive: `read`, `sync`.
        action: &'static str,
        /// The file it was tried on.
        file: String,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// Another process (or another handle in this one) has the directory.
    #[error("the journal in {dir} is in use by another process")]
    Locked {
        /// The directory.
        dir: String,
    },
    /// A line is not what was written. Nothing is repaired by guessing.
    #[error("{file} is damaged at byte {offset}, where record {seq} should be: {why}")]
    Damaged {
        /// The segment.
        file: String,
        /// Where the first bad line begins.
        offset: u64,
        /// The record that should be there; 0 for a segment's header.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A segment is not there.
    #[error("segment {file} is missing: the next one found is {found}")]
    Missing {
        /// The name it should have.
        file: String,
        /// The segment found in its place.
        found: String,
    },
    /// A segment was written by a later program.
    #[error("{file} is of format version {found}, this program knows versions up to {known}")]
    Version {
        /// The segment.
        file: String,
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// A segment of another journal lies in the directory.
    #[error("{file} belongs to journal {found}, not to {expected}")]
    Foreign {
        /// The segment.
        file: String,
        /// The journal it names.
        found: String,
        /// The journal that the first segment names.
        expected: String,
    },
    /// A saved checkpoint vouches for records that are gone.
    #[error("records are missing at the end: {checkpoint} vouches for {size}, the journal holds {found}")]
    Truncated {
        /// The checkpoint's file.
        checkpoint: String,
        /// How many records it vouches for.
        size: u64,
        /// How many there are.
        found: u64,
    },
    /// A write or sync failed, or the journal was closed by its owner. It stays closed.
    #[error("the journal is closed: {reason}")]
    Closed {
        /// What closed it.
        reason: Arc<str>,
    },
    /// The records were being written when a write or a sync failed, and the journal closed. Whether they are in it shows when it
    /// is opened again.
    #[error("it may be written or not: the journal closed: {reason}")]
    Uncertain {
        /// What closed it.
        reason: Arc<str>,
    },
    /// There is no room for the record, and nothing of it was written. Works again once there is space.
    #[error("the journal is full, {room_bytes} bytes left: {why}")]
    Full {
        /// What is left in the active segment.
        room_bytes: u64,
        /// Why no further segment can be had.
        why: Arc<str>,
    },
    /// What the records were decided on is not what the log holds: records between were refused. Nothing was written.
    #[error("the records follow record {after}, and the log goes on after {last}")]
    Moved {
        /// What they were decided on.
        after: u64,
        /// The last record accepted.
        last: u64,
    },
    /// A record is larger than allowed, or the records of one append than a segment; nothing was written.
    #[error("{bytes} bytes cannot be appended, at most {max} are allowed")]
    TooLarge {
        /// The size of the record, or of all of them, as lines.
        bytes: u64,
        /// The largest size.
        max: u64,
    },
    /// A body is not the text of one JSON object on one line.
    #[error("not the text of a JSON object: {why}")]
    Malformed {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A record was asked for that is not there (yet).
    #[error("record {seq} is not in the journal, which ends at {last}")]
    Beyond {
        /// The record.
        seq: u64,
        /// The last durable one.
        last: u64,
    },
    /// An option contradicts another one.
    #[error("option {option} does not fit: {why}")]
    Options {
        /// Its name.
        option: &'static str,
        /// What would fit.
        why: String,
    },
    /// A key cannot be read.
    #[error("not a key: {why}")]
    Key {
        /// What is wrong with it.
        why: String,
    },
    /// An archive is not what was written, or not that of this journal.
    #[error("{file}: {why}")]
    Archive {
        /// The manifest or the archived segment.
        file: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A checkpoint cannot be read or is not signed by the key.
    #[error("not a good checkpoint: {why}")]
    Checkpoint {
        /// What is wrong with it.
        why: String,
    },
    /// A tile beside the records is not made of them: the records, or the tile, were altered after it was written.
    #[error("{file} is not the tile of the records: one of the two was altered")]
    Tile {
        /// The tile's file.
        file: String,
    },
    /// A proof cannot be had, or does not hold.
    #[error("no proof: {why}")]
    Proof {
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Io {
            action,
            file,
            source: Arc::new(source),
        }
    }

    /// Whether the disk or the quota is exhausted, which passes.
    pub(crate) fn is_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}
