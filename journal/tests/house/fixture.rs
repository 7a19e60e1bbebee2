//! A journal as release 0.1 wrote it, kept for good: every later program must open, read and verify it.

use std::fs;
use std::path::Path;

use journal::{Journal, Log, Look, Options, SigningKey, Verification, VerifyingKey, verify};

use crate::support::{ORIGIN, append, check_all, small};

const RECORDS: u64 = 40;
const ROOT: &str = "c761f41f0213b7946bf4d02384ff3678c39c3905b533e905111e97270b1fba78";
const KEY: &str = "example.org/log+5e2cef00+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";

fn fixture() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/0.1"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).unwrap();
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// Writes what the fixture holds into a directory.
fn write(dir: &Path) -> String {
    let key = SigningKey::from_seed(ORIGIN, [7; 32]).unwrap();
    let (journal, _) = Journal::open(dir, small(), ORIGIN).unwrap();
    let mut next = 1;
    while next <= RECORDS {
        let to = RECORDS.min(next + next % 4);
        append(&journal, next, to).unwrap();
        next = to + 1;
        if next == 19 {
            journal.checkpoint(&key).unwrap();
        }
    }
    let last = journal.checkpoint(&key).unwrap();
    journal.close().unwrap();
    assert_eq!(key.verifying_key().unwrap().encode(), KEY);
    last.root.hex()
}

/// `JOURNAL_FIXTURE=DIR` keeps what this writes, for the fixture of a new format; the old ones stay.
#[test]
fn the_same_records_have_the_same_root_today() {
    let dir = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("JOURNAL_FIXTURE").map(std::path::PathBuf::from);
    assert_eq!(write(kept.as_deref().unwrap_or(dir.path())), ROOT);
}

#[test]
fn release_0_1_opens_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    copy(fixture(), dir.path());
    let (journal, recovery) = Journal::open(dir.path(), Options { ..small() }, ORIGIN).unwrap();
    assert_eq!((recovery.last_seq, recovery.torn), (RECORDS, None));
    assert_eq!(check_all(&journal), RECORDS);
    assert_eq!(journal.root(None).unwrap().hex(), ROOT);
    append(&journal, RECORDS + 1, RECORDS + 3).unwrap();
    assert_eq!(check_all(&journal), RECORDS + 3);
    let grown = journal.prove_consistency(RECORDS, RECORDS + 3).unwrap();
    let (old, new) = (journal.root(Some(RECORDS)).unwrap(), journal.root(None).unwrap());
    grown.check(&old, &new).unwrap();
}

#[test]
fn release_0_1_verifies_with_its_checkpoints() {
    let against = Verification {
        key: Some(VerifyingKey::parse(KEY).unwrap()),
        ..Verification::default()
    };
    let report = verify(fixture(), &against, &mut |_, _| ()).unwrap();
    assert_eq!(report.faults, []);
    assert_eq!((report.root.size, report.root.hex().as_str()), (RECORDS, ROOT));
    assert!(report.checkpoints.iter().all(|held| held.signed) && report.checkpoints.len() >= 2);
}

#[test]
fn a_look_needs_no_lock_and_sees_what_came_since() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small(), ORIGIN).unwrap();
    append(&journal, 1, 3).unwrap();
    let mut look = Look::at(dir.path(), small().record_bytes_max).unwrap();
    let mut reader = look.reader(1);
    assert_eq!((look.last_seq(), reader.by_ref().count()), (3, 3));
    // Enough for several segments.
    for from in (4..80).step_by(4) {
        append(&journal, from, from + 3).unwrap();
    }
    assert_eq!(look.again().unwrap(), journal.durable());
    assert_eq!(
        reader.map(|line| line.unwrap().seq).collect::<Vec<_>>(),
        (4..=79).collect::<Vec<_>>()
    );
    assert!(look.segments() > 2);
}
