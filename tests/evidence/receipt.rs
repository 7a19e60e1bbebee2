//! Receipts of replays: signed by the log's key, told in the journal, checked where there is nothing but the file and the key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use journal::VerifyingKey;
use orkestra::audit::receipt;
use serde_json::{Value, json};

use super::{bad, good, newest, project, public_key, run, text};
use crate::server::Server;

/// Checks a file with an empty environment, away from every directory of data.
fn verify(file: &Path, more: &[&str]) -> Output {
    let empty = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    let command = command.env_clear().current_dir(empty.path());
    command
        .args(["evidence", "verify"])
        .arg(file)
        .args(more)
        .output()
        .unwrap()
}

/// Decides again with a receipt, and checks both: the report, and what the receipt states.
fn receipted(dir: &Path, name: &str) -> (Value, Vec<String>) {
    let file = dir.join(name);
    let out = file.to_str().unwrap();
    let said = good(dir, &["replay", "--check", "--receipt", out, "--json"]);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let checked = verify(&file, &["--key", &public_key(dir), "--json"]);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(checked["ok"], true);
    let states = checked["states"].as_array().unwrap().iter();
    let states = states.map(|line| line.as_str().unwrap().to_owned()).collect();
    (serde_json::from_str(&said).unwrap(), states)
}

#[test]
fn a_receipt_states_what_came_of_a_replay() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    project(&server, "ONE");
    let (report, states) = receipted(dir.path(), "beside.txt");
    let (size, decisions) = (&report["records"], &report["decisions"]);
    assert_eq!(states[0], format!("records 1 to {size}"));
    assert_eq!(
        states[4],
        format!("{decisions} decisions: {decisions} the same, 0 by other versions of their rules, 0 otherwise")
    );
    assert_eq!(states[6], format!("state {}", report["state"].as_str().unwrap()));
    let record = newest(dir.path(), "log.replayed");
    let facts = &record["events"][0]["data"];
    assert_eq!((&facts["size"], &facts["divergences"]), (size, &json!(0)));
    assert_eq!(states[1], format!("root {}", facts["root"].as_str().unwrap()));
    assert!(
        states[7].starts_with(&format!("replayed {} ", record["seq"])),
        "{states:?}"
    );
    server.stop();

    // Without a server it is the same, of more records.
    let (later, states) = receipted(dir.path(), "alone.txt");
    assert!(later["records"].as_u64() > size.as_u64(), "{later}");
    assert_eq!(states[0], format!("records 1 to {}", later["records"]));
}

#[test]
fn any_altered_byte_of_a_receipt_fails() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    receipted(dir.path(), "receipt.txt");
    let file = dir.path().join("receipt.txt");
    let key = VerifyingKey::parse(&public_key(dir.path())).unwrap();
    let note = std::fs::read_to_string(&file).unwrap();
    receipt::open(&note, &key).unwrap();
    for place in 0..note.len() {
        let mut bytes = note.clone().into_bytes();
        bytes[place] ^= 1;
        let altered = String::from_utf8_lossy(&bytes);
        assert!(receipt::open(&altered, &key).is_err(), "byte {place}: {altered}");
    }
    let altered = note.replace(" 0 otherwise", " 1 otherwise");
    std::fs::write(dir.path().join("altered.txt"), altered).unwrap();
    let said = verify(
        &dir.path().join("altered.txt"),
        &["--key", &public_key(dir.path()), "--json"],
    );
    assert_eq!(said.status.code(), Some(1));
    assert_eq!(serde_json::from_slice::<Value>(&said.stdout).unwrap()["ok"], false);
    // No key is believed that the receipt brings along, and nothing is written over.
    let said = verify(&file, &[]);
    assert_eq!(said.status.code(), Some(2));
    assert!(text(&said.stderr).contains("--key"), "{}", text(&said.stderr));
    let again = ["replay", "--check", "--receipt", file.to_str().unwrap()];
    assert!(bad(dir.path(), &again).contains("is there already"));
    assert_eq!(
        run(dir.path(), &["replay", "--receipt", "x.txt"]).status.code(),
        Some(2)
    );
    server.stop();
}
