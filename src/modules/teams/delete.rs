//! `delete_team`.

use std::sync::Arc;

use serde_json::json;

use crate::args;
use crate::kernel::arg::{In, UpdateArgs};
use crate::kernel::identity::{Grant, Team};
use crate::kernel::{Plan, Ref, Rejection, Risk, Row, View, text};
use crate::modules::roles;
use crate::modules::stock::Budget;

args! {
    /// Arguments of `delete_team`.
    pub struct DeleteTeam {
        team: Ref<Team>,
        /// What names it names this one then.
        replace_with: Option<Ref<Team>>,
        write: In<UpdateArgs>,
    }
}

/// `delete_team`.
pub fn delete(args: DeleteTeam, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.team)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let new = args.replace_with.as_ref().map(|team| view.resolve(team)).transpose()?;
    if new.is_some_and(|new| new.id == row.id) {
        return Err(Rejection::argument("replaceWith", "must be another team"));
    }
    let children: Vec<String> = (view.state.table::<Team>().into_iter())
        .flat_map(|table| table.find(&row.org, "parent", &row.id.to_string()))
        .map(|child| {
            view.get(child.id).map_or_else(
                || "one that you may not see".to_owned(),
                |row| format!("@{}", row.handle),
            )
        })
        .collect();
    if !children.is_empty() {
        return Err(Rejection::new(
            "has_children",
            format!("{} in @{}", text::count(children.len(), "team"), row.handle),
        )
        .field("team")
        .current(json!({ "children": children }))
        .hint("move them under another team with update_team, or delete them first"));
    }
    let (grants, budgets) = (grants(view, row), budgets(view, row));
    if new.is_none() && !(grants.is_empty() && budgets.is_empty()) {
        let names = grants.iter().map(|grant| grant_in_words(view, grant));
        return Err(Rejection::new(
            "in_use",
            format!("@{} holds roles or budgets, or roles count in it", row.handle),
        )
        .field("team")
        .current(json!({"grants": names.collect::<Vec<_>>(), "budgets": budgets.len()}))
        .hint("name the team that takes its place in replaceWith, or take it out of them first"));
    }
    let mut plan = Plan::new(match new {
        Some(new) => format!("Delete team \"{}\" and put @{} in its place", row.name, new.handle),
        None => format!("Delete team \"{}\"", row.name),
    });
    let (old_id, new_id) = (row.id.to_string(), new.map(|new| new.id.to_string()));
    for grant in &grants {
        plan.cascades
            .push(format!("{} goes to the other team", grant_in_words(view, grant)));
        plan.edit("role.granted", grant, |grant| {
            let Some(new) = &new_id else { return };
            if grant.subject == old_id {
                grant.subject.clone_from(new);
            }
            if grant.scope_ref.as_deref() == Some(&old_id) {
                grant.scope_ref = Some(new.clone());
            }
        })?;
    }
    for budget in &budgets {
        plan.cascades
            .push(format!("budget {} goes to the other team", budget.name));
        plan.edit("budget.saved", budget, |budget| budget.team = new.map(|new| new.id))?;
    }
    plan.remove("team.deleted", row)?;
    plan.detail("members", row.members.len());
    roles::changes(view, &mut plan)?;
    plan.risk = Some(if grants.is_empty() { Risk::Medium } else { Risk::High });
    plan.result = json!({"id": old_id, "name": row.name, "replacedBy": new.map(|new| format!("@{}", new.handle))});
    Ok(plan)
}

fn budgets<'a>(view: &View<'a>, team: &Row<Team>) -> Vec<&'a Arc<Row<Budget>>> {
    let table = view.state.table::<Budget>();
    let found = table.map(|table| table.find(&team.org, "team", &team.id.to_string()));
    found.into_iter().flatten().collect()
}

/// The grants that name a team: as who holds, or as where.
pub fn grants<'a>(view: &View<'a>, team: &Row<Team>) -> Vec<&'a Arc<Row<Grant>>> {
    let id = team.id.to_string();
    let Some(table) = view.state.table::<Grant>() else {
        return Vec::new();
    };
    let held = table.find(&team.org, "subject", &id);
    let there = table.find(&team.org, "scope", &id);
    let mut all: Vec<&Arc<Row<Grant>>> = held.chain(there).collect();
    all.sort_by_key(|row| row.id);
    all.dedup_by_key(|row| row.id);
    all
}

/// `manager in OPS for @night`.
pub fn grant_in_words(view: &View<'_>, grant: &Row<Grant>) -> String {
    let role = view.get(grant.role).map_or("a role", |role| role.name.as_str());
    let place = crate::kernel::authority::place::in_words(view, grant.scope_ref.as_deref());
    let whom = crate::kernel::authority::place::in_words(view, Some(&grant.subject));
    format!("{role} in {place} for {whom}")
}
