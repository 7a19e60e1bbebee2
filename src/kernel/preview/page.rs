//! A preview in pages: a plan may have more changes than anybody wants to be told at once.

use serde_json::{Value, json};

/// Changes of one page, and items of a tool that lists its items.
const PAGE: usize = 50;

/// A preview as it is told: without what is settled for the confirmation only, and with one page of its changes and items.
/// `None` where it has fewer than `start`.
pub fn page(mut preview: Value, start: usize) -> Option<Value> {
    let members = preview.as_object_mut()?;
    members.remove("settled");
    let changes = cut(members.get_mut("changes"), start);
    let items = cut(
        members.get_mut("details").and_then(|details| details.get_mut("items")),
        start,
    );
    let total = changes.max(items);
    let next = start.saturating_add(PAGE);
    let cursor = (next < total).then(|| next.to_string());
    members.insert(
        "changesPage".to_owned(),
        json!({"total": total, "nextCursor": cursor, "hasMore": next < total}),
    );
    (start <= total).then_some(preview)
}

/// A preview as it is told first: whole where it is short.
pub fn first(mut preview: Value) -> Value {
    let long = |place: &str| preview.pointer(place).and_then(Value::as_array).map_or(0, Vec::len) > PAGE;
    if long("/changes") || long("/details/items") {
        return page(preview, 0).unwrap_or_default();
    }
    if let Some(members) = preview.as_object_mut() {
        members.remove("settled");
    }
    preview
}

/// Leaves one page of a list; how many there were.
fn cut(list: Option<&mut Value>, start: usize) -> usize {
    let Some(Value::Array(all)) = list else { return 0 };
    let total = all.len();
    all.truncate(start.saturating_add(PAGE));
    all.drain(..start.min(all.len()));
    total
}
