//! The start from the rows: it stands where the journal stands, whatever happened to them, and they can be built again.

mod doctor;
mod filters;
mod inside;
mod past;
mod restart;
mod searching;
mod watched;

use std::fs;
use std::path::Path;

use orkestra::processor::Handle;
use serde_json::{Value, json};

use crate::full;
use crate::killed::{folded, stands};
use crate::server::Server;

/// Makes some projects; each third is not confirmed but refused, in words that name the action as we would not write it.
/// What confirms those.
fn work(server: &Server, what: &str, count: usize) -> Vec<Value> {
    let mut left = Vec::new();
    for number in 0..count {
        let args = json!({"name": format!("{what} {number}"), "key": format!("{what}{number}")});
        let (status, pending) = server.call("create_project", &args).unwrap();
        assert_eq!(status, 202, "{pending}");
        if number % 3 < 2 {
            confirm_all(server, &[confirming(&pending)]);
            continue;
        }
        let id = pending["actionId"].as_str().unwrap().to_lowercase();
        let wrong = json!({"actionId": id, "confirmToken": format!("ct_{}", "0".repeat(40))});
        let (_, refused) = server.call("confirm_action", &wrong).unwrap();
        assert_eq!(refused["error"]["code"], "token_invalid", "{refused}");
        left.push(confirming(&pending));
    }
    left
}

fn confirm_all(server: &Server, offers: &[Value]) {
    for offer in offers {
        let (status, receipt) = server.call("confirm_action", offer).unwrap();
        assert_eq!((status, &receipt["status"]), (200, &json!("succeeded")), "{receipt}");
    }
}

/// The server stands where the journal alone stands.
fn agrees(dir: &Path, server: &Server) {
    let (position, digest) = stands(server);
    assert_eq!(digest, folded(dir, position), "at {position}");
}

fn boot(server: &Server) -> Value {
    server.get("/v1/boot").1
}

/// Calls a tool as the owner, inside this process.
async fn ask(handle: &Handle, tool: &str, args: Value) -> Value {
    let args = args.as_object().cloned().unwrap();
    let said = handle.call(full::owner(handle), tool, args).await;
    said.unwrap_or_else(|no| no.to_json())
}

/// What confirms a proposal.
fn confirming(pending: &Value) -> Value {
    json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]})
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The one database of a stopped server.
fn database(dir: &Path) -> std::path::PathBuf {
    let mut stores = fs::read_dir(dir.join("data/projections")).unwrap();
    let store = stores.next().unwrap().unwrap().path();
    assert!(stores.next().is_none(), "one store is left");
    store.join("db")
}

/// Security test 53: a checkpoint and the records after it give the state that the whole journal gives.
#[test]
fn after_kill_9_the_start_goes_on_from_the_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut left = work(&server, "A", 6);
    server.stop();
    let mut server = Server::start(dir.path());
    let mut reached = 0;
    for round in ["B", "C", "D"] {
        let found = boot(&server);
        let checkpoint = found["checkpoint"].as_u64().unwrap();
        assert!(checkpoint > reached && found["rebuilt"].is_null(), "{found}");
        reached = checkpoint;
        agrees(dir.path(), &server);
        confirm_all(&server, &left);
        left = work(&server, round, 6);
        server.kill();
        server = Server::start(dir.path());
    }
    assert!(boot(&server)["replayed"].as_u64().unwrap() > 6);
    confirm_all(&server, &left);
    server.stop();
    let server = Server::start(dir.path());
    assert_eq!(boot(&server)["replayed"], 0, "a polite end leaves nothing to read");
    agrees(dir.path(), &server);
}

#[test]
fn rows_that_are_gone_or_spoilt_are_built_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    work(&server, "A", 9);
    server.stop();
    let good = fs::read(database(dir.path())).unwrap();
    let used = good.iter().rposition(|byte| *byte != 0).unwrap();
    let flipped = |nth: usize| {
        let mut bytes = good.clone();
        bytes[used * nth / 8] ^= 1 << (nth % 8);
        bytes
    };
    let mut spoilt: Vec<Vec<u8>> = (1..8).map(flipped).collect();
    spoilt.extend([Vec::new(), vec![0xa5; good.len()], good[..good.len() / 2].to_vec()]);
    let mut doubted = 0;
    for bytes in spoilt {
        fs::write(database(dir.path()), bytes).unwrap();
        let server = Server::start(dir.path());
        let found = boot(&server);
        agrees(dir.path(), &server);
        assert!(found["rebuilt"].is_null() || found["checkpoint"] == 0, "{found}");
        doubted += usize::from(found["rebuilt"].is_string());
        server.stop();
    }
    assert!(doubted >= 3, "what is spoilt wholly is doubted");
    fs::remove_dir_all(dir.path().join("data/projections")).unwrap();
    let server = Server::start(dir.path());
    let found = boot(&server);
    assert_eq!((&found["checkpoint"], &found["rebuilt"]), (&json!(0), &json!(null)));
    agrees(dir.path(), &server);
    server.stop();
    let server = Server::start(dir.path());
    assert!(boot(&server)["checkpoint"].as_u64().unwrap() > 9, "built again");
    agrees(dir.path(), &server);
}

#[test]
fn rows_of_another_build_are_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    work(&server, "A", 3);
    server.stop();
    let other = dir.path().join("orkestra");
    fs::copy(env!("CARGO_BIN_EXE_orkestra"), &other).unwrap();
    let server = Server::start_program(dir.path(), &other);
    let found = boot(&server);
    let why = found["rebuilt"].as_str().unwrap();
    assert!(why.starts_with("another build of the program wrote them"), "{found}");
    agrees(dir.path(), &server);
    server.stop();
    let server = Server::start_program(dir.path(), &other);
    assert!(boot(&server)["rebuilt"].is_null());
    server.kill();
    let started = fs::read_to_string(dir.path().join("data/journal/00000000000000000001.log")).unwrap();
    assert!(
        started.contains("\"rebuilt\":\"another build"),
        "and the journal says so"
    );
}

#[test]
fn rows_that_are_ahead_of_the_journal_or_of_another_history_are_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (data, older) = (dir.path().join("data"), dir.path().join("older"));
    let (ahead, replace) = (dir.path().join("ahead"), |from: &Path, to: &Path| {
        fs::remove_dir_all(to).unwrap();
        copy(from, to);
    });
    let server = Server::start(dir.path());
    work(&server, "A", 3);
    server.stop();
    copy(&data.join("journal"), &older);
    let server = Server::start(dir.path());
    work(&server, "B", 4);
    server.stop();
    copy(&data.join("projections"), &ahead);
    replace(&older, &data.join("journal"));
    let server = Server::start(dir.path());
    let found = boot(&server);
    assert!(
        found["rebuilt"].as_str().unwrap().starts_with("they end with record"),
        "{found}"
    );
    agrees(dir.path(), &server);
    work(&server, "C", 9);
    agrees(dir.path(), &server);
    server.stop();
    replace(&ahead, &data.join("projections"));
    let server = Server::start(dir.path());
    let found = boot(&server);
    assert!(found["rebuilt"].as_str().unwrap().contains("another record"), "{found}");
    agrees(dir.path(), &server);
}

#[test]
fn without_any_place_for_rows_the_server_serves() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::write(
        dir.path().join("data/projections"),
        "a file stands where the rows should",
    )
    .unwrap();
    let server = Server::start(dir.path());
    work(&server, "A", 3);
    server.kill();
    let server = Server::start(dir.path());
    assert!(boot(&server)["rebuilt"].is_string());
    agrees(dir.path(), &server);
}
