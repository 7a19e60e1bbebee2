//! What a message must be before rmcp reads it: strict JSON, one message, and members spelled as the protocol spells them.
//!
//! A parser that takes `Arguments` for `arguments`, or silently leaves it out, calls something else than was meant
//! (CVE-2026-27896); so does one that takes the second of two equal keys.

use serde_json::{Map, Value};

/// Members of a JSON-RPC message.
const ENVELOPE: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];
/// Members of `params` that decide what is done.
const PARAMS: [&str; 7] = [
    "name",
    "arguments",
    "_meta",
    "inputResponses",
    "requestState",
    "cursor",
    "uri",
];

/// Why a message is not taken.
#[derive(Debug, PartialEq)]
pub struct Unfit {
    /// The JSON-RPC error code.
    pub code: i64,
    /// A sentence.
    pub why: String,
    /// The request's id, where it has one.
    pub id: Value,
}

/// Checks a message as it came, and reads it.
pub fn message(bytes: &[u8]) -> Result<Value, Unfit> {
    // Read before it is checked only for the id, so that whoever asked hears about it.
    let read: Result<Value, _> = serde_json::from_slice(bytes);
    let id = read
        .as_ref()
        .ok()
        .and_then(|seen| seen.get("id"))
        .filter(|id| id.is_string() || id.is_number());
    let id = id.cloned().unwrap_or_default();
    let unfit = |code, why: String| Unfit {
        code,
        why,
        id: id.clone(),
    };
    crate::kernel::json::check(bytes).map_err(|cause| unfit(-32700, cause.to_string()))?;
    let seen = read.map_err(|cause| unfit(-32700, cause.to_string()))?;
    if seen.is_array() {
        return Err(unfit(-32600, BATCH.to_owned()));
    }
    match misspelt(&seen) {
        Some((code, why)) => Err(unfit(code, why)),
        None => Ok(seen),
    }
}

/// What a batch hears.
const BATCH: &str = "JSON-RPC batches are not served (specification 2025-06-18 and later)";

/// A member that differs from one of the protocol's only in the case of its letters, as a code and a sentence.
fn misspelt(seen: &Value) -> Option<(i64, String)> {
    let near = |members: &Map<String, Value>, known: &[&'static str]| {
        let spelled = |key: &&String| {
            let meant = known.iter().find(|word| word.eq_ignore_ascii_case(key))?;
            (key != meant).then(|| format!("`{key}` is not a member here; it is spelled `{meant}`"))
        };
        members.keys().find_map(|key| spelled(&key))
    };
    let outer = seen.as_object()?;
    if let Some(why) = near(outer, &ENVELOPE) {
        return Some((-32600, why));
    }
    let params = outer.get("params")?.as_object()?;
    near(params, &PARAMS).map(|why| (-32602, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(text: &str) -> i64 {
        message(text.as_bytes()).err().map_or(0, |no| no.code)
    }

    #[test]
    fn members_are_told_apart_by_case() {
        assert_eq!(
            code(r#"{"id":1,"method":"m","params":{"arguments":{"Arguments":1,"NAME":2}}}"#),
            0
        );
        assert_eq!(code(r#"{"id":1,"method":"m","params":{"Arguments":{}}}"#), -32602);
        assert_eq!(
            code(r#"{"id":1,"method":"m","params":{"arguments":{},"ARGUMENTS":{}}}"#),
            -32602
        );
        assert_eq!(code(r#"{"id":1,"Method":"m"}"#), -32600);
        assert_eq!(code(r#"[{"id":1}]"#), -32600);
        assert_eq!(code(r#"{"id":1,"id":2}"#), -32700);
    }

    #[test]
    fn whoever_asked_hears_of_it() {
        let no = message(br#"{"id":"a","params":{"arguments":{"x":1,"x":2}}}"#).unwrap_err();
        assert_eq!((no.code, no.id), (-32700, json!("a")));
        assert_eq!(message(b"{").unwrap_err().id, json!(null));
    }
}
