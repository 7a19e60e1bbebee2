//! The receipt of an action, always made from the record, so that the first and every later one are the same.

use projections::event::{Attempted, names};
use projections::{Action, Op, Record, Stage, Unread};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::propose::Offer;
use crate::kernel::record_view::unread;
use crate::kernel::{Rejection, preview};

/// Events and versions that are listed.
const LISTED_MAX: usize = 50;

/// What a plan says in its receipt.
pub(super) fn facts(offer: &Offer) -> Value {
    json!({"result": offer.plan.result, "undo": preview::undo(&offer.plan, offer.hour)})
}

/// The receipt that a record holds: the one that confirmed an action, or the latest one of its execution. `again` says that
/// it was confirmed before.
pub fn receipt(action: &Action, text: &str, seq: u64, again: bool) -> Result<Value, Rejection> {
    let mut room = String::new();
    let record = Record::parse(seq, text, &mut room).map_err(unread)?;
    let mut attempt = None;
    let mut status = if action.stage == Stage::Pending {
        Stage::Executing
    } else {
        action.stage
    };
    let mut confirmer = action.approvals.last();
    let (mut events, mut versions) = (Vec::new(), Vec::new());
    for entry in &record.events {
        events.push(Value::from(entry.name.as_ref()));
        if let Some(change) = &entry.change {
            let gone = change.op == Op::Delete;
            versions.push(json!({"kind": change.entity, "id": change.id, "version": change.version, "gone": gone}));
        }
        if entry.name == names::CONFIRMED {
            confirmer = record.actor.principal_id.as_ref();
        }
        if entry.name == names::SUCCEEDED {
            status = Stage::Succeeded;
        }
        if let (true, Some(data)) = (entry.name.starts_with("execution."), entry.data) {
            attempt = Some(read(seq, data)?);
        }
    }
    let count = versions.len();
    events.truncate(LISTED_MAX);
    versions.truncate(LISTED_MAX);
    let said = attempt.as_ref().and_then(|attempt: &Attempted<'_>| attempt.result);
    let said: Value = said
        .and_then(|result| serde_json::from_str(result.get()).ok())
        .unwrap_or_default();
    let mut receipt = json!({
        "status": status,
        "actionId": action.id.to_string(),
        "tool": action.tool,
        "confirmedBy": confirmer,
        "at": record.at,
        "events": events,
        "versions": versions,
        "undo": said.get("undo"),
        "result": said.get("result"),
        "alreadyConfirmed": again,
        "asOf": seq,
    });
    if let Value::Object(members) = &mut receipt {
        if count > LISTED_MAX {
            members.insert("changes".to_owned(), count.into());
        }
        let reason = attempt.and_then(|attempt| attempt.reason);
        members.extend(reason.map(|reason| ("reason".to_owned(), reason.into())));
        members.extend(said.get("worker").map(|worker| ("worker".to_owned(), worker.clone())));
        if status == Stage::Executing {
            let hint = "it is on its way to a worker; get_pending_action follows it";
            members.insert("hint".to_owned(), hint.into());
        }
    }
    Ok(receipt)
}

fn read(seq: u64, data: &RawValue) -> Result<Attempted<'_>, Rejection> {
    serde_json::from_str(data.get()).map_err(|cause| unread(Unread::Text { seq, cause }))
}
