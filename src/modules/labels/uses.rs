//! Where a label is used, and putting another one in its place.

use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::entity::Label;
use crate::kernel::{Plan, Rejection, Row, View, text};
use crate::modules::tasks::Task;
use crate::modules::workflows::Workflow;

/// Most tasks that one call changes.
const TASKS_MAX: usize = 2_000;
/// Keys of tasks that an answer names.
const KEYS_MAX: usize = 20;

/// Every task with a label, those out of the caller's sight too.
pub fn tasks<'a>(view: &View<'a>, label: Id<Label>) -> Vec<&'a Arc<Row<Task>>> {
    let table = view.state.table::<Task>().into_iter();
    table
        .flat_map(|table| table.find(&view.caller.org, "label", &label.to_string()))
        .collect()
}

/// The tasks with a label, all of which the caller may see and change at once.
///
/// # Errors
/// `forbidden` where some are in projects that the caller may not see, `limit_exceeded` above 2,000.
pub fn changeable<'a>(view: &View<'a>, label: Id<Label>) -> Result<Vec<&'a Arc<Row<Task>>>, Rejection> {
    let all = tasks(view, label);
    let hidden = all.iter().filter(|task| view.get(task.id).is_none()).count();
    if hidden > 0 {
        let message = format!(
            "{} would change in projects that you may not see",
            text::count(hidden, "task")
        );
        return Err(Rejection::new("forbidden", message).hint("ask an owner or admin, who sees every project"));
    }
    if all.len() > TASKS_MAX {
        let message = format!(
            "{} would change at once, at most {TASKS_MAX} may",
            text::count(all.len(), "task")
        );
        return Err(
            Rejection::new("limit_exceeded", message).hint("take the label off most of them with update_task first")
        );
    }
    Ok(all)
}

/// How many tasks, and the keys of the first that the caller may see.
pub fn named(view: &View<'_>, tasks: &[&Arc<Row<Task>>]) -> Value {
    let alive = || tasks.iter().filter(|task| task.deleted_at.is_none());
    let seen = alive().filter(|task| view.get(task.id).is_some());
    let first: Vec<String> = seen.take(KEYS_MAX).map(|task| task.human_key()).collect();
    json!({"count": alive().count(), "first": first})
}

/// The workflows whose moves add a label, with the names of those moves.
pub fn rules<'a>(view: &View<'a>, label: Id<Label>) -> Vec<(&'a Arc<Row<Workflow>>, Vec<String>)> {
    let id = label.to_string();
    let adds = |transition: &crate::modules::workflows::Transition| {
        let mut posts = transition.post.iter();
        posts.any(|post| post.params.get("label").and_then(Value::as_str) == Some(id.as_str()))
    };
    let table = view.state.table::<Workflow>().into_iter();
    let own = table
        .flat_map(crate::kernel::table::Table::rows)
        .filter(|row| row.org == view.caller.org);
    own.map(|row| {
        let named = row.transitions.iter().filter(|one| adds(one));
        (row, named.map(|one| one.name.clone()).collect::<Vec<_>>())
    })
    .filter(|(_, moves)| !moves.is_empty())
    .collect()
}

/// The moves that add a label, in words; those of hidden projects only as such.
pub fn rules_in_words(view: &View<'_>, label: Id<Label>) -> Vec<String> {
    let said = |(workflow, moves): (&Arc<Row<Workflow>>, Vec<String>)| match view.get(workflow.id) {
        Some(_) => format!("workflow {}: {}", workflow.name, moves.join(", ")),
        None => "a workflow that you may not see".to_owned(),
    };
    rules(view, label).into_iter().map(said).collect()
}

/// Plans another label (or none) in place of one: on tasks and in the moves that add it.
pub fn replace(plan: &mut Plan, view: &View<'_>, old: Id<Label>, new: Option<Id<Label>>) -> Result<usize, Rejection> {
    let tasks = changeable(view, old)?;
    for task in &tasks {
        plan.edit("task.updated", task, |task| {
            let has = new.is_none_or(|new| task.labels.contains(&new));
            match task.labels.iter_mut().find(|label| **label == old) {
                Some(label) if !has => *label = new.unwrap_or(old),
                _ => task.labels.retain(|label| *label != old),
            }
        })?;
    }
    let Some(new) = new else { return Ok(tasks.len()) };
    for (workflow, _) in rules(view, old) {
        plan.edit("workflow.transitions_changed", workflow, |workflow| {
            for post in workflow.transitions.iter_mut().flat_map(|one| one.post.iter_mut()) {
                if post.params.get("label").and_then(Value::as_str) == Some(old.to_string().as_str()) {
                    post.params = json!({"label": new.to_string()});
                }
            }
            workflow.revision += 1;
        })?;
    }
    Ok(tasks.len())
}

/// Refuses where a task would carry a label together with others of its exclusive group. `without` are labels on their way out.
pub fn check_exclusive(
    view: &View<'_>,
    label: (Id<Label>, &Label),
    among: &[&Arc<Row<Task>>],
    without: &[Id<Label>],
) -> Result<(), Rejection> {
    let (id, after) = label;
    let Some(group) = after.group.as_ref() else {
        return Ok(());
    };
    let rival = |other: &Id<Label>| {
        let row = view.state.table::<Label>().and_then(|table| table.get(*other));
        *other != id
            && !without.contains(other)
            && row.is_some_and(|row| row.group.as_ref() == Some(group) && (after.exclusive || row.exclusive))
    };
    let broken: Vec<&Arc<Row<Task>>> = among
        .iter()
        .copied()
        .filter(|task| task.deleted_at.is_none() && task.labels.iter().any(rival))
        .collect();
    if broken.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} would have `{}` beside another label of the exclusive group `{group}`",
        text::count(broken.len(), "task"),
        after.name
    );
    Err(Rejection::new("exclusive_conflict", message)
        .current(json!({"tasks": named(view, &broken)}))
        .hint("take one of the labels off these tasks first"))
}
