//! What auditors do with a journal: read what was done, decide it again, and look at how things stood.

pub mod check;
pub mod timeline;
pub mod travel;
