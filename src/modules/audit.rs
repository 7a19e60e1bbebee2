//! Audit: the journal as history, as feed and as security log, and alerts on suspicious patterns.

mod activity;
mod alarm;
mod alerts;
pub mod detectors;
pub mod entity;
mod goods;
mod history;
mod raise;
mod search;
mod seeing;
mod signs;
pub mod veil;
pub mod watch;
mod words;

pub use alarm::Alarm;
pub use entity::{Alert, AlertKind, Severity};
pub use raise::{raise, raise_in};
pub use seeing::{AUDITOR, Sight, is_secret};
pub use watch::Watch;

use crate::kernel::Module;
use crate::kernel::tool::{ToolKind, output};

/// The module's table of contents. Everybody may ask what happened to what they see; the log and alerts are for auditors.
pub fn module() -> Module {
    Module::new("audit", "Audit", "What happened: history, feed, security log, alerts")
        .permission(
            "audit.browse",
            "see who did what and when, without what was asked and answered",
        )
        .permission(
            veil::BROWSER,
            "see that records are there: who, when, which tool, how it ended, and never what was in them",
        )
        .entity::<Alert>()
        .read(
            "get_entity_history",
            "What changed on a thing, when, by whom and why.",
            history::get,
        )
        .core()
        .needs("search.read")
        .revised(2)
        .searches()
        .opens(history::opened)
        .returns(output::list(&history::COLUMNS))
        .read(
            "list_activity",
            "What people and agents did, newest first.",
            activity::list,
        )
        .core()
        .needs("search.read")
        .revised(2)
        .searches()
        .returns(output::list(&activity::COLUMNS))
        .read(
            "search_audit_log",
            "Search the journal's records; doing so is logged.",
            search::search,
        )
        .or_needs(veil::BROWSER)
        .logged()
        .opens(search::opened)
        .revised(2)
        .searches()
        .returns(output::list(&search::COLUMNS))
        .read("list_audit_alerts", "List alerts on suspicious patterns.", alerts::list)
        .or_needs(veil::BROWSER)
        .revised(2)
        .returns(output::list(&alerts::COLUMNS))
        .write(
            ToolKind::Write,
            "resolve_audit_alert",
            "Acknowledge, resolve, dismiss or reopen an alert.",
            alerts::resolve,
        )
        .revised(2)
}
