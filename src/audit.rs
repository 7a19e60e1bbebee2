//! What auditors do with a journal: read what was done, decide it again, look at how things stood, and take it with them.

pub mod archive;
mod behind;
pub mod check;
pub mod custody;
pub mod evidence;
pub mod export;
pub mod keys;
pub mod receipt;
pub mod rotation;
pub mod timeline;
pub mod travel;

pub use behind::{Behind, position_at};

use thiserror::Error;

use crate::kernel::state::Unfit;

/// Why a journal cannot be gone through.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// It cannot be read.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A record does not fit.
    #[error("the journal does not fit this program: {0}")]
    Unfit(#[from] Unfit),
}

impl From<projections::Unread> for Unreadable {
    fn from(cause: projections::Unread) -> Self {
        Self::Unfit(cause.into())
    }
}
