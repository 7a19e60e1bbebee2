//! Bearer tokens: their form, their end, and what they open.

use serde_json::json;

use super::{call, exported, headers, orkestra, proposed, token};
use crate::server::Server;

/// Security tests 13, 20 and 22: whatever is wrong with a token, the answer is the same 401; nobody is nobody.
#[test]
fn every_bad_token_gets_the_same_answer() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (gone, id) = token(dir.path(), &[]);
    assert!(orkestra(dir.path(), &["token", "revoke", &id]).status.success());
    let mut altered = server.token.clone().into_bytes();
    altered[20] = if altered[20] == b'x' { b'y' } else { b'x' };
    let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJvd25lciIsImF1ZCI6Im9ya2VzdHJhIn0.";
    let altered = String::from_utf8(altered).unwrap();
    let mut bodies = Vec::new();
    for bearer in [
        "",
        "Bearer ",
        &format!("Bearer {altered}"),
        &format!("Bearer {gone}"),
        &format!("Bearer {jwt}"),
    ] {
        for path in ["/v1/tools/get_me", "/mcp", "/mcp/p/compact", "/v1/actions/x/confirm"] {
            let (status, head, said) = server
                .raw("POST", path, &headers(bearer, "tools/list", None), b"{}")
                .unwrap();
            assert_eq!(status, 401, "{bearer} {path}: {said}");
            assert!(head.contains("www-authenticate: bearer"), "{head}");
            bodies.push(said);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(
        server
            .send("GET", &format!("/v1/boot?token={}", server.token), &[], b"")
            .unwrap()
            .0,
        401
    );
}

/// Security test 15: a revoked token ends at once, and so does what it has in flight.
#[test]
fn a_revoked_token_cannot_confirm_what_it_proposed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (soon_gone, id) = token(dir.path(), &[]);
    let (_, pending) = call(
        &server,
        &soon_gone,
        "create_project",
        &json!({"name": "Late", "key": "LATE"}),
    );
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    assert!(orkestra(dir.path(), &["token", "revoke", &id]).status.success());
    assert_eq!(call(&server, &soon_gone, "confirm_action", &confirm).0, 401);
    assert_eq!(
        call(&server, &server.token, "get_project", &json!({"project": "LATE"})).0,
        404
    );
}

/// Security tests 15 and 16: an expired token is refused; a rotated one is good until its grace ends.
#[test]
fn tokens_end_when_they_say() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (brief, _) = token(dir.path(), &["--expires", "1s"]);
    let (old, id) = token(dir.path(), &[]);
    let rotated = orkestra(dir.path(), &["token", "rotate", &id, "--overlap", "2s", "--json"]);
    let new: serde_json::Value = serde_json::from_slice(&rotated.stdout).unwrap();
    let new = new["token"].as_str().unwrap();
    let works = |token: &str| call(&server, token, "get_me", &json!({})).0;
    assert_eq!((works(&old), works(new)), (200, 200));
    let journal = exported(dir.path());
    let uses: Vec<&str> = journal
        .lines()
        .filter(|line| line.contains("\"call.answered\""))
        .collect();
    assert_eq!(uses.len(), 2, "{journal}");
    let one = format!("\"tokenId\":\"{id}\"");
    assert!(
        uses.iter().all(|line| line.contains(&one)),
        "both uses are one token's: {uses:?}"
    );
    std::thread::sleep(std::time::Duration::from_millis(2300));
    assert_eq!((works(&old), works(new), works(&brief)), (401, 200, 401));
}

