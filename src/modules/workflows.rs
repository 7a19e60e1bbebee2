//! Workflows: the states of tasks and the guarded transitions between them.

pub mod entity;
pub mod moves;
mod read;

pub use entity::{Category, Guard, Post, State, Transition, Workflow, states_of, workflow_of};

use crate::kernel::Module;
use crate::kernel::tool::output;

/// The module's table of contents.
pub fn module() -> Module {
    Module::new(
        "workflows",
        "Workflows",
        "States of tasks and the guarded transitions between them",
    )
    .entity::<Workflow>()
    .entity::<State>()
    .read(
        "get_workflow",
        "Show states in order with task counts, and the moves between them with their guards.",
        read::get,
    )
    .core()
    .returns(output::item(&["states", "transitions", "inherited"]))
}
