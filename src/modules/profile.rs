//! Profiles: which tools a caller is shown, chosen by address or token, never by an earlier call (catalogue section 0.10).

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::kernel::engine::admit;
use crate::kernel::principal::Caller;
use crate::kernel::{Registry, Rejection, State, Tool, ToolKind};

/// A named set of modules. `core` names the tools marked as such; `compact` a handful and the generic caller.
pub struct Profile {
    /// Its name in addresses.
    pub name: &'static str,
    /// Whether it also shows the tools marked core.
    pub core: bool,
    /// The modules it shows whole.
    pub modules: &'static [&'static str],
}

/// Every profile but `all`, in order.
pub const PROFILES: [Profile; 9] = [
    Profile {
        name: "core",
        core: true,
        modules: &[],
    },
    Profile {
        name: "worker",
        core: true,
        modules: &["tasks", "dependencies", "comments", "time"],
    },
    Profile {
        name: "planner",
        core: true,
        modules: &[
            "projects",
            "sprints",
            "milestones",
            "goals",
            "templates",
            "labels",
            "analytics",
        ],
    },
    Profile {
        name: "knowledge",
        core: false,
        modules: &["wiki", "files", "comments", "forms", "search"],
    },
    Profile {
        name: "operations",
        core: false,
        modules: &["stock", "products", "contacts", "processes", "expenses"],
    },
    Profile {
        name: "collaboration",
        core: false,
        modules: &["chat", "calendar", "notifications", "comments", "files", "contacts"],
    },
    Profile {
        name: "governance",
        core: false,
        modules: &["registers", "processes", "audit", "analytics", "goals", "expenses"],
    },
    Profile {
        name: "admin",
        core: false,
        modules: &[
            "organizations",
            "teams",
            "roles",
            "workflows",
            "fields",
            "automation",
            "webhooks",
            "integrations",
            "audit",
        ],
    },
    Profile {
        name: "compact",
        core: false,
        modules: &[],
    },
];

/// The tools of Search that every profile shows.
const ALWAYS: [&str; 6] = [
    "search",
    "find_similar",
    "resolve_references",
    "get_me",
    "find_tools",
    "get_my_work",
];
const COMPACT: [&str; 2] = ["find_tools", "get_me"];

#[derive(Clone, Debug, PartialEq, Eq, Default)]
enum Shown {
    #[default]
    All,
    Profile(String),
    Modules(BTreeSet<String>),
}

/// What an address selects.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Selection {
    shown: Shown,
    read_only: bool,
    excluded: BTreeSet<String>,
}

impl Selection {
    /// Reads what stands behind `/mcp` in an address: nothing, `p/core`, `x/tasks,wiki`, each with `read` in front.
    pub fn of_address(rest: &str) -> Result<Self, Rejection> {
        let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        let (read_only, parts) = match parts.as_slice() {
            ["read", rest @ ..] => (true, rest),
            all => (false, all),
        };
        let shown = match parts {
            [] | ["p", "all"] => Shown::All,
            ["p", name] => Shown::Profile(known_profile(name)?),
            ["x", names] => Shown::Modules(names.split(',').map(str::to_owned).collect()),
            _ => {
                return Err(Rejection::not_found("address", rest).hint(
                    "use /mcp, /mcp/p/{profile} or /mcp/x/{module,module}, with /mcp/read in front for reads only",
                ));
            }
        };
        Ok(Self {
            shown,
            read_only,
            excluded: BTreeSet::new(),
        })
    }

    /// A profile or modules by name (for STDIO): `core`, or `tasks,wiki`.
    pub fn of_names(names: Option<&str>, read_only: bool, excluded: &[String]) -> Result<Self, Rejection> {
        let mut selection = match names.map(str::trim).filter(|names| !names.is_empty()) {
            None => Self::default(),
            Some(name) if name == "all" || PROFILES.iter().any(|profile| profile.name == name) => {
                Self::of_address(&format!("p/{name}"))?
            }
            Some(names) => Self::of_address(&format!("x/{names}"))?,
        };
        selection.read_only = read_only;
        selection.excluded = excluded.iter().cloned().collect();
        Ok(selection)
    }

