//! States of the past on disk: what is kept leads to the same states, and what is not as it was written is not believed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal::Log;
use orkestra::audit::Behind;
use orkestra::audit::travel::{Machine, Settings, Stretches, call_then};
use orkestra::kernel::engine::Call;
use orkestra::kernel::{Registry, State};
use projections::Digest;
use serde_json::json;

use super::{log, morning};
use crate::story::{Records, Story};

const RECORDS: u64 = 4;

/// A directory of what is derived from a journal.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(&self, program: &str, bytes_max: u64) -> Stretches {
        let settings = Settings {
            records: RECORDS,
            bytes_max,
        };
        Stretches::new(self.0.path(), program, &settings).eager()
    }

    fn machine(&self, registry: &Registry) -> Machine {
        Machine::new(registry).keeping(self.with("this build", u64::MAX))
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = std::fs::read_dir(self.0.path().join("past"))
            .into_iter()
            .flatten()
            .flatten();
        entries
            .map(|entry| (entry.path(), std::fs::read(entry.path()).unwrap()))
            .collect()
    }
}

fn folded(registry: &Registry, records: &Records, position: u64) -> State {
    let mut state = State::new(&registry.kinds());
    for (seq, text) in (1..=position).zip(&records.0) {
        state.apply(seq, text).unwrap();
    }
    state
}

fn at(machine: &Machine, log: &Arc<dyn Log>, position: u64) -> Digest {
    let state = machine.at(log.as_ref(), position, &mut |_, _| {}).unwrap();
    assert_eq!(state.position, position);
    state.digest().unwrap()
}

/// A story, a place, and a journey to the end that left all states on the way there.
fn travelled() -> (Story, Arc<dyn Log>, Place) {
    let (story, place) = (morning(), Place::new());
    let log = log(&story.records);
    at(&place.machine(story.engine.registry()), &log, log.durable());
    assert_eq!(place.files().len() as u64, log.durable() / RECORDS);
    (story, log, place)
}

/// The same journal but for an early record: whoever begins from what was kept does not see it.
fn retold(records: &Records) -> Records {
    let mut other = records.clone();
    let early = other
        .0
        .iter_mut()
        .find(|text| text.contains("action.confirmed") && text.contains("\"Ops\""));
    let early = early.unwrap();
    *early = early.replace("\"Ops\"", "\"Oops\"");
    other
}

#[test]
fn every_position_is_reached_from_what_is_kept() {
    let (story, log, place) = travelled();
    let registry = story.engine.registry();
    for position in 0..=log.durable() {
        let wanted = folded(registry, &story.records, position).digest().unwrap();
        assert_eq!(at(&place.machine(registry), &log, position), wanted, "{position}");
    }
    let retold = super::log(&retold(&story.records));
    let end = log.durable() / RECORDS * RECORDS;
    let wanted = folded(registry, &story.records, end).digest().unwrap();
    assert_eq!(
        at(&place.machine(registry), &retold, end),
        wanted,
        "it was read, not folded"
    );
    std::fs::remove_dir_all(place.0.path().join("past")).unwrap();
    assert_ne!(at(&place.machine(registry), &retold, end), wanted);
    drop(story.end());
}

#[test]
fn a_state_from_disk_is_searched_as_any_other() {
    let (story, log, place) = travelled();
    let registry = Arc::clone(story.engine.registry());
    let end = log.durable();
    let read = place.machine(&registry).at(log.as_ref(), end, &mut |_, _| {}).unwrap();
    let told = Arc::new(folded(&registry, &story.records, end));
    let call = Call {
        caller: story.caller("ana"),
        tool: "search".to_owned(),
        args: json!({"q": "fix"}).as_object().cloned().unwrap(),
    };
    let answer = |state| call_then(&registry, &Behind::new(&log), state, &call, story.now).unwrap();
    assert_eq!(answer(&read), answer(&told));
    assert!(!answer(&read)["items"].as_array().unwrap().is_empty());
    drop(story.end());
}

#[test]
fn what_is_damaged_is_not_believed_and_made_again() {
    let (story, log, place) = travelled();
    let (registry, end) = (story.engine.registry(), log.durable());
    let wanted = folded(registry, &story.records, end).digest().unwrap();
    let good = place.files();
    let spoil = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes).unwrap();
        assert_eq!(at(&place.machine(registry), &log, end), wanted, "{}", path.display());
        assert!(place.files() == good, "{} is made again", path.display());
    };
    for (path, bytes) in &good {
        for place in (0..bytes.len()).step_by(bytes.len() / 7) {
            let mut other = bytes.clone();
            other[place] ^= 1;
            spoil(path, &other);
        }
        spoil(path, &bytes[..bytes.len() / 2]);
        spoil(path, &[]);
        std::fs::remove_file(path).unwrap();
        assert_eq!(at(&place.machine(registry), &log, end), wanted);
        assert!(place.files() == good);
    }
    drop(story.end());
}

#[test]
fn what_is_foreign_is_not_believed() {
    let (story, log, place) = travelled();
    let registry = story.engine.registry();
    let other = Machine::new(registry).keeping(place.with("another build", u64::MAX));
    let end = log.durable();
    let wanted = folded(registry, &story.records, end).digest().unwrap();
    let before = place.files();
    assert_eq!(at(&other, &log, end), wanted);
    assert!(place.files().keys().eq(before.keys()) && place.files() != before);
    let mut records = retold(&story.records);
    let last = records.0.last_mut().unwrap();
    *last = last.replace("\"v\":1", "\"v\": 1");
    let retold = super::log(&records);
    let wanted = folded(registry, &records, end).digest().unwrap();
    let strict = Settings {
        records: end,
        bytes_max: u64::MAX,
    };
    let one = || Machine::new(registry).keeping(Stretches::new(place.0.path(), "b", &strict).eager());
    at(&one(), &log, end);
    assert_eq!(
        at(&one(), &retold, end),
        wanted,
        "another journal ends with another record"
    );
    drop(story.end());
}

#[test]
fn what_is_kept_has_bounds() {
    let (story, log, place) = travelled();
    let registry = story.engine.registry();
    let all: usize = place.files().values().map(Vec::len).sum();
    let (end, wanted) = (log.durable(), story.engine.state().digest().unwrap());
    for (most, some) in [(all as u64, true), (all as u64 - 1, true), (0, false)] {
        let place = Place::new();
        let machine = Machine::new(registry).keeping(place.with("b", most));
        assert_eq!(at(&machine, &log, end), wanted);
        let held: usize = place.files().values().map(Vec::len).sum();
        assert!(held as u64 <= most && (held > 0) == some, "{held} of {most}");
    }
    let nowhere = place.0.path().join("no projections");
    let settings = Settings::default();
    let machine = Machine::new(registry).keeping(Stretches::new(&nowhere, "b", &settings));
    assert_eq!(at(&machine, &log, end), wanted);
    assert!(!nowhere.exists(), "a copy is left as it is");
    drop(story.end());
}
