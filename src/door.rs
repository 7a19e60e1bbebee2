//! The door that every call comes through, whatever the transport: bearer tokens become callers, and limits are kept.

pub mod auth;
pub mod keys;
pub mod limits;
pub mod signer;
pub mod signing;
pub mod way;

pub use auth::{Doorman, Entry};
pub use keys::Keys;
pub use limits::{Class, Limits, Verdict};
pub use way::{Trace, Way};
