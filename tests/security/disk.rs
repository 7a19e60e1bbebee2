//! What a restart finds, and a disk without room: nothing is said or done that is not in the journal.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use journal::{Log as _, MemoryLog};
use orkestra::processor::{self, Opening};
use serde_json::{Value, json};

use super::{call, exported, proposed};
use crate::full::{object, opening, owner};
use crate::server::Server;

/// Security test 51: offers that ended while nobody was here are ended in the journal before anything is served, and the boot
/// report counts them.
#[tokio::test]
async fn what_expired_in_between_is_ended_before_anything_is_served() {
    let log = MemoryLog::new();
    let hour: Arc<Mutex<Timestamp>> = Arc::new(Mutex::new("2026-03-02T09:00:00Z".parse().unwrap()));
    let wait = |minutes| {
        let mut now = hour.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
    };
    let start = || {
        let hour = Arc::clone(&hour);
        let clock: processor::Clock = Arc::new(move || *hour.lock().unwrap());
        let opening = Opening {
            clock,
            ..opening(Arc::new(log.clone()))
        };
        processor::open(opening).unwrap()
    };
    let first = start();
    let caller = owner(&first);
    let mut offers = Vec::new();
    for (key, minutes) in [("ONE", 0), ("TWO", 9), ("LATER", 3)] {
        wait(minutes);
        let args = object(&json!({"name": key, "key": key}));
        let pending = first.call(caller.clone(), "create_project", args).await.unwrap();
        offers.push(object(
            &json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]}),
        ));
    }
    drop(first);
    let before = log.durable();
    wait(13);
    let second = start();
    let boot = json!(second.boot());
    assert_eq!(
        (
            &boot["expired"],
            &boot["pending"],
            &boot["withoutOutcome"],
            &boot["replayed"]
        ),
        (&json!(2), &json!(1), &json!(0), &json!(before)),
        "{boot}"
    );
    let types = |from: u64| -> Vec<String> {
        let read = log.read(from).unwrap().map(|line| line.unwrap().text);
        let events = read.flat_map(|text| {
            let record: Value = serde_json::from_str(&text).unwrap();
            record["events"].as_array().unwrap().clone()
        });
        events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        types(before + 1),
        ["action.expired", "action.expired", "system.started"],
        "in the journal before the first call"
    );
    let started = log
        .read(second.snapshot().position)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .text;
    assert!(
        started.contains("\"pending\":1") && started.contains("\"expired\":2"),
        "{started}"
    );
    for (number, confirm) in offers.into_iter().enumerate() {
        let said = second.call(caller.clone(), "confirm_action", confirm).await;
        match number {
            2 => assert_eq!(said.unwrap()["status"], "succeeded"),
            _ => assert_eq!(said.unwrap_err().code, "not_pending"),
        }
    }
    let done = types(before + 1);
    assert_eq!(
        done.iter().filter(|name| *name == "execution.succeeded").count(),
        1,
        "{done:?}"
    );
}

/// Security test 42 with the real program: while no further segment can be had, nothing is offered, executed or even read, the
/// answer is a 503 that says when to come back, and everything goes on when there is room again.
#[test]
fn without_room_nothing_is_said_or_done() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command
        .env("ORKESTRA_JOURNAL__SEGMENT_BYTES", "131072")
        .env("ORKESTRA_JOURNAL__RECORD_BYTES_MAX", "32768")
        .env("ORKESTRA_JOURNAL__RESERVE_BYTES", "4096");
    let server = Server::start_as(dir.path(), &mut command);
    let confirm = proposed(&server, "WAITS");
    // Whoever wants to prepare a segment under this name meets a directory, as he would meet a full disk.
    let obstacle = dir.path().join("data/journal/next.log.tmp");
    std::fs::create_dir(&obstacle).unwrap();
    let text = "x".repeat(9_000);
    let mut offered = 1;
    let refused = (0..50).find_map(|number| {
        let args = json!({"name": "Large", "key": format!("L{number}"), "description": text});
        let (status, said) = call(&server, &server.token, "create_project", &args);
        offered += usize::from(status == 202);
        (status != 202).then_some((status, said))
    });
    let (status, said) = refused.expect("a segment of 128 KiB does not hold fifty such previews");
    assert_eq!((status, &said["error"]["code"]), (503, &json!("unavailable")), "{said}");
    assert!(
        said.get("confirmToken").is_none() && said.get("actionId").is_none(),
        "{said}"
    );
    // Small records fit a little longer; then they are refused as well.
    let bearer = format!("Bearer {}", server.token);
    let sent = [("authorization", bearer.as_str())];
    let mut head = String::new();
    for _ in 0..200 {
        let (status, found, body) = server.raw("POST", "/v1/tools/get_me", &sent, b"{}").unwrap();
        if status != 200 {
            assert_eq!(status, 503, "{body}");
            head = found;
            break;
        }
    }
    assert!(head.contains("retry-after: "), "{head}");
    assert_eq!(call(&server, &server.token, "confirm_action", &confirm).0, 503);
    let (_, said) = server.mcp(
        "/mcp",
        "tools/call",
        Some("create_project"),
        json!({"name": "create_project", "arguments": {"name": "x", "key": "MCP"}}),
    );
    let said = &said["result"];
    assert_eq!(
        (&said["isError"], &said["structuredContent"]["error"]["code"]),
        (&json!(true), &json!("unavailable")),
        "{said}"
    );
    assert!(said["structuredContent"]["error"]["retryAfterMs"].is_u64(), "{said}");
    let journal = exported(dir.path());
    assert_eq!(journal.matches("\"action.proposed\"").count(), offered);
    assert!(!journal.contains("action.confirmed") && !journal.contains("\"MCP\""));
    std::fs::remove_dir(&obstacle).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let (status, said) = call(&server, &server.token, "confirm_action", &confirm);
        if status == 200 {
            assert_eq!(
                (&said["status"], &said["alreadyConfirmed"]),
                (&json!("succeeded"), &json!(false))
            );
            break;
        }
        assert!(status == 503 && Instant::now() < until, "there is room again: {said}");
        std::thread::sleep(Duration::from_millis(50));
    }
    server.stop();
    assert!(super::orkestra(dir.path(), &["journal", "verify"]).status.success());
}
