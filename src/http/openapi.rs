//! The REST faces as an OpenAPI 3.1 document, made from the same declarations as everything else.

use serde_json::{Map, Value, json};

use super::journal::StreamArgs;
use super::replay::ReplayArgs;
use crate::kernel::arg::Args as _;
use crate::kernel::{Registry, Tool};

/// `GET /openapi.json` (OpenAPI Specification 3.1.0). Public: it says what the program is, and nothing of what is in it.
pub(super) fn document(registry: &Registry) -> Value {
    let tools = registry.tools().iter();
    let mut paths: Map<String, Value> = tools
        .map(|tool| (format!("/v1/tools/{}", tool.name), methods(tool)))
        .collect();
    paths.extend(others());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Orkestra",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every write answers 202 with a pending action; POST /v1/actions/{id}/confirm carries it out.",
        },
        "security": [{"bearer": []}],
        "tags": registry.modules().iter().map(|(name, _, doc, _)| json!({"name": name, "description": doc})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "A token that begins with ork_"}},
            "schemas": {"Error": error()},
            "responses": {"No": {"description": "A no that the caller can act on", "content": content(&json!({"$ref": "#/components/schemas/Error"}))}},
        },
    })
}

fn content(schema: &Value) -> Value {
    json!({"application/json": {"schema": schema}})
}

fn answers(good: &str, what: &str, schema: &Value) -> Value {
    json!({
        good: {"description": what, "content": content(schema)},
        "default": {"$ref": "#/components/responses/No"},
    })
}

fn methods(tool: &Tool) -> Value {
    let mut methods = json!({"post": call(tool)});
    if let (true, Some(methods)) = (tool.is_read(), methods.as_object_mut()) {
        methods.insert("get".to_owned(), then(tool));
    }
    methods
}

/// The same read of the past.
fn then(tool: &Tool) -> Value {
    let text = json!({"type": "string"});
    let parameters = [
        ("at", true, "A position of the journal, or an hour (RFC 3339)"),
        (
            "as",
            false,
            "As whom: an identifier or a handle; the caller, where it is left out",
        ),
        ("args", false, "The arguments, a JSON object"),
    ];
    let parameters = parameters.map(|(name, required, what)| {
        json!({"name": name, "in": "query", "required": required, "description": what, "schema": text})
    });
    json!({
        "operationId": format!("{}_then", tool.name),
        "tags": [tool.module],
        "summary": format!("{} As it was then.", tool.doc),
        "x-permission": "audit.read",
        "parameters": parameters,
        "responses": answers("200", "The answer then", &Value::Object((*tool.output).clone())),
    })
}

fn call(tool: &Tool) -> Value {
    let (status, what) = if tool.is_read() {
        ("200", "The answer")
    } else {
        (
            "202",
            "The pending action with its preview; 200 where there is nothing to confirm",
        )
    };
    let (input, output) = (
        Value::Object((*tool.input).clone()),
        Value::Object((*tool.output).clone()),
    );
    json!({
        "operationId": tool.name,
        "tags": [tool.module],
        "summary": tool.doc,
        "x-kind": tool.kind.word(),
        "x-permission": tool.permission,
        "requestBody": {"required": true, "content": content(&input)},
        "responses": answers(status, what, &output),
    })
}

fn error() -> Value {
    json!({"type": "object", "required": ["error"], "properties": {"error": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "string"},
            "message": {"type": "string"},
            "hint": {"type": "string"},
            "field": {"type": "string"},
            "allowed": {"type": "array"},
            "candidates": {"type": "array"},
            "nextTool": {"type": "object"},
            "retryAfterMs": {"type": "integer"},
        },
    }}})
}

/// The addresses beside the tools.
fn others() -> Vec<(String, Value)> {
    let object = json!({"type": "object"});
    let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}});
    let asked = |name: &str, schema: Value| json!({"name": name, "in": "query", "schema": schema});
    let get = |summary: &str, parameters: Vec<Value>| json!({"get": {"summary": summary, "parameters": parameters, "responses": answers("200", "The answer", &object)}});
    let post = |summary: &str| {
        json!({"post": {
            "summary": summary,
            "parameters": [id],
            "requestBody": {"content": content(&object)},
            "responses": answers("200", "What came of it", &object),
        }})
    };
    let part = |name: &str| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
    let (level, place) = (part("level"), part("place"));
    let bytes = |kind: &str, summary: &str, parameters: Vec<Value>| {
        let answer = json!({"description": "The answer", "content": {kind: {"schema": {"type": "string"}}}});
        let responses = json!({"200": answer, "default": {"$ref": "#/components/responses/No"}});
        json!({"get": {"summary": summary, "parameters": parameters, "responses": responses}})
    };
    let stages: Vec<&str> = projections::Stage::ALL
        .into_iter()
        .map(projections::Stage::word)
        .collect();
    let listed = vec![
        asked("state", json!({"type": "string", "enum": stages})),
        asked("limit", json!({"type": "integer", "minimum": 1, "maximum": 1000})),
    ];
    let records = |summary: &str, filters: &Value| {
        let filters = filters.get("properties").and_then(Value::as_object);
        let filters = filters.into_iter().flatten();
        let mut records = get(
            summary,
            filters.map(|(name, schema)| asked(name, schema.clone())).collect(),
        );
        if let Some(content) = records.pointer_mut("/get/responses/200/content") {
            *content = json!({"application/x-ndjson": {"schema": object}});
        }
        records
    };
    let told = records(
        "What was done, as a timeline in NDJSON",
        &ReplayArgs::schema().into_json(),
    );
    let records = records(
        "Records as NDJSON, from a position on",
        &StreamArgs::schema().into_json(),
    );
    [
        ("/v1/tools", get("The tools that this token may call", Vec::new())),
        ("/v1/actions", get("Actions, the newest first", listed)),
        ("/v1/actions/{id}", get("One action", vec![id.clone()])),
        (
            "/v1/actions/{id}/confirm",
            post("Carry out a pending action; the body may hold confirmToken and note"),
        ),
        (
            "/v1/actions/{id}/cancel",
            post("Withdraw or decline a pending action; the body may hold reason"),
        ),
        (
            "/v1/actions/{id}/retry",
            post("Order another attempt of an execution that failed or is unknown; the body may hold note"),
        ),
        (
            "/v1/actions/{id}/reconcile",
            post("Settle an execution that failed or is unknown; the body holds outcome (succeeded or failed) and evidence"),
        ),
        ("/v1/journal", records),
        ("/v1/replay", told),
        ("/tlog/checkpoint", bytes("text/plain", "The newest signed checkpoint of the log (C2SP tlog-checkpoint)", Vec::new())),
        ("/tlog/tile/{level}/{place}", bytes("application/octet-stream", "Hashes of the log (C2SP tlog-tiles)", vec![level, place.clone()])),
        ("/tlog/tile/entries/{place}", bytes("application/octet-stream", "Records of the log (C2SP tlog-tiles)", vec![place])),
        (
            "/v1/stats",
            get("How often each event came, by day and tool", Vec::new()),
        ),
        ("/v1/digest", get("Position and digest of the whole state", Vec::new())),
        ("/v1/boot", get("What was found at the start", Vec::new())),
    ]
    .map(|(path, what)| (path.to_owned(), what))
    .into()
}
