//! All modules together: what there is to call, by name and in order.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Counter, Module, Seeing, Tool};
use crate::kernel::execution::Terms;
use crate::kernel::reaction::{Reactor, Striking};
use crate::kernel::state::Kind;
use crate::kernel::undo::Recorded;
use crate::kernel::{Plan, Rejection, View};

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
    /// On what terms work is given to workers.
    pub terms: Terms,
    modules: Vec<(&'static str, &'static str, &'static str, bool)>,
    tools: Vec<Tool>,
    by_name: BTreeMap<&'static str, usize>,
    kinds: Vec<(Kind, Seeing)>,
    reactors: Vec<(&'static str, Reactor)>,
    strikes: Vec<(&'static str, Striking)>,
    counters: Vec<Counter>,
}

impl Registry {
    /// Puts the modules together, in order.
    pub fn new(modules: Vec<Module>) -> Self {
        let mut registry = Self {
            quotas: Quotas::default(),
            terms: Terms::default(),
            modules: Vec::new(),
            tools: Vec::new(),
            by_name: BTreeMap::new(),
            kinds: Vec::new(),
            reactors: Vec::new(),
            strikes: Vec::new(),
            counters: Vec::new(),
        };
        for module in modules {
            registry
                .modules
                .push((module.name, module.title, module.doc, module.always));
            registry.kinds.extend(module.kinds);
            registry.reactors.extend(module.reactors);
            registry.strikes.extend(module.strikes);
            registry.counters.extend(module.counter);
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

    /// The kinds whose things react to events, with how.
    pub fn reactors(&self) -> impl Iterator<Item = (&'static str, Reactor)> {
        self.reactors.iter().copied()
    }

    /// How the things of a kind react.
    pub fn reactor(&self, kind: &str) -> Option<Reactor> {
        self.reactors()
            .find(|(known, _)| *known == kind)
            .map(|(_, reactor)| reactor)
    }

    /// What the things of a kind do when an hour comes that they wait for.
    pub fn strike(&self, kind: &str) -> Option<Striking> {
        let mut known = self.strikes.iter();
        known.find(|(known, _)| *known == kind).map(|(_, strike)| *strike)
    }

    /// Plans the counter-entries that undo some recorded changes; gives the changes that are to be turned back as usual.
    pub fn counter(
        &self,
        view: &View<'_>,
        plan: &mut Plan,
        recorded: Vec<Recorded>,
    ) -> Result<Vec<Recorded>, Rejection> {
        let counters = self.counters.iter();
        counters
            .copied()
            .try_fold(recorded, |left, counter| counter(view, plan, left))
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
