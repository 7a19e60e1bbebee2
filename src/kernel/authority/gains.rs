//! What a plan would give whom: nobody gives what they do not hold, and nobody raises their own rights. Asked of every plan
//! that touches members, roles, grants or teams, whatever tool made it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use projections::{Actor, Body, Id};
use serde_json::json;

use super::{candidates, people_of, rights_of, subjects, under};
use crate::kernel::identity::{Grant, Member, Role, Team};
use crate::kernel::principal::Rights;
use crate::kernel::state::State;
use crate::kernel::table::Row;
use crate::kernel::{Plan, Rejection, View};

/// The kinds of things that decide who may do what.
const KINDS: [&str; 4] = ["member", "role", "grant", "team"];

/// What changes for one member: permissions gained and lost, each with where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Gained: the permission, and the place (`None` for the organisation).
    pub gained: BTreeSet<(String, Option<String>)>,
    /// Lost.
    pub lost: BTreeSet<(String, Option<String>)>,
}

/// The state as it would be after a plan.
///
/// # Errors
/// `unavailable` where the plan does not fit the state, which is a fault of the program.
pub fn after(view: &View<'_>, plan: &Plan) -> Result<State, Rejection> {
    let mut state = view.state.clone();
    let mut body = Body::new(
        view.now.max(state.at),
        Some(view.caller.org.clone()),
        Actor::system(),
        plan.events(),
    );
    body.trace = None;
    let seq = state.position + 1;
    let unfit = |why: String| Rejection::new("unavailable", format!("a plan does not fit the state: {why}"));
    let text = body.text().map_err(|cause| unfit(cause.to_string()))?;
    state.apply(seq, &text).map_err(|cause| unfit(cause.to_string()))?;
    Ok(state)
}

/// What a plan would change for whom; members for whom nothing changes are left out.
///
/// # Errors
/// As [`after`].
pub fn of(view: &View<'_>, plan: &Plan) -> Result<BTreeMap<Id<Member>, Change>, Rejection> {
    let then = after(view, plan)?;
    let mut all = BTreeMap::new();
    for member in affected(view, plan, &then) {
        let (before, after) = (powers(view, view.state, member), powers(view, &then, member));
        let change = Change {
            gained: after.difference(&before).cloned().collect(),
            lost: before.difference(&after).cloned().collect(),
        };
        if change != Change::default() {
            all.insert(member, change);
        }
    }
    Ok(all)
}

/// Refuses a plan that gives somebody what the caller does not hold, or the caller more than before.
///
/// # Errors
/// `self_escalation` and `exceeds_own_rights`, with the permissions.
pub fn check(view: &View<'_>, plan: &Plan) -> Result<(), Rejection> {
    let touches =
        |kind: &str, home: Option<&str>| KINDS.contains(&kind) && home.is_none_or(|org| org == view.caller.org);
    let mut changes = plan.changes.iter();
    if !changes.any(|one| touches(&one.change.entity, one.change.org.as_deref())) {
        return Ok(());
    }
    for (member, change) in of(view, plan)? {
        if change.gained.is_empty() {
            continue;
        }
        if member == view.caller.member || view.caller.sponsor == Some(member) {
            let no = Rejection::new("self_escalation", "nobody raises their own rights");
            return Err(with(no, &change.gained).hint("ask another holder of roles.manage"));
        }
        let beyond: BTreeSet<_> = (change.gained.iter())
            .filter(|(permission, place)| !gives(view, permission, place.as_deref()))
            .cloned()
            .collect();
        if !beyond.is_empty() {
            return Err(exceeds(&beyond));
        }
    }
    Ok(())
}

/// The "no" to giving what one does not hold.
pub fn exceeds(beyond: &BTreeSet<(String, Option<String>)>) -> Rejection {
    let no = Rejection::new("exceeds_own_rights", "nobody can give more than they have");
    with(no, beyond).hint("leave those permissions out, or ask somebody who holds them")
}

fn with(no: Rejection, permissions: &BTreeSet<(String, Option<String>)>) -> Rejection {
    let names: BTreeSet<&str> = permissions.iter().map(|(name, _)| name.as_str()).collect();
    no.current(json!({ "permissions": names }))
}

