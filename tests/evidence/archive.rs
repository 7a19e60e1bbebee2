//! A journal whose first segments are archived while a server runs on it: what is asked of them is answered as before.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{bad, good, newest, project, public_key};
use crate::server::Server;

/// The program with segments of a few records.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command
        .env("ORKESTRA_JOURNAL__SEGMENT_BYTES", "40960")
        .env("ORKESTRA_JOURNAL__RECORD_BYTES_MAX", "32768")
        .env("ORKESTRA_JOURNAL__RESERVE_BYTES", "4096");
    command
}

/// Makes projects until some segments are full.
pub fn fill(dir: &Path, server: &Server) {
    let stat = || -> Value { serde_json::from_str(&good(dir, &["journal", "stat", "--json"])).unwrap() };
    for number in 0..200_u8 {
        if number % 8 == 0 && stat()["segments"].as_u64() > Some(2) {
            break;
        }
        let letters = [b'A' + number / 26, b'A' + number % 26].map(char::from);
        project(server, &format!("P{}", letters.iter().collect::<String>()));
    }
}

fn state(dir: &Path) -> Value {
    let report: Value = serde_json::from_str(&good(dir, &["replay", "--check", "--json"])).unwrap();
    assert_eq!(report["divergences"], json!(0), "{report}");
    report["state"].clone()
}

#[test]
fn what_is_archived_is_replayed_proven_and_verified_beside_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_as(dir.path(), &mut program());
    fill(dir.path(), &server);
    let (before, all) = (state(dir.path()), good(dir.path(), &["journal", "export"]));
    let inside = dir.path().canonicalize().unwrap().join("data/journal/archive");
    let said = bad(dir.path(), &["journal", "archive", "--to", inside.to_str().unwrap()]);
    assert!(said.contains("outside it") && !inside.exists(), "{said}");
    let place = dir.path().join("archive");
    let words = [
        "journal",
        "archive",
        "--to",
        place.to_str().unwrap(),
        "--remove",
        "--json",
    ];
    let done: Value = serde_json::from_str(&good(dir.path(), &words)).unwrap();
    assert!(done["segments"].as_u64() > Some(1), "{done}");
    assert_eq!(
        done["removed"].as_array().unwrap().len() as u64,
        done["segments"].as_u64().unwrap()
    );
    let told = newest(dir.path(), "log.archived");
    assert_eq!(told["events"][0]["data"]["digest"], done["digest"]);
    assert_eq!(
        (
            told["events"][0]["data"]["from"].as_u64(),
            &told["events"][0]["data"]["to"]
        ),
        (Some(1), &done["to"])
    );
    project(&server, "AFTER");
    assert!(good(dir.path(), &["journal", "export"]).starts_with(&all));
    let said: Value = serde_json::from_str(&good(dir.path(), &["journal", "verify", "--json"])).unwrap();
    assert_eq!((&said["ok"], &said["archived"]), (&json!(true), &done["segments"]));
    let file = dir.path().join("bundle.json");
    let to = [
        "evidence",
        "export",
        "--from",
        "1",
        "--to",
        "5",
        "--out",
        file.to_str().unwrap(),
    ];
    good(dir.path(), &to);
    let key = public_key(dir.path());
    let checked = Command::new(env!("CARGO_BIN_EXE_orkestra"))
        .args(["evidence", "verify", file.to_str().unwrap(), "--key", &key])
        .output()
        .unwrap();
    assert!(checked.status.success());
    server.kill();
    Server::start_as(dir.path(), &mut program()).kill();
    assert_ne!(state(dir.path()), before, "AFTER came since");
    let copy = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path());
    let copy = copy
        .filter(|path| path.extension().is_some_and(|kind| kind == "zst"))
        .min()
        .unwrap();
    let mut bytes = fs::read(&copy).unwrap();
    bytes[40] ^= 1;
    fs::write(&copy, bytes).unwrap();
    let name = copy.file_name().unwrap().to_str().unwrap();
    assert!(bad(dir.path(), &["journal", "verify"]).contains(name));
    fs::remove_file(&copy).unwrap();
    let why = bad(dir.path(), &["journal", "export"]);
    assert!(why.contains(name) && why.contains("bring the archive back"), "{why}");
}
