//! What the product needs of a log, so that another than files can stand in later.

use std::time::Duration;

use crate::{Error, Line};

/// Called once, on the writer's thread, with the last position of the append when it is durable.
pub type Done = Box<dyn FnOnce(Result<u64, Error>) + Send>;

/// Records in order, up to what was durable when the reading began.
pub type Lines = Box<dyn Iterator<Item = Result<Line, Error>> + Send>;

/// An append-only log. The order of appends is the order of positions; what a reader sees is durable.
pub trait Log: Send + Sync {
    /// Appends bodies (texts of JSON objects without `seq` and `batch`) as one batch. Gives the position of the first; `done`
    /// hears when all are durable. On an error nothing was written and `done` is not called.
    fn append(&self, bodies: Vec<String>, done: Done) -> Result<u64, Error>;
    /// The newest durable position; 0 for none.
    fn durable(&self) -> u64;
    /// Waits until something after `after` is durable, or the time is up; the newest durable position.
    fn wait(&self, after: u64, timeout: Duration) -> u64;
    /// Calls `hook` with the newest durable position, once per batch, on the writer's thread.
    fn on_durable(&self, hook: Box<dyn Fn(u64) + Send + Sync>);
    /// Reads from a position on. Every record's checksum and number is checked again.
    fn read(&self, from: u64) -> Result<Lines, Error>;
    /// One record; `None` where nothing is durable at that position.
    fn get(&self, seq: u64) -> Result<Option<Line>, Error>;
    /// Why nothing is accepted any more, if so.
    fn closed(&self) -> Option<String>;
    /// Writes what waits, then stops.
    fn close(&self) -> Result<(), Error>;
}
