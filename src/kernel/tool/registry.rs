//! All modules together: what there is to call, by name and in order.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Counter, Module, Reach, Seeing, Tool};
use crate::kernel::execution::Terms;
use crate::kernel::principal::covers;
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

/// What is known of a permission.
#[derive(Default)]
struct Known {
    /// What it allows that is no tool.
    allows: Option<&'static str>,
    /// Whether it counts where it is held in one place only.
    in_places: bool,
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
    owners: BTreeMap<&'static str, &'static str>,
    permissions: BTreeMap<String, Known>,
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
            owners: BTreeMap::new(),
            permissions: BTreeMap::new(),
            reactors: Vec::new(),
            strikes: Vec::new(),
            counters: Vec::new(),
        };
        for module in modules {
            registry
                .modules
                .push((module.name, module.title, module.doc, module.always));
            let owned = module.kinds.iter().map(|(kind, _)| (kind.name, module.name));
            registry.owners.extend(owned);
            registry.kinds.extend(module.kinds);
            let named = module.permissions.into_iter();
            registry.permissions.extend(named.map(|(name, allows)| {
                let known = Known {
                    allows: Some(allows),
                    in_places: module.reach == Reach::Placed,
                };
                (name.to_owned(), known)
            }));
            registry.reactors.extend(module.reactors);
            registry.strikes.extend(module.strikes);
            registry.counters.extend(module.counter);
            for mut tool in module.tools {
                tool.reach = module.reach;
                let known = registry.permissions.entry(tool.permission.clone()).or_default();
                known.in_places |= tool.reach == Reach::Placed;
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

    /// Every permission that there is, in order.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.permissions.keys().map(String::as_str)
    }

    /// What a permission allows that is no tool; `None` for most, and for what is not known.
    pub fn allows(&self, permission: &str) -> Option<&'static str> {
        self.permissions.get(permission)?.allows
    }

    /// Whether a permission counts where it is held in one place only.
    pub fn counts_in_places(&self, permission: &str) -> bool {
        self.permissions.get(permission).is_some_and(|known| known.in_places)
    }

    /// Whether there is a permission of a name, or one that a pattern covers.
    pub fn knows(&self, pattern: &str) -> bool {
        self.permissions().any(|name| covers(pattern, name))
    }

    /// The module that owns a kind of things.
    pub fn module_of(&self, kind: &str) -> Option<&'static str> {
        self.owners.get(kind).copied()
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
