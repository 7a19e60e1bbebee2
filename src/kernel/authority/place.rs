//! Where things lie, and what grants that count in one place only let a caller see and change.

use projections::Op;
use serde_json::json;

use crate::kernel::entity::Entity;
use crate::kernel::plan::Lies;
use crate::kernel::state::State;
use crate::kernel::table::Row;
use crate::kernel::tool::Reach;
use crate::kernel::{Plan, Rejection, View};

/// Most steps from a thing to the place it lies in: a reply lies in a comment, in a task, in a project.
const STEPS_MAX: usize = 12;

/// The identifiers of a thing and of what it lies in, the nearest first.
pub fn line(state: &State, id: &str) -> Vec<String> {
    let above = |id: &String| {
        let table = state.any(state.kind_of(id)?)?;
        table.lies_in(id)
    };
    std::iter::successors(Some(id.to_owned()), above)
        .take(STEPS_MAX)
        .collect()
}

/// Whether a row of the caller's organisation is there for the caller. What an entity says of itself counts; beyond that,
/// who holds a role at a thing sees it, and who may read a kind of things in some places only sees them there.
pub fn shows<E: Entity>(view: &View<'_>, row: &Row<E>) -> bool {
    let rights = &view.rights;
    if !rights.is_scoped() && rights.teams.is_empty() {
        return row.is_visible(view);
    }
    let id = row.id.to_string();
    if rights.teams.iter().any(|team| team.bits() == row.id.bits()) && E::KIND == "team" {
        return true;
    }
    let Some(module) = view.registry.module_of(E::KIND) else {
        return row.is_visible(view);
    };
    let read = format!("{module}.read");
    if rights.is_scoped() && rights.allow_at(&read, &id) {
        return true;
    }
    row.is_visible(view) && is_within(view, &read, &id)
}

/// Whether what may be read in some places only lies in one of them, or in none at all.
fn is_within(view: &View<'_>, read: &str, id: &str) -> bool {
    let rights = &view.rights;
    if rights.allow(read) || !rights.allow_somewhere(read) {
        return true;
    }
    let line = line(view.state, id);
    let lies_somewhere = line
        .iter()
        .any(|id| matches!(view.state.kind_of(id), Some("project" | "team")));
    !lies_somewhere || rights.allow_in(read, &line)
}

fn under(id: &str, above: Vec<String>) -> Vec<String> {
    std::iter::once(id.to_owned()).chain(above).collect()
}

/// Refuses a plan that changes what lies outside the places in which the caller holds its tool's permission.
///
/// # Errors
/// `forbidden`, with what is outside.
pub fn keep(view: &View<'_>, permission: &str, reach: Reach, plan: &Plan) -> Result<(), Rejection> {
    let rights = &view.rights;
    if rights.allow(permission) || reach == Reach::Own {
        return Ok(());
    }
    for planned in &plan.changes {
        let id = &planned.change.id;
        let is_new = planned.change.op == Op::Create;
        let before = is_new || rights.allow_in(permission, &line(view.state, id));
        let after = match &planned.lies {
            Lies::In(place) => rights.allow_in(permission, &under(id, line(view.state, place))),
            Lies::Nowhere => rights.allow_in(permission, std::slice::from_ref(id)),
            Lies::Unknown => !is_new,
        };
        if !(before && after) {
            let name = planned.label.key.as_ref().unwrap_or(&planned.label.label);
            let mut no = Rejection::forbidden(permission);
            no.message = format!(
                "this needs the permission `{permission}` where {} `{name}` lies",
                planned.label.kind
            );
            return Err(no);
        }
    }
    Ok(())
}

/// A place in words: `OPS`, `@night`, or that it is everywhere.
pub fn in_words(view: &View<'_>, place: Option<&str>) -> String {
    let Some(id) = place else {
        return "the organisation".to_owned();
    };
    let row = view.state.kind_of(id).and_then(|kind| view.describe(kind, id));
    row.map_or_else(
        || "a place that you may not see".to_owned(),
        |row| row.key.unwrap_or(row.label),
    )
}

/// What a place is, as shown: its kind, identifier and name.
pub fn shown(view: &View<'_>, place: Option<&str>) -> serde_json::Value {
    match place {
        None => json!({"scope": "organization"}),
        Some(id) => json!({"scope": view.state.kind_of(id), "id": id, "name": in_words(view, place)}),
    }
}
