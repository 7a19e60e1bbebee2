//! The rules without I/O: who may ask, what a plan is, when it may be carried out. No clock, no disk, no network.

pub mod arg;
pub mod engine;
pub mod entity;
pub mod execution;
pub mod identity;
pub mod json;
pub mod leak;
pub mod listing;
pub mod plan;
pub mod policy;
pub mod preview;
pub mod principal;
pub mod proposal;
pub mod record_view;
pub mod reference;
pub mod reject;
pub mod secret;
pub mod state;
pub mod table;
pub mod text;
pub mod token;
pub mod tool;
pub mod undo;
pub mod view;
pub mod words;

pub use engine::Engine;
pub use entity::{Describe, Entity, Keys};
pub use plan::{Plan, Risk, Undo};
pub use principal::{Caller, Rights};
pub use reference::{AnyRef, Ref};
pub use reject::{Fault, Rejection};
pub use state::{Snapshot, State};
pub use table::{Label, Row};
pub use tool::{Module, Registry, Tool, ToolKind};
pub use view::{Past, View};
pub use words::Words;
