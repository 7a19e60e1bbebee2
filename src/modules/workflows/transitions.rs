//! Changing the moves of a workflow, with a check that no state is stranded by it.

use std::collections::{BTreeMap, BTreeSet};

use projections::Id;
use serde_json::{Value, json};

use super::draft::{Draft, KEYS_MAX, tell_heirs};
use super::entity::{State, Transition};
use super::graph::Stranded;
use super::guards;
use super::moves;
use crate::args;
use crate::kernel::arg::{In, JsonObject, List, Str, UpdateArgs};
use crate::kernel::identity::Role;
use crate::kernel::{Plan, Ref, Rejection, View};
use crate::modules::projects::Project;
use crate::modules::tasks::Task;

/// Most tasks that a preview examines.
const EXAMINED_MAX: usize = 2_000;

args! {
    /// A move to add; it replaces the one between the same states.
    pub struct NewTransition {
        /// Its name.
        name: Str<1, 60>,
        /// From these states; `any` for every state.
        from: List<Ref<State>, 0, 50>,
        /// To this one.
        to: Ref<State>,
        /// `{kind, …parameters}`; see get_workflow with expand catalogue.
        guards: Option<List<JsonObject, 0, 10>>,
        /// Fields the task needs.
        required_fields: Option<List<Str<1, 60>, 0, 20>>,
        /// Roles that may; all where left out.
        roles: Option<List<Ref<Role>, 0, 20>>,
        /// `{kind, …parameters}` done by the move.
        post: Option<List<JsonObject, 0, 10>>,
    }
}

args! {
    /// A move to remove.
    pub struct OldTransition {
        /// From this state, or `any`.
        from: Ref<State>,
        /// To this one.
        to: Ref<State>,
    }
}

args! {
    /// Arguments of `save_workflow_transitions`.
    pub struct SaveWorkflowTransitions {
        /// Else the default.
        project: Option<Ref<Project>>,
        /// Moves to add or replace.
        add: Option<List<NewTransition, 0, 50>>,
        /// Moves to remove.
        remove: Option<List<OldTransition, 0, 50>>,
        /// Whether `add` is all there is.
        replace_all: bool = false,
        write: In<UpdateArgs>,
    }
}

/// `save_workflow_transitions`.
pub fn save(args: SaveWorkflowTransitions, view: &View<'_>) -> Result<Plan, Rejection> {
    let mut draft = Draft::open(view, args.project.as_ref(), false, &args.write)?;
    let (add, remove) = (
        args.add.as_deref().unwrap_or_default(),
        args.remove.as_deref().unwrap_or_default(),
    );
    if args.replace_all && !remove.is_empty() {
        return Err(Rejection::argument("remove", "has no meaning with replaceAll"));
    }
    if add.is_empty() && remove.is_empty() {
        return Err(Rejection::argument("add", "or remove must name a move"));
    }
    let before = draft.transitions.clone();
    for (place, old) in remove.iter().enumerate() {
        drop_arrow(&mut draft, view, old, place)?;
    }
    let mut fresh = Vec::with_capacity(add.len());
    for (place, new) in add.iter().enumerate() {
        fresh.push(transition(&draft, view, new, &format!("add[{place}]"))?);
    }
    if args.replace_all {
        draft.transitions.clear();
    }
    for new in fresh {
        put(&mut draft, new);
    }
    let after = draft.stranded();
    let changed = draft.transitions != before;
    if changed && !after.all().is_empty() {
        return Err(stranding(&draft, &after, &after.all(), "stranded_states"));
    }
    let mut plan = Plan::new("Change the moves of the workflow");
    let changed = draft.write(&mut plan, view, "workflow.transitions_changed")?;
    explain(&mut plan, view, &draft, &before);
    plan.result = draft.receipt(changed);
    Ok(plan)
}

fn is_any(draft: &Draft<'_>, reference: &Ref<State>) -> bool {
    reference.text == "any" && !draft.pieces.iter().any(|piece| piece.state.name == "any")
}

