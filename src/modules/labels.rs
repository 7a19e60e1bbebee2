//! Labels: tags per organisation or project, in exclusive groups if wanted.

pub mod entity;
mod merge;
mod tools;
mod update;
mod uses;

pub use entity::Label;
pub use tools::check_color;

use crate::kernel::Module;
use crate::kernel::tool::{Reach, ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("labels", "Labels", "Tags for tasks, in exclusive groups if wanted")
        .reaches(Reach::Placed)
        .entity::<Label>()
        .read(
            "list_labels",
            "List labels with group, scope and use count.",
            tools::list,
        )
        .core()
        .returns(output::list(&tools::COLUMNS))
        .write(
            ToolKind::Write,
            "create_label",
            "Create a label for a project or the whole organisation.",
            tools::create,
        )
        .write(
            ToolKind::Write,
            "update_label",
            "Change a label's name, colour, group, exclusiveness or description.",
            update::update,
        )
        .write(
            ToolKind::Destructive,
            "merge_labels",
            "Merge labels into one; their tasks get it and their names lead to it.",
            merge::merge,
        )
        .write(
            ToolKind::Destructive,
            "delete_label",
            "Delete a label, or replace it by another one wherever it is used.",
            merge::delete,
        )
}
