//! Workflows: the states of tasks and the guarded transitions between them.

pub mod entity;

pub use entity::{Category, Guard, Post, State, Transition, Workflow, states_of, workflow_of};

use crate::kernel::Module;

/// The module's table of contents.
pub fn module() -> Module {
    Module::new(
        "workflows",
        "Workflows",
        "States of tasks and the guarded transitions between them",
    )
    .entity::<Workflow>()
    .entity::<State>()
}