/// Security tests 17 and 18: a token opens its scopes and nothing else; what it hides does not exist for it.
#[test]
fn a_token_opens_only_its_scopes() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let confirm = proposed(&server, "SCOPED");
    let (narrow, _) = token(dir.path(), &["--scope", "tasks.read", "--scope", "projects.read"]);
    let bearer = format!("Bearer {narrow}");
    let text = confirm.to_string();
    let sent = [("authorization", bearer.as_str())];
    let (status, head, _) = server
        .raw("POST", "/v1/tools/confirm_action", &sent, text.as_bytes())
        .unwrap();
    assert!(
        status == 403 && head.contains("scope=\"actions.confirm\""),
        "{status} {head}"
    );
    let ask = |name: &str| {
        let text = super::body(1, "tools/call", json!({"name": name, "arguments": {}}));
        let sent = headers(&bearer, "tools/call", Some(name));
        let said = server.send("POST", "/mcp", &sent, text.as_bytes()).unwrap();
        said.1["error"].to_string().replace(name, "@")
    };
    assert_eq!(ask("create_project"), ask("nothing_of_the_kind"));
    let text = super::body(1, "tools/call", json!({"name": "confirm_action", "arguments": confirm}));
    let sent = headers(&bearer, "tools/call", Some("confirm_action"));
    let (status, head, _) = server.raw("POST", "/mcp", &sent, text.as_bytes()).unwrap();
    assert!(
        status == 403 && head.contains("scope=\"actions.confirm\""),
        "{status} {head}"
    );
    let text = super::body(1, "tools/list", json!({}));
    let (_, listed) = server
        .send("POST", "/mcp", &headers(&bearer, "tools/list", None), text.as_bytes())
        .unwrap();
    let (_, all) = server.mcp("/mcp", "tools/list", None, json!({}));
    let names = |listed: &serde_json::Value| -> Vec<String> {
        let tools = listed["result"]["tools"].as_array().unwrap().iter();
        tools.map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    let (narrow, all) = (names(&listed), names(&all));
    assert!(narrow.len() > 5 && narrow.len() < all.len() / 2, "{narrow:?}");
    for name in &all {
        let text = super::body(1, "tools/call", json!({"name": name, "arguments": {"nonsense": 1}}));
        let sent = headers(&bearer, "tools/call", Some(name));
        let (_, said) = server.send("POST", "/mcp", &sent, text.as_bytes()).unwrap();
        let refused = &said["result"]["structuredContent"]["error"]["code"];
        if narrow.contains(name) {
            assert!(
                refused.is_string() && *refused != "forbidden",
                "{name} is listed: {said}"
            );
        } else {
            assert!(refused.is_null(), "{name} is not listed: {said}");
        }
    }
}

/// Security test 19: an empty scope is refused, it never means everything.
#[test]
fn an_empty_scope_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _server = Server::start(dir.path());
    let said = orkestra(dir.path(), &["token", "create", "--name", "x", "--scope", ""]);
    assert!(!said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
}

/// CVE-2026-52869: a legacy session belongs to the token that opened it.
#[test]
fn a_session_is_nobody_elses() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (other, _) = token(dir.path(), &[]);
    let (own, foreign) = (format!("Bearer {}", server.token), format!("Bearer {other}"));
    let open = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
    let plain = |bearer: &str| {
        vec![
            ("authorization".to_owned(), bearer.to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("accept".to_owned(), "application/json, text/event-stream".to_owned()),
        ]
    };
    let send = |method: &str, headers: &[(String, String)], body: &str| {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        server.raw(method, "/mcp", &headers, body.as_bytes()).unwrap()
    };
    let (status, head, _) = send("POST", &plain(&own), &open.to_string());
    assert_eq!(status, 200);
    let session = head
        .lines()
        .find_map(|line| line.strip_prefix("mcp-session-id: "))
        .unwrap();
    let inside = |bearer: &str| [plain(bearer), vec![("mcp-session-id".to_owned(), session.to_owned())]].concat();
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}).to_string();
    assert_eq!(send("POST", &inside(&foreign), &list).0, 404);
    assert_eq!(send("GET", &inside(&foreign), "").0, 404);
    assert_eq!(send("DELETE", &inside(&foreign), "").0, 404);
    assert_eq!(send("POST", &inside(&own), &list).0, 200);
    let (status, head, body) = send("DELETE", &inside(&own), "");
    assert_eq!((status, body.is_empty()), (204, true), "{head}");
    assert_eq!(send("POST", &inside(&own), &list).0, 404);
    assert_eq!(send("DELETE", &inside(&own), "").0, 404);
}

/// An invited person joins by the first token that an operator makes for them, once, and by no other way.
#[test]
fn an_invited_person_joins_with_a_token() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let invite = json!({"op": "invite_members", "invites": [{"email": "carla@example.com"}]});
    let (_, pending) = call(&server, &server.token, "manage_organization", &invite);
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    assert_eq!(call(&server, &server.token, "confirm_action", &confirm).0, 200);
    let nobody = orkestra(dir.path(), &["token", "create", "--name", "x", "--member", "dan"]);
    assert!(!nobody.status.success());
    let (carla, _) = token(dir.path(), &["--member", "@carla"]);
    let (status, me) = call(&server, &carla, "get_me", &json!({}));
    assert_eq!((status, &me["item"]["handle"]), (200, &json!("@carla")), "{me}");
    let (_, found) = call(
        &server,
        &server.token,
        "list_organization_members",
        &json!({"status": "active"}),
    );
    assert_eq!(found["items"].as_array().unwrap().len(), 2, "{found}");
}

/// Without a server and without a directory, the first token founds the organisation: STDIO clients begin so.
#[test]
fn a_first_token_needs_no_server() {
    let dir = tempfile::tempdir().unwrap();
    let (made, id) = token(dir.path(), &[]);
    assert!(made.starts_with("ork_live_") && id.starts_with("tok_"));
    let other = dir.path().join("nothing here");
    let said = orkestra(&other, &["actions", "list"]);
    assert!(!said.status.success() && String::from_utf8_lossy(&said.stderr).contains("there is no journal here"));
}
