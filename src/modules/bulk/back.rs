//! Undoing what this module did. A task that comes back from another project has its old key again, number and all.

use std::collections::BTreeSet;
use std::sync::Arc;

use projections::{Id, Named, Op};

use serde_json::json;

use super::entity::BulkOperation;
use super::transfer::TRANSFERRED;
use crate::kernel::entity::Entity;
use crate::kernel::undo::Recorded;
use crate::kernel::{Plan, Rejection, Row, View};
use crate::modules::labels::Label;
use crate::modules::projects::writable;
use crate::modules::tasks::Task;
use crate::modules::workflows::moves::who;
use crate::modules::workflows::{states_of, workflow_of};

/// Plans the way back of tasks that went to another project; gives the changes that are undone as usual. What was done stays on
/// record, and labels that were made on the way stay, because others may use them by now.
pub fn counter(view: &View<'_>, plan: &mut Plan, recorded: Vec<Recorded>) -> Result<Vec<Recorded>, Rejection> {
    let (gone, mut rest): (Vec<Recorded>, Vec<Recorded>) =
        recorded.into_iter().partition(|one| one.event == TRANSFERRED);
    let back: BTreeSet<&str> = gone.iter().map(|one| one.change.id.as_str()).collect();
    for one in gone.iter().rev() {
        let (row, task) = as_before(view, one)?;
        if let Some(why) = stray(view, row, &task, &back)? {
            return Err(conflict(row, &why));
        }
        plan.edit(TRANSFERRED, row, |now| *now = task)?;
    }
    let stays = |kind: &str| kind == BulkOperation::KIND || (kind == Label::KIND && !gone.is_empty());
    rest.retain(|one| one.change.op != Op::Create || !stays(&one.change.entity));
    Ok(rest)
}

fn conflict(row: &Row<Task>, why: &str) -> Rejection {
    let key = row.human_key();
    Rejection::new(
        "undo_conflict",
        format!("{key} cannot go back to where it came from: {why}"),
    )
    .hint("put that right, or move it with bulk_move_tasks and toProject")
    .next("get_task", json!({"task": key, "expand": ["history", "subtasks"]}))
}

/// A task as it was before a transfer: what the transfer changed is as it was, all else as it is now.
fn as_before<'a>(view: &View<'a>, one: &Recorded) -> Result<(&'a Arc<Row<Task>>, Task), Rejection> {
    let broken = |cause: serde_json::Error| Rejection::new("unavailable", cause.to_string());
    let id = one.change.id.parse();
    let id: Id<Task> = id.map_err(|_| Rejection::not_found(Task::KIND, &one.change.id))?;
    let row = view.need(id)?;
    let (mut left, mut before) = (row.entity.clone(), row.entity.clone());
    for (name, field) in &one.change.fields {
        left.set(name, field.to.as_deref()).map_err(broken)?;
        before.set(name, field.from.as_deref()).map_err(broken)?;
    }
    if left != row.entity {
        return Err(conflict(row, "what that changed was changed again"));
    }
    Ok((row, before))
}

/// What a task has by now that is not known where it goes back to.
fn stray(view: &View<'_>, row: &Row<Task>, task: &Task, back: &BTreeSet<&str>) -> Result<Option<String>, Rejection> {
    let project = view.need(task.project)?;
    writable(project)?;
    let states = states_of(view, workflow_of(view, Some(project))?.id);
    let returns = |id: Id<Task>| back.contains(id.to_string().as_str());
    let is_there = |id: Id<Task>| view.get(id).is_some_and(|row| row.project == task.project);
    let is_ours = |id: &Id<Label>| {
        let of = view.get(*id).and_then(|label| label.project);
        of.is_none_or(|of| of == task.project)
    };
    let mut parts = view.find::<Task>("parent", &row.id.to_string());
    let left = parts.find(|part| part.deleted_at.is_none() && !returns(part.id) && !is_there(part.id));
    let stranger = task.assignees.iter().find(|id| project.role_of(**id).is_none());
    Ok(if states.iter().all(|state| state.id != task.state) {
        Some(format!("{} has no such state", project.key))
    } else if task.parent.is_some_and(|id| !returns(id) && !is_there(id)) {
        Some("the task that it is part of by now stays".to_owned())
    } else if let Some(part) = left {
        Some(format!("{} is part of it and stays", part.human_key()))
    } else if !task.labels.iter().all(is_ours) {
        Some(format!("it has a label that {} does not have", project.key))
    } else {
        stranger.map(|id| format!("{} is not in {}", who(view, *id), project.key))
    })
}
