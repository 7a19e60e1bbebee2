//! What a log is to its users, so that another one than a directory of files can stand in.

use std::sync::Arc;
use std::time::Duration;

use crate::{Error, Line, Priority};

/// Hears, once, how an append ended: the sequence number of its last record, durable by then, or why nothing of it is
/// acknowledged ([`Error::Uncertain`] where it may be found in the log all the same). It runs on the log's own thread and must not block.
pub type Done = Box<dyn FnOnce(Result<u64, Error>) + Send>;

/// Hears the durable position once per group commit, on the log's own thread; it must not block.
pub type Hook = Box<dyn Fn(u64) + Send>;

/// Records in order.
pub type Records = Box<dyn Iterator<Item = Result<Line, Error>> + Send>;

/// An append-only log of JSON objects with contiguous sequence numbers from 1.
///
/// A body is the text of a JSON object on one line, without the members `seq` and `batch`: the log puts them in front.
/// The order of calls is the order of sequence numbers and of the calls of `done`.
pub trait Log: Send + Sync {
    /// Appends records in one hand-over and says which number the last one will get. Nothing is durable yet. They become
    /// durable together, in one batch, or none of them does.
    ///
    /// # Errors
    /// Then nothing was accepted and `done` is never called: [`Error::Closed`], [`Error::Full`], [`Error::TooLarge`],
    /// [`Error::Malformed`].
    fn append(&self, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.append_as(Priority::Normal, bodies, done)
    }

    /// [`Log::append`] with a say in how much the records matter when the disk is nearly full.
    ///
    /// # Errors
    /// As for [`Log::append`].
    fn append_as(&self, priority: Priority, bodies: Vec<String>, done: Done) -> Result<u64, Error>;

    /// [`Log::append_as`] for records that were decided on what stands up to `after`: their first must become the next one. A
    /// full disk takes back what it had accepted, and nothing that builds on that may be written.
    ///
    /// # Errors
    /// As for [`Log::append`]; [`Error::Moved`].
    fn append_after(&self, priority: Priority, after: u64, bodies: Vec<String>, done: Done) -> Result<u64, Error>;

    /// The last durable record; 0 when there is none.
    fn durable(&self) -> u64;

    /// Waits until a record after `after` is durable, the log is closed, or the time is over. Gives the durable position.
    fn wait(&self, after: u64, timeout: Duration) -> u64;

    /// Adds a hook.
    fn on_durable(&self, hook: Hook);

    /// The durable records from `from` on; none when `from` is past the end. Checksum and order are checked.
    ///
    /// # Errors
    /// [`Error::Io`] when the log cannot be read. Damage is an item.
    fn read(&self, from: u64) -> Result<Records, Error>;

    /// One durable record; `None` when there is none of that number.
    ///
    /// # Errors
    /// [`Error::Damaged`] or [`Error::Io`].
    fn get(&self, seq: u64) -> Result<Option<Line>, Error>;

    /// [`Log::read`] for those who need the records byte by byte as they are written, where a log reads them in another way.
    ///
    /// # Errors
    /// As for [`Log::read`].
    fn read_written(&self, from: u64) -> Result<Records, Error> {
        self.read(from)
    }

    /// A record that was read here, byte by byte as it is written.
    ///
    /// # Errors
    /// As for [`Log::get`].
    fn as_written(&self, line: Line) -> Result<Line, Error> {
        Ok(line)
    }

    /// Why nothing can be appended any more; `None` while all is well.
    fn closed(&self) -> Option<Arc<str>>;

    /// Writes what is waiting, and closes. Calling it again does nothing.
    ///
    /// # Errors
    /// [`Error::Closed`] when a failure had closed the log before.
    fn close(&self) -> Result<(), Error>;
}
