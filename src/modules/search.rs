//! Search: finding things, people and tools.

mod found;
mod me;
mod similar;
mod tools;
mod words;
mod work;

use crate::kernel::Module;
use crate::kernel::tool::output;

/// The module's table of contents.
pub fn module() -> Module {
    Module::new("search", "Search", "Finding things, people and tools")
        .always()
        .read(
            "search",
            "Full-text search over what you may see: all words must be there, titles before texts, newest first.",
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
            "Likely duplicates of a text or a thing, with similarity and shared words; ask before creating.",
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
        .read(
            "get_my_work",
            "What waits for you: your open tasks by urgency, mentions, claims, decisions, timer, events, check-ins.",
            work::get,
        )
        .core()
        .returns(output::item(&[
            "member",
            "today",
            "counts",
            "tasks",
            "mentions",
            "claimed",
            "decisions",
            "timer",
            "events",
            "overdueKpis",
            "checkIns",
        ]))
}
