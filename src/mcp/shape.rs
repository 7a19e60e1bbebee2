//! Tools and answers in the shapes of the protocol.

use std::collections::BTreeMap;
use std::sync::Arc;

use rmcp::model::{CallToolResult, ContentBlock, MetaObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use crate::kernel::{Registry, Rejection, text};

/// Every tool in the protocol's shape, made once.
pub(super) struct Shapes {
    tools: BTreeMap<&'static str, Tool>,
}

impl Shapes {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            tools: registry.tools().iter().map(|tool| (tool.name, shape(tool))).collect(),
        }
    }

    pub(super) fn of(&self, name: &str) -> Option<Tool> {
        self.tools.get(name).cloned()
    }
}

fn shape(tool: &crate::kernel::Tool) -> Tool {
    let annotations = ToolAnnotations::new()
        .read_only(tool.kind == crate::kernel::ToolKind::Read)
        .destructive(tool.is_destructive())
        .idempotent(tool.is_idempotent())
        .open_world(false);
    Tool::new(tool.name, tool.doc, super::shared::listed(&tool.input))
        .with_raw_output_schema(Arc::clone(&tool.output))
        .with_annotations(annotations)
}

/// An answer, good or not, as a result.
pub(super) fn result(said: Result<Value, Rejection>, request_id: &str) -> CallToolResult {
    match said {
        Ok(answer) => {
            let text = serde_json::to_string(&answer).unwrap_or_default();
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = Some(answer);
            result.with_meta(Some(meta()))
        }
        Err(no) => failed(&no, request_id),
    }
}

/// A rejection as a result with `isError`.
pub(super) fn failed(no: &Rejection, request_id: &str) -> CallToolResult {
    let mut error = no.to_json();
    if let Some(Value::Object(members)) = error.get_mut("error") {
        members.insert("requestId".to_owned(), text::clip(request_id, 100).into());
    }
    CallToolResult::structured_error(error).with_meta(Some(meta()))
}

/// `serverInfo` belongs into every result's `_meta` (specification 2026-07-28, basic/versioning).
fn meta() -> MetaObject {
    let mut meta = MetaObject::new();
    let info = json!({"name": "orkestra", "version": env!("CARGO_PKG_VERSION")});
    meta.insert("io.modelcontextprotocol/serverInfo".to_owned(), info);
    meta
}