fn transition(draft: &Draft<'_>, view: &View<'_>, new: &NewTransition, path: &str) -> Result<Transition, Rejection> {
    let to = draft.id(view, &new.to)?;
    let mut from: Vec<Id<State>> = Vec::with_capacity(new.from.len());
    for reference in new.from.iter().filter(|reference| !is_any(draft, reference)) {
        let id = draft.id(view, reference)?;
        if id == to {
            let rule = format!("leads from `{0}` to `{0}`, which is no move", draft.name(id));
            return Err(Rejection::argument(&format!("{path}.from"), rule));
        }
        if !from.contains(&id) {
            from.push(id);
        }
    }
    if from.len() != new.from.len() && new.from.iter().any(|reference| is_any(draft, reference)) {
        from.clear();
    }
    let fields: Vec<String> = new
        .required_fields
        .iter()
        .flat_map(|list| list.iter())
        .map(|one| one.0.clone())
        .collect();
    guards::check_fields(&fields, &format!("{path}.requiredFields"))?;
    let listed = |list: &Option<List<JsonObject, 0, 10>>| list.clone().unwrap_or_default().0;
    let numbered = |name: &str, place: usize| format!("{path}.{name}[{place}]");
    Ok(Transition {
        name: new.name.0.clone(),
        from,
        to,
        guards: (listed(&new.guards).iter().enumerate())
            .map(|(place, given)| guards::guard(view, given, &numbered("guards", place)))
            .collect::<Result<_, _>>()?,
        required_fields: fields,
        roles: (new.roles.iter().flat_map(|list| list.iter()))
            .map(|role| view.resolve(role).map(|row| row.id))
            .collect::<Result<_, _>>()?,
        post: (listed(&new.post).iter().enumerate())
            .map(|(place, given)| guards::post(view, given, &numbered("post", place)))
            .collect::<Result<_, _>>()?,
    })
}

fn drop_arrow(draft: &mut Draft<'_>, view: &View<'_>, old: &OldTransition, place: usize) -> Result<(), Rejection> {
    let to = draft.id(view, &old.to)?;
    let from = if is_any(draft, &old.from) {
        None
    } else {
        Some(draft.id(view, &old.from)?)
    };
    let leads = |one: &Transition| {
        one.to == to
            && from.map_or(one.from.is_empty(), |from| {
                one.from.is_empty() || one.from.contains(&from)
            })
    };
    if !draft.transitions.iter().any(leads) {
        let name = from.map_or_else(|| "any".to_owned(), |from| draft.name(from));
        let message = format!("there is no move from `{name}` to `{}`", draft.name(to));
        return Err(Rejection::new("not_found", message)
            .field(format!("remove[{place}]"))
            .allowed(draft.arrows(&draft.transitions))
            .hint("remove one of the allowed moves"));
    }
    match from {
        Some(from) => part(draft, from, to),
        None => draft.transitions.retain(|one| !leads(one)),
    }
    Ok(())
}

/// Takes the arrow between two states out; a move from any state becomes one from every other.
fn part(draft: &mut Draft<'_>, from: Id<State>, to: Id<State>) {
    let others: Vec<Id<State>> = draft
        .pieces
        .iter()
        .map(|piece| piece.id)
        .filter(|id| *id != to)
        .collect();
    draft.transitions.retain_mut(|one| {
        if one.to != to {
            return true;
        }
        if one.from.is_empty() {
            one.from.clone_from(&others);
        }
        one.from.retain(|known| *known != from);
        !one.from.is_empty()
    });
}

/// Puts a move in, in place of what led between the same states.
fn put(draft: &mut Draft<'_>, new: Transition) {
    let same = |one: &&mut Transition| one.to == new.to && one.from == new.from;
    if let Some(known) = draft.transitions.iter_mut().find(same) {
        *known = new;
        return;
    }
    if new.from.is_empty() {
        draft.transitions.retain(|one| one.to != new.to);
    }
    for from in &new.from {
        if draft
            .transitions
            .iter()
            .any(|one| one.to == new.to && (one.from.is_empty() || one.from.contains(from)))
        {
            part(draft, *from, new.to);
        }
    }
    draft.transitions.push(new);
}

/// The rejection that lists states which a change would strand.
pub fn stranding(draft: &Draft<'_>, after: &Stranded, said: &BTreeSet<Id<State>>, code: &'static str) -> Rejection {
    let names = draft.names(said).join(", ");
    Rejection::new(code, format!("these states would be stranded: {names}"))
        .current(json!({
            "unreachable": draft.names(&after.unreachable),
            "deadEnds": draft.names(&after.dead_ends),
            "graph": draft.arrows(&draft.transitions),
        }))
        .hint("every state needs a path from the initial state, and every open state one to a completed or cancelled state; save moves that give it")
}

