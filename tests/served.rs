//! The program as others meet it: over HTTP, with good and bad requests, killed in the middle.

use serde_json::{Value, json};

use crate::server::Server;

/// What it is, headers, body, the status to expect.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8], u16);

#[test]
fn the_guard_turns_away_what_is_not_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let bearer = format!("Bearer {}", server.token);
    let altered = format!("{bearer}x");
    let good = ("authorization", bearer.as_str());
    let long = vec![b' '; (1 << 20) + 1];
    let cases: [Case<'_>; 8] = [
        ("a good call", &[good], b"{}", 200),
        ("another host", &[good, ("host", "evil.example")], b"{}", 403),
        (
            "another origin",
            &[good, ("origin", "https://evil.example")],
            b"{}",
            403,
        ),
        ("origin null", &[good, ("origin", "null")], b"{}", 403),
        ("no token", &[], b"{}", 401),
        ("an altered token", &[("authorization", &altered)], b"{}", 401),
        ("a key twice", &[good], b"{\"limit\":1,\"limit\":2}", 400),
        ("a long body", &[good], &long, 413),
    ];
    for (what, headers, body, status) in cases {
        let answer = server.send("POST", "/v1/tools/list_projects", headers, body);
        assert_eq!(answer.map(|(status, _)| status), Some(status), "{what}");
    }
    let batch = server
        .send("POST", "/mcp", &[good, ("content-type", "application/json")], b"[]")
        .unwrap();
    assert_eq!((batch.0, &batch.1["error"]["code"]), (400, &json!(-32600)));
}

#[test]
fn a_polite_stop_does_not_wait_for_clients_that_listen() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut lines = server.follow("/v1/journal?from=1&follow=true");
    assert!(lines.next().is_some());
    server.stop();
    assert_eq!(
        lines.filter(|line| !line.ends_with('}')).count(),
        0,
        "whole lines, and an end"
    );
}

#[test]
fn a_demo_is_not_begun_where_it_could_not_be_finished() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("orkestra.toml");
    std::fs::write(
        &config,
        "execution = \"nats\"\n[[route]]\nmodules = [\"labels\"]\nworker = \"paint\"\n",
    )
    .unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_orkestra"));
    let data = dir.path().join("data");
    let said = command
        .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--config"])
        .arg(config)
        .arg("--data")
        .arg(&data);
    let said = said.output().unwrap();
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    assert!(!data.exists(), "nothing was made");
}

