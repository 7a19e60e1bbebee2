//! Security at the wire, test by test of the project's checklist; its numbers stand in the tests' comments.

mod confirming;
mod disk;
mod evidence;
mod limits;
mod secrets;
mod stdio;
mod tokens;
mod wire;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::server::Server;

/// Runs the program on the data directory of a server that was started in `dir`.
fn orkestra(dir: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orkestra"))
        .args(words)
        .arg("--data")
        .arg(dir.join("data"))
        .output()
        .unwrap()
}

/// A new token of the owner: its value and its id.
fn token(dir: &Path, more: &[&str]) -> (String, String) {
    let made = orkestra(
        dir,
        &[&["token", "create", "--json", "--name", "another"], more].concat(),
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("token"), text("id"))
}

/// Everything in the journal, as text.
fn exported(dir: &Path) -> String {
    String::from_utf8(orkestra(dir, &["journal", "export"]).stdout).unwrap()
}

/// The headers of an MCP request of the protocol 2026-07-28.
fn headers<'a>(bearer: &'a str, method: &'a str, name: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let mut headers = vec![
        ("authorization", bearer),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
    ];
    headers.extend(name.map(|name| ("mcp-name", name)));
    headers
}

/// The body of such a request.
fn body(id: u64, method: &str, mut params: Value) -> String {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// Calls a tool over REST with a token.
fn call(server: &Server, token: &str, tool: &str, args: &Value) -> (u16, Value) {
    let bearer = format!("Bearer {token}");
    server
        .send(
            "POST",
            &format!("/v1/tools/{tool}"),
            &[("authorization", &bearer)],
            args.to_string().as_bytes(),
        )
        .unwrap()
}

/// Proposes a project; what confirms it.
fn proposed(server: &Server, key: &str) -> Value {
    let (status, pending) = call(
        server,
        &server.token,
        "create_project",
        &json!({"name": key, "key": key}),
    );
    assert_eq!(status, 202, "{pending}");
    json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]})
}
