//! What auditors take with them: the journal in forms that other programs read.

pub mod export;
