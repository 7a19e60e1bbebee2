//! What auditors need of the journal.

pub mod evidence;
pub mod keys;
pub mod rotation;
