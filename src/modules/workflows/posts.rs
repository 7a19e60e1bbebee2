//! What a move does besides moving.

use projections::Id;

use super::entity::{Post, Transition};
use super::guards::{post_in_words, word};
use crate::kernel::identity::{Member, MemberStatus};
use crate::kernel::{Plan, Rejection, Row, View};
use crate::modules::labels::Label;
use crate::modules::processes;
use crate::modules::projects::Project;
use crate::modules::tasks::{Priority, Task};

/// Plans what a transition does to a task besides moving it; what is no longer possible is left out with a warning.
pub fn apply(
    plan: &mut Plan,
    view: &View<'_>,
    project: &Row<Project>,
    transition: &Transition,
    task: &Row<Task>,
) -> Result<(), Rejection> {
    for post in &transition.post {
        let done = match post.kind.as_str() {
            "set_field" => set_priority(plan, task, post)?,
            "assign" => assign(plan, view, project, task, post)?,
            "add_label" => add_label(plan, view, task, post)?,
            "start_process" => processes::begins(plan, view, word(&post.params, "definition"), &task.id.to_string())?,
            _ => false,
        };
        let said = format!("the move {}", post_in_words(view, post));
        if done {
            plan.cascades.push(said);
        } else {
            plan.warn(format!("{said}, but that is no longer possible and is left out"));
        }
    }
    Ok(())
}

fn set_priority(plan: &mut Plan, task: &Row<Task>, post: &Post) -> Result<bool, Rejection> {
    let Some(priority) = Priority::of(word(&post.params, "value")) else {
        return Ok(false);
    };
    plan.edit("task.updated", task, |task| task.priority = priority)?;
    Ok(true)
}

fn assign(
    plan: &mut Plan,
    view: &View<'_>,
    project: &Row<Project>,
    task: &Row<Task>,
    post: &Post,
) -> Result<bool, Rejection> {
    let member: Id<Member> = word(&post.params, "member").parse().unwrap_or(view.caller.member);
    let active = view
        .get(member)
        .is_some_and(|row| row.status == MemberStatus::Active && project.role_of(member).is_some());
    if active {
        plan.edit("task.assigned", task, |task| {
            if !task.assignees.contains(&member) {
                task.assignees.push(member);
            }
        })?;
    }
    Ok(active)
}

fn add_label(plan: &mut Plan, view: &View<'_>, task: &Row<Task>, post: &Post) -> Result<bool, Rejection> {
    let found = word(&post.params, "label")
        .parse()
        .ok()
        .and_then(|id: Id<Label>| view.get(id));
    let Some(label) = found else { return Ok(false) };
    plan.edit("task.updated", task, |task| {
        if !task.labels.contains(&label.id) {
            task.labels.push(label.id);
        }
    })?;
    Ok(true)
}
