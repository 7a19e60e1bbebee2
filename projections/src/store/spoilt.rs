//! Stores that were spoilt behind the program's back, through sled itself: each is found, by name, and a fresh one begins.

use std::path::Path;
use std::time::Duration;

use super::{Doubt, Opened, Reading, Understand, Wanted, open};
use crate::store::shelf::{Changes, Shelf as _, Sled};
use crate::store::{Round, Stand, keys};

struct Anything;

impl Reading for Anything {
    fn stands(&mut self, _: &Stand) -> Result<(), String> {
        Ok(())
    }

    type Row = ();

    fn understand(&self) -> Understand<()> {
        Box::new(|_, _, _| Ok(()))
    }

    fn row(&mut self, (): ()) -> Result<(), String> {
        Ok(())
    }
}

struct Refuses;

impl Reading for Refuses {
    fn stands(&mut self, stand: &Stand) -> Result<(), String> {
        Err(format!("the journal ends before {}", stand.position))
    }

    type Row = ();

    fn understand(&self) -> Understand<()> {
        Box::new(|_, _, _| Ok(()))
    }

    fn row(&mut self, (): ()) -> Result<(), String> {
        Ok(())
    }
}

fn wanted(patience: Duration) -> Wanted {
    Wanted {
        program: "p".to_owned(),
        journal: "j".to_owned(),
        patience,
    }
}

fn opened<R: Reading>(dir: &Path, reading: &mut R) -> Opened {
    open(dir, &wanted(Duration::from_secs(10)), reading).unwrap()
}

fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut store = opened(dir.path(), &mut Anything).store;
    let text = r#"{"v":1,"at":"2026-11-24T10:00:00Z","actor":{"kind":"system","via":"system"},"events":[]}"#;
    let mut round = Round::default();
    round.record(1, text, &|_| None).unwrap();
    round.row("task", "tsk_1", Some("{}".to_owned()));
    round.row("task", "tsk_2", Some("{}".to_owned()));
    store.write(round, true).unwrap();
    store.flush().unwrap();
    dir
}

fn spoil(dir: &Path, changes: Changes) {
    let shelf = Sled::open(&dir.join("rows-1")).unwrap();
    shelf.apply(changes).unwrap();
    shelf.flush().unwrap();
}

/// What is doubted after some keys were set behind the program's back.
fn doubt(changes: impl FnOnce(&Sled) -> Changes) -> String {
    let dir = filled();
    let made = changes(&Sled::open(&dir.path().join("rows-1")).unwrap());
    spoil(dir.path(), made);
    let again = opened(dir.path(), &mut Anything);
    assert_eq!((again.believed, again.store.stand().position), (false, 0));
    assert!(!dir.path().join("rows-1").exists() && dir.path().join("rows-2").exists());
    again.doubt.unwrap().to_string()
}

#[test]
fn a_store_that_nobody_touched_is_believed_and_goes_on() {
    let dir = filled();
    for seq in 2..5 {
        let mut again = opened(dir.path(), &mut Anything);
        assert!(again.believed, "{:?}", again.doubt);
        let text = r#"{"v":1,"at":"2026-11-24T10:00:00Z","actor":{"kind":"system","via":"system"},"events":[]}"#;
        let mut round = Round::default();
        round.record(seq, text, &|_| None).unwrap();
        round.row("task", "tsk_1", (seq % 2 == 0).then(|| format!("{seq}")));
        again.store.write(round, true).unwrap();
        again.store.flush().unwrap();
    }
}

#[test]
fn an_altered_a_missing_and_a_foreign_row_break_the_seal() {
    let seal = Doubt::Seal.to_string();
    let row = |id: &str| keys::row("task", id);
    assert_eq!(doubt(|_| vec![(row("tsk_1"), Some(b"{ }".to_vec()))]), seal);
    assert_eq!(doubt(|_| vec![(row("tsk_1"), None)]), seal);
    assert_eq!(doubt(|_| vec![(row("tsk_3"), Some(b"{}".to_vec()))]), seal);
    assert_eq!(doubt(|_| vec![(keys::minute(7), Some(vec![0; 8]))]), seal);
}

#[test]
fn an_altered_hour_in_the_row_about_the_rows_breaks_the_seal() {
    let said = doubt(|shelf| {
        let meta = String::from_utf8(shelf.get(keys::META).unwrap().unwrap()).unwrap();
        let later = meta.replace("T10:00:00", "T11:00:00");
        assert_ne!(later, meta);
        vec![(keys::META.to_vec(), Some(later.into_bytes()))]
    });
    assert_eq!(said, Doubt::Seal.to_string());
}

#[test]
fn a_store_without_its_first_row_stands_nowhere() {
    let nowhere = Doubt::Nowhere.to_string();
    assert_eq!(doubt(|_| vec![(keys::META.to_vec(), None)]), nowhere);
    assert_eq!(doubt(|_| vec![(keys::META.to_vec(), Some(b"{".to_vec()))]), nowhere);
}

#[test]
fn a_store_that_the_caller_does_not_believe_is_left() {
    let dir = filled();
    let again = opened(dir.path(), &mut Refuses);
    assert!(!again.believed);
    assert_eq!(again.doubt.unwrap().to_string(), "the journal ends before 1");
}

#[test]
fn opening_that_takes_too_long_is_given_up() {
    let dir = filled();
    let again = open(dir.path(), &wanted(Duration::ZERO), &mut Anything).unwrap();
    assert!(matches!(again.doubt, Some(Doubt::Hung(_))), "{:?}", again.doubt);
    assert!(dir.path().join("rows-2").exists());
}
