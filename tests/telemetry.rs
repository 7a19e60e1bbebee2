//! What is sent to a collector: every call with its parent, the counters, our own log; and never what was asked or answered.

mod bad;
mod collector;
mod others;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use crate::server::Server;
use collector::{Collector, Manner, hex, said};

/// The same as the identifiers in [`parent`], by the caller.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// What only the caller and the one asked may know.
const SECRETS: [&str; 5] = ["Gerda", "gerda@example.org", "Umzug", "geheim", "ork_live_"];

fn parent(span: u8) -> String {
    format!("00-{TRACE}-{span:016x}-01")
}

fn program(collector: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    quiet(&mut command)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=nur%20wir")
        .env("OTEL_SERVICE_NAME", "the house");
    command
}

/// Whoever runs the tests may have set some of it.
fn quiet(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL_")) {
        command.env_remove(name);
    }
    command
}

/// A call over MCP, with what its header and its `_meta` say of a trace.
fn call(server: &Server, (id, tool): (u64, &str), args: Value, header: &[&str], meta: Option<&str>) -> Value {
    let mut about = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    if let Some(meta) = meta {
        about["traceparent"] = meta.into();
    }
    let params = json!({"name": tool, "arguments": args, "_meta": about});
    let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string();
    let bearer = format!("Bearer {}", server.token);
    let mut headers = vec![
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", tool),
    ];
    headers.extend(header.iter().map(|header| ("traceparent", *header)));
    let (_, answer) = server.send("POST", "/mcp", &headers, body.as_bytes()).unwrap();
    answer["result"]["structuredContent"].clone()
}

/// One call over STDIO, as a client starts it; beside a server it goes to that one.
fn over_stdio(mut command: Command, dir: &Path, token: &str, meta: &str) {
    let mut child = command
        .args(["stdio", "--data"])
        .arg(dir.join("data"))
        .env("MCP_TOKEN", token)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let about = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}, "traceparent": meta});
    let params = json!({"name": "get_me", "arguments": {}, "_meta": about});
    let line = json!({"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": params});
    let (mut to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    writeln!(to, "{line}").unwrap();
    let mut answer = String::new();
    BufReader::new(from).read_line(&mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    drop(to);
    assert!(child.wait().unwrap().success());
}

fn of(spans: &[Span], id: &str) -> Span {
    let found: Vec<&Span> = spans
        .iter()
        .filter(|span| said(&span.attributes, "jsonrpc.request.id").as_deref() == Some(id))
        .collect();
    assert_eq!(found.len(), 1, "{id}: {found:?}");
    found[0].clone()
}

fn descends(span: &Span, from: u8) {
    assert_eq!(
        (hex(&span.trace_id), hex(&span.parent_span_id)),
        (TRACE.to_owned(), format!("{from:016x}"))
    );
}

#[test]
fn calls_descend_from_what_called_them() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Collector::start(Manner::Takes));
    let server = Server::start_as(dir.path(), &mut program(&collector.address));
    let (one, two) = (parent(1), parent(2));
    call(&server, (1, "get_me"), json!({}), &[&one], None);
    call(&server, (2, "get_me"), json!({}), &[&one], Some(&two));
    call(&server, (3, "get_me"), json!({}), &[&one], Some("no parent"));
    let bad = two.to_uppercase();
    call(&server, (4, "get_me"), json!({}), &["00-1-2-3"], Some(&bad));
    call(&server, (5, "get_me"), json!({}), &[&one, &two], None);
    let unwanted = parent(8).replace("-01", "-00");
    call(&server, (8, "get_me"), json!({}), &[], Some(&unwanted));
    let bearer = format!("Bearer {}", server.token);
    for (tool, state) in [
        ("list_projects", "shop=1,mail=gerda@example.org"),
        ("list_labels", "shop=1"),
    ] {
        let headers = [
            ("authorization", bearer.as_str()),
            ("traceparent", &one),
            ("tracestate", state),
        ];
        server
            .send("POST", &format!("/v1/tools/{tool}"), &headers, b"{}")
            .unwrap();
    }
    let beside = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    over_stdio(beside, dir.path(), &server.token, &two);
    server.stop();
    let spans = collector.spans();
    for (id, from) in [("1", 1), ("2", 2), ("3", 1), ("77", 2)] {
        descends(&of(&spans, id), from);
    }
    for id in ["4", "5"] {
        let span = of(&spans, id);
        assert!(
            span.parent_span_id.is_empty() && hex(&span.trace_id) != TRACE,
            "{id}: {span:?}"
        );
    }
    let linked = |id: &str| {
        let links = of(&spans, id).links;
        links.iter().map(|link| hex(&link.span_id)).collect::<Vec<_>>()
    };
    assert_eq!(
        (linked("1"), linked("2"), linked("3")),
        (vec![], vec![format!("{:016x}", 1)], vec![]),
        "what carried it"
    );
    assert_eq!(spans.len(), 8, "who wants no trace gets none");
    for (tool, state) in [("list_projects", ""), ("list_labels", "shop=1")] {
        let span = spans.iter().find(|span| span.name.ends_with(tool)).unwrap();
        descends(span, 1);
        assert_eq!(span.trace_state, state, "a mail address is not handed on");
    }
    nothing_secret(&collector);
}

