//! The program is killed at random moments under load; what it said before must hold afterwards, seen from outside.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use journal::Look;
use orkestra::kernel::State;
use serde_json::{Value, json};

use crate::server::{Server, decided_again};

const ROUNDS: usize = 200;

/// A server whose limits do not matter here: they outlive its many ends, and the work of all its lives is one token's.
fn start(dir: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command.env("ORKESTRA_LIMITS__NORMAL_PER_MINUTE", "1000000");
    Server::start_as(dir, &mut command)
}

/// Proposes and confirms until the server goes away; what was acknowledged, and what was only proposed.
fn work(server: &Server, round: usize, answers: &AtomicUsize) -> (Vec<String>, Vec<(String, Value)>) {
    let (mut confirmed, mut proposed) = (Vec::new(), Vec::new());
    for number in 0.. {
        let name = format!("Project {round} {number}");
        let args = json!({"name": name, "key": format!("R{round}N{number}")});
        let pending = match server.call("create_project", &args) {
            Some((202, pending)) => pending,
            Some(refused) => panic!("{name} is refused while the server lives: {refused:?}"),
            None => break,
        };
        answers.fetch_add(1, Ordering::Release);
        let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        if number % 3 == 0 {
            proposed.push((name, confirm));
            continue;
        }
        match server.call("confirm_action", &confirm) {
            Some((200, receipt)) if receipt["status"] == "succeeded" => {
                answers.fetch_add(1, Ordering::Release);
                confirmed.push(name);
            }
            Some(refused) => panic!("confirming {name} is refused while the server lives: {refused:?}"),
            None => break,
        }
    }
    (confirmed, proposed)
}

/// Cancels the proposals whose answers were lost: fifty of them, and nothing more may be proposed.
pub fn cancel_all(server: &Server) {
    let (_, pending) = server.call("list_pending_actions", &json!({"limit": 50})).unwrap();
    for action in pending["items"].as_array().unwrap() {
        let (status, said) = server
            .call("cancel_action", &json!({"actionId": action["id"]}))
            .unwrap();
        assert_eq!(status, 200, "{said}");
    }
}

/// The digest of the state folded from the journal alone, up to a position.
pub fn folded(dir: &Path, position: u64) -> String {
    let registry = orkestra::modules::registry();
    let mut state = State::new(&registry.kinds());
    let look = Look::at(&dir.join("data/journal"), 1 << 20).unwrap();
    for line in look.reader(1).take(usize::try_from(position).unwrap()) {
        let line = line.unwrap();
        state.apply(line.seq, &line.text).unwrap();
    }
    assert_eq!(state.position, position);
    state.digest().unwrap().to_string()
}

/// The server's own word on where it stands.
pub fn stands(server: &Server) -> (u64, String) {
    let (status, said) = server.get("/v1/digest");
    assert_eq!(status, 200, "{said}");
    (
        said["position"].as_u64().unwrap(),
        said["digest"].as_str().unwrap().to_owned(),
    )
}

/// The names of all projects, page by page.
fn projects(server: &Server) -> BTreeSet<String> {
    let (mut names, mut cursor) = (BTreeSet::new(), Value::Null);
    loop {
        let mut args = json!({"limit": 100, "fields": ["name"]});
        if !cursor.is_null() {
            args["cursor"] = cursor;
        }
        let (status, page) = server.call("list_projects", &args).unwrap();
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        cursor = page["page"]["nextCursor"].clone();
        if cursor.is_null() {
            return names;
        }
    }
}

/// One life of the server: some work, then `kill -9` while it goes on. The moment is counted in answers first, so that a slow
/// machine does as much as a fast one, and then in milliseconds, so that it falls between any two steps.
fn life(server: &Server, round: usize) -> (Vec<String>, Vec<(String, Value)>) {
    let (answers, wanted) = (AtomicUsize::new(0), round % 7);
    let after = Duration::from_millis((round * 37 % 23) as u64);
    std::thread::scope(|scope| {
        let working = scope.spawn(|| work(server, round, &answers));
        while answers.load(Ordering::Acquire) < wanted && !working.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(after);
        // The process dies while the other thread still talks to it.
        Command::new("kill")
            .args(["-9", &server.id().to_string()])
            .status()
            .unwrap();
        let done = working.join().unwrap();
        let answered = answers.load(Ordering::Acquire);
        assert!(
            answered >= wanted,
            "round {round}: {answered} answers, and then a refusal"
        );
        done
    })
}

