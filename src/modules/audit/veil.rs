//! Records for those who may see that they are there, but not what was in them: who, when, which tool, which identifiers and
//! how it ended are shown, arguments, answers, words and contents are not.

use projections::event::names;
use projections::record::{Changed, Entry};
use projections::{Digest, Record};
use serde_json::{Map, Value, json};

/// Needed to see that records are there.
pub const BROWSER: &str = "audit.browse";

/// What is said in place of what is not shown.
pub const WITHHELD: &str = "what was in it needs the permission audit.read";

/// The facts that are shown: who, which, when and how it ended.
const SHOWN: [&str; 28] = [
    "action",
    "approver",
    "attempt",
    "by",
    "code",
    "count",
    "decider",
    "digest",
    "due",
    "expiresAt",
    "from",
    "kind",
    "now",
    "pending",
    "policy",
    "position",
    "records",
    "replaces",
    "risk",
    "root",
    "seq",
    "size",
    "to",
    "tool",
    "undoes",
    "version",
    "what",
    "whose",
];
/// The longest text that can be a word or an identifier, in bytes.
const WORD_BYTES_MAX: usize = 128;

/// A record as one JSON object: the same envelope, its events veiled, and the hash of the record's text as it is written, so
/// that it can be told which record of the log is meant.
pub fn record(seq: u64, text: &str, record: &Record<'_>) -> Value {
    json!({
        "seq": seq,
        "v": record.v,
        "at": record.at,
        "org": record.org,
        "actor": record.actor,
        "trace": record.trace,
        "cause": record.cause,
        "events": record.events.iter().map(event).collect::<Vec<_>>(),
        "hash": Digest::leaf(text.as_bytes()),
        "withheld": WITHHELD,
    })
}

/// One event: its facts that are no payload, and which fields of what changed.
pub fn event(entry: &Entry<'_>) -> Value {
    let mut shown = Map::new();
    shown.insert("type".to_owned(), json!(entry.name));
    shown.insert("v".to_owned(), json!(entry.v));
    if let Some(data) = entry.data {
        let facts = serde_json::from_str(data.get()).unwrap_or_default();
        shown.insert("data".to_owned(), facts_of(&entry.name, facts));
    }
    if let Some(change) = &entry.change {
        shown.insert("change".to_owned(), change_of(change));
    }
    Value::Object(shown)
}

fn facts_of(event: &str, mut facts: Map<String, Value>) -> Value {
    if let Some(Value::String(through)) = facts.get_mut("through") {
        *through = address(through).to_owned();
    }
    // Only where it is known what an event says; a text of that name could be anything in another one.
    let is_through = event == names::LOG_READ || event == names::PAYLOAD_VIEWED;
    facts.retain(|name, value| match name.as_str() {
        "through" => is_through,
        name => SHOWN.contains(&name) && is_plain(value),
    });
    Value::Object(facts)
}

/// An address or a tool without what was asked for.
pub fn address(through: &str) -> &str {
    through.split(['?', ' ', ',']).next().unwrap_or_default()
}

/// A number, a yes or no, a word, or a list of those: no sentence and no content.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= WORD_BYTES_MAX && !text.contains(char::is_whitespace),
        Value::Array(items) => items.iter().all(|item| !item.is_array() && is_plain(item)),
        Value::Object(_) => false,
    }
}

fn change_of(change: &Changed<'_>) -> Value {
    let fields = change.fields.keys();
    let fields = fields.filter(|name| !super::is_secret(&change.entity, name));
    let fields: Map<String, Value> = fields.map(|name| (name.to_string(), json!({}))).collect();
    json!({
        "entity": change.entity,
        "id": change.id,
        "op": change.op,
        "version": change.version,
        "fields": fields,
    })
}
