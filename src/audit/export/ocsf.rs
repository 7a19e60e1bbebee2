//! OCSF 1.9 API Activity (category 6, class 6003), one record a line, with the profile record_integrity.
//!
//! `raw_data` is the record's text to the byte. The attestation is of this event (object `attestation` of the schema): its
//! fingerprint is SHA-256 over the event in canonical form (RFC 8785) without that fingerprint; there are no signatures.
//! There is no `prev_event` either, because a tree, not a chain, says what stands before: `unmapped.record` has the journal
//! and the record's leaf, SHA-256(0x00 || raw_data) (RFC 6962, section 2.1), where a proof for `metadata.sequence` begins.

use projections::event::names;
use projections::{ActorKind, Digest, Op};
use serde_json::{Map, Value, json};

use super::{Facts, Source};
use crate::kernel::json::canonical_value;

const CLASS: u32 = 6003;
const SCHEMA: &str = "1.9.0";

/// `activity_id` and its caption.
const CREATE: (u32, &str) = (1, "Create");
const READ: (u32, &str) = (2, "Read");
const UPDATE: (u32, &str) = (3, "Update");
const DELETE: (u32, &str) = (4, "Delete");

pub(super) fn add(source: &Source<'_, '_>, facts: &[Facts], out: &mut String) -> Result<(), serde_json::Error> {
    let record = source.record;
    let first = record.events.first().map_or("", |entry| entry.name.as_ref());
    let (activity, activity_name) = activity(source);
    let refused = facts.iter().find(|facts| facts.code.is_some());
    let failed = refused.is_some() || record.events.iter().any(|entry| entry.name == names::FAILED);
    let unknown = record.events.iter().any(|entry| entry.name == names::UNKNOWN);
    let (status, status_name) = match (failed, unknown) {
        (true, _) => (2, "Failure"),
        (_, true) => (0, "Unknown"),
        _ => (1, "Success"),
    };
    let mut event = members(json!({
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("API Activity: {activity_name}"),
        "severity_id": if failed { 2 } else { 1 },
        "severity": if failed { "Low" } else { "Informational" },
        "status_id": status,
        "status": status_name,
        "time": record.at.as_millisecond(),
        "message": record.events.iter().map(|entry| entry.name.as_ref()).collect::<Vec<_>>().join(", "),
        "actor": actor(source),
        "api": api(source, first, refused),
        "src_endpoint": {"svc_name": record.actor.via, "name": record.actor.client.as_deref().unwrap_or(&record.actor.via)},
        "metadata": {
            "version": SCHEMA,
            "product": {"name": "Orkestra", "vendor_name": "Orkestra", "version": env!("CARGO_PKG_VERSION")},
            "profiles": ["record_integrity"],
            "uid": format!("{}:{}", source.journal, source.seq),
            "sequence": source.seq,
            "log_name": "journal",
            "event_code": first,
        },
        "raw_data": source.text,
        "raw_data_hash": {"algorithm_id": 3, "algorithm": "SHA-256", "value": Digest::of(source.text.as_bytes())},
        "attestation_list": [{
            "uid": format!("{}:{}", source.journal, source.seq),
            "authority_uid": crate::data::ORIGIN,
            "chain_uid": source.journal,
        }],
    }));
    if let (Some(Value::Object(metadata)), Some(org)) = (event.get_mut("metadata"), &record.org) {
        metadata.insert("tenant_uid".to_owned(), json!(org));
    }
    if let Some(refused) = refused {
        event.insert("status_code".to_owned(), json!(refused.code));
        event.extend(
            refused
                .message
                .as_ref()
                .map(|why| ("status_detail".to_owned(), json!(why))),
        );
    }
    let mut unmapped = members(json!({"record": {"journal": source.journal, "leaf": source.leaf}}));
    unmapped.extend(
        record
            .actor
            .on_behalf_of
            .as_ref()
            .map(|sponsor| ("on_behalf_of".to_owned(), json!(sponsor))),
    );
    event.insert("unmapped".to_owned(), unmapped.into());
    let resources = resources(source);
    if !resources.is_empty() {
        event.insert("resources".to_owned(), resources.into());
    }
    let mut event = Value::Object(event);
    let fingerprint = Digest::of(canonical_value(&event)?.as_bytes());
    if let Some(Value::Object(attestation)) = event.pointer_mut("/attestation_list/0") {
        attestation.insert("fingerprint".to_owned(), fingerprinted(fingerprint));
    }
    out.push_str(&serde_json::to_string(&event)?);
    out.push('\n');
    Ok(())
}

/// The object `fingerprint`: how the event was serialised, hashed, and how the hash is written.
fn fingerprinted(value: Digest) -> Value {
    json!({
        "algorithm_id": 3, "algorithm": "SHA-256",
        "serialization_id": 2, "serialization": "JCS",
        "encoding_id": 1, "encoding": "Hex",
        "value": value,
    })
}

fn members(value: Value) -> Map<String, Value> {
    crate::kernel::tool::object(value)
}

/// What the record did: its first change, or what was only asked. A write that had nothing to do was no reading.
fn activity(source: &Source<'_, '_>) -> (u32, &'static str) {
    let events = &source.record.events;
    let change = events.iter().find_map(|entry| Some(entry.change.as_ref()?.op));
    match change {
        Some(Op::Create) => CREATE,
        Some(Op::Update) => UPDATE,
        Some(Op::Delete) => DELETE,
        None if source.is_read && events.iter().any(|entry| entry.name == names::CALL_ANSWERED) => READ,
        None => (99, "Other"),
    }
}

fn actor(source: &Source<'_, '_>) -> Value {
    let actor = &source.record.actor;
    let kind = match actor.kind {
        ActorKind::Human => json!({"type_id": 1, "type": "User"}),
        ActorKind::Agent | ActorKind::Service => json!({"type_id": 4, "type": "Service"}),
        _ => json!({"type_id": 3, "type": "System"}),
    };
    let mut user = members(kind);
    user.insert(
        "uid".to_owned(),
        json!(actor.principal_id.as_deref().unwrap_or("system")),
    );
    if let Some(org) = &source.record.org {
        user.insert("org".to_owned(), json!({"uid": org}));
    }
    let mut shown = members(json!({"user": user, "app_name": actor.client.as_deref().unwrap_or(&actor.via)}));
    if let Some(token) = &actor.token_id {
        shown.insert("session".to_owned(), json!({"uid": token}));
    }
    Value::Object(shown)
}

fn api(source: &Source<'_, '_>, first: &str, refused: Option<&Facts>) -> Value {
    let mut api = members(json!({
        "operation": source.tool.unwrap_or(first),
        "service": {"name": "orkestra"},
        "request": {"uid": source.action.map_or_else(|| source.seq.to_string(), ToOwned::to_owned)},
    }));
    if let Some(refused) = refused {
        api.insert(
            "response".to_owned(),
            match &refused.message {
                Some(why) => json!({"error": refused.code, "error_message": why}),
                None => json!({"error": refused.code}),
            },
        );
    }
    Value::Object(api)
}

fn resources(source: &Source<'_, '_>) -> Vec<Value> {
    let changes = source.record.events.iter().filter_map(|entry| {
        let change = entry.change.as_ref()?;
        Some(json!({"type": change.entity, "uid": change.id, "version": change.version.to_string()}))
    });
    changes.collect()
}
