//! What the journal means: the event vocabulary, the life of an action, and the fold of pending actions.
//!
//! Every layer above speaks it. It does no I/O but in [`store`]: rows in sled, which may be deleted at any time.

pub mod actions;
pub mod cause;
pub mod digest;
pub mod event;
pub mod facets;
pub mod id;
pub mod life;
pub mod packed;
pub mod record;
pub mod store;
pub mod upcast;

pub use actions::{Action, Actions};
pub use cause::Cause;
pub use digest::Digest;
pub use id::{Id, Named};
pub use jiff::Timestamp;
pub use life::{IllegalStep, Stage, Step};
pub use record::{Actor, ActorKind, Body, Change, Event, FieldChange, Fields, Op, Record};
pub use upcast::Unread;
