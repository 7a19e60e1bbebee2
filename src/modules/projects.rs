//! Projects: containers of work with members, a workflow and dates.

pub mod entity;

pub use entity::{Health, Lifecycle, Project, ProjectMember, ProjectRole, ProjectSettings, ProjectStatus, Visibility};

use crate::kernel::Module;

/// The module's table of contents.
pub fn module() -> Module {
    Module::new(
        "projects",
        "Projects",
        "Containers of work with members, a workflow and dates",
    )
    .entity::<Project>()
}
