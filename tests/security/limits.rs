//! Rate limits: what is refused, whom it concerns, and what a restart remembers.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{body, call, exported, headers, token};
use crate::server::Server;

/// Security test 64 with the limits as they come: over the quota is a 429 that says when to come back; it is journaled for requests
/// that only read as well; another token is not drained by it.
#[test]
fn a_limit_refuses_one_token_only_and_is_journaled() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (other, _) = token(dir.path(), &[]);
    let bearer = format!("Bearer {}", server.token);
    let refused = std::thread::scope(|scope| {
        let flood = || {
            (0..400).find_map(|_| {
                let said = server.raw("GET", "/v1/boot", &[("authorization", &bearer)], b"")?;
                (said.0 == 429).then_some(said)
            })
        };
        let floods: Vec<_> = (0..4).map(|_| scope.spawn(flood)).collect();
        floods.into_iter().find_map(|flood| flood.join().unwrap())
    });
    let (_, head, said) = refused.expect("1,600 requests are more than 1,000");
    for header in ["retry-after:", "ratelimit:", "ratelimit-policy:"] {
        assert!(head.contains(header), "{header} is missing: {head}");
    }
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["error"]["code"], "rate_limited");
    assert_eq!(call(&server, &other, "get_me", &json!({})).0, 200);
    let until = Instant::now() + Duration::from_secs(20);
    while !exported(dir.path()).contains("\"limits.refused\"") {
        assert!(Instant::now() < until, "the refusals are not journaled");
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// A server that allows three normal and one sensitive request a minute.
fn strict(dir: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command
        .env("ORKESTRA_LIMITS__NORMAL_PER_MINUTE", "3")
        .env("ORKESTRA_LIMITS__SENSITIVE_PER_MINUTE", "1");
    Server::start_as(dir, &mut command)
}

/// Security test 64: a class never drains the other, refused reads are journaled, MCP hears it as JSON-RPC with a 429, and neither
/// a kill nor a stop gives a new quota.
#[test]
fn limits_are_kept_apart_and_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = strict(dir.path());
    let (other, _) = token(dir.path(), &[]);
    let ask = |server: &Server, tool: &str, args: Value| call(server, &server.token, tool, &args).0;
    let sensitive = |number: usize| json!({"op": "update_settings", "settings": {"name": format!("Acme {number}")}});
    let said: Vec<u16> = (0..2)
        .map(|number| ask(&server, "manage_organization", sensitive(number)))
        .collect();
    assert_eq!(said, [202, 429]);
    let said: Vec<u16> = (0..4).map(|_| ask(&server, "get_me", json!({}))).collect();
    assert_eq!(said, [200, 200, 200, 429], "the sensitive ones took nothing from these");
    let bearer = format!("Bearer {}", server.token);
    let text = body(5, "tools/call", json!({"name": "get_me", "arguments": {}}));
    let (status, head, said) = server
        .raw(
            "POST",
            "/mcp",
            &headers(&bearer, "tools/call", Some("get_me")),
            text.as_bytes(),
        )
        .unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, &said["id"]), (429, &json!(5)), "{said}");
    assert!(head.contains("retry-after:") && head.contains("ratelimit:"), "{head}");
    assert_eq!(said["error"]["data"]["error"]["code"], "rate_limited", "{said}");
    // A polite stop journals what was refused a moment ago.
    server.stop();
    let journal = exported(dir.path());
    for (class, count) in [("normal", 2), ("sensitive", 1)] {
        let refused = format!("\"what\":\"{class}\",\"count\":{count}");
        assert!(journal.contains(&refused), "{refused}: {journal}");
    }
    let server = strict(dir.path());
    assert_eq!(ask(&server, "get_me", json!({})), 429, "a stop gives no new quota");
    assert_eq!(ask(&server, "manage_organization", sensitive(9)), 429);
    assert_eq!(
        call(&server, &other, "get_me", &json!({})).0,
        200,
        "another token has all of its own"
    );
    server.kill();
    let server = strict(dir.path());
    assert_eq!(ask(&server, "get_me", json!({})), 429, "nor does a kill");
    assert_eq!(call(&server, &other, "get_me", &json!({})).0, 200);
}