#[test]
fn mcp_lists_calls_and_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (_, listed) = server.mcp("/mcp", "tools/list", None, json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap();
    for tool in tools {
        assert_eq!(tool["annotations"].as_object().unwrap().len(), 4, "{}", tool["name"]);
        assert!(tool["outputSchema"].is_object() && tool["inputSchema"]["additionalProperties"] == json!(false));
        assert!(
            tool.to_string().len() <= 4200,
            "{} takes {} bytes",
            tool["name"],
            tool.to_string().len()
        );
    }
    let names = |listed: &Value| -> Vec<String> {
        listed["result"]["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let (_, compact) = server.mcp("/mcp/p/compact", "tools/list", None, json!({}));
    assert!(names(&compact).contains(&"call_tool".to_owned()) && names(&compact).len() <= 8);
    let (_, read) = server.mcp("/mcp/read/x/tasks", "tools/list", None, json!({}));
    assert!(names(&read).contains(&"list_tasks".to_owned()) && !names(&read).contains(&"create_task".to_owned()));
    let (_, pending) = server.mcp(
        "/mcp",
        "tools/call",
        Some("create_project"),
        json!({"name": "create_project", "arguments": {"name": "Ops", "key": "OPS"}}),
    );
    let pending = &pending["result"]["structuredContent"];
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    let (_, receipt) = server.mcp(
        "/mcp",
        "tools/call",
        Some("confirm_action"),
        json!({"name": "confirm_action", "arguments": confirm}),
    );
    assert_eq!(
        receipt["result"]["structuredContent"]["status"], "succeeded",
        "{receipt}"
    );
    let (_, wrong) = server.mcp(
        "/mcp",
        "tools/call",
        Some("create_project"),
        json!({"name": "create_project", "arguments": {"nam": "x"}}),
    );
    assert_eq!(
        (
            &wrong["result"]["isError"],
            &wrong["result"]["structuredContent"]["error"]["code"]
        ),
        (&json!(true), &json!("validation_failed"))
    );
    let (_, unknown) = server.mcp(
        "/mcp",
        "tools/call",
        Some("nope"),
        json!({"name": "nope", "arguments": {}}),
    );
    assert_eq!(unknown["error"]["code"], -32602);
    let (status, mismatch) = server.mcp(
        "/mcp",
        "tools/call",
        Some("other"),
        json!({"name": "get_me", "arguments": {}}),
    );
    assert_eq!((status, &mismatch["error"]["code"]), (400, &json!(-32020)));
}

#[test]
fn openapi_names_every_tool_and_every_reference_leads_somewhere() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (status, document) = server.send("GET", "/openapi.json", &[], b"").unwrap();
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    for tool in orkestra::modules::registry().tools() {
        let post = &document["paths"][format!("/v1/tools/{}", tool.name)]["post"];
        let schema = &post["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(schema, &Value::Object((*tool.input).clone()), "{}", tool.name);
        let good = if tool.is_read() { "200" } else { "202" };
        assert!(post["responses"][good].is_object(), "{}: {post}", tool.name);
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer} is nowhere");
    }
}

#[test]
fn calls_are_counted_at_every_door_and_unknown_names_make_no_labels() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    server.call("get_me", &json!({})).unwrap();
    for name in ["get_me", "get_me", "no_such_tool"] {
        server.mcp("/mcp", "tools/call", Some(name), json!({"name": name, "arguments": {}}));
    }
    let (_, _, counted) = server.raw("GET", "/metrics", &[], b"").unwrap();
    for line in [
        r#"orkestra_calls_total{via="rest",tool="get_me",outcome="ok"} 1"#,
        r#"orkestra_calls_total{via="mcp",tool="get_me",outcome="ok"} 2"#,
        r#"orkestra_calls_total{via="mcp",tool="unknown",outcome="unknown_tool"} 1"#,
    ] {
        assert!(counted.contains(line), "{line} is not in:\n{counted}");
    }
    assert!(!counted.contains("no_such_tool"), "{counted}");
}

#[test]
fn a_client_that_gives_no_name_is_recorded_without_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let bearer = format!("Bearer {}", server.token);
    let call = |version: &str, info: &Value| {
        let mut meta = json!({"io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {}});
        if !info.is_null() {
            meta["io.modelcontextprotocol/clientInfo"] = info.clone();
        }
        let params = json!({"name": "get_me", "arguments": {}, "_meta": meta});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", version),
            ("mcp-method", "tools/call"),
            ("mcp-name", "get_me"),
        ];
        let (status, said) = server.send("POST", "/mcp", &headers, body.as_bytes()).unwrap();
        assert_eq!(status, 200, "{version}: {said}");
    };
    call("2026-07-28", &Value::Null);
    call("2026-07-28", &json!({"name": "t", "version": "1"}));
    call("2025-11-25", &Value::Null);
    call("2025-11-25", &json!({"name": "t", "version": "1"}));
    let bearer = [("authorization", bearer.as_str())];
    let (_, _, told) = server.raw("GET", "/v1/journal?tool=get_me", &bearer, b"").unwrap();
    let lines = told.lines().filter(|line| line.starts_with('{'));
    let named: Vec<Value> = lines
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["actor"]["client"].clone())
        .collect();
    assert_eq!(named, [json!(null), json!("t 1"), json!(null), json!("t 1")]);
}