#[test]
fn a_span_says_what_came_of_a_call() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Collector::start(Manner::Takes));
    let server = Server::start_as(dir.path(), &mut program(&collector.address));
    for (id, tool) in [(1, "get_me"), (2, "get_me"), (6, "get_task"), (7, "geheim")] {
        let args = if id == 6 { json!({"task": "NO-1"}) } else { json!({}) };
        call(&server, (id, tool), args, &[], None);
    }
    server.call("get_me", &json!({})).unwrap();
    let beside = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    over_stdio(beside, dir.path(), &server.token, "");
    let position = server.get("/readyz").1["position"].as_u64().unwrap();
    server.stop();
    let spans = collector.spans();
    assert_eq!(spans.len(), 6);
    let is = |span: &Span, key: &str| said(&span.attributes, key).unwrap_or_default();
    let me = of(&spans, "1");
    assert_eq!((me.name.as_str(), me.kind), ("tools/call get_me", 2), "a server's");
    for (key, value) in [
        ("mcp.method.name", "tools/call"),
        ("gen_ai.tool.name", "get_me"),
        ("gen_ai.operation.name", "execute_tool"),
        ("mcp.protocol.version", "2026-07-28"),
        ("network.transport", "tcp"),
        ("network.protocol.version", "1.1"),
        ("orkestra.via", "mcp"),
        ("error.type", ""),
    ] {
        assert_eq!(is(&me, key), value, "{key}");
    }
    assert!(me.end_time_unix_nano >= me.start_time_unix_nano && me.status.unwrap_or_default().code == 0);
    let at = ["1", "2", "6", "7"].map(|id| is(&of(&spans, id), "orkestra.position").parse::<u64>().unwrap());
    assert!(
        at.is_sorted_by(|one, next| one < next) && at[3] < position,
        "{at:?} of {position}"
    );
    let no = of(&spans, "6");
    assert_eq!(
        (is(&no, "error.type").as_str(), no.status.clone().unwrap().code),
        ("not_found", 2)
    );
    let unknown = of(&spans, "7");
    assert_eq!(unknown.name, "tools/call", "a name of the caller's is no name");
    assert_eq!(
        (
            is(&unknown, "error.type").as_str(),
            is(&unknown, "rpc.response.status_code").as_str()
        ),
        ("unknown_tool", "-32602")
    );
    let pipe = of(&spans, "77");
    assert_eq!(
        (
            is(&pipe, "network.transport").as_str(),
            is(&pipe, "orkestra.via").as_str()
        ),
        ("pipe", "stdio")
    );
    let rest = spans.iter().find(|span| is(span, "orkestra.via") == "rest").unwrap();
    assert_eq!(
        (
            is(rest, "mcp.method.name").as_str(),
            is(rest, "gen_ai.tool.name").as_str()
        ),
        ("", "get_me")
    );
    assert_eq!(said(&collector.about(), "service.name").as_deref(), Some("the house"));
    nothing_secret(&collector);
}

#[test]
fn stdio_alone_tells_too() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Collector::start(Manner::Takes));
    let server = Server::start_as(dir.path(), quiet(&mut Command::new(env!("CARGO_BIN_EXE_orkestra"))));
    let token = server.token.clone();
    server.stop();
    assert!(collector.requests().is_empty());
    over_stdio(program(&collector.address), dir.path(), &token, &parent(3));
    descends(&of(&collector.spans(), "77"), 3);
    assert!(!collector.metrics().is_empty());
}

