//! Tasks: the unit of work. State moves only through workflow transitions; everything else is a typed patch.

pub mod entity;

pub use entity::{ChecklistItem, Priority, Resolution, Source, Task, TaskType};

use crate::kernel::Module;

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("tasks", "Tasks", "The unit of work, moved along its workflow").entity::<Task>()
}
