//! Deleting a state: its tasks go elsewhere, its moves go with it.

use serde_json::json;

use super::draft::{Draft, named, tell_heirs};
use super::entity::{Category, State};
use super::transitions::stranding;
use crate::args;
use crate::kernel::arg::{In, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, View, text};
use crate::modules::projects::Project;

args! {
    /// Arguments of `delete_workflow_state`.
    pub struct DeleteWorkflowState {
        /// Else the default.
        project: Option<Ref<Project>>,
        /// The state to delete.
        state: Ref<State>,
        /// Where its tasks go; of the same category.
        move_tasks_to: Ref<State>,
        write: In<UpdateArgs>,
    }
}

/// `delete_workflow_state`.
pub fn delete(args: DeleteWorkflowState, view: &View<'_>) -> Result<Plan, Rejection> {
    let mut draft = Draft::open(view, args.project.as_ref(), false, &args.write)?;
    let (place, target) = (draft.find(view, &args.state)?, draft.id(view, &args.move_tasks_to)?);
    let Some(old) = draft.pieces.get(place).map(|piece| (piece.id, piece.state.clone())) else {
        return Err(Rejection::not_found("state", &args.state.text));
    };
    let (id, state) = old;
    if id == target {
        return Err(Rejection::argument("moveTasksTo", "must be another state"));
    }
    let (before, tasks) = (draft.stranded(), draft.tasks_in(view, id)?);
    let going = draft.transitions.clone();
    draft.take(place);
    needed(&draft, &state)?;
    let heir = fitting(&mut draft, &state, target, !tasks.is_empty())?;
    let after = draft.stranded();
    let fresh = after.newly(&before);
    if !fresh.is_empty() {
        return Err(stranding(&draft, &after, &fresh, "unreachable_after"));
    }
    let mut plan = Plan::new(format!("Delete the state \"{}\"", state.name));
    for task in &tasks {
        plan.edit("task.state_changed", task, |task| task.state = target)?;
    }
    let changed = draft.write(&mut plan, view, "workflow.state_deleted")?;
    if !tasks.is_empty() {
        let count = text::count(tasks.len(), "task");
        plan.cascades.push(format!("moves {count} to \"{}\"", heir.name));
        if heir.category != state.category {
            plan.warn(format!("they become {} instead of {}", heir.category, state.category));
        }
    }
    if state.initial {
        plan.warn(format!("new tasks begin in \"{}\" from now on", heir.name));
    }
    let arrows = |list: &[super::Transition]| -> Vec<String> {
        let named = draft.arrows(list).into_iter();
        named.map(|arrow| arrow.replace(&id.to_string(), &state.name)).collect()
    };
    let kept = arrows(&draft.transitions);
    let gone: Vec<String> = arrows(&going)
        .into_iter()
        .filter(|arrow| !kept.contains(arrow))
        .collect();
    plan.detail("tasks", named(&tasks));
    plan.detail("moveTasksTo", &heir.name);
    plan.detail("transitionsRemoved", gone);
    plan.detail("namedBy", json!({"views": [], "rules": [], "forms": []}));
    plan.detail(
        "reachability",
        json!({"unreachable": draft.names(&after.unreachable), "deadEnds": draft.names(&after.dead_ends)}),
    );
    tell_heirs(&mut plan, view, &draft);
    plan.result = draft.receipt(changed);
    if let Some(members) = plan.result.as_object_mut() {
        members.insert("migrated".to_owned(), tasks.len().into());
    }
    Ok(plan)
}

/// A workflow needs a completed state.
fn needed(draft: &Draft<'_>, state: &State) -> Result<(), Rejection> {
    let left = draft.pieces.iter().any(|piece| piece.state.category == state.category);
    if left || state.category != Category::Completed {
        return Ok(());
    }
    let message = format!("`{}` is the only completed state", state.name);
    Err(Rejection::new("last_of_category", message)
        .field("state")
        .hint("create another completed state first, or rename this one")
        .next("save_workflow_state", json!({"category": "completed"})))
}

/// The state that takes the tasks over, if it means the same for them; it becomes the initial one where that goes.
fn fitting(
    draft: &mut Draft<'_>,
    state: &State,
    target: projections::Id<State>,
    has_tasks: bool,
) -> Result<State, Rejection> {
    let same: Vec<String> = draft
        .pieces
        .iter()
        .filter(|piece| piece.state.category == state.category)
        .map(|piece| piece.state.name.clone())
        .collect();
    let Some(heir) = draft.pieces.iter_mut().find(|piece| piece.id == target) else {
        return Err(Rejection::argument("moveTasksTo", "must be a state of this workflow"));
    };
    let category = heir.state.category;
    let alike = category == state.category || (same.is_empty() && !category.is_final() && !state.category.is_final());
    if has_tasks && !alike {
        let message = format!(
            "`{}` is {category}, but the tasks of `{}` are {}",
            heir.state.name, state.name, state.category
        );
        let hint = if same.is_empty() {
            "move its tasks out one by one first, so that each ends as it should"
        } else {
            "use one of the allowed states, which mean the same"
        };
        return Err(Rejection::new("category_mismatch", message)
            .field("moveTasksTo")
            .allowed(same)
            .hint(hint));
    }
    if state.initial {
        if !matches!(category, Category::Backlog | Category::Unstarted) {
            let message = format!(
                "new tasks begin in `{}` and cannot begin in `{}`",
                state.name, heir.state.name
            );
            return Err(Rejection::new("initial_category_invalid", message)
                .field("moveTasksTo")
                .hint("make another state initial first, with save_workflow_state"));
        }
        heir.state.initial = true;
    }
    Ok(heir.state.clone())
}
