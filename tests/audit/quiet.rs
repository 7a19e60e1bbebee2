//! Security test 59: a replay comes to the same state twice and elsewhere, and speaks to nobody.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::rows::copy;
use crate::security::{call, proposed};
use crate::server::Server;

/// Replays a directory with a configuration that names a broker; the state there.
fn replayed(data: &Path, broker: &str, words: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    let command = command
        .env_clear()
        .env("ORKESTRA_EXECUTION", "nats")
        .env("ORKESTRA_NATS__URL", broker);
    let said = command
        .arg("replay")
        .args(words)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).unwrap()
}

#[test]
fn a_replay_comes_to_the_same_state_everywhere_and_speaks_to_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    for key in ["ONE", "TWO"] {
        let pending = proposed(&server, key);
        call(&server, &server.token, "confirm_action", &pending);
    }
    let (_, digest) = server.get("/v1/digest");
    let to = digest["position"].to_string();
    proposed(&server, "LATER");
    server.stop();

    // Another machine has nothing but the files of the journal.
    let elsewhere = tempfile::tempdir().unwrap();
    copy(&dir.path().join("data/journal"), &elsewhere.path().join("journal"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let broker = format!("nats://{}", listener.local_addr().unwrap());
    let state = ["--to", &to, "--state", "--json"];
    let here = replayed(&dir.path().join("data"), &broker, &state);
    let there = replayed(elsewhere.path(), &broker, &state);
    assert_eq!(here["digest"], digest["digest"]);
    assert_eq!(here, there);
    assert_eq!(there, replayed(elsewhere.path(), &broker, &state));
    let checked = replayed(elsewhere.path(), &broker, &["--check", "--json"]);
    assert_eq!(checked["divergences"], json!(0));
    let spoken = listener.accept().map(|(_, peer)| peer).map_err(|cause| cause.kind());
    assert_eq!(spoken, Err(ErrorKind::WouldBlock), "nobody is called");
    let left: Vec<_> = std::fs::read_dir(elsewhere.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is written beside the journal");
}
