//! Approvals by a process: the one place that asks for them.

use projections::Id;
use serde_json::{Value, json};

use super::entity::StockItem;
use super::ledger::Movement;
use crate::kernel::arg::Str;
use crate::kernel::{Rejection, View};
use crate::modules::processes;

/// The argument that names a process instance.
pub type Process = Str<1, 200>;

/// Whether a process instance that is named approves a subject as it is now. Not any process will do: an item, a count and a
/// budget have one each, by its key.
///
/// # Errors
/// `not_found` where there is no such instance.
pub fn approved(view: &View<'_>, process: Option<&Process>, subject: &str) -> Result<bool, Rejection> {
    let key = match view.state.kind_of(subject) {
        Some("stockItem") => "stock-adjustment",
        Some("countSession") => "stock-count",
        Some("budget") => "budget-approval",
        _ => return Ok(false),
    };
    process.map_or(Ok(false), |process| processes::approves(view, process, key, subject))
}

/// Whether a process instance that is named approves that an item is adjusted, once: nothing of it moved since.
///
/// # Errors
/// As [`approved`].
pub fn approved_item(view: &View<'_>, process: Option<&Process>, item: Id<StockItem>) -> Result<bool, Rejection> {
    let id = item.to_string();
    let moved = view
        .find::<Movement>("item", &id)
        .filter_map(|row| row.records.last().copied())
        .max();
    let decided = process.and_then(|process| processes::decided_at(view, process));
    Ok(approved(view, process, &id)? && moved <= decided)
}

/// The "no" that names the process which must be approved first.
pub fn required(definition: &str, message: String, current: Value) -> Rejection {
    let mut shown = current;
    if let Value::Object(members) = &mut shown {
        members.insert("definition".to_owned(), definition.into());
    }
    Rejection::new("approval_required", message)
        .field("process")
        .current(json!(shown))
        .hint(format!(
            "have an instance of the process `{definition}` approved and name it in process, or stay within the limit"
        ))
}
