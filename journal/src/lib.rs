//! An append-only, tamper-evident log: one line per record, group commit, recovery, verification.
//!
//! A record is one line: CRC-32C of the JSON text in hexadecimal, a space, one JSON object, a newline; `less`, `grep` and
//! `jq` work on it. One writer thread takes everything that waits, writes it at once, syncs once, and only then answers.
//! Losing this directory loses everything; every other store of the product can be made from it.

pub mod checkpoint;
pub mod disk;
mod error;
mod journal;
mod line;
mod log;
mod memory;
mod prepare;
mod queue;
mod reader;
mod recovery;
mod segment;
pub mod tree;
pub mod verify;
mod writer;

pub use checkpoint::{SigningKey, VerifyingKey};
pub use error::Error;
pub use journal::{Journal, Options};
pub use line::Line;
pub use log::{Done, Lines, Log};
pub use memory::MemoryLog;
pub use recovery::{Recovery, Torn};
pub use verify::{Report, verify};
