//! Moving a task along its workflow.

use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::entity::{Resolution, STANDING, Task, standing};
use super::read::resolve_state;
use crate::args;
use crate::kernel::arg::{Dur, In, JsonObject, Md, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, Row, View};
use crate::modules::comments::{CommentVisibility, text as comments};
use crate::modules::projects::{Project, writable};
use crate::modules::workflows::{Category, State, Transition, moves, posts};

args! {
    /// Where a task is to stand among others.
    pub struct RankArgs {
        before: Option<Ref<Task>>,
        after: Option<Ref<Task>>,
    }
}

args! {
    /// Arguments of `move_task`.
    pub struct MoveTask {
        /// The task.
        task: Ref<Task>,
        /// The state to move to.
        to: Ref<State>,
        /// Needs module Custom fields.
        fields: Option<JsonObject>,
        /// A comment that goes with it, Markdown.
        comment: Option<Md<16384>>,
        /// How it ended, when it ends.
        resolution: Option<Resolution>,
        /// The task that covers it, for a duplicate.
        duplicate_of: Option<Ref<Task>>,
        /// Needs module Time tracking.
        log_time: Option<Dur>,
        /// Where to stand in the new state.
        rank: Option<RankArgs>,
        write: In<UpdateArgs>,
    }
}

/// `move_task`.
pub fn move_task(args: MoveTask, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.fields.is_some() {
        return Err(Rejection::not_yet("fields", "Custom fields"));
    }
    if args.log_time.is_some() {
        return Err(Rejection::not_yet("logTime", "Time tracking"));
    }
    let task = view.resolve(&args.task)?;
    let project = view.need(task.project)?;
    writable(project)?;
    Plan::expect(view, task, args.write.expected_version)?;
    let to = view.need(resolve_state(view, &args.to, Some(project))?)?;
    let mut plan = Plan::new(format!("Move {} to {}", task.human_key(), to.name));
    if to.id == task.state {
        plan.result = json!({"id": task.id.to_string(), "key": task.human_key(), "state": to.name});
        return Ok(plan);
    }
    let transition = allowed(view, project, task, to, args.comment.is_some())?;
    within_limit(view, project, task, to)?;
    let duplicate = args
        .duplicate_of
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?
        .map(|row| row.id);
    if args.resolution == Some(Resolution::Duplicate) && duplicate.is_none() {
        return Err(Rejection::argument(
            "duplicateOf",
            "is required for the resolution duplicate",
        ));
    }
    let resolution = args.resolution.or(match to.category {
        Category::Completed => Some(Resolution::Done),
        Category::Cancelled => Some(Resolution::WontDo),
        _ => None,
    });
    let (now, ends) = (view.now, to.category.is_final());
    let rank = super::update::rank(view, task, args.rank.as_ref())?;
    plan.edit("task.state_changed", task, |task| {
        task.state = to.id;
        task.resolution = resolution.filter(|_| ends);
        task.duplicate_of = duplicate.filter(|_| ends);
        task.completed_at = (to.category == Category::Completed).then_some(now);
        if let Some(rank) = rank {
            task.rank = rank;
        }
    })?;
    posts::apply(&mut plan, view, project, transition, task)?;
    plan.detail("transition", &transition.name);
    plan.detail("from", view.get(task.state).map(|state| state.name.clone()));
    if ends && view.is_shown {
        tell_parent(&mut plan, view, task);
    }
    if let Some(comment) = &args.comment {
        comments::write(
            &mut plan,
            view,
            "task",
            &task.id.to_string(),
            comment,
            None,
            CommentVisibility::All,
        )?;
    }
    plan.result = json!({"id": task.id.to_string(), "key": task.human_key(), "state": to.name, "category": to.category, "unblocked": []});
    Ok(plan)
}

