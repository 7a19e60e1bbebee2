//! Output schemas. They are open and short: `fields` and `expand` shape what is there, and 290 of them are sent at once.

use serde_json::{Value, json};

/// Any object.
pub fn free() -> Value {
    json!({"type": "object"})
}

/// What every proposing tool returns.
pub fn pending() -> Value {
    json!({"type": "object", "properties": {
        "status": {"type": "string", "enum": ["pending", "blocked", "noop", "executing", "succeeded", "cancelled", "declined"]},
        "actionId": {"type": "string"},
        "confirmToken": {"type": ["string", "null"]},
        "expiresAt": {"type": "string"},
        "preview": {"type": "object"},
    }})
}

/// A list: `columns` are the fields of an item.
pub fn list(columns: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> =
        columns.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    json!({"type": "object", "properties": {
        "items": {"type": "array", "items": {"type": "object", "properties": properties}},
        "page": {"type": "object"},
        "asOf": {"type": "integer"},
    }})
}

/// One thing: `fields` are what it has.
pub fn item(fields: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    json!({"type": "object", "properties": {
        "item": {"type": "object", "properties": properties},
        "asOf": {"type": "integer"},
    }})
}