fn explain(plan: &mut Plan, view: &View<'_>, draft: &Draft<'_>, before: &[Transition]) {
    let after = draft.stranded();
    plan.detail(
        "graph",
        json!({"before": draft.arrows(before), "after": draft.arrows(&draft.transitions)}),
    );
    let said: BTreeMap<String, Vec<String>> = draft
        .transitions
        .iter()
        .map(|one| (format!("{} to {}", one.name, draft.name(one.to)), conditions(view, one)))
        .filter(|(_, words)| !words.is_empty())
        .collect();
    plan.detail("guards", said);
    plan.detail(
        "stranded",
        json!({"unreachable": draft.names(&after.unreachable), "deadEnds": draft.names(&after.dead_ends)}),
    );
    plan.detail("couldNotLeave", stuck(view, draft));
    plan.detail("rolesLosing", losers(view, draft, before));
    tell_heirs(plan, view, draft);
}

/// What a move asks and does, in words.
pub fn conditions(view: &View<'_>, one: &Transition) -> Vec<String> {
    let mut words: Vec<String> = one.guards.iter().map(|guard| guards::in_words(view, guard)).collect();
    if !one.required_fields.is_empty() {
        words.push(format!("needs {}", one.required_fields.join(", ")));
    }
    if !one.roles.is_empty() {
        words.push(format!(
            "only for {}",
            guards::role_names(view, &one.roles).join(" or ")
        ));
    }
    words.extend(one.post.iter().map(|post| guards::post_in_words(view, post)));
    words
}

/// Open tasks of the workflow's projects that no move could take out of their state today, whoever tried.
fn stuck(view: &View<'_>, draft: &Draft<'_>) -> Value {
    let (mut keys, mut count, mut examined) = (Vec::new(), 0_usize, 0_usize);
    for piece in draft.pieces.iter().filter(|piece| !piece.state.category.is_final()) {
        let here = view.find::<Task>("state", &piece.id.to_string());
        let alive = here.filter(|task| task.deleted_at.is_none());
        for task in alive.take(EXAMINED_MAX.saturating_sub(examined)) {
            examined += 1;
            let leaves = |one: &Transition| {
                one.to != piece.id
                    && (one.from.is_empty() || one.from.contains(&piece.id))
                    && moves::could(view, one, task)
            };
            if !draft.transitions.iter().any(leaves) {
                count += 1;
                keys.extend((keys.len() < KEYS_MAX).then(|| task.human_key()));
            }
        }
    }
    json!({"count": count, "first": keys, "examined": examined})
}

/// Moves that some roles could make before and cannot make afterwards.
fn losers(view: &View<'_>, draft: &Draft<'_>, before: &[Transition]) -> Vec<Value> {
    let roles: Vec<(Id<Role>, String)> = view.rows::<Role>().map(|row| (row.id, row.name.clone())).collect();
    let ids: Vec<Id<State>> = draft.pieces.iter().map(|piece| piece.id).collect();
    let may = |list: &[Transition], from: Id<State>, to: Id<State>, role: Id<Role>| {
        list.iter().any(|one| {
            one.to == to
                && (one.from.is_empty() || one.from.contains(&from))
                && (one.roles.is_empty() || one.roles.contains(&role))
                && one
                    .guards
                    .iter()
                    .all(|guard| guard.kind != "role_in" || guards::ids::<Role>(&guard.params, "roles").contains(&role))
        })
    };
    let mut found = Vec::new();
    for (from, to) in ids.iter().flat_map(|from| ids.iter().map(move |to| (*from, *to))) {
        let lost: Vec<&str> = roles
            .iter()
            .filter(|(role, _)| may(before, from, to, *role) && !may(&draft.transitions, from, to, *role))
            .map(|(_, name)| name.as_str())
            .collect();
        let who = if lost.len() == roles.len() {
            vec!["everybody"]
        } else {
            lost
        };
        if from != to && !who.is_empty() {
            found.push(json!({"move": format!("{} → {}", draft.name(from), draft.name(to)), "roles": who}));
        }
    }
    found
}
