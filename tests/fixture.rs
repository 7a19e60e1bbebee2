//! Data directories' journals as releases wrote them, kept for good: every later program must read them, and go on from them.
//! `tests/fixtures/README.md` says how it was made, and how to make that of a new shape.

mod begun;
mod facts;
mod making;
mod opened;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use journal::{Journal, Log as _, Look, Options, SigningKey, Verification, VerifyingKey, verify};
use orkestra::data::{self, ORIGIN};
use orkestra::kernel::State;
use projections::{Digest, Record};

use crate::story::{Records, check};

/// What a fixture must give.
struct Release {
    name: &'static str,
    records: u64,
    root: &'static str,
    /// What the state says, blanks left out: a field that was added with a default does not change it. Nothing else may either.
    facts: &'static str,
}

const RELEASES: [Release; 1] = [Release {
    name: "0.1",
    records: 166,
    root: "cb6ee2c4da12943a08594ad111cc5493ab19b83eccd27fc2cf0e7c0a0db77931",
    facts: "9f116d21a2d5b47cf4c389067326ff48242f44098e0865a532b2f3dd6757ebe8",
}];
/// Who signed their checkpoints.
const KEY: &str = "orkestra+87c9ad1e+AROY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPK";
const SEED: [u8; 32] = [8; 32];

impl Release {
    fn dir(&self) -> PathBuf {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures")).join(self.name)
    }
}

fn options() -> Options {
    Options {
        segment_bytes: 96 << 10,
        record_bytes_max: 16 << 10,
        reserve_bytes: 4 << 10,
        ..Options::default()
    }
}

/// Writes what the fixture holds into an empty directory; gives the state that it was written from.
fn write(dir: &Path) -> State {
    let signing = SigningKey::from_seed(ORIGIN, SEED).unwrap();
    let (journal, _) = Journal::open(&dir.join("journal"), options(), ORIGIN).unwrap();
    let story = making::made();
    for (number, batch) in story.records.0.chunks(3).enumerate() {
        let (done, written) = std::sync::mpsc::channel();
        journal
            .append(batch.to_vec(), Box::new(move |said| drop(done.send(said))))
            .unwrap();
        written.recv().unwrap().unwrap();
        if number == 20 {
            journal.checkpoint(&signing).unwrap();
        }
    }
    journal.checkpoint(&signing).unwrap();
    journal.close().unwrap();
    for segment in segments(dir) {
        let length = fs::read(&segment).unwrap().iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
        file.set_len(u64::try_from(length).unwrap()).unwrap();
    }
    for left in ["lock", "next.log"] {
        drop(fs::remove_file(dir.join("journal").join(left)));
    }
    story.engine.state().clone()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("journal")).unwrap();
    let mut segments: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with('0'));
    segments.sort();
    segments
}

/// The texts of a journal's records, oldest first.
fn texts(dir: &Path) -> Records {
    let look = Look::at(&dir.join("journal"), Options::default().record_bytes_max).unwrap();
    Records(look.reader(1).map(|line| line.unwrap().text).collect())
}

fn folded(records: &Records) -> State {
    let mut state = State::new(&data::registry().kinds());
    for (seq, text) in (1..).zip(&records.0) {
        state.apply(seq, text).unwrap_or_else(|cause| panic!("{cause}"));
    }
    state
}

/// The names of all events.
fn names(records: &Records) -> BTreeSet<String> {
    let names = (1..).zip(&records.0).flat_map(|(seq, text)| {
        let mut room = String::new();
        let record = Record::parse(seq, text, &mut room).unwrap();
        record
            .events
            .iter()
            .map(|event| event.name.to_string())
            .collect::<Vec<_>>()
    });
    names.collect()
}

#[test]
fn every_release_gives_the_state_it_gave() {
    for release in RELEASES {
        let records = texts(&release.dir());
        let state = folded(&records);
        assert_eq!(state.position, release.records);
        let name = format!("fixture_{}", release.name.replace('.', "_"));
        check(&name, &facts::shown(&records, &state));
        let said = serde_json::to_string(&facts::of(&state)).unwrap();
        let digest = Digest::of(said.as_bytes()).to_string();
        assert_eq!(digest, release.facts, "{}: the state says something else", release.name);
    }
}

#[test]
fn every_release_verifies_with_its_checkpoints() {
    let against = Verification {
        key: Some(VerifyingKey::parse(KEY).unwrap()),
        ..Verification::default()
    };
    for release in RELEASES {
        let report = verify(&release.dir().join("journal"), &against, &mut |_, _| ()).unwrap();
        assert_eq!(report.faults, []);
        let root = report.root.hex();
        assert_eq!((report.root.size, root.as_str()), (release.records, release.root));
        assert!(report.checkpoints.len() >= 2 && report.checkpoints.iter().all(|held| held.signed));
    }
}

/// Where each line of a segment begins and ends.
fn lines(segment: &[u8]) -> Vec<(usize, usize)> {
    let ends = (0..).zip(segment).filter(|(_, byte)| **byte == b'\n');
    let starts: Vec<usize> = [0].into_iter().chain(ends.map(|(at, _): (usize, _)| at + 1)).collect();
    starts.windows(2).map(|line| (line[0], line[1])).collect()
}

#[test]
fn an_altered_byte_is_refused_by_file_and_offset() {
    let (dir, mut tried) = (tempfile::tempdir().unwrap(), 0);
    let release = &RELEASES[0];
    for segment in segments(&release.dir()) {
        let good = fs::read(&segment).unwrap();
        let name = segment.file_name().unwrap().to_str().unwrap();
        let lines = lines(&good);
        for (start, end) in [0, 1, lines.len() / 2, lines.len() - 1].map(|line| lines[line]) {
            let target = dir.path().join(tried.to_string());
            opened::copied(release, &target);
            let mut bytes = good.clone();
            bytes[usize::midpoint(start, end)] ^= 1;
            fs::write(target.join("journal").join(name), bytes).unwrap();
            let said = data::open(&data::DataDir(target), &data::How::default()).err().unwrap();
            let at = format!("{name} is damaged at byte {start}");
            assert!(said.to_string().starts_with(&at), "{said}, not {at}");
            tried += 1;
        }
    }
    assert!(tried >= 8, "more than one segment");
}

/// Leaves it in `target/tmp/fixture`, from where that of the next release is taken.
#[test]
fn such_a_journal_can_be_made_today() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixture");
    if dir.exists() {
        fs::remove_dir_all(&dir).unwrap();
    }
    let state = write(&dir);
    let made = texts(&dir);
    assert_eq!(facts::of(&folded(&made)), facts::of(&state));
    let report = verify(&dir.join("journal"), &Verification::default(), &mut |_, _| ()).unwrap();
    assert_eq!(report.faults, []);
    for release in RELEASES {
        let missing: Vec<_> = names(&texts(&release.dir()))
            .difference(&names(&made))
            .cloned()
            .collect();
        assert!(missing.is_empty(), "the new one would hold no {missing:?}");
    }
}
