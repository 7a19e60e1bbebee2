//! Where things lie, and what grants that count in one place only let a caller see and change.

use projections::{Named as _, Op};
use serde_json::json;

use crate::kernel::entity::Entity;
use crate::kernel::identity::Team;
use crate::kernel::plan::Lies;
use crate::kernel::state::State;
use crate::kernel::table::Row;
use crate::kernel::tool::Reach;
use crate::kernel::{Plan, Rejection, View};

/// Most steps from a thing to the place it lies in: a reply lies in a comment, in a task, in a project.
const STEPS_MAX: usize = 12;

/// The kinds of things that a grant can count in.
const PLACES: [&str; 2] = ["project", "team"];

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
    if E::KIND == Team::KIND && rights.teams.iter().any(|team| team.bits() == row.id.bits()) {
        return true;
    }
    if !rights.is_scoped() {
        return row.is_visible(view);
    }
    let Some(module) = view.registry.module_of(E::KIND) else {
        return row.is_visible(view);
    };
    let is_place = PLACES.contains(&E::KIND);
    if is_place && rights.allow_at(&format!("{module}.read"), &row.id.to_string()) {
        return true;
    }
    row.is_visible(view) && is_within(view, module, row)
}

/// Whether what may be read in some places only lies in one of them, or in none at all. It is found out once for all that
/// lies in the same thing.
fn is_within<E: Entity>(view: &View<'_>, module: &'static str, row: &Row<E>) -> bool {
    let place = if PLACES.contains(&E::KIND) {
        Some(row.id.to_string())
    } else {
        row.entity.lies_in()
    };
    let Some(place) = place else { return true };
    let known = view.within.borrow().get(&(module, place.clone())).copied();
    known.unwrap_or_else(|| {
        let within = is_read_in(view, module, &place);
        view.within.borrow_mut().insert((module, place), within);
        within
    })
}

fn is_read_in(view: &View<'_>, module: &str, place: &str) -> bool {
    let (rights, read) = (&view.rights, format!("{module}.read"));
    if rights.allow(&read) || !rights.allow_somewhere(&read) {
        return true;
    }
    let line = line(view.state, place);
    let mut kinds = line.iter().filter_map(|id| view.state.kind_of(id));
    !kinds.any(|kind| PLACES.contains(&kind)) || rights.allow_in(&read, &line)
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
