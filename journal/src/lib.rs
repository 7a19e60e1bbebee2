//! An append-only, tamper-evident log: one line per record, group commit, recovery, verification.
//!
//! A journal is a directory of segment files. A record is one line: CRC-32C in hexadecimal, a space, one JSON object, a
//! newline. [`Journal`] appends with one writer thread: what is waiting goes out in one write and one `fdatasync`, and only
//! then is it acknowledged. A failed write or sync closes it for good. Every record is a leaf of an RFC 6962 Merkle tree,
//! whose tiles and signed checkpoints lie beside the segments; [`verify`] checks all of it offline.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! use journal::{Journal, Log, Options};
//!
//! let options = Options { segment_bytes: 4 << 20, ..Options::default() };
//! let (journal, recovery) = Journal::open(dir.path(), options, "example.org/log")?;
//! assert_eq!(recovery.last_seq, 0);
//! let (done, durable) = std::sync::mpsc::channel();
//! journal.append(vec![r#"{"said":"hello"}"#.to_owned()], Box::new(move |result| drop(done.send(result))))?;
//! assert_eq!(durable.recv()??, 1);
//! let line = journal.get(1)?.ok_or("it is durable")?;
//! assert_eq!(line.text, r#"{"seq":1,"batch":1,"said":"hello"}"#);
//! journal.close()?;
//! # Ok(())
//! # }
//! ```

mod archive;
mod checkpoint;
mod cosignature;
pub mod disk;
mod error;
mod export;
mod helper;
mod index;
mod journal;
mod key;
mod line;
mod lines;
mod log;
mod look;
mod memory;
mod merkle;
mod options;
mod prover;
mod queue;
mod reader;
mod recovery;
mod scan;
mod segment;
mod skim;
mod statement;
mod torn;
mod verify;
mod writer;

pub use archive::{Archived, ArchivedSegment, Manifest, archive, check_archive, remove_archived};
pub use archive::{Places, Target, directories, moved_to};
pub use checkpoint::Checkpoint;
pub use cosignature::WitnessKey;
pub use error::Error;
pub use export::{export, tail};
pub use journal::{Health, Journal};
pub use key::{SigningKey, VerifyingKey};
pub use log::{Done, Hook, Log, Records};
pub use look::Look;
pub use memory::MemoryLog;
pub use merkle::{Consistency, Inclusion, Root};
pub use options::{Options, Priority};
pub use prover::Prover;
pub use reader::{Line, LineRef, Reader};
pub use recovery::{Recovery, Torn};
pub use statement::Statement;
pub use verify::{
    Checked, Fault, FaultKind, Report, Signers, Verification, over_archive as verify_over, verify, verify_disk,
    verify_signed,
};
