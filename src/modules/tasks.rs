//! Tasks: the unit of work. State moves only through workflow transitions; everything else is a typed patch.

mod assign;
mod below;
mod create;
mod delete;
pub mod entity;
mod list;
mod moving;
mod read;
mod similar;
mod subtasks;
mod update;

pub use assign::open_tasks;
pub use create::rank;
pub use delete::{Subtasks, below};
pub use entity::{ChecklistItem, Priority, Resolution, Source, Task, TaskType};
pub use list::filtered;
pub use moving::living;
pub use read::shown;

use crate::kernel::Module;
use crate::kernel::tool::{Reach, ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("tasks", "Tasks", "The unit of work, moved along its workflow")
        .reaches(Reach::Placed)
        .entity::<Task>()
        .read(
            "list_tasks",
            "List tasks by project, state, assignee, label, priority, dates, words.",
            list::list,
        )
        .core()
        .revised(2)
        .returns(output::list(&read::COLUMNS))
        .read(
            "get_task",
            "Get one task; expand: comments, subtasks, transitions (moves and why not), history.",
            read::get,
        )
        .core()
        .returns(output::item(&read::COLUMNS))
        .write(
            ToolKind::Write,
            "create_task",
            "Create a task in a project.",
            create::create,
        )
        .core()
        .revised(2)
        .write(
            ToolKind::Write,
            "update_task",
            "Change a task's title, text, priority, dates, labels, checklist or parent.",
            update::update,
        )
        .core()
        .write(
            ToolKind::Destructive,
            "delete_task",
            "Delete a task; it can be restored for 30 days.",
            delete::delete,
        )
        .core()
        .write(
            ToolKind::Write,
            "move_task",
            "Move a task along its workflow; a refusal lists the allowed targets.",
            moving::move_task,
        )
        .core()
        .write(
            ToolKind::Write,
            "assign_task",
            "Change who does a task.",
            assign::assign,
        )
        .core()
        .write(
            ToolKind::Write,
            "add_task_comment",
            "Comment on a task; @handles are told.",
            assign::comment,
        )
        .core()
        .read(
            "list_subtasks",
            "List a task's subtasks as a tree with progress.",
            below::list,
        )
        .core()
        .returns(output::list(&read::COLUMNS))
        .write(
            ToolKind::Write,
            "create_subtasks",
            "Create up to 50 subtasks at once, all or none.",
            subtasks::create,
        )
        .core()
}