/// Shows how much of the parent is left once the task has ended.
fn tell_parent(plan: &mut Plan, view: &View<'_>, task: &Row<Task>) {
    let Some(parent) = task.parent.and_then(|id| view.get(id)) else {
        return;
    };
    let open = moves::open_subtasks(view, &parent.id.to_string());
    let left = open.iter().filter(|key| **key != task.human_key()).count();
    plan.detail(
        "parentProgress",
        json!({"parent": parent.human_key(), "openSubtasksAfter": left}),
    );
}

/// The move, if the workflow has it and every guard passes.
fn allowed<'a>(
    view: &View<'a>,
    project: &Row<Project>,
    task: &Row<Task>,
    to: &Row<State>,
    comment: bool,
) -> Result<&'a Transition, Rejection> {
    let id = task.id.to_string();
    let possible = moves::possible(view, project, &task.entity, Some(&id), comment)?;
    let Some(found) = possible.iter().find(|one| one.to.id == to.id) else {
        let from = view.get(task.state).map(|state| state.name.clone()).unwrap_or_default();
        let targets: Vec<String> = possible
            .iter()
            .filter(|one| one.is_open())
            .map(|one| one.to.name.clone())
            .collect();
        let all: Vec<Value> = possible.iter().map(moves::Possible::shown).collect();
        return Err(Rejection::new(
            "transition_not_allowed",
            format!("{} cannot go from {from} to {}", task.human_key(), to.name),
        )
        .field("to")
        .allowed(targets)
        .current(json!({"state": from, "transitions": all}))
        .hint("move it to one of the allowed states first"));
    };
    let missing: Vec<&String> = found.transition.required_fields.iter().collect();
    if let Some(failed) = found.verdicts.iter().find(|verdict| verdict.fix.is_some()) {
        let code = if failed.rule.starts_with("needs ") && !missing.is_empty() {
            "required_fields_missing"
        } else {
            "guard_failed"
        };
        return Err(Rejection::new(
            code,
            format!("{} cannot be moved to {}: {}", task.human_key(), to.name, failed.rule),
        )
        .hint(failed.fix.clone().unwrap_or_default())
        .current(found.shown()));
    }
    if to.category == Category::Completed {
        finished(view, task)?;
    }
    Ok(found.transition)
}

/// A task with open parts is not done.
fn finished(view: &View<'_>, task: &Row<Task>) -> Result<(), Rejection> {
    let open = moves::open_subtasks(view, &task.id.to_string());
    let lines: Vec<&str> = task
        .checklist
        .iter()
        .filter(|item| !item.done)
        .map(|item| item.text.as_str())
        .collect();
    let (what, fix) = match (open.is_empty(), lines.is_empty()) {
        (true, true) => return Ok(()),
        (false, _) => (
            format!("its subtasks {} are open", open.join(", ")),
            "finish or cancel them first",
        ),
        (true, false) => (
            format!("its checklist is not done: {}", lines.join(", ")),
            "tick the items off with update_task first",
        ),
    };
    Err(Rejection::new(
        "guard_failed",
        format!("{} cannot be completed: {what}", task.human_key()),
    )
    .hint(fix))
}

/// The tasks of a project that are in a state, but for deleted ones.
pub fn living<'v>(
    view: &'v View<'_>,
    state: Id<State>,
    project: Id<Project>,
) -> impl Iterator<Item = &'v Arc<Row<Task>>> {
    view.find::<Task>(STANDING, &standing(state, project))
}

fn within_limit(view: &View<'_>, project: &Row<Project>, task: &Row<Task>, to: &Row<State>) -> Result<(), Rejection> {
    let Some(limit) = to.wip_limit else { return Ok(()) };
    let here = living(view, to.id, project.id);
    let count = here.filter(|one| one.id != task.id).count();
    if count < usize::try_from(limit).unwrap_or(usize::MAX) {
        return Ok(());
    }
    Err(Rejection::new(
        "wip_limit_exceeded",
        format!("{} holds {count} tasks and takes at most {limit}", to.name),
    )
    .hint("finish something in it first")
    .current(json!({"state": to.name, "tasks": count, "limit": limit})))
}
