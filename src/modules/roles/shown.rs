//! Rights in previews: who gains and who loses what.

use serde_json::{Value, json};

use crate::kernel::authority::{gains, place};
use crate::kernel::identity::{Member, MemberKind, Role};
use crate::kernel::{Plan, Rejection, Row, View, text};
use crate::modules::automation;

/// Most members whose change is named one by one.
const NAMED_MAX: usize = 50;

/// Shows in a plan's preview whose rights it changes and how, and which rules would stop for it.
///
/// # Errors
/// As [`gains::of`].
pub fn changes(view: &View<'_>, plan: &mut Plan) -> Result<(), Rejection> {
    if !view.is_shown {
        return Ok(());
    }
    let changes = gains::of(view, plan)?;
    let named = |powers: &std::collections::BTreeSet<(String, Option<String>)>| -> Vec<String> {
        let one = |(permission, at): &(String, Option<String>)| match at {
            None => permission.clone(),
            Some(_) => format!("{permission} in {}", place::in_words(view, at.as_deref())),
        };
        powers.iter().map(one).collect()
    };
    let rows = changes.iter().take(NAMED_MAX).filter_map(|(member, change)| {
        let row = view.get(*member)?;
        let (gained, lost) = (named(&change.gained), named(&change.lost));
        Some(json!({"member": handle(row), "kind": row.kind, "gains": gained, "loses": lost}))
    });
    let rows: Vec<Value> = rows.collect();
    plan.detail("affected", json!({"members": changes.len(), "rights": rows}));
    if changes.len() > NAMED_MAX {
        plan.warn(format!("{} more members are affected", changes.len() - NAMED_MAX));
    }
    let losing: Vec<_> = changes
        .iter()
        .filter(|(_, change)| !change.lost.is_empty())
        .map(|(id, _)| *id)
        .collect();
    if !losing.is_empty() {
        let then = gains::after(view, plan)?;
        let stopped = automation::stopped(view, &then, &losing);
        if !stopped.is_empty() {
            plan.warn(format!(
                "{} would stop: {}",
                text::count(stopped.len(), "rule"),
                stopped.join(", ")
            ));
        }
        plan.detail("rulesThatStop", stopped);
    }
    Ok(())
}

/// `@ana`.
pub fn handle(row: &Row<Member>) -> String {
    format!("@{}", row.handle)
}

/// Whether a member is an agent or a service.
pub fn is_program(row: &Member) -> bool {
    row.kind != MemberKind::Human
}

/// A role as it is listed.
pub fn role(row: &Row<Role>) -> Value {
    json!({"id": row.id.to_string(), "name": row.name, "permissions": row.permissions, "version": row.version})
}

/// Refuses a plan after which nobody could manage roles any more, or the organisation had no owner.
///
/// # Errors
/// `would_lock_out`.
pub fn keeps_a_key(view: &View<'_>, plan: &Plan) -> Result<(), Rejection> {
    let then = gains::after(view, plan)?;
    let people = then
        .table::<Member>()
        .into_iter()
        .flat_map(crate::kernel::table::Table::rows);
    let mut people = people.filter(|row| row.org == view.caller.org && row.kind == MemberKind::Human);
    let lasting = |row: &Row<Member>| {
        let held = crate::kernel::authority::held(&then, row.id, view.now);
        held.into_iter()
            .filter(|held| held.place.is_none() && held.until.is_none())
            .flat_map(|held| held.role.permissions.clone())
            .collect::<Vec<String>>()
    };
    let (mut keeper, mut owner) = (false, false);
    for row in people.by_ref() {
        let patterns = lasting(row);
        keeper |= patterns
            .iter()
            .any(|one| crate::kernel::principal::covers(one, "roles.manage"));
        owner |= patterns.iter().any(|one| one == "*");
        if keeper && owner {
            return Ok(());
        }
    }
    let message = if owner {
        "nobody could manage roles any more"
    } else {
        "the organisation would have no owner any more"
    };
    Err(Rejection::new("would_lock_out", message).hint("give the role to somebody else first"))
}
