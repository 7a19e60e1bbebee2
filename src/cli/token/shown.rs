//! Tokens as they are shown; never their value but once.

use serde_json::{Value, json};

use crate::cli::{note, print};
use crate::kernel::identity::{Member, Token};
use crate::processor::Handle;

/// Every token with its owner, as JSON.
pub(super) fn listed(handle: &Handle) -> Value {
    let snapshot = handle.snapshot();
    let now = handle.now();
    let rows = snapshot
        .table::<Token>()
        .into_iter()
        .flat_map(|table| table.rows().cloned().collect::<Vec<_>>());
    let shown = |row: std::sync::Arc<crate::kernel::Row<Token>>| {
        let member = snapshot
            .table::<Member>()
            .and_then(|table| table.get(row.member))
            .map(|member| format!("@{}", member.handle));
        json!({
            "id": row.id.to_string(), "name": row.name, "prefix": row.prefix, "member": member, "scopes": row.scopes,
            "profile": row.profile, "readOnly": row.read_only, "confirm": row.confirm, "createdAt": row.created_at,
            "expiresAt": row.expires_at, "revokedAt": row.revoked_at, "good": row.is_good(now),
            "lastUsedAt": snapshot.used.get(&row.id.to_string()),
        })
    };
    rows.map(shown).collect()
}

/// A new token's value, which is shown once.
pub(super) fn one(reply: &Value, json: bool) {
    let text = |name: &str| reply.get(name).and_then(Value::as_str).unwrap_or_default();
    if json {
        print(&reply.to_string());
        return;
    }
    note(&format!("token {} — its value is shown once:", text("id")));
    print(text("token"));
}

/// Tokens, a line each.
pub(super) fn all(reply: &Value, json: bool) {
    if json {
        print(&reply.to_string());
        return;
    }
    for token in reply.as_array().into_iter().flatten() {
        let text = |name: &str| token.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        let state = if token.get("good") == Some(&Value::Bool(true)) {
            "good"
        } else {
            "over"
        };
        print(&format!(
            "{}  {state}  {}…  {}  {}  last used {}",
            text("id"),
            text("prefix"),
            text("member"),
            text("name"),
            text("lastUsedAt")
        ));
    }
}
