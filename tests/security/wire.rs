//! What reaches the server that was never meant for it.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{body, exported, headers, token};
use crate::server::Server;

/// Security test 1: a foreign host is refused before any handler, and the refusal is journaled.
#[test]
fn a_foreign_host_is_refused_counted_and_journaled() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let bearer = format!("Bearer {}", server.token);
    let before = exported(dir.path()).lines().count();
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", ""] {
        let mut sent = headers(&bearer, "tools/list", None);
        sent.push(("host", host));
        let text = body(1, "tools/list", json!({}));
        assert_eq!(
            server.send("POST", "/mcp", &sent, text.as_bytes()).map(|said| said.0),
            Some(403),
            "{host}"
        );
    }
    let until = Instant::now() + Duration::from_secs(20);
    let noted = loop {
        let text = exported(dir.path());
        if text.contains("security.rejected") || Instant::now() > until {
            break text;
        }
        std::thread::sleep(Duration::from_millis(250));
    };
    assert!(noted.contains("security.rejected"), "{noted}");
    assert_eq!(noted.lines().count(), before + 1, "four refusals, one folded record");
}

/// Security tests 2 and 3: a foreign origin is refused although the host is right; no origin and a local one are let in.
#[test]
fn origins_are_checked_on_the_mcp_address() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let bearer = format!("Bearer {}", server.token);
    let text = body(1, "tools/list", json!({}));
    let cases = [
        (None, 200),
        (Some("http://localhost:5173"), 200),
        (Some("https://evil.example"), 403),
        (Some("null"), 403),
        (Some("http://127.0.0.1.evil.example"), 403),
        (Some("file://"), 403),
    ];
    for (origin, status) in cases {
        let mut sent = headers(&bearer, "tools/list", None);
        sent.extend(origin.map(|origin| ("origin", origin)));
        let said = server.send("POST", "/mcp", &sent, text.as_bytes()).unwrap();
        assert_eq!(said.0, status, "{origin:?}");
    }
}

/// Security test 4: loopback where nothing is said, and without a word about a proxy nothing else is listened on.
#[test]
fn a_public_address_needs_an_explicit_word() {
    let dir = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0"] {
        let said = Command::new(env!("CARGO_BIN_EXE_orkestra"))
            .args(["serve", "--listen", address, "--data"])
            .arg(dir.path().join("data"))
            .output()
            .unwrap();
        let why = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.code() == Some(2) && why.contains("--behind-proxy"), "{why}");
    }
    assert!(!dir.path().join("data").exists(), "and nothing was made");
    let said = Command::new(env!("CARGO_BIN_EXE_orkestra"))
        .args(["doctor", "--json", "--data"])
        .arg(dir.path().join("data"))
        .current_dir(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.contains(r#"{"from":"default","key":"listen","value":"127.0.0.1:8080"}"#),
        "{said}"
    );
}

/// Security tests 5 and 6: headers and `_meta` must be there and agree with the body.
#[test]
fn headers_and_meta_must_agree_with_the_body() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let bearer = format!("Bearer {}", server.token);
    let good = body(1, "tools/call", json!({"name": "get_me", "arguments": {}}));
    let code = |sent: &[(&str, &str)], text: &str| {
        let (status, said) = server.send("POST", "/mcp", sent, text.as_bytes()).unwrap();
        (status, said["error"]["code"].as_i64(), said)
    };
    let all = headers(&bearer, "tools/call", Some("get_me"));
    let without = |gone: &str| -> Vec<(&str, &str)> { all.iter().copied().filter(|(name, _)| *name != gone).collect() };
    assert_eq!(code(&all, &good).0, 200);
    assert_eq!(code(&without("mcp-method"), &good).0, 400);
    assert_eq!(code(&without("mcp-name"), &good).0, 400);
    let other = headers(&bearer, "tools/list", Some("get_me"));
    assert_eq!(code(&other, &good).1, Some(-32020));
    let no_meta =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_me", "arguments": {}}});
    let (status, found, said) = code(&all, &no_meta.to_string());
    assert_eq!((status, found), (400, Some(-32602)), "{said}");
    let mut future = all.clone();
    future.retain(|(name, _)| *name != "mcp-protocol-version");
    future.push(("mcp-protocol-version", "2999-01-01"));
    let (status, found, said) = code(&future, &good.replace("2026-07-28", "2999-01-01"));
    assert_eq!((status, found), (400, Some(-32022)), "{said}");
    assert!(said["error"]["data"]["supported"].is_array(), "{said}");
}

