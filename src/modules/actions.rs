//! Actions: the pending-action machinery, and undo.

use crate::kernel::Module;

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("actions", "Actions", "Confirm, cancel, list and undo pending actions").always()
}
