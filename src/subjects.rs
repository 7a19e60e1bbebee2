//! Subjects: the people whose mail addresses stand in records. Each has a key of its own, in a file beside the journal; what
//! is personal stands in records sealed under it, and destroying the key erases it everywhere at once.

mod erasing;
mod file;
mod form;
mod log;
mod ring;

pub use erasing::{ERASED, Erased, erased, finish, lost};
pub use form::{KeyName, Name};
pub use log::Sealing;
pub use ring::{Error, Ring};