/// Whether the caller holds a permission in a place, and so may give it there.
pub fn gives(view: &View<'_>, permission: &str, place: Option<&str>) -> bool {
    let line = place
        .map(|place| super::place::line(view.state, place))
        .unwrap_or_default();
    view.rights.allow_in(permission, &line)
}

/// The known permissions that a member has somewhere, with the places.
fn powers(view: &View<'_>, state: &State, member: Id<Member>) -> BTreeSet<(String, Option<String>)> {
    let row = state.table::<Member>().and_then(|table| table.get(member));
    let Some(row) = row.filter(|row| row.org == view.caller.org) else {
        return BTreeSet::new();
    };
    let rights = rights_of(state, row, view.now);
    effective(view, state, &rights)
}

/// What rights come to: each known permission in the widest places that it counts in.
pub fn effective(view: &View<'_>, state: &State, rights: &Rights) -> BTreeSet<(String, Option<String>)> {
    let everywhere = view.registry.permissions().filter(|name| rights.allow(name));
    let everywhere = everywhere.map(|name| (name.to_owned(), None));
    let placed = elsewhere(view, state, rights);
    let placed = placed.into_iter().map(|(name, place)| (name.to_owned(), Some(place)));
    everywhere.chain(placed).collect()
}

/// The known permissions that are held in places only, with those, in order.
pub fn elsewhere<'a>(view: &View<'a>, state: &State, rights: &Rights) -> Vec<(&'a str, String)> {
    let places: BTreeSet<&String> = rights.own.iter().filter_map(|held| held.place.as_ref()).collect();
    if places.is_empty() {
        return Vec::new();
    }
    let lines: Vec<(&String, Vec<String>)> = (places.into_iter())
        .map(|place| (place, super::place::line(state, place)))
        .collect();
    let only_there = |name: &&str| !rights.allow(name) && view.registry.counts_in_places(name);
    let names = view.registry.permissions().filter(only_there);
    let held = names.flat_map(|name| {
        let here = lines.iter().filter(move |(_, line)| rights.allow_in(name, line));
        here.map(move |(place, _)| (name, (*place).clone()))
    });
    held.collect()
}

/// The members whose rights a plan can change, before and after it.
fn affected(view: &View<'_>, plan: &Plan, then: &State) -> BTreeSet<Id<Member>> {
    let org = view.caller.org.as_str();
    let mut ids: BTreeSet<Id<Member>> = BTreeSet::new();
    for planned in &plan.changes {
        let id = planned.change.id.as_str();
        for state in [view.state, then] {
            match planned.change.entity.as_ref() {
                "member" => ids.extend(id.parse::<Id<Member>>()),
                "role" => ids.extend(
                    id.parse::<Id<Role>>()
                        .into_iter()
                        .flat_map(|role| candidates(state, org, role)),
                ),
                "grant" => {
                    let row = id
                        .parse::<Id<Grant>>()
                        .ok()
                        .and_then(|id| state.table::<Grant>()?.get(id));
                    ids.extend(row.into_iter().flat_map(|grant| subjects(state, org, &grant.subject)));
                }
                "team" => ids.extend(
                    id.parse::<Id<Team>>()
                        .into_iter()
                        .flat_map(|team| team_people(state, org, team)),
                ),
                _ => {}
            }
        }
    }
    let agents = |state: &State, member: &Id<Member>| -> Vec<Id<Member>> {
        let found = state
            .table::<Member>()
            .map(|table| table.find(org, "sponsor", &member.to_string()));
        found.into_iter().flatten().map(|row| row.id).collect()
    };
    let sponsored: Vec<Id<Member>> = (ids.iter())
        .flat_map(|member| [agents(view.state, member), agents(then, member)])
        .flatten()
        .collect();
    ids.extend(sponsored);
    ids
}

/// Those whose rights a team decides: its people, and where it lies in teams with roles, still only its people.
fn team_people(state: &State, org: &str, team: Id<Team>) -> Vec<Id<Member>> {
    let table = state.table::<Team>();
    let rows = std::iter::once(team).chain(under(state, org, team));
    let rows = rows.filter_map(|id| table?.get(id));
    rows.flat_map(|row: &Arc<Row<Team>>| people_of(state, org, row))
        .collect()
}