#[test]
fn kill_9_at_random_moments_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = start(dir.path());
    let mut all: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let (confirmed, proposed) = life(&server, round);
        server.kill();
        all.extend(confirmed);
        server = start(dir.path());
        for (name, confirm) in proposed {
            let (status, receipt) = server.call("confirm_action", &confirm).unwrap();
            assert_eq!(
                (status, &receipt["status"]),
                (200, &json!("succeeded")),
                "{name}: a pending action outlives a kill: {receipt}"
            );
            all.push(name);
        }
        if round % 20 == 19 {
            cancel_all(&server);
            let (position, digest) = stands(&server);
            assert_eq!(
                folded(dir.path(), position),
                digest,
                "round {round}: the journal alone gives the same state"
            );
        }
    }
    assert!(all.len() > ROUNDS, "the rounds did some work: {}", all.len());
    let there = projects(&server);
    let lost: Vec<&String> = all.iter().filter(|name| !there.contains(*name)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    server.kill();
    let verified = Command::new(env!("CARGO_BIN_EXE_orkestra"))
        .args(["journal", "verify", "--data"])
        .arg(dir.path().join("data"))
        .output()
        .unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );
    decided_again(&dir.path().join("data"), &[]);
}

#[test]
fn a_hundred_parallel_confirms_execute_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (_, pending) = server
        .call("create_project", &json!({"name": "Once", "key": "ONCE"}))
        .unwrap();
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    let said: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..100)
            .map(|_| scope.spawn(|| server.call("confirm_action", &confirm).unwrap()))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(
        said.iter()
            .all(|(status, receipt)| *status == 200 && receipt["result"] == said[0].1["result"])
    );
    let first = said
        .iter()
        .filter(|(_, receipt)| receipt["alreadyConfirmed"] == json!(false));
    assert_eq!(first.count(), 1, "one of them did it");
    let look = Look::at(&dir.path().join("data/journal"), 1 << 20).unwrap();
    let executed = look
        .reader(1)
        .filter(|line| line.as_ref().unwrap().text.contains("\"execution.succeeded\""));
    assert_eq!(executed.count(), 1, "and the journal knows of one");
}

#[test]
fn an_altered_byte_is_named_and_missing_records_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for number in 0..5 {
        server
            .call("create_project", &json!({"name": format!("Project {number}")}))
            .unwrap();
    }
    server.stop();
    let data = dir.path().join("data");
    let run = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_orkestra"))
            .args(args)
            .arg("--data")
            .arg(&data)
            .output()
            .unwrap();
        (
            out.status.success(),
            String::from_utf8(out.stdout).unwrap(),
            String::from_utf8(out.stderr).unwrap(),
        )
    };
    let (_, note, _) = run(&["journal", "checkpoint"]);
    let kept = dir.path().join("kept");
    std::fs::write(&kept, note).unwrap();
    let check = ["journal", "verify", "--checkpoint", kept.to_str().unwrap()];
    let (good, told, _) = run(&check);
    assert!(
        good && told.contains(" in 1 segment, in agreement with 2 checkpoints\n"),
        "{told}"
    );
    let segment = data.join("journal/00000000000000000001.log");
    let whole = std::fs::read(&segment).unwrap();
    let at = whole.windows(9).position(|part| part == b"Project 2").unwrap();
    let mut altered = whole.clone();
    altered[at] ^= 1;
    std::fs::write(&segment, &altered).unwrap();
    let (good, _, said) = run(&check);
    assert!(
        !good && said.contains("00000000000000000001.log is damaged at byte"),
        "{said}"
    );
    // The last line goes, and with it what lies beside the journal that could tell.
    let last = whole.trim_ascii_end().iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    std::fs::write(&segment, &whole[..last]).unwrap();
    std::fs::remove_dir_all(data.join("journal/checkpoints")).unwrap();
    std::fs::remove_dir_all(data.join("journal/tiles")).unwrap();
    let (good, _, said) = run(&check);
    assert!(!good && said.contains("vouches for"), "{said}");
}