    /// Whether the generic caller stands among the tools.
    pub fn has_generic_caller(&self) -> bool {
        self.shown == Shown::Profile("compact".to_owned())
    }

    /// Whether a module that was asked for by name does not exist.
    pub fn unknown_module(&self, registry: &Registry) -> Option<String> {
        let Shown::Modules(names) = &self.shown else {
            return None;
        };
        let known = |name: &&String| registry.modules().iter().any(|(known, ..)| known == *name);
        names.iter().find(|name| !known(name)).cloned()
    }

    /// Whether it shows a tool.
    pub fn shows(&self, tool: &Tool) -> bool {
        let listed = match &self.shown {
            Shown::All => true,
            _ if always(tool) => !self.has_generic_caller() || tool.module == "actions" || COMPACT.contains(&tool.name),
            Shown::Modules(names) => names.contains(tool.module),
            Shown::Profile(name) => in_profile(name, tool),
        };
        listed && !self.excluded.contains(tool.name) && (!self.read_only || tool.kind == ToolKind::Read)
    }
}

fn always(tool: &Tool) -> bool {
    tool.module == "actions" || ALWAYS.contains(&tool.name)
}

fn in_profile(name: &str, tool: &Tool) -> bool {
    let profile = PROFILES.iter().find(|profile| profile.name == name);
    profile.is_some_and(|profile| (profile.core && tool.core) || profile.modules.contains(&tool.module))
}

fn known_profile(name: &str) -> Result<String, Rejection> {
    if PROFILES.iter().any(|profile| profile.name == name) {
        return Ok(name.to_owned());
    }
    let known: Vec<&str> = PROFILES.iter().map(|profile| profile.name).chain(["all"]).collect();
    Err(Rejection::not_found("profile", name).allowed(known))
}

/// The tools that a caller may call and is shown: by address, by the token's profile, by rights. Always in the same order.
pub fn shown_to<'r>(
    registry: &'r Registry,
    state: &State,
    caller: &Caller,
    address: &Selection,
    bound: Option<&str>,
    now: Timestamp,
) -> Vec<&'r Tool> {
    let own = bound
        .and_then(|names| Selection::of_names(Some(names), false, &[]).ok())
        .unwrap_or_default();
    let shown = registry
        .tools()
        .iter()
        .filter(|tool| address.shows(tool) && own.shows(tool));
    shown.filter(|tool| admit(state, caller, tool, now).is_ok()).collect()
}

/// Whether a caller may call a tool at an address; the same question as whether it is listed. With the generic caller,
/// every tool that the token may use can be called through it.
pub fn may_call(
    state: &State,
    caller: &Caller,
    tool: &Tool,
    address: &Selection,
    bound: Option<&str>,
    now: Timestamp,
) -> bool {
    let own = bound
        .and_then(|names| Selection::of_names(Some(names), false, &[]).ok())
        .unwrap_or_default();
    let through = |selection: &Selection| {
        selection.shows(tool)
            || (selection.has_generic_caller()
                && !selection.excluded.contains(tool.name)
                && (!selection.read_only || tool.kind == ToolKind::Read))
    };
    through(address) && through(&own) && admit(state, caller, tool, now).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_select() {
        for good in [
            "",
            "/",
            "/p/core",
            "/x/tasks,wiki",
            "/read",
            "/read/p/compact",
            "/read/x/tasks",
            "/p/all",
        ] {
            assert!(Selection::of_address(good).is_ok(), "{good}");
        }
        for bad in ["/p/nope", "/q", "/p", "/x", "/p/core/read"] {
            assert!(Selection::of_address(bad).is_err(), "{bad}");
        }
    }
}
