//! Evidence: what an auditor takes away, and whether it stands on its own.

mod altered;
mod archive;
mod bundle;
mod histories;
mod key;
mod receipt;
mod rotation;
mod store;
mod tlog;
mod trust;
mod witness;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::security::{call, proposed};
use crate::server::Server;

/// Runs the program on the data directory of a server that was started in `dir`.
fn run(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command
        .args(words)
        .arg("--data")
        .arg(dir.join("data"))
        .output()
        .unwrap()
}

/// The same where it must succeed: what it printed.
pub fn good(dir: &Path, words: &[&str]) -> String {
    let said = run(dir, words);
    assert!(said.status.success(), "{words:?}: {}", text(&said.stderr));
    text(&said.stdout)
}

/// The same where it must fail: what it said.
fn bad(dir: &Path, words: &[&str]) -> String {
    let said = run(dir, words);
    assert_eq!(said.status.code(), Some(1), "{words:?}: {}", text(&said.stdout));
    text(&said.stderr)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Makes a project: proposed and confirmed; the action.
fn project(server: &Server, key: &str) -> String {
    let confirm = proposed(server, key);
    let (status, receipt) = call(server, &server.token, "confirm_action", &confirm);
    assert_eq!(status, 200, "{receipt}");
    confirm["actionId"].as_str().unwrap().to_owned()
}

/// A whole record in the journal of the directory, from the end.
fn newest(dir: &Path, event: &str) -> Value {
    let all = good(dir, &["journal", "export"]);
    let records = all
        .lines()
        .rev()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let named = |record: &Value| {
        record["events"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["type"] == event)
    };
    records.into_iter().find(named).unwrap_or(json!(null))
}

/// The log's public key, as the program says it.
pub fn public_key(dir: &Path) -> String {
    let said: Value = serde_json::from_str(&good(dir, &["journal", "prove", "1", "--json"])).unwrap();
    said["key"].as_str().unwrap().to_owned()
}
