//! The receipt of an action, always made from the record, so that the first and every later one are the same.

use projections::event::{Attempted, names};
use projections::{Action, Op, Record, Stage, Unread};
use serde_json::{Value, json};

use crate::kernel::Rejection;
use crate::kernel::record_view::unread;

/// The receipt that a record holds. `again` says that it was confirmed before.
pub fn receipt(action: &Action, text: &str, seq: u64, again: bool) -> Result<Value, Rejection> {
    let mut room = String::new();
    let record = Record::parse(seq, text, &mut room).map_err(unread)?;
    let mut said = Value::Null;
    let mut status = Stage::Executing;
    let (mut events, mut versions) = (Vec::new(), Vec::new());
    for entry in &record.events {
        events.push(Value::from(entry.name.as_ref()));
        if let Some(change) = &entry.change {
            let gone = change.op == Op::Delete;
            versions.push(json!({"kind": change.entity, "id": change.id, "version": change.version, "gone": gone}));
        }
        if entry.name == names::SUCCEEDED
            && let Some(data) = entry.data
        {
            status = Stage::Succeeded;
            let done: Attempted<'_> =
                serde_json::from_str(data.get()).map_err(|cause| unread(Unread::Text { seq, cause }))?;
            said = done
                .result
                .and_then(|result| serde_json::from_str(result.get()).ok())
                .unwrap_or_default();
        }
    }
    Ok(json!({
        "status": status,
        "actionId": action.id.to_string(),
        "tool": action.tool,
        "confirmedBy": record.actor.principal_id,
        "at": record.at,
        "events": events,
        "versions": versions,
        "undo": said.get("undo"),
        "result": said.get("result"),
        "alreadyConfirmed": again,
        "asOf": seq,
    }))
}
