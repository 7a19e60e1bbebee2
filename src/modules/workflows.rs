//! Workflows: the states of tasks and the guarded transitions between them.

mod delete;
mod draft;
pub mod entity;
mod expression;
mod graph;
mod guards;
pub mod moves;
mod order;
pub mod posts;
mod read;
mod roles;
mod save;
mod transitions;

pub use entity::{Category, Guard, Post, State, Transition, Workflow, states_of, workflow_of};
pub use roles::{names_role, replace_role};

use crate::kernel::Module;
use crate::kernel::tool::{Reach, ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new(
        "workflows",
        "Workflows",
        "States of tasks and the guarded transitions between them",
    )
    .reaches(Reach::Placed)
    .entity::<Workflow>()
    .entity::<State>()
    .read(
        "get_workflow",
        "Show states in order with task counts, and the moves between with guards.",
        read::get,
    )
    .core()
    .returns(output::item(&["states", "transitions", "inherited"]))
    .write(
        ToolKind::Write,
        "save_workflow_state",
        "Create or change a state, or fork: give a project its own copy of an inherited workflow.",
        save::save,
    )
    .write(
        ToolKind::Destructive,
        "delete_workflow_state",
        "Delete a state; its tasks go to another one of the same category.",
        delete::delete,
    )
    .write(
        ToolKind::Sensitive,
        "save_workflow_transitions",
        "Add, replace and remove moves with guards, required fields, roles and follow-ups.",
        transitions::save,
    )
    .write(
        ToolKind::Write,
        "reorder_workflow_states",
        "Put the states of a workflow into another order.",
        order::reorder,
    )
}
