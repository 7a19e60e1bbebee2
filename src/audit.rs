//! What auditors need of the journal.

pub mod evidence;
