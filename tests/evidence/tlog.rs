//! The log over HTTP as others read it: who may, what is there, and what a client that nobody here wrote makes of it.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{good, newest, project, public_key, text};
use crate::nats::broker::tool;
use crate::security::{call, token};
use crate::server::Server;

/// Status, head and body of a GET.
fn get(server: &Server, token: Option<&str>, path: &str) -> (u16, String, String) {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    server.raw("GET", path, &headers, b"").unwrap()
}

fn open_to_all() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command.env("ORKESTRA_EVIDENCE__PUBLIC_TLOG", "true");
    command
}

#[test]
fn the_log_is_read_by_those_who_may() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let owner = Some(server.token.clone());
    let owner = owner.as_deref();
    let (blind, _) = token(dir.path(), &["--scope", "tasks.*"]);
    let all = ["/tlog/checkpoint", "/tlog/tile/0/000.p/1", "/tlog/tile/entries/000.p/1"];
    for path in all {
        assert_eq!(get(&server, None, path).0, 401, "{path}");
        assert_eq!(get(&server, Some(&blind), path).0, 403, "{path}");
        assert_eq!(get(&server, owner, path).0, 200, "{path}");
    }
    let read = newest(dir.path(), "audit.log_read");
    assert_eq!(
        read["events"][0]["data"],
        json!({"through": "/tlog/tile/entries, records 1 to 1"}),
        "{read}"
    );
    let (_, head, note) = get(&server, owner, "/tlog/checkpoint");
    assert!(
        head.contains("content-type: text/plain; charset=utf-8") && head.contains("cache-control: no-cache"),
        "{head}"
    );
    assert!(note.starts_with("orkestra\n"), "{note}");
    for path in &all[1..] {
        let (_, head, _) = get(&server, owner, path);
        assert!(head.contains("application/octet-stream"), "{head}");
        assert!(
            head.contains("cache-control: private, max-age=31536000, immutable"),
            "{head}"
        );
    }
    let nowhere = [
        "/tlog/tile/0/000",
        "/tlog/tile/0/000.p/255",
        "/tlog/tile/0/000.p/0",
        "/tlog/tile/0/001.p/1",
        "/tlog/tile/1/000.p/1",
        "/tlog/tile/64/000.p/1",
        "/tlog/tile/00/000.p/1",
        "/tlog/tile/0/x000/000.p/1",
        "/tlog/tile/0/..%2F..%2Fkeys%2Fsigning",
        "/tlog/tile/0/../../../keys/signing",
        "/tlog/tile/entries/000",
        "/tlog/tile/entries/..%2f000.p/1",
        "/tlog/tile/entries/x999/x999/x999/x999/x999/x999/x999/999.p/1",
        "/tlog/",
    ];
    for path in nowhere {
        assert_eq!(get(&server, owner, path).0, 404, "{path}");
    }
    assert_eq!(
        server
            .raw(
                "POST",
                "/tlog/checkpoint",
                &[("authorization", &format!("Bearer {}", server.token))],
                b""
            )
            .unwrap()
            .0,
        405
    );
    server.stop();

    let server = Server::start_as(dir.path(), &mut open_to_all());
    assert_eq!(all.map(|path| get(&server, None, path).0), [200, 200, 401]);
    let (_, head, _) = get(&server, None, all[1]);
    assert!(
        head.contains("cache-control: public, max-age=31536000, immutable"),
        "{head}"
    );
    assert_eq!(
        server.raw("GET", all[0], &[("host", "evil.example")], b"").unwrap().0,
        403
    );
}

/// A flood of those who have no token is stopped for all of them together; who has one goes on.
#[test]
fn those_without_a_token_share_one_limit() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = open_to_all();
    command.env("ORKESTRA_LIMITS__NORMAL_PER_MINUTE", "6");
    let server = Server::start_as(dir.path(), &mut command);
    let answers: Vec<_> = (0..70).map(|_| get(&server, None, "/tlog/checkpoint")).collect();
    let passed = answers.iter().filter(|(status, ..)| *status == 200).count();
    assert!(
        (60..70).contains(&passed),
        "{passed}: ten times what a token may, and what comes back meanwhile"
    );
    let (status, head, said) = answers.last().unwrap();
    assert!(
        *status == 429 && head.contains("retry-after:") && said.contains("without a token"),
        "{status} {head} {said}"
    );
    assert_eq!(get(&server, None, "/tlog/tile/0/000.p/1").0, 429);
    assert_eq!(get(&server, Some(&server.token), "/tlog/checkpoint").0, 200);
    server.stop();
}

