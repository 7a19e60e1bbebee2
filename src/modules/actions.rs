//! Actions: the pending-action machinery, and undo.

mod allowed;
mod reads;
pub mod sight;
mod undo;

use crate::kernel::Module;
use crate::kernel::engine::{CancelArgs, ConfirmArgs};
use crate::kernel::tool::{Reach, Run, ToolKind, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("actions", "Actions", "Confirm, cancel, list and undo pending actions")
        .reaches(Reach::Own)
        .permission("actions.manage", "see and settle the actions of others")
        .always()
        .meta::<ConfirmArgs>(
            "confirm_action",
            "Carry out a pending action with the confirmToken of its newest preview. The same plan happens, or nothing.",
            Run::Confirm,
            "confirm",
        )
        .core()
        .meta::<CancelArgs>("cancel_action", "Take a pending action back. Cancelling twice is fine.", Run::Cancel, "write")
        .core()
        .answering_meta("list_pending_actions", "List actions that wait for a confirmation; never their tokens.", reads::list)
        .revised(2)
        .opens(sight::opened_list)
        .core()
        .returns(output::list(&reads::COLUMNS))
        .answering_meta("get_pending_action", "Follow one action: preview, status, whether it is stale, its receipt.", reads::get)
        .revised(3)
        .opens(sight::opened)
        .core()
        .returns(output::item(&["id", "status", "preview", "stale", "receipt"]))
        .write(
            ToolKind::Write,
            "undo_action",
            "Undo a confirmed action, the newest change of a thing, or single events, as a new pending action.",
            undo::undo,
        )
        .revised(3)
        .core()
}
