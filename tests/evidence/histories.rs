//! Histories that differ from what was vouched for: a fork, a truncation and a flipped bit are told apart.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{bad, good, project, public_key};
use crate::server::Server;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let all = from.join(".");
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(all)
            .arg(to)
            .status()
            .unwrap()
            .success()
    );
}

/// A server that worked a while, in the directory.
fn worked(dir: &Path, keys: &[&str]) {
    let server = Server::start(dir);
    for key in keys {
        project(&server, key);
    }
    server.stop();
}

fn keep(dir: &Path, name: &str) -> PathBuf {
    let file = dir.join(name);
    std::fs::write(&file, good(dir, &["journal", "checkpoint"])).unwrap();
    file
}

fn records(dir: &Path) -> u64 {
    let stat: Value = serde_json::from_str(&good(dir, &["journal", "stat", "--json"])).unwrap();
    stat["records"].as_u64().unwrap()
}

/// Security tests 56 and 57.
#[test]
fn a_fork_a_truncation_and_a_flipped_bit_are_told_apart() {
    let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    worked(ours.path(), &["ONE"]);
    copy(ours.path(), other.path());
    let short = tempfile::tempdir().unwrap();
    copy(ours.path(), short.path());
    // Two histories of the same size under one key.
    worked(ours.path(), &["TWO"]);
    worked(other.path(), &["SIX"]);
    assert_eq!(records(ours.path()), records(other.path()));
    let kept = keep(ours.path(), "kept");
    let kept = kept.to_str().unwrap();
    let size = records(ours.path());

    let grew = good(ours.path(), &["journal", "prove", "--from", kept]);
    assert!(grew.starts_with(&format!("old {size}\n\norkestra\n{size}\n")), "{grew}");
    let said = bad(other.path(), &["journal", "prove", "--from", kept]);
    assert!(
        said.contains(&format!(
            "another history: the checkpoint and this journal both have {size} records"
        )),
        "{said}"
    );
    let said = bad(short.path(), &["journal", "prove", "--from", kept]);
    let found = records(short.path());
    assert!(
        said.contains(&format!(
            "truncated: the checkpoint vouches for {size} records, the journal holds {found}"
        )),
        "{said}"
    );
    worked(other.path(), &["SEVEN"]);
    let said = bad(other.path(), &["journal", "prove", "--from", kept]);
    assert!(
        said.contains(&format!("another history: the checkpoint vouches for {size} records")),
        "{said}"
    );

    // What the journal says of them stands in `verify` as well.
    let said = bad(other.path(), &["journal", "verify", "--checkpoint", kept]);
    assert!(
        said.contains(&format!("the first {size} records have the root")),
        "{said}"
    );

    let segment = ours.path().join("data/journal/00000000000000000001.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(3).position(|part| part == b"TWO").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    for words in [
        ["journal", "prove", "--from", kept],
        ["journal", "verify", "--checkpoint", kept],
    ] {
        let said = bad(ours.path(), &words);
        assert!(said.contains("00000000000000000001.log is damaged at byte"), "{said}");
    }
}

#[test]
fn proofs_are_had_beside_a_running_server_and_without_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    project(&server, "ONE");
    let old = keep(dir.path(), "old");
    let old = old.to_str().unwrap();
    let last = project_and_last(&server, dir.path());
    let running = good(dir.path(), &["journal", "prove", &last, "--json"]);
    let grew = good(dir.path(), &["journal", "prove", "--from", old, "--json"]);
    server.stop();
    let proof: Value = serde_json::from_str(&running).unwrap();
    let stopped: Value = serde_json::from_str(&good(dir.path(), &["journal", "prove", &last, "--json"])).unwrap();
    assert_eq!(
        (&proof["leafHash"], &proof["text"]),
        (&stopped["leafHash"], &stopped["text"])
    );
    let said = good(dir.path(), &["journal", "prove", &last]);
    let index = proof["leafIndex"].as_u64().unwrap();
    assert!(
        said.starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {index}\n")),
        "{said}"
    );
    let grew: Value = serde_json::from_str(&grew).unwrap();
    let kept: u64 = std::fs::read_to_string(old)
        .unwrap()
        .lines()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(grew["old"]["size"], kept);

    let said = bad(dir.path(), &["journal", "prove", "9999"]);
    assert!(said.contains("there is no record 9999"), "{said}");
    let other = journal::SigningKey::generate("orkestra")
        .unwrap()
        .verifying_key()
        .unwrap();
    let said = bad(
        dir.path(),
        &["journal", "prove", "--from", old, "--key", other.encode()],
    );
    assert!(said.contains("no verifiable signatures"), "{said}");
    assert_ne!(public_key(dir.path()), other.encode());
}

fn project_and_last(server: &Server, dir: &Path) -> String {
    project(server, "LAST");
    records(dir).to_string()
}
