//! Secrets, looked for everywhere they could have gone: journal, files, log, answers.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{body, call, exported, headers, orkestra, proposed, token};
use crate::server::Server;

/// What callers send where it does not belong; none of it may reach the log.
const SENTINELS: [&str; 6] = [
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "sk-proj-0123456789abcdefghijABCDEFGHIJ",
    "AKIAIOSFODNN7EXAMPLE",
    "-----BEGIN PRIVATE KEY-----",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzZW50aW5lbCJ9.c2VudGluZWw",
    "c00k1e-s3nt1nel",
];

/// A server that logs all it can be made to.
fn talkative(dir: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command.env("RUST_LOG", "trace,rmcp=trace,rmcp::service=trace,hyper=trace");
    Server::start_as(dir, &mut command)
}

/// Every file below a directory, but the keys.
fn files(dir: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.ends_with("keys") {
            files(&path, into);
        } else if path.is_file() {
            into.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Everything that the server says to good, wrong and strange requests with one bearer and one confirm token.
fn talk(server: &Server, confirm: &Value) -> String {
    let bearer = format!("Bearer {}", server.token);
    let mut said = String::new();
    let mut ask = |method: &str, path: &str, sent: &[(&str, &str)], text: &str| {
        let (status, head, body) = server.raw(method, path, sent, text.as_bytes()).unwrap();
        said.extend([status.to_string().as_str(), " ", &head, "\n", &body, "\n"]);
    };
    let plain = [("authorization", bearer.as_str()), ("cookie", SENTINELS[5])];
    let args = json!({"name": SENTINELS[0], "description": SENTINELS[3], "nonsense": SENTINELS[2]}).to_string();
    ask("POST", "/v1/tools/create_project", &plain, &args);
    ask("POST", "/v1/tools/no_such_tool", &plain, &args);
    ask("POST", "/v1/tools/create_project", &plain, &args[..args.len() - 9]);
    ask("POST", "/v1/tools/confirm_action", &plain, &confirm.to_string());
    ask("POST", "/v1/tools/confirm_action", &plain, &confirm.to_string());
    for path in [
        "/v1/tools",
        "/v1/actions",
        "/v1/journal",
        "/v1/boot",
        "/v1/digest",
        "/nowhere",
    ] {
        ask("GET", path, &plain, "");
    }
    for host in ["evil.example", "127.0.0.1"] {
        ask("GET", "/v1/boot", &[plain[0], plain[1], ("host", host)], "");
    }
    for (tool, arguments) in [
        ("create_project", json!({"name": SENTINELS[1]})),
        ("get_me", json!({"fields": [SENTINELS[4]]})),
        ("no_such_tool", json!({"a": SENTINELS[0]})),
        ("confirm_action", confirm.clone()),
    ] {
        let text = body(1, "tools/call", json!({"name": tool, "arguments": arguments}));
        ask("POST", "/mcp", &headers(&bearer, "tools/call", Some(tool)), &text);
        let broken = text.replace("\"arguments\"", "\"Arguments\"");
        ask("POST", "/mcp", &headers(&bearer, "tools/call", Some(tool)), &broken);
        ask("POST", "/mcp", &headers(&bearer, "tools/call", Some("another")), &text);
    }
    let open = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
    let old = [
        plain[0],
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    ask("POST", "/mcp", &old, &open.to_string());
    said
}

/// Security tests 14, 21 and 61: neither bearer nor confirm tokens are in the journal, in any other file, or in the log, however
/// much is logged, and no answer repeats the bearer; nor are arguments and cookies in the log.
#[test]
fn secrets_are_neither_journaled_nor_logged_nor_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let server = talkative(dir.path());
    let confirm = proposed(&server, "SECRET");
    let said = talk(&server, &confirm);
    let listed = orkestra(dir.path(), &["token", "list", "--json"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    let (bearer, confirm) = (server.token.clone(), confirm["confirmToken"].as_str().unwrap());
    server.stop();
    assert!(!said.contains(&bearer) && !listed.contains(&bearer));
    assert!(
        !listed.is_empty() && said.contains("\"succeeded\"") && said.len() > 10_000,
        "{said}"
    );
    let log = fs::read(dir.path().join("serve.log")).unwrap();
    for secret in SENTINELS.iter().chain([&bearer.as_str(), &confirm]) {
        assert!(!holds(&log, secret), "{secret} is in the log");
    }
    let mut all = Vec::new();
    files(&dir.path().join("data"), &mut all);
    assert!(all.iter().any(|(_, bytes)| holds(bytes, "action.confirmed")));
    for (name, bytes) in &all {
        for secret in [bearer.as_str(), confirm, SENTINELS[5]] {
            assert!(!holds(bytes, secret), "{secret} is in {name}");
        }
    }
}

/// Security test 61: a token that is pasted into an argument, a name or a reason is refused, and not written down with the no.
#[test]
fn a_token_in_an_argument_is_refused_and_not_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (other, _) = token(dir.path(), &[]);
    let confirm = proposed(&server, "LEAK");
    let (action, secret) = (&confirm["actionId"], confirm["confirmToken"].as_str().unwrap());
    let mut noted = confirm.clone();
    noted["note"] = format!("as {other} said").into();
    let cases = [
        (
            "create_project",
            json!({"name": format!("use {other}"), "key": "USE"}),
            400,
        ),
        (
            "create_project",
            json!({"name": "x", "key": "USE", other.clone(): 1}),
            400,
        ),
        ("search", json!({"q": secret}), 400),
        (
            "get_pending_action",
            json!({"actionId": action, "confirmToken": secret}),
            400,
        ),
        (
            "confirm_action",
            json!({"actionId": secret, "confirmToken": secret}),
            400,
        ),
        ("confirm_action", noted, 400),
        ("cancel_action", json!({"actionId": action, "reason": secret}), 400),
        (other.as_str(), json!({"a": secret}), 404),
    ];
    for (tool, args, status) in cases {
        let (found, said) = call(&server, &server.token, tool, &args);
        assert_eq!(found, status, "{tool}: {said}");
    }
    let journal = exported(dir.path());
    assert!(!journal.contains(&other) && !journal.contains(secret));
    assert_eq!(journal.matches("[token]").count(), 13, "{journal}");
    assert_eq!(call(&server, &server.token, "confirm_action", &confirm).0, 200);
}
