//! What `orkestra doctor` says of the rows: with a server and without, good and spoilt.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{copy, database, work};
use crate::server::Server;

/// The doctor's finding about the rows: whether they are well, what was found, and what to do.
fn rows(dir: &Path, program: &Path) -> (bool, String, Value) {
    let out = Command::new(program)
        .args(["doctor", "--json", "--data"])
        .arg(dir.join("data"))
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&out.stdout).unwrap();
    let checks = said["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["check"] == "rows").unwrap();
    let well = found["ok"].as_bool().unwrap();
    assert!(well || !out.status.success(), "{said}");
    (well, found["found"].as_str().unwrap().to_owned(), found["fix"].clone())
}

#[test]
fn the_doctor_says_when_records_are_missing_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    server.stop();
    let (journal, older) = (dir.path().join("data/journal"), dir.path().join("older"));
    copy(&journal, &older);
    let server = Server::start(dir.path());
    work(&server, "A", 6);
    server.stop();
    // The older segment beside the newer checkpoints.
    for file in fs::read_dir(&older)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|file| file.is_file())
    {
        fs::copy(&file, journal.join(file.file_name().unwrap())).unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_orkestra"));
    let out = Command::new(program)
        .args(["doctor", "--data"])
        .arg(dir.path().join("data"))
        .output()
        .unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(
        said.contains("WRONG journal") && said.contains("are missing at the end"),
        "{said}"
    );
}

#[test]
fn the_doctor_says_whether_the_rows_stand() {
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_orkestra"));
    let server = Server::start(dir.path());
    let left = work(&server, "A", 6);
    let (well, found, _) = rows(dir.path(), program);
    assert!(well && found.starts_with("stand at record"), "{found}");
    server.stop();
    let before = fs::read(database(dir.path())).unwrap();
    let (well, found, _) = rows(dir.path(), program);
    let pending = format!("{} pending and 0 executing", left.len());
    assert!(well && found.starts_with("stand at record"), "{found}");
    assert!(found.contains(&pending), "{found}");
    assert_eq!(fs::read(database(dir.path())).unwrap(), before, "nothing was touched");
    let other = dir.path().join("orkestra");
    fs::copy(program, &other).unwrap();
    let (well, found, _) = rows(dir.path(), &other);
    assert!(well && found.contains("another build"), "{found}");
    let (journal, older) = (dir.path().join("data/journal"), dir.path().join("older"));
    copy(&journal, &older);
    let server = Server::start(dir.path());
    server.stop();
    fs::remove_dir_all(&journal).unwrap();
    copy(&older, &journal);
    let (well, found, fix) = rows(dir.path(), program);
    assert!(!well && found.starts_with("they end with record"), "{found}");
    assert!(fix.as_str().unwrap().contains("builds them again"), "{fix}");
    fs::remove_dir_all(dir.path().join("data/projections")).unwrap();
    let (well, found, _) = rows(dir.path(), program);
    assert!(well && found.starts_with("none"), "{found}");
    fs::write(dir.path().join("data/projections"), "no place for rows").unwrap();
    let server = Server::start(dir.path());
    let (well, found, _) = rows(dir.path(), program);
    assert!(!well && found.contains("given up"), "{found}");
    server.stop();
    assert!(!rows(dir.path(), program).0);
    let left = fs::read_dir(dir.path().join("data")).unwrap();
    let names: Vec<_> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!names.iter().any(|name| name.starts_with(".doctor")), "{names:?}");
}
