//! Which tasks: named or found at the preview, and from then on frozen.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::item::Frozen;
use super::query;
use crate::kernel::arg::{Int, List, Str};
use crate::kernel::{Ref, Rejection, Row, View, json as canonical, proposal};
use crate::modules::tasks::{Task, filtered};

/// Most tasks of one operation.
pub const TASKS_MAX: usize = 500;

/// More levels than there may be.
const DEPTH_MAX: usize = 10;

/// The arguments that name the tasks.
pub struct Selection<'s> {
    /// By name.
    pub tasks: Option<&'s List<Ref<Task>, 1, 500>>,
    /// By what they are like.
    pub query: Option<&'s Str<1, 1000>>,
    /// How many there must be.
    pub expected: Option<Int<1, 500>>,
    /// Whether a task comes before those that are part of it.
    pub is_from_above: bool,
}

type Rows<'a> = Vec<&'a Arc<Row<Task>>>;

/// The tasks of an operation. At the confirmation they are those of the preview, whatever the query would find today.
pub fn frozen(view: &View<'_>, selection: &Selection<'_>) -> Result<Vec<Frozen>, Rejection> {
    if let Some(known) = previewed(view)? {
        return Ok(known);
    }
    let mut rows = match (selection.tasks, selection.query) {
        (Some(tasks), None) => named(view, tasks)?,
        (None, Some(query)) => found(view, query)?,
        _ => {
            let rule = "or query must be given: exactly one of the two";
            return Err(Rejection::argument("tasks", rule));
        }
    };
    let expected = selection.expected.map(Int::size);
    if let Some(expected) = expected.filter(|expected| *expected != rows.len()) {
        return Err(Rejection::new(
            "count_mismatch",
            format!("it is {} now, and {expected} were expected", rows.len()),
        )
        .field("expectedCount")
        .current(json!({"count": rows.len()}))
        .hint("look at them with list_tasks, then call with the right number"));
    }
    if selection.is_from_above {
        rows.sort_by_key(|row| depth(view, row));
    }
    let freeze = |row: &Arc<Row<Task>>| Frozen {
        task: row.id,
        version: row.version,
        chosen: None,
        digest: None,
    };
    Ok(rows.into_iter().map(freeze).collect())
}

/// How many tasks stand above one.
fn depth(view: &View<'_>, row: &Row<Task>) -> usize {
    let above = std::iter::successors(row.parent, |id| view.get(*id).and_then(|row| row.parent));
    above.take(DEPTH_MAX).count()
}

/// What the preview of this action froze; `None` while a preview is being made.
fn previewed(view: &View<'_>) -> Result<Option<Vec<Frozen>>, Rejection> {
    let action = view.action().and_then(|id| view.state.actions.get(id));
    let Some(action) = action.filter(|_| !view.is_shown) else {
        return Ok(None);
    };
    let settled = proposal::settled(view.past, action)?;
    let items = settled.get("items").cloned().unwrap_or_default();
    let unreadable = |_| Rejection::new("unavailable", "the preview does not say which tasks it was about");
    canonical::typed(&items).map(Some).map_err(unreadable)
}

fn named<'a>(view: &View<'a>, tasks: &[Ref<Task>]) -> Result<Rows<'a>, Rejection> {
    let mut seen = BTreeSet::new();
    let mut rows = tasks
        .iter()
        .map(|task| view.resolve(task))
        .collect::<Result<Rows<'a>, _>>()?;
    rows.retain(|row| seen.insert(row.id));
    // The preview lists them with their keys.
    view.resolved.borrow_mut().retain(|path, _| !path.starts_with("tasks["));
    Ok(rows)
}

fn found<'a>(view: &View<'a>, given: &str) -> Result<Rows<'a>, Rejection> {
    let unreadable = |no: Rejection| match no.code.as_ref() {
        "validation_failed" | "unknown_argument" => query::bad(no.message, given.len()),
        _ => no.field("query"),
    };
    let mut rows = filtered(query::filters(given, view.today())?, view).map_err(unreadable)?;
    if rows.len() > TASKS_MAX {
        return Err(Rejection::new(
            "too_many",
            format!("{} tasks match, and one operation takes {TASKS_MAX}", rows.len()),
        )
        .field("query")
        .current(json!({"count": rows.len(), "limit": TASKS_MAX}))
        .hint("narrow the query, and do it in several operations"));
    }
    rows.sort_by_key(|row| (row.project, row.number));
    Ok(rows)
}
