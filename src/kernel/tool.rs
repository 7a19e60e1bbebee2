//! Tools and modules: each tool is declared in one place, and everything about it comes from there.

mod module;
pub mod output;
mod registry;

pub use module::Module;
pub use registry::{Quotas, Registry};

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::kernel::undo::Recorded;
use crate::kernel::{Plan, Rejection, View};

crate::choice! {
    /// What calling a tool can mean (catalogue section 0.7).
    pub enum ToolKind {
        /// Answers.
        Read = "read",
        /// Proposes a change.
        Write = "write",
        /// Proposes a personal or trivially reversible change.
        Light = "light",
        /// Proposes a change of authority, secrets or outside reach.
        Sensitive = "sensitive",
        /// Proposes to hide or remove.
        Destructive = "destructive",
        /// Proposes many changes at once.
        Bulk = "bulk",
        /// The pending-action machinery itself.
        Meta = "meta",
    }
}

/// Why an answer may take long: whoever makes it must not keep others waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Long {
    /// It may read much of the journal.
    Reads,
    /// It may add much up.
    AddsUp,
}

/// Where a permission for the tools of a module must be held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// In the whole organisation.
    #[default]
    Everywhere,
    /// In the place that a thing lies in: what a call sees and changes is cut to the places.
    Placed,
    /// Anywhere: what the tools are about is the caller's own, or asks for permissions itself.
    Own,
}

type Answering = dyn Fn(Map<String, Value>, &View<'_>) -> Result<Value, Rejection> + Send + Sync;
type Deciding = dyn Fn(Map<String, Value>, &View<'_>) -> Result<Plan, Rejection> + Send + Sync;

/// What a tool does when it is called.
pub enum Run {
    /// Answers from a snapshot.
    Answer(Box<Answering>),
    /// Makes a plan.
    Decide(Box<Deciding>),
    /// Confirms a pending action.
    Confirm,
    /// Cancels a pending action.
    Cancel,
}

/// A tool that another one carries through many items: whoever may not do the one may not do the many, and what is asked of
/// a confirmation of the one is asked of the many too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Over {
    /// Its name.
    pub tool: &'static str,
    /// Its kind.
    pub kind: ToolKind,
    /// The permission it needs.
    pub permission: &'static str,
}

/// One tool.
pub struct Tool {
    /// `verb_noun`, at most 32 characters.
    pub name: &'static str,
    /// Its module's toolset name.
    pub module: &'static str,
    /// Its kind.
    pub kind: ToolKind,
    /// Whether the core profile shows it (the ★ of the catalogue).
    pub core: bool,
    /// What it does, for the model that chooses.
    pub doc: &'static str,
    /// The permission it needs.
    pub permission: String,
    /// Where it must be held.
    pub reach: Reach,
    /// The tool that each of its items passes, for one that works on many.
    pub over: Option<Over>,
    /// Whether carrying it out twice does no harm, so that an attempt of which nobody knows is tried again.
    pub may_repeat: bool,
    /// A lesser permission that opens it too; it then answers less.
    pub lesser: Option<&'static str>,
    /// What of others its answer lays open, which is an event of its own.
    pub opens: Option<crate::kernel::opened::Opens>,
    /// Whether using it is an event of its own: it reads the security log.
    pub is_logged: bool,
    /// Why answering may take long, where it may.
    pub long: Option<Long>,
    /// The version of its rules; raised when they change, so that a replay can tell.
    pub decider: u32,
    /// Arguments that hold secrets: journaled as keyed digests.
    pub secret: &'static [&'static str],
    /// The schema of its arguments.
    pub input: Arc<Map<String, Value>>,
    /// The schema of its structured result.
    pub output: Arc<Map<String, Value>>,
    /// What it does.
    pub run: Run,
}

impl Tool {
    /// Whether it only reads.
    pub fn is_read(&self) -> bool {
        matches!(self.run, Run::Answer(_))
    }

    /// Whether it belongs to the sensitive rate class (catalogue section 0.7).
    pub fn is_sensitive(&self) -> bool {
        matches!(self.kind, ToolKind::Sensitive | ToolKind::Bulk)
    }

    /// `destructiveHint` (catalogue section 0.7).
    pub fn is_destructive(&self) -> bool {
        const OTHERS: [&str; 5] = [
            "bulk_delete_tasks",
            "delete_role",
            "revoke_role",
            "delete_webhook",
            "confirm_action",
        ];
        self.kind == ToolKind::Destructive || OTHERS.contains(&self.name)
    }

    /// `idempotentHint`: reads and the pending-action machinery.
    pub fn is_idempotent(&self) -> bool {
        matches!(self.kind, ToolKind::Read | ToolKind::Meta)
    }
}

impl std::fmt::Debug for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.module, self.name)
    }
}

/// Plans counter-entries for the recorded changes it knows; gives the rest.
pub type Counter = fn(&View<'_>, &mut Plan, Vec<Recorded>) -> Result<Vec<Recorded>, Rejection>;

/// Whether a caller may know of one thing of a kind.
type Seeing = fn(&View<'_>, &str) -> bool;

/// A JSON object's members; empty for anything else.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
