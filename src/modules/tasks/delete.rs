//! Deleting a task: hidden now, purged after 30 days.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;

use super::entity::Task;
use crate::kernel::arg::{In, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};
use crate::modules::comments::Comment;
use crate::modules::projects::writable;
use crate::{args, choice};

choice! {
    /// What becomes of the subtasks.
    pub enum Subtasks {
        /// Do not delete a task that has some.
        Refuse = "refuse",
        /// Delete them too.
        Cascade = "cascade",
        /// They move up.
        Promote = "promote",
    }
}

args! {
    /// Arguments of `delete_task`.
    pub struct DeleteTask {
        /// The task.
        task: Ref<Task>,
        /// What becomes of its subtasks.
        subtasks: Subtasks = Subtasks::Refuse,
        write: In<UpdateArgs>,
    }
}

/// `delete_task`.
pub fn delete(args: DeleteTask, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.task)?;
    writable(view.need(row.project)?)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let below = below(view, row);
    let keys: Vec<String> = below.iter().map(|task| task.human_key()).collect();
    if !below.is_empty() && args.subtasks == Subtasks::Refuse {
        return Err(Rejection::new(
            "has_subtasks",
            format!("{} has {}", row.human_key(), text::count(below.len(), "subtask")),
        )
        .field("subtasks")
        .current(json!({"subtasks": keys}))
        .hint("say subtasks: cascade to delete them too, or promote to keep them"));
    }
    let mut plan = Plan::new(format!("Delete {} \"{}\"", row.human_key(), text::clip(&row.title, 60)));
    let comments = view.find::<Comment>("target", &row.id.to_string()).count();
    plan.edit("task.deleted", row, |task| task.deleted_at = Some(view.now))?;
    for task in &below {
        if args.subtasks == Subtasks::Cascade {
            plan.edit("task.deleted", task, |task| task.deleted_at = Some(view.now))?;
        } else if task.parent == Some(row.id) {
            plan.edit("task.updated", task, |task| task.parent = row.parent)?;
        }
    }
    let purge = view
        .now
        .checked_add(SignedDuration::from_hours(24 * 30))
        .unwrap_or(view.now);
    plan.detail("subtasks", json!({"keys": keys, "fate": args.subtasks}));
    plan.detail("comments", comments);
    plan.detail("purgedAt", purge);
    plan.result = json!({"id": row.id.to_string(), "key": row.human_key(), "purgedAt": purge});
    Ok(plan)
}

/// Everything that stands below a task.
pub fn below<'a>(view: &View<'a>, row: &Row<Task>) -> Vec<&'a Arc<Row<Task>>> {
    let (mut all, mut known): (Vec<&Arc<Row<Task>>>, BTreeSet<_>) = (Vec::new(), BTreeSet::new());
    let mut ids = vec![row.id.to_string()];
    while let Some(id) = ids.pop() {
        for child in view
            .find::<Task>("parent", &id)
            .filter(|task| task.deleted_at.is_none())
        {
            if known.insert(child.id) {
                ids.push(child.id.to_string());
                all.push(child);
            }
        }
    }
    all
}
