//! Tools and modules: each tool is declared in one place, and everything about it comes from there.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::kernel::arg::Args;
use crate::kernel::entity::Entity;
use crate::kernel::state::Kind;
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

type Seeing = fn(&View<'_>, &str) -> bool;

/// A module: its entities and tools, in a fixed and append-only order.
pub struct Module {
    /// Its toolset name.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Whether every profile shows it.
    pub always: bool,
    tools: Vec<Tool>,
    kinds: Vec<(Kind, Seeing)>,
}

impl Module {
    /// An empty module.
    pub fn new(name: &'static str, title: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            title,
            doc,
            always: false,
            tools: Vec::new(),
            kinds: Vec::new(),
        }
    }

    /// Says that it owns a kind of entity.
    #[must_use]
    pub fn entity<E: Entity>(mut self) -> Self {
        let sees: Seeing = |view, id| id.parse().is_ok_and(|id| view.get::<E>(id).is_some());
        self.kinds.push((Kind::of::<E>(), sees));
        self
    }

    /// Adds a tool that answers; needs `<module>.read`.
    #[must_use]
    pub fn read<A: Args>(
        self,
        name: &'static str,
        doc: &'static str,
        run: fn(A, &View<'_>) -> Result<Value, Rejection>,
    ) -> Self {
        let run = Run::Answer(Box::new(move |given, view| run(A::read(given)?, view)));
        self.tool::<A>(name, ToolKind::Read, doc, run, "read")
    }

    /// Adds a tool that proposes; needs `<module>.write`, or `<module>.manage` where it is sensitive.
    #[must_use]
    pub fn write<A: Args>(
        self,
        kind: ToolKind,
        name: &'static str,
        doc: &'static str,
        run: fn(A, &View<'_>) -> Result<Plan, Rejection>,
    ) -> Self {
        let run = Run::Decide(Box::new(move |given, view| run(A::read(given)?, view)));
        let verb = match kind {
            ToolKind::Sensitive => "manage",
            ToolKind::Destructive => "delete",
            _ => "write",
        };
        self.tool::<A>(name, kind, doc, run, verb)
    }

    /// Adds a tool of the pending-action machinery.
    #[must_use]
    pub fn meta<A: Args>(self, name: &'static str, doc: &'static str, run: Run, verb: &str) -> Self {
        self.tool::<A>(name, ToolKind::Meta, doc, run, verb)
    }

    /// Adds a tool of the pending-action machinery that answers; needs `<module>.read`.
    #[must_use]
    pub fn answering_meta<A: Args>(
        self,
        name: &'static str,
        doc: &'static str,
        run: fn(A, &View<'_>) -> Result<Value, Rejection>,
    ) -> Self {
        let run = Run::Answer(Box::new(move |given, view| run(A::read(given)?, view)));
        self.tool::<A>(name, ToolKind::Meta, doc, run, "read")
    }

    fn tool<A: Args>(mut self, name: &'static str, kind: ToolKind, doc: &'static str, run: Run, verb: &str) -> Self {
        let output = if matches!(run, Run::Decide(_)) {
            output::pending()
        } else {
            output::free()
        };
        self.tools.push(Tool {
            name,
            module: self.name,
            kind,
            core: false,
            doc,
            permission: format!("{}.{verb}", self.name),
            decider: 1,
            secret: &[],
            input: Arc::new(object(A::schema().into_json())),
            output: Arc::new(object(output)),
            run,
        });
        self
    }

    /// Says that the tool added last belongs to the core profile.
    #[must_use]
    pub fn core(self) -> Self {
        self.last(|tool| tool.core = true)
    }

    /// Says what the tool added last returns.
    #[must_use]
    pub fn returns(self, output: Value) -> Self {
        self.last(|tool| tool.output = Arc::new(object(output)))
    }

    /// Says which permission the tool added last needs.
    #[must_use]
    pub fn needs(self, permission: &str) -> Self {
        self.last(|tool| permission.clone_into(&mut tool.permission))
    }

    /// Says that every profile shows this module.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.always = true;
        self
    }

    fn last(mut self, change: impl FnOnce(&mut Tool)) -> Self {
        if let Some(tool) = self.tools.last_mut() {
            change(tool);
        }
        self
    }
}

/// A JSON object's members; empty for anything else.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// How much a caller may do; kept by the door, told by tools.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quotas {
    /// Requests a minute.
    pub normal_per_minute: u32,
    /// Of them, proposals of sensitive and bulk writes.
    pub sensitive_per_minute: u32,
    /// Offers that wait for a confirmation at once.
    pub pending_actions: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            normal_per_minute: 1000,
            sensitive_per_minute: 100,
            pending_actions: crate::kernel::engine::PENDING_PER_CALLER_MAX,
        }
    }
}

