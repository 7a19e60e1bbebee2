//! A module as it is declared: its entities and tools, one line each.

use std::sync::Arc;

use serde_json::Value;

use super::{Counter, Over, Reach, Run, Seeing, Tool, ToolKind, object, output};
use crate::kernel::arg::Args;
use crate::kernel::entity::Entity;
use crate::kernel::reaction::{Reactor, Striking};
use crate::kernel::state::Kind;
use crate::kernel::tool::Long;
use crate::kernel::{Plan, Rejection, View};

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
    pub(super) tools: Vec<Tool>,
    pub(super) kinds: Vec<(Kind, Seeing)>,
    pub(super) reactors: Vec<(&'static str, Reactor)>,
    pub(super) strikes: Vec<(&'static str, Striking)>,
    pub(super) counter: Option<Counter>,
    pub(super) reach: Reach,
    pub(super) permissions: Vec<(&'static str, &'static str)>,
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
            reactors: Vec::new(),
            strikes: Vec::new(),
            counter: None,
            reach: Reach::default(),
            permissions: Vec::new(),
        }
    }

    /// Says where the permissions for its tools must be held.
    #[must_use]
    pub fn reaches(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// Names a permission that no tool needs as such: what it allows beyond them.
    #[must_use]
    pub fn permission(mut self, name: &'static str, allows: &'static str) -> Self {
        self.permissions.push((name, allows));
        self
    }

    /// Says how changes are undone that may not simply be turned back: by counter-entries of the module's own.
    #[must_use]
    pub fn undone_by(mut self, counter: Counter) -> Self {
        self.counter = Some(counter);
        self
    }

    /// Says that it owns a kind of entity.
    #[must_use]
    pub fn entity<E: Entity>(mut self) -> Self {
        let sees: Seeing = |view, id| id.parse().is_ok_and(|id| view.get::<E>(id).is_some());
        self.kinds.push((Kind::of::<E>(), sees));
        self
    }

    /// Says that the kind of entity added last reacts to the events that its keys name.
    #[must_use]
    pub fn reacts(mut self, reactor: Reactor) -> Self {
        if let Some((kind, _)) = self.kinds.last_mut() {
            *kind = kind.reacting();
            self.reactors.push((kind.name, reactor));
        }
        self
    }

    /// Says what the kind of entity added last does when an hour comes that it waits for.
    #[must_use]
    pub fn strikes(mut self, strike: Striking) -> Self {
        if let Some((kind, _)) = self.kinds.last() {
            self.strikes.push((kind.name, strike));
        }
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
            reach: Reach::default(),
            over: None,
            may_repeat: false,
            lesser: None,
            opens: None,
            is_logged: false,
            long: None,
            decider: 1,
            secret: &[],
            input: Arc::new(object(A::schema().into_json())),
            output: Arc::new(object(output)),
            run,
        });
        self
    }

    /// Says that carrying out the tool added last twice does no harm.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        if let Some(tool) = self.tools.last_mut() {
            tool.may_repeat = true;
        }
        self
    }

    /// Says which tool each item of the tool added last passes.
    #[must_use]
    pub fn over(self, over: Over) -> Self {
        self.last(|tool| tool.over = Some(over))
    }

    /// Says that the tool added last belongs to the core profile.
    #[must_use]
    pub fn core(self) -> Self {
        self.last(|tool| tool.core = true)
    }

    /// Says that the tool added last reads the security log, which is an event of its own.
    #[must_use]
    pub fn logged(self) -> Self {
        self.last(|tool| tool.is_logged = true)
    }

    /// Names a lesser permission that opens the tool added last too; it then answers less.
    #[must_use]
    pub fn or_needs(self, lesser: &'static str) -> Self {
        self.last(|tool| tool.lesser = Some(lesser))
    }

    /// Says what of others the answer of the tool added last lays open.
    #[must_use]
    pub fn opens(self, opens: crate::kernel::opened::Opens) -> Self {
        self.last(|tool| tool.opens = Some(opens))
    }

    /// Says that the tool added last may read much of the journal.
    #[must_use]
    pub fn searches(self) -> Self {
        self.last(|tool| tool.long = Some(Long::Reads))
    }

    /// Says that the tool added last may add much up.
    #[must_use]
    pub fn adds_up(self) -> Self {
        self.last(|tool| tool.long = Some(Long::AddsUp))
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

    /// Says which version the rules of the tool added last are of: raised when they change, so that a replay can tell.
    #[must_use]
    pub fn revised(self, decider: u32) -> Self {
        self.last(|tool| tool.decider = decider)
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
