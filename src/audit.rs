//! What auditors do with a journal: read what was done, decide it again, and look at how things stood.

pub mod check;
mod source;
pub mod timeline;
pub mod travel;

pub use source::{Behind, Source};
