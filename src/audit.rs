//! What auditors do with a journal: read what was done, decide it again, look at how things stood, and take it with them.

pub mod check;
pub mod export;
mod source;
pub mod timeline;
pub mod travel;

pub use source::{Behind, Source};
