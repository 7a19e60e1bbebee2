//! The filters of the journal's address: the same records with the rows, behind them and without them.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::{confirm_all, confirming, work};
use crate::security::{call, token};
use crate::server::Server;

/// The records that an address answers with.
fn records(server: &Server, path: &str) -> Vec<Value> {
    let bearer = format!("Bearer {}", server.token);
    let (status, head, body) = server.raw("GET", path, &[("authorization", &bearer)], b"").unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    assert!(head.contains("application/x-ndjson"), "{head}");
    // Between the lines stand the lengths of chunks.
    let lines = body.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn seqs(records: &[Value]) -> Vec<u64> {
    records.iter().map(|record| record["seq"].as_u64().unwrap()).collect()
}

fn events(record: &Value) -> impl Iterator<Item = &Value> {
    record["events"].as_array().unwrap().iter()
}

fn moment(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

/// Whether a record fits, read off its text in another way than the program does.
fn fits(record: &Value, name: &str, value: &str, tools: &BTreeMap<String, String>) -> bool {
    let action = |event: &Value| event["data"]["action"].as_str().unwrap_or_default().to_uppercase();
    match name {
        "actor" => record["actor"]["principalId"] == value || record["actor"]["tokenId"] == value,
        "entity" => events(record).any(|event| event["change"]["id"] == value),
        "action" => events(record).any(|event| action(event) == value.to_uppercase()),
        "event" => events(record).any(|event| event["type"] == value),
        "since" => moment(record["at"].as_str().unwrap()) >= moment(value),
        "from" => record["seq"].as_u64().unwrap() >= value.parse().unwrap(),
        "tool" => events(record)
            .any(|event| event["data"]["tool"] == value || tools.get(&action(event)).is_some_and(|tool| tool == value)),
        _ => panic!("{name}"),
    }
}

/// Asks for every combination of some filters; all of them must give what their words say.
fn checked(server: &Server) {
    let all = records(server, "/v1/journal");
    let newest = all.last().unwrap()["seq"].as_u64().unwrap();
    let mut tools = BTreeMap::new();
    for proposed in all
        .iter()
        .flat_map(events)
        .filter(|event| event["type"] == "action.proposed")
    {
        let text = |name: &str| proposed["data"][name].as_str().unwrap();
        tools.insert(text("action").to_uppercase(), text("tool").to_owned());
    }
    let first = |of: &dyn Fn(&Value) -> Option<String>| all.iter().rev().find_map(of).unwrap();
    let (actor, other) = (
        first(&|record| record["actor"]["principalId"].as_str().map(str::to_owned)),
        first(&|record| record["actor"]["tokenId"].as_str().map(str::to_owned)),
    );
    let action = first(&|record| events(record).find_map(|event| Some(event["data"]["action"].as_str()?.to_owned())));
    let entity = first(&|record| events(record).find_map(|event| Some(event["change"]["id"].as_str()?.to_owned())));
    let middle = &all[all.len() / 2];
    let (at, seq) = (middle["at"].as_str().unwrap().to_owned(), middle["seq"].to_string());
    let asked: [(&str, &str); 11] = [
        ("actor", &actor),
        ("actor", &other),
        ("tool", "create_project"),
        ("tool", "list_projects"),
        ("tool", "no_such_tool"),
        ("event", "call.answered"),
        ("event", "confirm.refused"),
        ("action", &action),
        ("entity", &entity),
        ("since", &at),
        ("from", &seq),
    ];
    let mut found = 0;
    for (number, one) in asked.iter().enumerate() {
        for two in &asked[number..] {
            let both: BTreeMap<&str, &str> = [*one, *two].into();
            if both.len() == 1 && one != two {
                continue;
            }
            let pairs: Vec<String> = both.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let path = format!("/v1/journal?{}", pairs.join("&"));
            let wanted: Vec<Value> = all
                .iter()
                .filter(|record| both.iter().all(|(name, value)| fits(record, name, value, &tools)))
                .cloned()
                .collect();
            let (then, later): (Vec<_>, Vec<_>) = records(server, &path)
                .into_iter()
                .partition(|record| record["seq"].as_u64().unwrap() <= newest);
            assert_eq!(seqs(&then), seqs(&wanted), "{path}");
            // Every reading is a record itself, and nothing else happens here.
            for record in &later {
                let names: Vec<&Value> = events(record).map(|event| &event["type"]).collect();
                assert_eq!(names, ["audit.log_read", "payload.viewed"], "{path}");
            }
            found += wanted.len();
        }
    }
    assert!(found > 100, "there is something to find: {found}");
}

/// Waits until the rows have all that the server has.
fn caught_up(server: &Server) {
    let (_, ready) = server.get("/readyz");
    for _ in 0..1000 {
        if server.get("/v1/stats").1["asOf"].as_u64() >= ready["position"].as_u64() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the rows stay behind");
}

#[test]
fn filters_give_the_same_with_behind_and_without_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    caught_up(&server);
    let (other, _) = token(dir.path(), &[]);
    for _ in 0..70 {
        assert_eq!(call(&server, &other, "list_projects", &json!({})).0, 200);
    }
    let left = work(&server, "A", 9);
    // Most of it is newer than the rows.
    checked(&server);
    caught_up(&server);
    checked(&server);
    confirm_all(&server, &left);
    checked(&server);
    let counted: u64 = server.get("/v1/stats").1["counts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|count| count["tool"] == "list_projects" && count["event"] == "call.answered")
        .map(|count| count["count"].as_u64().unwrap())
        .sum();
    assert_eq!(counted, 70);
    server.stop();
    fs::remove_dir_all(dir.path().join("data/projections")).unwrap();
    fs::write(dir.path().join("data/projections"), "no place for rows").unwrap();
    let server = Server::start(dir.path());
    checked(&server);
    let (status, said) = server.get("/v1/stats");
    let no = &said["error"];
    assert_eq!((status, &no["code"]), (503, &json!("unavailable")));
    assert!(no["hint"].as_str().unwrap().contains("GET /v1/journal"), "{no}");
    assert!(no["retryAfterMs"].is_null(), "asking again does not help: {no}");
}

#[test]
fn a_follower_with_a_filter_hears_what_fits_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    work(&server, "A", 3);
    let (_, ready) = server.get("/readyz");
    let from = ready["position"].as_u64().unwrap();
    let lines = server.follow(&format!("/v1/journal?follow=true&event=action.confirmed&from={from}"));
    let (heard, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.for_each(|line| drop(heard.send(line))));
    work(&server, "B", 2);
    caught_up(&server);
    work(&server, "C", 2);
    for _ in 0..4 {
        let line = told.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
        let record: Value = serde_json::from_str(&line).unwrap();
        assert!(record["seq"].as_u64().unwrap() > from, "{record}");
        assert!(
            events(&record).any(|event| event["type"] == "action.confirmed"),
            "{record}"
        );
    }
}

#[test]
fn a_query_that_is_not_understood_is_told_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (_, pending) = server
        .call("create_project", &json!({"name": "A", "key": "A1"}))
        .unwrap();
    confirm_all(&server, &[confirming(&pending)]);
    for (query, code, said) in [
        ("aktor=mbr_1", "unknown_argument", "did you mean `actor`"),
        ("from=x", "validation_failed", "`from` must be a whole number"),
        ("from=-1", "validation_failed", "`from` must be a whole number"),
        ("follow=yes", "validation_failed", "`follow` must be true or false"),
        ("since=yesterday", "validation_failed", "`since` must be a moment"),
        ("entity=A1", "validation_failed", "`entity` must be an identifier"),
        (
            "entity=act_01J9Z3K8Q4W5E6R7T8Y9A0B1C2",
            "validation_failed",
            "`entity` must be",
        ),
        ("actor=@owner", "validation_failed", "`actor` must be an identifier"),
        ("action=act_1", "validation_failed", "`action` must be an identifier"),
        ("tool=a&tool=b", "validation_failed", "`tool` may be given once"),
        ("tool=", "validation_failed", "`tool` must have 1 to"),
        ("from=x&follow=y", "validation_failed", "`follow`"),
    ] {
        let (status, no) = server.get(&format!("/v1/journal?{query}"));
        let message = no["error"]["message"].as_str().unwrap_or_default();
        assert_eq!((status, &no["error"]["code"]), (400, &json!(code)), "{query}: {no}");
        assert!(message.contains(said), "{query}: {message}");
    }
    let id = pending["actionId"].as_str().unwrap();
    let small = records(&server, &format!("/v1/journal?action={}", id.to_lowercase()));
    assert_eq!(small.len(), 2, "an identifier may be written small: {small:?}");
    let (narrow, _) = token(dir.path(), &["--scope", "projects.*"]);
    for path in ["/v1/journal?event=call.answered", "/v1/stats"] {
        let bearer = format!("Bearer {narrow}");
        let (status, no) = server.send("GET", path, &[("authorization", &bearer)], b"").unwrap();
        assert_eq!(
            (status, &no["error"]["code"]),
            (403, &json!("forbidden")),
            "{path}: {no}"
        );
    }
}

#[test]
fn reading_the_journal_is_a_record_of_the_reader_with_what_was_asked() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let before = records(&server, "/v1/journal?event=audit.log_read");
    assert_eq!(before.len(), 1, "the reading itself is there before the first line");
    records(&server, "/v1/journal?tool=create_project&from=2");
    let read = records(&server, "/v1/journal?event=audit.log_read");
    let through = |record: &Value| events(record).next().unwrap()["data"]["through"].clone();
    let asked: Vec<Value> = read.iter().map(through).collect();
    assert_eq!(asked[1], "/v1/journal?tool=create_project&from=2");
    assert!(
        read.iter().all(|record| record["actor"]["tokenId"].is_string()),
        "{read:?}"
    );
    let refused = server.get("/v1/journal?actor=nobody");
    assert_eq!(refused.0, 400);
    assert_eq!(
        records(&server, "/v1/journal?event=audit.log_read").len(),
        4,
        "a refused one reads nothing"
    );
}
