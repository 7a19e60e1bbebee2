//! Search: finding things, people and tools.

use crate::kernel::Module;

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("search", "Search", "Finding things, people and tools").always()
}
