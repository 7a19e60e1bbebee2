//! The journal under a knife: cut, flipped and shortened.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{call, orkestra, proposed};
use crate::server::Server;

/// A journal with confirmed projects, its server gone. Its segment is small, because it is read over and over.
fn worked(dir: &Path) -> PathBuf {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command
        .env("ORKESTRA_JOURNAL__SEGMENT_BYTES", "131072")
        .env("ORKESTRA_JOURNAL__RECORD_BYTES_MAX", "32768")
        .env("ORKESTRA_JOURNAL__RESERVE_BYTES", "4096");
    let server = Server::start_as(dir, &mut command);
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

/// The line that a byte of a segment stands in: where it begins, and its record; 0 for the header.
fn line_at(bytes: &[u8], at: usize) -> (usize, u64) {
    let begin = bytes[..at]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let before = bytes[..begin].split(|byte| *byte == b'\n').count() - 1;
    (begin, before as u64)
}

/// Security test 52, first half: a torn last record is cut off, the start says so in the journal, and what it was never happened.
#[test]
fn a_torn_last_record_is_cut_off_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let segment = worked(dir.path());
    let before = super::exported(dir.path());
    let mut bytes = fs::read(&segment).unwrap();
    let end = written(&bytes);
    let (begin, _) = line_at(&bytes, end - 2);
    bytes[end - 40..end].fill(0);
    fs::write(&segment, bytes).unwrap();
    let server = Server::start(dir.path());
    let found = |key: &str| call(&server, &server.token, "get_project", &json!({"project": key})).0;
    assert_eq!((found("ONE"), found("TWO"), found("THREE")), (200, 200, 404));
    server.kill();
    let after = super::exported(dir.path());
    let kept: Vec<&str> = before.lines().collect();
    let now: Vec<&str> = after.lines().collect();
    assert_eq!(
        now[..kept.len() - 1],
        kept[..kept.len() - 1],
        "only the last record is gone"
    );
    let told: Value = serde_json::from_str(now[kept.len() - 1]).unwrap();
    let recovered = told["events"].as_array().unwrap().iter();
    let recovered: Vec<&Value> = recovered.filter(|event| event["type"] == "journal.recovered").collect();
    let name = segment.file_name().unwrap().to_str().unwrap();
    assert_eq!(
        recovered.first().map(|event| &event["data"]),
        Some(&&json!({"file": name, "offset": begin, "bytes": end - 40 - begin})).copied(),
        "{told}"
    );
    assert!(verify(dir.path(), &[]).0);
}

/// Security tests 52, second half, and 55: whatever bit is flipped before the end, the start is refused and verify fails, both
/// name the file, the place and the record, and neither touches anything.
#[test]
fn damage_in_the_middle_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let segment = worked(dir.path());
    let whole = fs::read(&segment).unwrap();
    let name = segment.file_name().unwrap().to_str().unwrap();
    let (last, _) = line_at(&whole, written(&whole) - 2);
    for step in 1..=12 {
        let (at, bit) = (last * step / 13, step % 8);
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << bit;
        if bytes[at] == b'\n' || whole[at] == b'\n' {
            // A line more or less would move the numbers; the checksum of the line before tells all the same.
            bytes[at] = whole[at] ^ 0x20;
        }
        fs::write(&segment, &bytes).unwrap();
        let (offset, seq) = line_at(&whole, at);
        let (good, why) = verify(dir.path(), &[]);
        let refused = serve_refuses(dir.path());
        for said in [&why, &refused] {
            assert!(
                said.contains(&format!("{name} is damaged at byte {offset}")),
                "byte {at}: {said}"
            );
            assert!(
                seq == 0 || said.contains(&format!("record {seq} ")),
                "byte {at}: {said}"
            );
        }
        assert!(!good, "byte {at}");
        assert_eq!(fs::read(&segment).unwrap(), bytes, "it is left as it is");
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

/// The root of a tree over leaves (RFC 6962, section 2.1).
fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    use sha2::Digest as _;
    match leaves {
        [] => sha2::Sha256::digest([]).into(),
        [leaf] => *leaf,
        several => {
            let middle = several.len().next_power_of_two() / 2;
            let (left, right) = several.split_at(middle);
            sha2::Sha256::digest([&[1][..], &root(left), &root(right)].concat()).into()
        }
    }
}

/// What an export says of each record's integrity leads to the root that the journal itself computes.
#[test]
fn the_leaves_of_an_export_make_the_root_of_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    worked(dir.path());
    let said = orkestra(dir.path(), &["journal", "export", "--format", "ocsf"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let events = String::from_utf8(said.stdout).unwrap();
    let leaves: Vec<[u8; 32]> = events
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            let leaf = event["unmapped"]["record"]["leaf"].as_str().unwrap();
            *projections::Digest::parse(leaf).unwrap().bytes()
        })
        .collect();
    let report = orkestra(dir.path(), &["journal", "verify", "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["records"], leaves.len());
    assert_eq!(report["root"], projections::Digest::from(root(&leaves)).to_string());
    for format in ["records", "cloudevents", "csv"] {
        let said = orkestra(
            dir.path(),
            &["journal", "export", "--format", format, "--from", "2", "--to", "3"],
        );
        assert!(said.status.success() && !said.stdout.is_empty(), "{format}");
    }
    let said = orkestra(dir.path(), &["journal", "export", "--format", "xml"]);
    assert_eq!(said.status.code(), Some(2));
}
