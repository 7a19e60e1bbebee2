//! Labels: tags per organisation or project, in exclusive groups if wanted.

pub mod entity;

pub use entity::Label;

use crate::kernel::Module;

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("labels", "Labels", "Tags for tasks, in exclusive groups if wanted").entity::<Label>()
}
