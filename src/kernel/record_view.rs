//! Reading the recorded past for an answer: the history of one thing, and what changed since a version.

use projections::record::Changed;
use projections::{Action, Record, Unread};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kernel::entity::Entity;
use crate::kernel::table::Row;
use crate::kernel::{Rejection, State, View};

/// What a caller hears when a record cannot be read.
pub fn unread(cause: Unread) -> Rejection {
    Rejection::new("unavailable", cause.to_string())
}

/// The action that a record is about.
pub fn action_of<'s>(record: &Record<'_>, state: &'s State) -> Option<&'s Action> {
    #[derive(Deserialize)]
    struct Named {
        action: Option<String>,
    }
    let data = record.events.iter().filter_map(|entry| entry.data);
    let mut ids = data.filter_map(|data| serde_json::from_str::<Named>(data.get()).ok()?.action);
    let found = ids.find_map(|id| state.actions.get(id.parse().ok()?));
    found.map(AsRef::as_ref)
}

/// One past change of a thing, as shown.
fn shown(seq: u64, record: &Record<'_>, name: &str, change: &Changed<'_>) -> Value {
    let fields: serde_json::Map<String, Value> = change
        .fields
        .iter()
        .map(|(field, sides)| {
            let side = |side: Option<&serde_json::value::RawValue>| -> Value {
                side.and_then(|text| serde_json::from_str(text.get()).ok())
                    .unwrap_or(Value::Null)
            };
            (
                field.to_string(),
                json!({"before": side(sides.from), "after": side(sides.to)}),
            )
        })
        .collect();
    json!({
        "event": name,
        "version": change.version,
        "at": record.at,
        "actor": record.actor,
        "record": seq,
        "fields": fields,
    })
}

/// The changes of one thing that the given records hold, oldest first.
pub fn changes_of(view: &View<'_>, id: &str, records: &[u64]) -> Result<Vec<Value>, Rejection> {
    let mut found = Vec::new();
    for seq in records {
        let Some(text) = view.past.record(*seq)? else { continue };
        let mut room = String::new();
        let record = Record::parse(*seq, &text, &mut room).map_err(unread)?;
        for entry in &record.events {
            if let Some(change) = entry.change.as_ref().filter(|change| change.id == id) {
                found.push(shown(*seq, &record, &entry.name, change));
            }
        }
    }
    Ok(found)
}

/// The history of a row, newest first, at most `most` changes.
pub fn history<E: Entity>(view: &View<'_>, row: &Row<E>, most: usize) -> Result<Vec<Value>, Rejection> {
    let newest: Vec<u64> = row.records.iter().rev().take(most).rev().copied().collect();
    let mut changes = changes_of(view, &row.id.to_string(), &newest)?;
    changes.reverse();
    changes.truncate(most);
    Ok(changes)
}

/// The rejection that tells a caller what changed since the version it knows.
pub fn version_conflict<E: Entity>(view: &View<'_>, row: &Row<E>, expected: u64) -> Rejection {
    let since: Vec<Value> = history(view, row, 20)
        .unwrap_or_default()
        .into_iter()
        .filter(|change| {
            change
                .get("version")
                .and_then(Value::as_u64)
                .is_some_and(|version| version > expected)
        })
        .collect();
    Rejection::new(
        "version_conflict",
        format!(
            "{} `{}` is at version {}, not {expected}",
            E::KIND,
            row.label(),
            row.version
        ),
    )
    .field("expectedVersion")
    .hint("look at what changed, then call again with the current version")
    .current(json!({"version": row.version, "changes": since}))
}
