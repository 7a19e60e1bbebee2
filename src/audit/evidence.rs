//! Evidence: records with the proof that they are in the signed log, in one file that anybody can check with a public key.
//!
//! `gather` finds and proves the records, `bundle` is the file and its digests, `page` the words in it, `seal` journals the
//! export and signs it, `verify` checks a file and needs nothing else.

mod bundle;
mod gather;
mod page;
mod seal;
mod settings;
mod succession;
mod verify;

pub use bundle::{Bundle, Contents, Entry, Selection, What};
pub use gather::{BYTES_MAX, RECORDS_MAX, Step, Unproven, gather, proven, same_history};
pub use seal::{Export, Sealed, seal};
pub use settings::{Settings, Witness};
pub use verify::{Fault, Proven, Witnessed, verify, verify_witnessed};
