//! Whether something is approved: what workflows, stock and budgets ask.

use std::sync::Arc;

use crate::kernel::{Ref, Rejection, Row, View};

use super::instance::{Instance, InstanceStatus};
use super::watched;

/// Whether an instance that is named follows the process with a key and is an approval of a subject as it is now: what changed
/// since must be approved again, so an approval is not used twice for two changes.
///
/// # Errors
/// `not_found` where there is no such instance.
pub fn approves(view: &View<'_>, name: &str, key: &str, subject: &str) -> Result<bool, Rejection> {
    let row = view.resolve(&Ref::<Instance>::new(name, "process"))?;
    Ok(row.definition_key == key && is_approval(view, row, subject))
}

/// The record of what an instance that is named last came to.
pub fn decided_at(view: &View<'_>, name: &str) -> Option<u64> {
    let row = view.resolve(&Ref::<Instance>::new(name, "process")).ok()?;
    row.records.last().copied()
}

/// The approval of a subject by a process, whatever its version, where the newest word on it is a yes. A task goes on
/// changing while it is worked on; what must not change its definition watches, also after it was approved.
pub fn approval<'a>(view: &View<'a>, key: &str, subject: &str) -> Option<&'a Arc<Row<Instance>>> {
    let table = view.state.table::<Instance>();
    let about = table
        .into_iter()
        .flat_map(|table| table.find(&view.caller.org, "subject", subject));
    let decided = |row: &&Arc<Row<Instance>>| matches!(row.status, InstanceStatus::Approved | InstanceStatus::Rejected);
    let newest = about
        .filter(|row| row.definition_key == key)
        .filter(decided)
        .max_by_key(|row| row.records.last().copied());
    newest.filter(|row| row.status == InstanceStatus::Approved && watched::stands(view, row))
}

fn is_approval(view: &View<'_>, row: &Row<Instance>, subject: &str) -> bool {
    let changed = view
        .state
        .kind_of(subject)
        .and_then(|kind| view.state.any(kind)?.records(subject).last().copied());
    row.status == InstanceStatus::Approved
        && row.subject.as_deref() == Some(subject)
        && changed.is_none_or(|changed| row.records.last().is_some_and(|approved| changed <= *approved))
}
