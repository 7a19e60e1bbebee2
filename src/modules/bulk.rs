//! Bulk: one operation on many tasks, previewed and confirmed as one. Each task passes the decider of the single tool.

mod assigning;
mod back;
mod carry;
mod entity;
mod item;
mod mapping;
mod query;
mod select;
mod tools;
mod transfer;
mod words;

pub use entity::BulkOperation;

use crate::kernel::Module;
use crate::kernel::tool::{Over, ToolKind};

const fn over(tool: &'static str, kind: ToolKind, permission: &'static str) -> Over {
    Over { tool, kind, permission }
}

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("bulk", "Bulk", "Change up to 500 tasks in one operation")
        .entity::<BulkOperation>()
        .undone_by(back::counter)
        .write(
            ToolKind::Bulk,
            "bulk_move_tasks",
            "Move up to 500 tasks to a state or to another project.",
            tools::move_tasks,
        )
        .core()
        .over(over("move_task", ToolKind::Write, "tasks.write"))
        .write(
            ToolKind::Bulk,
            "bulk_update_tasks",
            "Change fields, labels or watchers of up to 500 tasks.",
            tools::update,
        )
        .core()
        .over(over("update_task", ToolKind::Write, "tasks.write"))
        .write(
            ToolKind::Bulk,
            "bulk_assign_tasks",
            "Assign up to 500 tasks, or spread them over people.",
            assigning::assign,
        )
        .over(over("assign_task", ToolKind::Write, "tasks.write"))
        .write(
            ToolKind::Bulk,
            "bulk_delete_tasks",
            "Delete up to 500 tasks; they can be restored for 30 days.",
            tools::delete,
        )
        .over(over("delete_task", ToolKind::Destructive, "tasks.delete"))
}
