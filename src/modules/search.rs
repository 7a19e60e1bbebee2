//! Search: finding things, people and tools.

mod me;
mod tools;

use crate::kernel::Module;
use crate::kernel::tool::output;

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("search", "Search", "Finding things, people and tools")
        .always()
        .read(
            "resolve_references",
            "Turn names, keys and handles into ids, many at once; says candidates where a name is not clear.",
            tools::resolve,
        )
        .core()
        .returns(output::list(&["name", "id", "type", "key", "label"]))
        .read(
            "get_me",
            "Who you are here: member, sponsor, roles, permissions, organisation, time zone, confirm policy.",
            me::get,
        )
        .core()
        .returns(output::item(&[
            "id",
            "handle",
            "kind",
            "roles",
            "permissions",
            "organization",
            "now",
            "confirmPolicy",
        ]))
        .read(
            "find_tools",
            "Find the tools for an intent, with their schemas and the address that shows them.",
            tools::find,
        )
        .core()
        .returns(output::list(&[
            "name",
            "description",
            "inputSchema",
            "callable",
            "address",
        ]))
}
