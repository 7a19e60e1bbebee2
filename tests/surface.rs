//! The tool surface as a client sees it: names per address as snapshots, and a budget of bytes, because models pay for it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::server::Server;
use crate::story::check;

/// Bytes that `tools/list` may have at an address with so many tools. The whole surface grows with the modules, but a tool takes no
/// more of it than before; a profile does not grow; the core's is the bar of the catalogue (section 0.10).
const BUDGETS: [(&str, usize, Option<usize>); 5] = [
    ("/mcp", 80_000, Some(55)),
    ("/mcp/p/core", 60_000, None),
    ("/mcp/p/compact", 8_000, None),
    ("/mcp/x/tasks", 34_000, None),
    ("/mcp/read", 26_000, Some(22)),
];

/// The most that one tool may take.
const TOOL_BYTES_MAX: usize = 3_000;

fn tools(server: &Server, address: &str) -> Vec<Value> {
    let (status, listed) = server.mcp(address, "tools/list", None, json!({}));
    assert_eq!(status, 200, "{address}: {listed}");
    listed["result"]["tools"].as_array().unwrap().clone()
}

/// Every `$ref` in a schema.
fn references(schema: &Value) -> Vec<&str> {
    match schema {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn addresses_show_what_they_say_within_their_budgets() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut shown = String::new();
    for (address, bytes, of) in BUDGETS {
        let tools = tools(&server, address);
        let budget = of.map_or(bytes, |of| bytes * tools.len() / of);
        let bytes = Value::from(tools.clone()).to_string().len();
        assert!(bytes <= budget, "{address} lists {bytes} bytes, {budget} are allowed");
        let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        let _ = writeln!(shown, "{address}: {} tools\n  {}", names.len(), names.join("\n  "));
    }
    check("surface_addresses", &shown);
}

#[test]
fn every_tool_is_small_and_has_all_annotations() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for tool in tools(&server, "/mcp") {
        let (name, bytes) = (tool["name"].as_str().unwrap(), tool.to_string().len());
        assert!(bytes <= TOOL_BYTES_MAX, "{name} takes {bytes} bytes");
        for reference in references(&tool["inputSchema"]) {
            let inside = tool["inputSchema"].pointer(reference.trim_start_matches('#'));
            assert!(
                inside.is_some_and(Value::is_object),
                "{name} does not define {reference}"
            );
        }
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{name} says nothing of {hint}");
        }
        assert!(
            tool["outputSchema"].is_object() && tool["inputSchema"]["type"] == "object",
            "{name}"
        );
    }
}

#[test]
fn a_long_schema_is_listed_with_its_repeated_parts_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let tools = tools(&server, "/mcp/x/tasks");
    let long = tools.iter().find(|tool| tool["name"] == "update_task").unwrap();
    check(
        "surface_listed",
        &serde_json::to_string_pretty(&long["inputSchema"]).unwrap(),
    );
}

#[test]
fn every_input_schema_is_a_snapshot() {
    let registry = orkestra::modules::registry();
    let mut shown = String::new();
    for tool in registry.tools() {
        let schema = serde_json::to_string_pretty(&*tool.input).unwrap();
        let _ = writeln!(shown, "{} ({}, {})\n{schema}\n", tool.name, tool.kind, tool.permission);
    }
    check("surface_schemas", &shown);
}
