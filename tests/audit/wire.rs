//! The past over HTTP: timelines as the command line tells them, and reads as they were answered then.

use std::path::Path;

use serde_json::{Value, json};

use super::program::lines;
use crate::security::{call, proposed, token};
use crate::server::Server;

/// What an address answers to a bearer: status, head and body.
fn get(server: &Server, token: &str, path: &str) -> (u16, String, String) {
    let bearer = format!("Bearer {token}");
    server.raw("GET", path, &[("authorization", &bearer)], b"").unwrap()
}

/// The timeline that an address answers with.
fn timeline(server: &Server, query: &str) -> Vec<Value> {
    let (status, head, body) = get(server, &server.token, &format!("/v1/replay{query}"));
    assert_eq!(status, 200, "{query}: {body}");
    assert!(head.contains("application/x-ndjson"), "{head}");
    // Between the lines stand the lengths of chunks.
    let lines = body.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn newest(server: &Server) -> u64 {
    server.get("/readyz").1["position"].as_u64().unwrap()
}

/// A project that is there and has another name since; the position between the two.
fn renamed(server: &Server) -> u64 {
    let pending = proposed(server, "OPS");
    call(server, &server.token, "confirm_action", &pending);
    let between = newest(server);
    let (_, pending) = call(
        server,
        &server.token,
        "update_project",
        &json!({"project": "OPS", "name": "Renamed"}),
    );
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    assert_eq!(call(server, &server.token, "confirm_action", &confirm).0, 200);
    between
}

#[test]
fn a_timeline_over_http_is_the_one_of_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    renamed(&server);
    let last = newest(&server);
    let action = timeline(&server, &format!("?to={last}"))
        .iter()
        .find_map(|line| line["action"].as_str().map(str::to_owned))
        .unwrap();
    let to = last.to_string();
    for (query, args) in [
        (String::new(), &[][..]),
        ("&tool=update_project".to_owned(), &["--tool", "update_project"]),
        (format!("&action={action}"), &["--action", &action]),
        ("&member=@owner".to_owned(), &["--member", "@owner"]),
        (
            "&event=action.confirmed&from=3".to_owned(),
            &["--event", "action.confirmed", "--from", "3"],
        ),
    ] {
        let here = timeline(&server, &format!("?to={last}{query}"));
        let there = lines(dir.path(), &[args, &["--to", &to]].concat());
        assert_eq!(here, there, "{query}");
    }
    let told = timeline(&server, "?event=audit.log_read");
    let read: Vec<&Value> = told.iter().map(|line| &line["what"]).collect();
    assert_eq!(read, vec!["log_read"; 7], "each reading is in it, this one too");
    assert_eq!(told[6]["said"], "/v1/replay?event=audit.log_read");
    let made = timeline(&server, "?event=token.created").remove(0);
    let token = &made["changes"][0];
    assert!(token["fields"]["name"].is_object(), "{made}");
    assert_eq!(token["fields"]["hash"], Value::Null, "keyed hashes are told to nobody");
    let early = made["seq"].as_u64().unwrap();
    let until = timeline(&server, &format!("?until={}", told[0]["at"].as_str().unwrap()));
    let until: Vec<u64> = until.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert!(
        until.contains(&early) && until.iter().all(|seq| *seq < told[0]["seq"].as_u64().unwrap()),
        "{until:?}"
    );
    for (query, code) in [
        ("?action=OPS-1", "validation_failed"),
        ("?from=a", "validation_failed"),
        ("?day=1", "unknown_argument"),
        ("?from=1&from=2", "validation_failed"),
    ] {
        let (status, _, no) = get(&server, &server.token, &format!("/v1/replay{query}"));
        assert_eq!(status, 400, "{query}");
        assert!(no.contains(code), "{query}: {no}");
    }
    server.stop();
}

