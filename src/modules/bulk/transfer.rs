//! Moving a task to another project, with everything below it: a new key, a state and labels that are known there, and only
//! people who are in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use projections::Id;

use super::mapping::{Labels, Mapping};
use crate::kernel::identity::Member;
use crate::kernel::{Plan, Rejection, Row, View, text};
use crate::modules::labels::Label;
use crate::modules::projects::{Project, Visibility, writable};
use crate::modules::tasks::{Task, below, living, rank};
use crate::modules::workflows::{State, moves, states_of, workflow_of};

/// The event of it.
pub const TRANSFERRED: &str = "task.transferred";

/// Plans the move of one task, and of what stands below it.
pub fn transfer(view: &View<'_>, task: &Arc<Row<Task>>, to: Id<Project>, mapping: &Mapping) -> Result<Plan, Rejection> {
    let (from, to) = (view.need(task.project)?, view.need(to)?);
    writable(from)?;
    writable(to)?;
    let mut plan = Plan::new(format!("Move {} to {}", task.human_key(), to.key));
    if from.id == to.id {
        return Ok(plan);
    }
    let mut branch = vec![task];
    branch.extend(below(view, task));
    let together: BTreeSet<Id<Task>> = branch.iter().map(|task| task.id).collect();
    let mut entering: BTreeMap<Id<State>, usize> = BTreeMap::new();
    let mut number = to.task_seq;
    for one in &branch {
        number += 1;
        let state = state_in(view, one, to, mapping)?;
        let count = entering.entry(state.id).or_default();
        *count += 1;
        has_room(view, state, to, *count)?;
        let labels = labels_in(&mut plan, view, one, to, mapping.labels)?;
        let assignees: Vec<Id<Member>> = one
            .assignees
            .iter()
            .copied()
            .filter(|id| to.role_of(*id).is_some())
            .collect();
        tell(&mut plan, view, one, &assignees, &together);
        if labels.len() < one.labels.len() {
            let lost = text::count(one.labels.len() - labels.len(), "label");
            plan.warn(format!("{} loses {lost} that only its project has", one.human_key()));
        }
        plan.edit(TRANSFERRED, one, |task| {
            task.project = to.id;
            task.project_key.clone_from(&to.key);
            task.number = number;
            task.rank = rank(number);
            task.state = state.id;
            task.labels = labels;
            task.assignees = assignees;
            task.parent = task.parent.filter(|parent| together.contains(parent));
        })?;
    }
    plan.edit("project.counted", to, |project| project.task_seq = number)?;
    if branch.len() > 1 {
        let more = text::count(branch.len() - 1, "subtask");
        plan.cascades.push(format!("{} takes {more} along", task.human_key()));
    }
    if from.visibility != to.visibility && to.visibility == Visibility::Organization {
        plan.warn(format!("whoever sees {} will see what was in {}", to.key, from.key));
    }
    plan.detail("newKey", format!("{}-{}", to.key, to.task_seq + 1));
    plan.detail("state", &state_in(view, task, to, mapping)?.name);
    Ok(plan)
}

/// The state that a task has there: the same, the one that `mapping.states` names, or the one of the same name. It means the same
/// as before, because no move of a workflow is made.
fn state_in<'a>(
    view: &View<'a>,
    task: &Row<Task>,
    to: &Row<Project>,
    mapping: &Mapping,
) -> Result<&'a Arc<Row<State>>, Rejection> {
    let states = states_of(view, workflow_of(view, Some(to))?.id);
    let now = view.need(task.state)?;
    let folded = text::fold(&now.name);
    let named = mapping.states.get(&folded);
    let wanted = named.unwrap_or(&folded);
    let found = states.iter().copied().find(|state| match named {
        None if state.id == now.id => true,
        _ => text::fold(&state.name) == *wanted,
    });
    let alike = states.iter().filter(|state| state.category == now.category);
    let no = |why: String| {
        Rejection::new("state_not_mapped", why)
            .field("mapping.states")
            .allowed(alike.map(|state| state.name.clone()))
            .hint(format!(
                "say mapping: {{\"states\": {{\"{}\": …}}}} with an allowed state",
                now.name
            ))
    };
    match found {
        Some(state) if state.category == now.category => Ok(state),
        Some(state) => Err(no(format!(
            "{} is {} and {} in {} is {}",
            now.name, now.category, state.name, to.key, state.category
        ))),
        None => Err(no(format!("{} has no state {}", to.key, named.unwrap_or(&now.name)))),
    }
}

fn has_room(view: &View<'_>, state: &Row<State>, to: &Row<Project>, entering: usize) -> Result<(), Rejection> {
    let Some(limit) = state.wip_limit else { return Ok(()) };
    let there = living(view, state.id, to.id).count();
    if there + entering <= usize::try_from(limit).unwrap_or(usize::MAX) {
        return Ok(());
    }
    Err(Rejection::new(
        "wip_limit_exceeded",
        format!(
            "{} holds {there} tasks of {} and takes at most {limit}",
            state.name, to.key
        ),
    )
    .hint("finish something in it first"))
}

/// The labels that a task keeps: those of the organisation, and for those of its project what the mapping says.
fn labels_in(
    plan: &mut Plan,
    view: &View<'_>,
    task: &Row<Task>,
    to: &Row<Project>,
    how: Labels,
) -> Result<Vec<Id<Label>>, Rejection> {
    let mut kept = Vec::new();
    for id in &task.labels {
        let Some(label) = view.get(*id) else { continue };
        let mut id = Some(label.id);
        if label.project.is_some_and(|project| project != to.id) {
            id = (how != Labels::Drop)
                .then(|| same_label(plan, view, label, to))
                .flatten();
        }
        if id.is_none() && how == Labels::Create {
            let fresh = view.new_id::<Label>();
            let mut own = label.entity.clone();
            own.project = Some(to.id);
            plan.create("label.created", fresh, own)?;
            plan.cascades
                .push(format!("label {} is created in {}", label.name, to.key));
            id = Some(fresh);
        }
        kept.extend(id.filter(|id| !kept.contains(id)));
    }
    Ok(kept)
}

/// A label of the same name that the project has, or that this plan makes for it.
fn same_label(plan: &Plan, view: &View<'_>, label: &Row<Label>, to: &Row<Project>) -> Option<Id<Label>> {
    let name = text::fold(&label.name);
    let fits = |row: &&Arc<Row<Label>>| row.project.is_none_or(|project| project == to.id);
    let found = view.find::<Label>(crate::kernel::entity::NAMES, &name).find(fits);
    let made = || {
        let mut made = plan.changes.iter().filter(|planned| planned.event == "label.created");
        made.find(|planned| text::fold(&planned.label.label) == name)?
            .change
            .id
            .parse()
            .ok()
    };
    found.map(|row| row.id).or_else(made)
}

/// Warns of whom and what a task leaves behind.
fn tell(plan: &mut Plan, view: &View<'_>, task: &Row<Task>, assignees: &[Id<Member>], together: &BTreeSet<Id<Task>>) {
    let key = task.human_key();
    let gone = task.assignees.iter().filter(|id| !assignees.contains(id));
    let gone: Vec<String> = gone.map(|id| moves::who(view, *id)).collect();
    if !gone.is_empty() {
        plan.warn(format!(
            "{key} is no longer assigned to {}, not in that project",
            gone.join(", ")
        ));
    }
    if let Some(parent) = task.parent.filter(|parent| !together.contains(parent)) {
        let parent = view.get(parent).map_or_else(String::new, |row| row.human_key());
        plan.warn(format!("{key} is no longer part of {parent}, which stays"));
    }
}
