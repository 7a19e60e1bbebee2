//! Who may give a role, to whom, and where: asked in this one place by everything that gives one.

use std::collections::BTreeSet;

use serde_json::json;

use super::gains::{exceeds, gives};
use crate::kernel::identity::Role;
use crate::kernel::principal::is_for_people;
use crate::kernel::table::Row;
use crate::kernel::{Rejection, View};

/// Refuses a role that the caller may not hand out or take away: its `grantable` names who does.
///
/// # Errors
/// `forbidden`.
pub fn handles(view: &View<'_>, role: &Row<Role>) -> Result<(), Rejection> {
    let (may, who) = match role.grantable.as_str() {
        "owners" => (view.rights.allow("*"), "owners"),
        "admins" => (view.rights.allow("organizations.manage"), "admins"),
        _ => (
            view.rights.allow_somewhere("roles.manage") || view.rights.allow("organizations.manage"),
            "managers",
        ),
    };
    if may {
        return Ok(());
    }
    Err(Rejection::forbidden(&format!("grant {}", role.name))
        .field("role")
        .hint(format!("{who} hand out this role; ask one of them")))
}

/// Refuses permissions that the caller does not hold in a place (`None` for the organisation).
///
/// # Errors
/// `exceeds_own_rights`, with all of them.
pub fn holds_all<'p>(
    view: &View<'_>,
    permissions: impl IntoIterator<Item = &'p String>,
    place: Option<&str>,
) -> Result<(), Rejection> {
    let beyond = permissions
        .into_iter()
        .filter(|permission| !gives(view, permission, place));
    let beyond: BTreeSet<_> = beyond.map(|permission| (permission.clone(), None)).collect();
    if beyond.is_empty() {
        Ok(())
    } else {
        Err(exceeds(&beyond))
    }
}

/// Refuses a role that holds what only people may have, for an agent or service.
///
/// # Errors
/// `not_grantable_to_agents`, with those permissions.
pub fn fits_agents(role: &Row<Role>) -> Result<(), Rejection> {
    let only: Vec<&String> = role
        .permissions
        .iter()
        .filter(|pattern| is_for_people(pattern))
        .collect();
    if only.is_empty() {
        return Ok(());
    }
    let message = format!("{} holds what no agent or service can be given", role.name);
    Err(Rejection::new("not_grantable_to_agents", message)
        .field("role")
        .current(json!({ "permissions": only }))
        .hint("give agent_worker or agent_reader, or a role without these permissions"))
}