/// Everything that is sent, searched byte by byte.
fn nothing_secret(collector: &Collector) {
    for (path, headers, body) in collector.requests() {
        assert_eq!(headers["x-api-key"], "nur wir", "{path}");
        assert_eq!(headers["content-type"], "application/x-protobuf", "{path}");
        let (text, head) = (String::from_utf8_lossy(&body).into_owned(), format!("{headers:?}"));
        for secret in SECRETS {
            assert!(!text.contains(secret) && !head.contains(secret), "{path}: {secret}");
        }
        assert!(!text.contains("nur wir"), "{path}");
    }
}

#[test]
fn counters_and_the_log_are_sent_and_nothing_that_was_said() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Collector::start(Manner::Takes));
    let mut program = program(&collector.address);
    program
        .env("ORKESTRA_TELEMETRY__METRICS_SECONDS", "1")
        .env("RUST_LOG", "trace");
    let server = Server::start_as(dir.path(), &mut program);
    let project = json!({"name": "Umzug von Gerda", "key": "UMZ"});
    let pending = call(&server, (1, "create_project"), project, &[], None);
    let token = pending["confirmToken"].as_str().unwrap().to_owned();
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": token});
    assert_eq!(
        call(&server, (2, "confirm_action"), confirm, &[], None)["status"],
        "succeeded"
    );
    let task = json!({"project": "UMZ", "title": "geheim", "description": "ask gerda@example.org"});
    assert_eq!(
        call(&server, (3, "create_task"), task, &[], Some("ork_live_geheim"))["status"],
        "pending"
    );
    call(&server, (4, "create_task"), json!({"Umzug": server.token}), &[], None);
    call(&server, (5, "Umzug von Gerda"), json!({}), &[], None);
    // The owner's program says something that cannot be understood, and the log speaks of it.
    let mut socket = std::os::unix::net::UnixStream::connect(dir.path().join("data/orkestra.sock")).unwrap();
    socket
        .write_all(b"{\"mcp\":{\"token\":\"ork_live_geheim\",\"gerda@example.org\":1}}\n")
        .unwrap();
    collector.wait_for("a report of counters", |collector| !collector.metrics().is_empty());
    collector.wait_for("a line of the log", |collector| !collector.lines().is_empty());
    let (_, _, shown) = server.raw("GET", "/metrics", &[], b"").unwrap();
    server.stop();
    let metrics = collector.metrics();
    for line in shown.lines().filter(|line| line.starts_with("orkestra_")) {
        let whole = metrics.iter().find(|metric| line.starts_with(&metric.name));
        let whole = whole.unwrap_or_else(|| panic!("{line} is not sent"));
        let is_bare = whole.unit.is_empty() && whole.name != "orkestra_broker_up";
        assert!(!is_bare && !whole.description.is_empty(), "{whole:?}");
    }
    let calls = metrics.iter().find(|metric| metric.name == "orkestra_calls").unwrap();
    let Some(metric::Data::Sum(calls)) = &calls.data else {
        panic!("{calls:?}")
    };
    let made = calls
        .data_points
        .iter()
        .find(|point| said(&point.attributes, "tool").as_deref() == Some("confirm_action"));
    assert_eq!(made.unwrap().value, Some(number_data_point::Value::AsInt(1)));
    let took = metrics
        .iter()
        .find(|metric| metric.name == "orkestra_call_duration_seconds")
        .unwrap();
    let Some(metric::Data::Histogram(took)) = &took.data else {
        panic!("{took:?}")
    };
    assert_eq!(
        (
            took.data_points[0].count,
            took.data_points[0].bucket_counts.iter().sum()
        ),
        (5, 5)
    );
    let lines = collector.lines();
    let spoken = lines
        .iter()
        .find(|line| format!("{:?}", line.body).contains("a local connection was not understood"));
    let spoken = spoken.unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!(
        (spoken.severity_text.as_str(), said(&spoken.attributes, "cause")),
        ("WARN", None)
    );
    for (path, _, body) in collector.requests() {
        let text = String::from_utf8_lossy(&body);
        assert!(
            !text.contains(&token) && !text.contains(&token[3..]) && !text.contains("nobody"),
            "{path}"
        );
    }
    nothing_secret(&collector);
}
