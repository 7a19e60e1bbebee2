//! What auditors do with a journal: read what was done, decide it again, look at how things stood, and take it with them.

pub mod check;
pub mod custody;
pub mod evidence;
pub mod export;
pub mod keys;
pub mod rotation;
mod source;
pub mod timeline;
pub mod travel;

pub use source::{Behind, Source};
