//! How things stood: the state at any past position, reads of it, and what changed between two.

mod difference;
mod machine;
mod shown;
mod stretches;

pub use difference::{Difference, Entity, difference};
pub use machine::Machine;
pub use shown::{Shown, show};
pub use stretches::{Settings, Stretches, Unwritten};

use std::sync::Arc;

use jiff::Timestamp;
use journal::Log;
use thiserror::Error;

use crate::audit::{Unreadable, position_at};
use crate::kernel::engine::{Answer, Call, answer};
use crate::kernel::{Past, Registry, Rejection, Snapshot, State, Tool};

/// Why one cannot go there.
#[derive(Debug, Error)]
pub enum Error {
    /// The journal cannot be gone through.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// There is no such position.
    #[error("there is no position {asked}: the journal ends with record {last}")]
    Beyond {
        /// What was asked for.
        asked: u64,
        /// The last record.
        last: u64,
    },
    /// Nothing was read there.
    #[error("record {seq} {why}")]
    NoRead {
        /// The record.
        seq: u64,
        /// What it is instead.
        why: &'static str,
    },
}

/// Where to go: a position, or a moment and the state at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A position.
    Position(u64),
    /// A moment.
    Moment(Timestamp),
}

impl From<journal::Error> for Error {
    fn from(cause: journal::Error) -> Self {
        Unreadable::from(cause).into()
    }
}

impl From<projections::Unread> for Error {
    fn from(cause: projections::Unread) -> Self {
        Unreadable::from(cause).into()
    }
}

impl From<crate::kernel::state::Unfit> for Error {
    fn from(cause: crate::kernel::state::Unfit) -> Self {
        Unreadable::from(cause).into()
    }
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(position) = text.parse() {
            return Ok(Self::Position(position));
        }
        let moment = text.parse().map(Self::Moment);
        moment.map_err(|_| format!("`{text}` is neither a position nor a moment such as 2026-11-26T09:30:00Z"))
    }
}

impl When {
    /// The position.
    ///
    /// # Errors
    /// [`Error::Beyond`], or where the journal cannot be read.
    pub fn position(self, log: &dyn Log) -> Result<u64, Error> {
        match self {
            Self::Position(asked) if asked > log.durable() => Err(Error::Beyond {
                asked,
                last: log.durable(),
            }),
            Self::Position(position) => Ok(position),
            Self::Moment(moment) => Ok(position_at(log, moment)?),
        }
    }

    /// Whether it has not come yet.
    pub fn is_ahead(self, now: Timestamp) -> bool {
        matches!(self, Self::Moment(moment) if moment > now)
    }

    /// The hour it is then: the moment itself, or when the newest record of the state was written.
    pub fn hour(self, state: &State) -> Timestamp {
        match self {
            Self::Moment(moment) => moment.max(state.at),
            Self::Position(_) => state.at,
        }
    }
}

/// Calls a reading tool on the state of the past, as a caller would have at that hour. Nothing is recorded.
///
/// # Errors
/// As the tool says; `not_a_read` where it would write.
pub fn call_then(registry: &Arc<Registry>, past: &dyn Past, state: &Snapshot, call: &Call, now: Timestamp) -> Answer {
    if let Some(tool) = registry.tool(&call.tool) {
        reads(tool)?;
    }
    answer(registry, state, call, now, past).answer
}

/// Whether a tool only reads.
///
/// # Errors
/// `not_a_read` where it would write.
pub fn reads(tool: &Tool) -> Result<(), Rejection> {
    if tool.is_read() {
        return Ok(());
    }
    let said = format!("`{}` would change something, and the past cannot be changed", tool.name);
    Err(Rejection::new("not_a_read", said)
        .hint("any tool that reads can be called; `orkestra tools list` shows which do"))
}
