//! What the journal means: the event vocabulary, the life of an action, and the rows derived from them.
//!
//! The pure part (`record`, `life`, `actions`, `id`) is what every layer above speaks; it does no I/O. The rows in sled
//! live under `store`, the only place that names sled, and may be deleted at any time.

pub mod actions;
pub mod digest;
pub mod event;
pub mod id;
pub mod life;
pub mod record;

pub use actions::{Action, Actions};
pub use digest::Digest;
pub use id::{Id, Named};
pub use jiff::Timestamp;
pub use life::{IllegalStep, Stage, Step};
pub use record::{Actor, ActorKind, Body, Change, Event, FieldChange, Fields, Op, Record};
