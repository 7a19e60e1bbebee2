//! What is still in use: a thing is gone with whatever it belongs to, although it is there to be brought back.

use std::sync::Arc;

use projections::Id;

use crate::kernel::{Row, View};
use crate::modules::comments::Comment;
use crate::modules::projects::{Lifecycle, Project};
use crate::modules::tasks::Task;

/// Whether a project is there and not deleted.
pub fn in_use(view: &View<'_>, project: Id<Project>) -> bool {
    view.get(project).is_some_and(|row| row.lifecycle != Lifecycle::Deleted)
}

/// The project of the thing that a comment is about; `None` where the thing is gone, `Some(None)` where it has no project.
pub fn target<'a>(view: &View<'a>, comment: &Comment) -> Option<Option<Id<Project>>> {
    match comment.target_kind.as_str() {
        "task" => {
            let task: &'a Arc<Row<Task>> = view.get(comment.target.parse().ok()?)?;
            (task.deleted_at.is_none() && in_use(view, task.project)).then_some(Some(task.project))
        }
        "project" => {
            let project: Id<Project> = comment.target.parse().ok()?;
            in_use(view, project).then_some(Some(project))
        }
        _ => Some(None),
    }
}
