//! Labels: tags per organisation or project, in exclusive groups if wanted.

mod change;
pub mod entity;
mod tools;

pub use entity::Label;
pub use tools::check_color;

use crate::kernel::Module;
use crate::kernel::tool::{ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("labels", "Labels", "Tags for tasks, in exclusive groups if wanted")
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
            "Change a label's name, colour, group or description.",
            change::update,
        )
        .write(
            ToolKind::Destructive,
            "merge_labels",
            "Merge labels into one; their tasks get it, and the old names still lead there.",
            change::merge,
        )
        .write(
            ToolKind::Destructive,
            "delete_label",
            "Delete a label, with another one in its place if wanted.",
            change::delete,
        )
}
