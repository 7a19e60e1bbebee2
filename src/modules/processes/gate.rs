//! Whether something is approved: what workflows, stock and budgets ask.

use std::sync::Arc;

use crate::kernel::{Ref, Rejection, Row, View};

use super::instance::{Instance, InstanceStatus};

/// Whether an instance that is named is an approval of a subject as it is now: what changed since must be
/// approved again, so an approval is not used twice for two changes.
///
/// # Errors
/// `not_found` where there is no such instance.
pub fn approves(view: &View<'_>, name: &str, subject: &str) -> Result<bool, Rejection> {
    let row = view.resolve(&Ref::<Instance>::new(name, "process"))?;
    Ok(is_approval(view, row, subject))
}

/// The record of what an instance that is named last came to.
pub fn decided_at(view: &View<'_>, name: &str) -> Option<u64> {
    let row = view.resolve(&Ref::<Instance>::new(name, "process")).ok()?;
    row.records.last().copied()
}

/// The newest approval of a subject by a process, whatever its version. A task goes on changing while it is worked on; what
/// must not change its definition watches.
pub fn approval<'a>(view: &View<'a>, key: &str, subject: &str) -> Option<&'a Arc<Row<Instance>>> {
    let table = view.state.table::<Instance>();
    let about = table
        .into_iter()
        .flat_map(|table| table.find(&view.caller.org, "subject", subject));
    let approved = about.filter(|row| row.definition_key == key && row.status == InstanceStatus::Approved);
    approved.max_by_key(|row| row.records.last().copied())
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