/// Security tests 7 and 8: what is too long, too deep, several at once or ambiguous is refused before anything is hashed.
#[test]
fn bodies_that_are_long_deep_or_ambiguous_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let bearer = format!("Bearer {}", server.token);
    let sent = headers(&bearer, "tools/call", Some("get_me"));
    let before = exported(dir.path()).lines().count();
    let with = |arguments: &str| {
        body(1, "tools/call", json!({"name": "get_me", "arguments": "@"})).replace("\"@\"", arguments)
    };
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    let cases = [
        ("too long", " ".repeat((1 << 20) + 1), 413),
        ("a batch", format!("[{}]", with("{}")), 400),
        ("too deep", with(&deep), 400),
        ("a key twice", with(r#"{"a":1,"a":2}"#), 400),
        ("not a number", with(r#"{"a":NaN}"#), 400),
        ("infinity", with(r#"{"a":1e999}"#), 400),
        ("a lone surrogate", with(r#"{"a":"\ud800"}"#), 400),
        ("surrogates the wrong way round", with(r#"{"a":"\udc00\ud800"}"#), 400),
        ("a key twice, once escaped", with(r#"{"a":1,"\u0061":2}"#), 400),
        ("a key twice deep inside", with(r#"{"a":[{"b":{"c":1,"c":1}}]}"#), 400),
        (
            "two of what is called",
            with("{}").replacen("\"name\"", "\"name\":\"delete_task\",\"name\"", 1),
            400,
        ),
        ("Arguments", with("{}").replace("\"arguments\"", "\"Arguments\""), 400),
        (
            "Arguments beside arguments",
            with("{},\"Arguments\":{\"fields\":[\"id\"]}"),
            400,
        ),
        ("Params", with("{}").replace("\"params\"", "\"Params\""), 400),
        ("broken", with("{"), 400),
        ("nothing", String::new(), 400),
    ];
    for (what, text, status) in cases {
        let said = server.send("POST", "/mcp", &sent, text.as_bytes()).unwrap();
        assert_eq!(said.0, status, "{what}: {}", said.1);
    }
    assert_eq!(exported(dir.path()).lines().count(), before, "none became a call");
    let rest = [("authorization", bearer.as_str())];
    for text in [
        r#"{"limit":1,"limit":2}"#,
        r#"{"limit":NaN}"#,
        r#"{"q":"\ud800"}"#,
        "[]",
        "{} {}",
    ] {
        let said = server
            .send("POST", "/v1/tools/list_projects", &rest, text.as_bytes())
            .unwrap();
        assert_eq!(said.0, 400, "{text}: {}", said.1);
    }
    assert_eq!(exported(dir.path()).lines().count(), before, "nor over REST");
}

/// Security test 7: a body is refused while it streams in, and many at once do not fill the memory.
#[cfg(target_os = "linux")]
#[test]
fn long_bodies_are_refused_while_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let bearer = format!("Bearer {}", server.token);
    let resident = || -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let sent = headers(&bearer, "tools/list", None);
    let long = vec![b' '; 24 << 20];
    let before = resident();
    let most = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        let flood = || {
            for _ in 0..3 {
                let said = server.send("POST", "/mcp", &sent, &long).map(|said| said.0);
                // Whoever is still sending may find the connection closed before the answer arrives.
                assert!(matches!(said, Some(413) | None), "{said:?}");
                most.fetch_max(resident(), std::sync::atomic::Ordering::Relaxed);
            }
        };
        for _ in 0..16 {
            scope.spawn(flood);
        }
    });
    let most = most.load(std::sync::atomic::Ordering::Relaxed);
    assert!(
        most < before + (64 << 10),
        "{before} kB became {most} kB; the bodies had over a gigabyte"
    );
    let small = (server.send("POST", "/mcp", &sent, &vec![b' '; (1 << 20) + 1])).unwrap();
    assert_eq!(small.0, 413);
}

/// Security test 9: a schema never leads a client elsewhere.
#[test]
fn no_schema_points_to_an_address() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (_, listed) = server.mcp("/mcp", "tools/list", None, json!({}));
    let text = listed["result"]["tools"].to_string();
    assert!(!text.contains("\"$ref\":\"http") && !text.contains("x-mcp-header"));
}

/// Security test 10: clients that use the same request ids at the same time get their own answers.
#[test]
fn equal_request_ids_never_cross() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let tokens: Vec<String> = (0..4).map(|_| token(dir.path(), &[]).0).collect();
    std::thread::scope(|scope| {
        for (who, token) in tokens.iter().enumerate() {
            let server = &server;
            scope.spawn(move || {
                let bearer = format!("Bearer {token}");
                let sent = headers(&bearer, "tools/call", Some("get_project"));
                for round in 0..250u64 {
                    let wanted = format!("nowhere-{who}-{round}");
                    let params = json!({"name": "get_project", "arguments": {"project": wanted}});
                    let text = body(round, "tools/call", params);
                    let (_, said) = server.send("POST", "/mcp", &sent, text.as_bytes()).unwrap();
                    assert_eq!(said["id"], round);
                    assert!(said.to_string().contains(&wanted), "{wanted}: {said}");
                }
            });
        }
    });
}

/// Security test 12: of the codes that the specification reserves, only the defined ones are ever sent.
#[test]
fn no_reserved_error_code_is_invented() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let bearer = format!("Bearer {}", server.token);
    let methods = [
        "tools/call",
        "tools/list",
        "prompts/get",
        "resources/read",
        "tasks/get",
        "ping",
        "",
        "x",
    ];
    let params = [
        json!({}),
        json!({"name": "nope"}),
        json!({"name": 7}),
        json!({"uri": "x:y", "name": "get_me"}),
    ];
    let mut found = Vec::new();
    for method in methods {
        for params in &params {
            for name in [None, Some("nope"), Some("get_me")] {
                let sent = headers(&bearer, method, name);
                let text = body(1, method, params.clone());
                let (_, said) = server.send("POST", "/mcp", &sent, text.as_bytes()).unwrap();
                found.extend(said["error"]["code"].as_i64());
            }
        }
    }
    assert!(found.len() > 20, "{found:?}");
    for code in found {
        let reserved = (-32099..=-32020).contains(&code);
        assert!(!reserved || (-32022..=-32020).contains(&code), "{code}");
    }
}
