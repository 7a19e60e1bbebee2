//! `call_tool`, the generic caller of the compact profile: a client without tool search reaches every tool through it.

use std::sync::Arc;

use rmcp::model::{ErrorData, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use crate::kernel::tool::object;

/// Its name.
pub(super) const NAME: &str = "call_tool";

/// The tool; annotated for the worst that it can do.
pub(super) fn tool() -> Tool {
    let input = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "The tool, as find_tools names it."},
            "arguments": {"type": "object", "description": "Its arguments.", "additionalProperties": true},
        },
        "required": ["name"],
        "additionalProperties": false,
    });
    let annotations = ToolAnnotations::new()
        .read_only(false)
        .destructive(true)
        .idempotent(false)
        .open_world(false);
    let doc = "Call any tool by name. find_tools gives names and schemas; the same checks, previews and limits apply.";
    Tool::new(NAME, doc, Arc::new(object(input)))
        .with_raw_output_schema(Arc::new(object(json!({"type": "object"}))))
        .with_annotations(annotations)
}

/// The call inside.
pub(super) fn unwrap(mut outer: Map<String, Value>) -> Result<(String, Map<String, Value>), ErrorData> {
    let wrong = |what: &'static str| ErrorData::invalid_params(what, None);
    let Some(Value::String(name)) = outer.remove("name") else {
        return Err(wrong("call_tool needs `name`, the tool to call"));
    };
    match outer.remove("arguments") {
        None | Some(Value::Null) => Ok((name, Map::new())),
        Some(Value::Object(args)) => Ok((name, args)),
        Some(Value::String(text)) => crate::kernel::arg::value::decoded(&text)
            .map(|args| (name, args))
            .ok_or_else(|| wrong("`arguments` must be an object")),
        Some(_) => Err(wrong("`arguments` must be an object")),
    }
}