#[test]
fn a_read_over_http_answers_as_it_did_then() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let between = renamed(&server);
    let args = "%7B%22project%22%3A%22OPS%22%7D";
    let path = |at: &str, more: &str| format!("/v1/tools/get_project?at={at}&args={args}{more}");
    let (status, head, then) = get(&server, &server.token, &path(&between.to_string(), ""));
    assert_eq!(status, 200, "{then}");
    assert!(head.contains(&format!("orkestra-position: {between}")), "{head}");
    let then: Value = serde_json::from_str(&then).unwrap();
    assert_eq!(then["item"]["name"], "OPS", "{then:#}");
    let now = call(&server, &server.token, "get_project", &json!({"project": "OPS"})).1;
    assert_eq!(now["item"]["name"], "Renamed");
    // The same as the call itself, with a body; and by the hour.
    let bearer = format!("Bearer {}", server.token);
    let posted = server.send(
        "POST",
        &format!("/v1/tools/get_project?at={between}&as=owner"),
        &[("authorization", &bearer)],
        br#"{"project": "OPS"}"#,
    );
    assert_eq!(posted.unwrap().1, then);
    let at = timeline(&server, &format!("?from={between}&to={between}"))[0]["at"].clone();
    let (_, _, by_hour) = get(&server, &server.token, &path(at.as_str().unwrap(), ""));
    assert_eq!(serde_json::from_str::<Value>(&by_hour).unwrap()["item"]["key"], "OPS");
    refused(&server, dir.path(), between, &path);
    let read = timeline(&server, "?event=audit.log_read");
    assert!(read.len() >= 5, "each journey is an event: {read:#?}");
    server.stop();
}

/// What cannot be read there says why.
fn refused(server: &Server, dir: &Path, between: u64, path: &dyn Fn(&str, &str) -> String) {
    let (narrow, _) = token(dir, &["--scope", "projects.read"]);
    let create = format!("/v1/tools/create_project?at={between}");
    for (token, path, status, why) in [
        (&server.token, path("1", ""), 404, "not_found"),
        (&server.token, path("1000000", ""), 400, "the journal ends with record"),
        (
            &server.token,
            path("yesterday", ""),
            400,
            "neither a position nor a moment",
        ),
        (
            &server.token,
            path("2999-01-01T00:00:00Z", ""),
            400,
            "must not be ahead",
        ),
        (
            &server.token,
            path(&between.to_string(), "&as=nobody"),
            404,
            "there is no member `nobody`",
        ),
        (&server.token, path("0", ""), 400, "you were no member then"),
        (&server.token, create, 422, "the past cannot be changed"),
        (&server.token, format!("/v1/tools/fly?at={between}"), 404, "not_found"),
        (
            &server.token,
            format!("/v1/tools/get_project?at={between}&args=7"),
            400,
            "must be a JSON object",
        ),
        (
            &server.token,
            "/v1/tools/get_project".to_owned(),
            400,
            "`at` is missing: the position or the hour that is read",
        ),
        (
            &server.token,
            format!("/v1/tools/get_project?at={between}&project=OPS"),
            400,
            "as a JSON object into `args`",
        ),
        (&narrow, path(&between.to_string(), ""), 403, "audit.read"),
    ] {
        let (said, _, no) = get(server, token, &path);
        assert_eq!(said, status, "{path}: {no}");
        assert!(no.contains(why), "{path}: {no}");
    }
    // What a writing tool was given may hold secrets, so nothing of it is written down.
    let read = timeline(server, "?event=audit.log_read");
    let said = read.iter().filter_map(|line| line["said"].as_str());
    assert_eq!(said.filter(|said| said.contains("create_project")).count(), 0);
    let bearer = format!("Bearer {}", server.token);
    let (status, no) = server
        .send(
            "POST",
            "/v1/tools/get_project?as=owner",
            &[("authorization", &bearer)],
            br#"{"project": "OPS"}"#,
        )
        .unwrap();
    assert_eq!((status, &no["error"]["field"]), (400, &json!("as")), "{no}");
}
