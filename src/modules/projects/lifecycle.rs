//! Archiving, restoring and deleting a project.

use jiff::SignedDuration;
use serde_json::json;

use super::change::open_tasks;
use super::create::check_key;
use super::entity::{Lifecycle, Project};
use crate::args;
use crate::kernel::arg::{In, Str, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, Risk, View, text};
use crate::modules::comments::Comment;
use crate::modules::tasks::Task;

args! {
    /// Arguments of `archive_project`.
    pub struct ArchiveProject {
        /// The project.
        project: Ref<Project>,
        /// Stop timers that run in it.
        stop_timers: bool = false,
        /// Cancel processes that run in it.
        cancel_processes: bool = false,
        write: In<UpdateArgs>,
    }
}

/// `archive_project`.
pub fn archive(args: ArchiveProject, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.stop_timers {
        return Err(Rejection::not_yet("stopTimers", "Time"));
    }
    if args.cancel_processes {
        return Err(Rejection::not_yet("cancelProcesses", "Processes"));
    }
    let row = view.resolve(&args.project)?;
    Plan::expect(view, row, args.write.expected_version)?;
    if row.lifecycle == Lifecycle::Deleted {
        return Err(Rejection::new("archived", format!("project {} is deleted", row.key))
            .next("restore_project", json!({"project": row.key})));
    }
    let mut plan = Plan::new(format!("Archive project {}", row.key));
    plan.edit("project.archived", row, |project| {
        project.lifecycle = Lifecycle::Archived;
    })?;
    let open = open_tasks(view, row.id, None);
    if !open.is_empty() {
        plan.warn(format!(
            "{} stay as they are and cannot be changed",
            text::count(open.len(), "open task")
        ));
    }
    plan.detail("openTasks", open.len());
    plan.risk = Some(Risk::Medium);
    plan.result = json!({"id": row.id.to_string(), "key": row.key, "lifecycle": "archived"});
    Ok(plan)
}

args! {
    /// Arguments of `restore_project`.
    pub struct RestoreProject {
        /// The project.
        project: Ref<Project>,
        write: In<UpdateArgs>,
    }
}

/// `restore_project`.
pub fn restore(args: RestoreProject, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.project)?;
    Plan::expect(view, row, args.write.expected_version)?;
    if row.lifecycle == Lifecycle::Active {
        return Err(Rejection::new("not_archived", format!("project {} is in use", row.key)));
    }
    check_key(view, &row.key, Some(row.id))?;
    let mut plan = Plan::new(format!("Restore project {}", row.key));
    plan.edit("project.restored", row, |project| {
        project.lifecycle = Lifecycle::Active;
        project.deleted_at = None;
    })?;
    let tasks = view
        .find::<Task>("project", &row.id.to_string())
        .filter(|task| task.deleted_at.is_none())
        .count();
    plan.detail("writableAgain", json!({"tasks": tasks}));
    plan.result = json!({"id": row.id.to_string(), "key": row.key, "lifecycle": "active"});
    Ok(plan)
}

args! {
    /// Arguments of `delete_project`.
    pub struct DeleteProject {
        /// The project.
        project: Ref<Project>,
        /// Its name, typed again.
        confirm_name: Str<1, 120>,
        write: In<UpdateArgs>,
    }
}

/// `delete_project`.
pub fn delete(args: DeleteProject, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.project)?;
    Plan::expect(view, row, args.write.expected_version)?;
    if row.lifecycle == Lifecycle::Active {
        return Err(
            Rejection::new("must_be_archived", format!("project {} is in use", row.key))
                .hint("archive it first")
                .next("archive_project", json!({"project": row.key})),
        );
    }
    if args.confirm_name.0 != row.name {
        return Err(Rejection::new(
            "name_mismatch",
            format!("`{}` is not the name of project {}", args.confirm_name.0, row.key),
        )
        .field("confirmName")
        .hint("give its name exactly, so that the right project is deleted"));
    }
    let mut plan = Plan::new(format!("Delete project {} \"{}\" and all in it", row.key, row.name));
    plan.edit("project.deleted", row, |project| {
        project.lifecycle = Lifecycle::Deleted;
        project.deleted_at = project.deleted_at.or(Some(view.now));
    })?;
    let tasks: Vec<_> = view.find::<Task>("project", &row.id.to_string()).collect();
    let comments: usize = tasks
        .iter()
        .map(|task| view.find::<Comment>("target", &task.id.to_string()).count())
        .sum();
    let purge = view
        .now
        .checked_add(SignedDuration::from_hours(24 * 30))
        .unwrap_or(view.now);
    plan.detail("goesWithIt", json!({"tasks": tasks.len(), "comments": comments}));
    plan.detail("purgedAt", purge);
    plan.result = json!({"id": row.id.to_string(), "purgedAt": purge});
    Ok(plan)
}