#[test]
fn a_bundle_with_records_of_others_is_not_given_out() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let before = newest(dir.path(), "token.created")["seq"].as_u64().unwrap();
    let new = json!({"name": "Another", "timezone": "UTC", "currency": "EUR"});
    let (_, pending) = call(&server, &server.token, "create_organization", &new);
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    let (status, receipt) = call(&server, &server.token, "confirm_action", &confirm);
    assert_eq!(status, 200, "{receipt}");
    let theirs = receipt["result"]["organization"]["id"]
        .as_str()
        .or(receipt["result"]["id"].as_str())
        .unwrap()
        .to_owned();
    let made = good(
        dir.path(),
        &[
            "token",
            "create",
            "--json",
            "--name",
            "theirs",
            "--member",
            &member_of(dir.path(), &theirs),
        ],
    );
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let other = newest(dir.path(), "token.created");
    assert_eq!(other["org"], json!(theirs), "{other}");
    let width = other["seq"].as_u64().unwrap();
    let path = |width: u64| format!("/tlog/tile/entries/000.p/{width}");
    assert_eq!(get(&server, Some(&server.token), &path(before)).0, 200);
    for token in [server.token.as_str(), made["token"].as_str().unwrap()] {
        let (status, _, said) = get(&server, Some(token), &path(width));
        assert_eq!(status, 403, "{said}");
        assert!(said.contains("records of other organisations"), "{said}");
    }
}

/// A member of an organisation, as the journal has it.
fn member_of(dir: &Path, org: &str) -> String {
    let all = good(dir, &["journal", "export"]);
    let events = all.lines().flat_map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let (of, events) = (record["org"].clone(), record["events"].as_array().unwrap().clone());
        events
            .into_iter()
            .map(move |event| (of.clone(), event["change"].clone()))
    });
    let mut members = events.filter(|(of, change)| {
        change["entity"] == "member" && (change["org"] == org || (change["org"].is_null() && *of == org))
    });
    members.next().unwrap().1["id"].as_str().unwrap().to_owned()
}

/// Checkpoint, tiles, entries, an inclusion proof and a consistency proof, checked by another implementation.
#[test]
fn a_client_that_nobody_here_wrote_verifies_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command.env("ORKESTRA_LIMITS__NORMAL_PER_MINUTE", "5000");
    let server = Server::start_as(dir.path(), &mut command);
    let old = dir.path().join("old");
    project(&server, "ONE");
    std::fs::write(&old, good(dir.path(), &["journal", "checkpoint"])).unwrap();
    for _ in 0..270 {
        server.call("get_me", &json!({})).unwrap();
    }
    good(dir.path(), &["journal", "checkpoint"]);
    let proof = dir.path().join("proof");
    std::fs::write(&proof, good(dir.path(), &["journal", "prove", "3"])).unwrap();
    let record = dir.path().join("record");
    std::fs::write(
        &record,
        good(dir.path(), &["journal", "export", "--from", "3", "--to", "3"]),
    )
    .unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/tlog.py");
    let checked = |key: &str| {
        let mut python = Command::new(tool("python/bin/python"));
        python
            .env("PYTHONPATH", tool("tlog"))
            .env("TOKEN", &server.token)
            .arg(&script);
        python
            .args([server.address(), key])
            .args([&old, &proof, &record])
            .output()
            .unwrap()
    };
    let said = checked(&public_key(dir.path()));
    let (told, why) = (text(&said.stdout), text(&said.stderr));
    assert!(said.status.success(), "{told}{why}");
    let tiles = told.lines().find(|line| line.starts_with("audited")).unwrap();
    assert!(
        tiles.contains("3 tiles, 2 bundles"),
        "a full tile, what follows it, and the one above: {tiles}"
    );
    assert_eq!(told.lines().count(), 4, "{told}");
    let other = journal::SigningKey::generate("orkestra")
        .unwrap()
        .verifying_key()
        .unwrap();
    assert!(!checked(other.encode()).status.success(), "another key");
}
