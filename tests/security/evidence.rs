//! The journal under a knife: cut, flipped and shortened.

use std::fs;
use std::path::{Path, PathBuf};

use super::{call, orkestra, proposed};
use crate::server::Server;

/// A journal with a confirmed project, its server gone.
fn worked(dir: &Path) -> PathBuf {
    let server = Server::start(dir);
    for key in ["ONE", "TWO", "THREE"] {
        let confirm = proposed(&server, key);
        assert_eq!(call(&server, &server.token, "confirm_action", &confirm).0, 200);
    }
    server.kill();
    let mut segments: Vec<PathBuf> = fs::read_dir(dir.join("data/journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && fs::read(path).unwrap().windows(10).any(|bytes| bytes == b"\"action.co"))
        .collect();
    segments.sort();
    segments.pop().unwrap()
}

/// Where the written bytes of a segment end; behind them are zeros.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').unwrap() + 1
}

fn verify(dir: &Path, more: &[&str]) -> (bool, String) {
    let said = orkestra(dir, &[&["journal", "verify"], more].concat());
    (
        said.status.success(),
        String::from_utf8_lossy(&said.stderr).into_owned(),
    )
}

fn serve_refuses(dir: &Path) -> String {
    let said = orkestra(dir, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!said.status.success(), "it started");
    String::from_utf8_lossy(&said.stderr).into_owned()
}

/// Security test 52, first half: a torn last record is cut off, and the start says so in the journal.
#[test]
fn a_torn_last_record_is_cut_off_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let segment = worked(dir.path());
    let mut bytes = fs::read(&segment).unwrap();
    let end = written(&bytes);
    bytes[end - 40..end].fill(0);
    fs::write(&segment, bytes).unwrap();
    let server = Server::start(dir.path());
    server.kill();
    assert!(super::exported(dir.path()).contains("journal.recovered"));
    assert!(verify(dir.path(), &[]).0);
}

/// Security tests 52, second half, and 55: damage before the end stops the start, and verify says where it is.
#[test]
fn damage_in_the_middle_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let segment = worked(dir.path());
    let whole = fs::read(&segment).unwrap();
    for part in [3, 2] {
        let mut bytes = whole.clone();
        bytes[written(&whole) / part] ^= 1;
        fs::write(&segment, bytes).unwrap();
        let (good, why) = verify(dir.path(), &[]);
        assert!(!good && why.chars().any(|letter| letter.is_ascii_digit()), "{why}");
        assert!(!serve_refuses(dir.path()).is_empty());
    }
    fs::write(&segment, whole).unwrap();
    assert!(verify(dir.path(), &[]).0);
}

/// Security test 56: records removed from the end are missed by a checkpoint that was kept elsewhere.
#[test]
fn a_shortened_journal_fails_against_an_old_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let segment = worked(dir.path());
    let note = orkestra(dir.path(), &["journal", "checkpoint"]);
    assert!(note.status.success(), "{}", String::from_utf8_lossy(&note.stderr));
    let kept = dir.path().join("checkpoint.txt");
    fs::write(&kept, &note.stdout).unwrap();
    let kept = kept.display().to_string();
    let (good, why) = verify(dir.path(), &["--checkpoint", &kept]);
    assert!(good, "{why}");
    let mut bytes = fs::read(&segment).unwrap();
    let end = written(&bytes);
    let before = written(&bytes[..written(&bytes[..end - 1]) - 1]);
    bytes[before..end].fill(0);
    fs::write(&segment, bytes).unwrap();
    let (good, why) = verify(dir.path(), &["--checkpoint", &kept]);
    assert!(!good, "two records are gone and nobody noticed: {why}");
}
