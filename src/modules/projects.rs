//! Projects: containers of work with members, a workflow and dates.

mod change;
mod create;
pub mod entity;
mod lifecycle;
mod read;

pub use entity::{
    Health, Lifecycle, Project, ProjectMember, ProjectRole, ProjectSettings, ProjectStatus, Visibility, writable,
};

use crate::kernel::Module;
use crate::kernel::tool::{Reach, ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new(
        "projects",
        "Projects",
        "Containers of work with members, a workflow and dates",
    )
    .reaches(Reach::Placed)
    .entity::<Project>()
    .read(
        "list_projects",
        "List projects with lead, status, health, dates and task counts.",
        read::list,
    )
    .core()
    .returns(output::list(&read::COLUMNS))
    .read(
        "get_project",
        "Get one project; expand: members, workflow, labels, stats, history.",
        read::get,
    )
    .core()
    .returns(output::item(&read::COLUMNS))
    .write(
        ToolKind::Write,
        "create_project",
        "Create a project with key, lead, members and the default workflow.",
        create::create,
    )
    .core()
    .write(
        ToolKind::Write,
        "update_project",
        "Change a project's name, key, dates, status, health, visibility or settings.",
        change::update,
    )
    .core()
    .write(
        ToolKind::Destructive,
        "delete_project",
        "Delete an archived project; it can be restored for 30 days.",
        lifecycle::delete,
    )
    .read(
        "get_project_stats",
        "Count a project's tasks by state, priority, assignee and due date.",
        read::stats,
    )
    .revised(2)
    .searches()
    .core()
    .returns(output::item(&[
        "byCategory",
        "byState",
        "byPriority",
        "byAssignee",
        "due",
        "done",
        "oldestInProgress",
    ]))
    .write(
        ToolKind::Write,
        "archive_project",
        "Archive a project: nothing in it can be changed until it is restored.",
        lifecycle::archive,
    )
    .write(
        ToolKind::Write,
        "restore_project",
        "Restore an archived or deleted project.",
        lifecycle::restore,
    )
    .write(
        ToolKind::Write,
        "update_project_members",
        "Add and remove project members, or change their roles.",
        change::members,
    )
}
