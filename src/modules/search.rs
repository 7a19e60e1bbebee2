//! Search: finding things, people and tools.

mod found;
mod me;
mod similar;
mod tools;
mod words;
mod work;

use crate::kernel::Module;
use crate::kernel::tool::{Reach, output};

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("search", "Search", "Finding things, people and tools")
        .reaches(Reach::Own)
        .always()
        .read(
            "search",
            "Search what you may see: all words must be there; titles first, then the newest.",
            words::search,
        )
        .core()
        .returns(output::list(&[
            "id",
            "type",
            "key",
            "title",
            "snippet",
            "author",
            "untrusted",
            "score",
            "url",
        ]))
        .read(
            "find_similar",
            "Likely duplicates of a text or a thing, with what they share; ask before creating.",
            similar::find,
        )
        .core()
        .returns(output::list(&[
            "id",
            "type",
            "key",
            "title",
            "similarity",
            "sharedWords",
            "url",
        ]))
        .read(
            "resolve_references",
            "Turn names, keys and handles into ids, many at once; candidates where unclear.",
            tools::resolve,
        )
        .core()
        .returns(output::list(&["name", "id", "type", "key", "label"]))
        .read(
            "get_me",
            "Who you are here: member, sponsor, roles, permissions, time zone, and who confirms each kind of tool, or a tool by its name.",
            me::get,
        )
        .core()
        .revised(3)
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
        .read(
            "get_my_work",
            "What waits for you: tasks by urgency, mentions, decisions, events.",
            work::get,
        )
        .core()
        .returns(output::item(&work::PARTS))
}