/// Every module and tool there is.
pub struct Registry {
    /// What is told of limits.
    pub quotas: Quotas,
    modules: Vec<(&'static str, &'static str, &'static str, bool)>,
    tools: Vec<Tool>,
    by_name: BTreeMap<&'static str, usize>,
    kinds: Vec<(Kind, Seeing)>,
}

impl Registry {
    /// Puts the modules together, in order.
    pub fn new(modules: Vec<Module>) -> Self {
        let mut registry = Self {
            quotas: Quotas::default(),
            modules: Vec::new(),
            tools: Vec::new(),
            by_name: BTreeMap::new(),
            kinds: Vec::new(),
        };
        for module in modules {
            registry
                .modules
                .push((module.name, module.title, module.doc, module.always));
            registry.kinds.extend(module.kinds);
            for tool in module.tools {
                registry.by_name.insert(tool.name, registry.tools.len());
                registry.tools.push(tool);
            }
        }
        registry
    }

    /// Every tool, in the fixed order.
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// One tool.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.by_name.get(name).and_then(|place| self.tools.get(*place))
    }

    /// Every module: toolset name, title, what it is for, whether always shown.
    pub fn modules(&self) -> &[(&'static str, &'static str, &'static str, bool)] {
        &self.modules
    }

    /// The kinds of entity, for a new state.
    pub fn kinds(&self) -> Vec<Kind> {
        self.kinds.iter().map(|(kind, _)| *kind).collect()
    }

    /// Whether a caller may know of a thing of a kind.
    pub fn sees(&self, kind: &str, view: &View<'_>, id: &str) -> bool {
        self.kinds
            .iter()
            .find(|(known, _)| known.name == kind)
            .is_some_and(|(_, sees)| sees(view, id))
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tools", self.tools.len())
    }
}

/// Output schemas. They are open and short: `fields` and `expand` shape what is there, and 290 of them are sent at once.
pub mod output {
    use super::{Value, json};

    /// Any object.
    pub fn free() -> Value {
        json!({"type": "object"})
    }

    /// What every proposing tool returns; where the client was asked in between, what came of that.
    pub fn pending() -> Value {
        json!({"type": "object", "properties": {
            "status": {"type": "string", "enum": ["pending", "blocked", "noop", "executing", "succeeded", "cancelled", "declined"]},
            "actionId": {"type": "string"},
            "confirmToken": {"type": ["string", "null"]},
            "expiresAt": {"type": "string"},
            "preview": {"type": "object"},
            "error": {"type": "object"},
        }})
    }

    /// A list: `columns` are the fields of an item.
    pub fn list(columns: &[&str]) -> Value {
        let properties: serde_json::Map<String, Value> =
            columns.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        json!({"type": "object", "properties": {
            "items": {"type": "array", "items": {"type": "object", "properties": properties}},
            "page": {"type": "object"},
            "asOf": {"type": "integer"},
        }})
    }

    /// One thing: `fields` are what it has.
    pub fn item(fields: &[&str]) -> Value {
        let properties: serde_json::Map<String, Value> =
            fields.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        json!({"type": "object", "properties": {
            "item": {"type": "object", "properties": properties},
            "asOf": {"type": "integer"},
        }})
    }
}
