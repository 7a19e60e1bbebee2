//! Labels: tags per organisation or project, in exclusive groups if wanted.

pub mod entity;
mod tools;

pub use entity::Label;

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
}
