//! The clerk seen from inside: rows that followed live are those that are built at once, and what fails is given up quietly.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use journal::{Look, MemoryLog};
use orkestra::data::{self, DataDir, How, Opened};
use orkestra::followers::clerk::{Clerk, Desk, Marks};
use orkestra::kernel::State;
use orkestra::processor::{self, Handle};
use projections::store::{self, Error, Mark, Memory, Reading, Round, Shelf, Stand, Store, Understand};
use serde_json::json;

use super::{ask, confirming, copy};
use crate::full;

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} never");
}

fn open(dir: &Path) -> Opened {
    data::open(&DataDir(dir.to_owned()), &How::default()).unwrap()
}

/// The demo organisation, and two labels that are only proposed.
async fn demo(handle: &Handle) {
    let owner = full::owner(handle);
    orkestra::demo::fill(handle, &owner, &|| ()).await.unwrap();
    for name in ["one", "two"] {
        ask(handle, "create_label", json!({"name": name})).await;
    }
}

struct Taken(Vec<(String, String, String)>);

impl Reading for Taken {
    type Row = (String, String, String);

    fn stands(&mut self, _: &Stand) -> Result<(), String> {
        Ok(())
    }

    fn understand(&self) -> Understand<Self::Row> {
        Box::new(|kind, id, text| Ok((kind.to_owned(), id.to_owned(), text.to_owned())))
    }

    fn row(&mut self, row: Self::Row) -> Result<(), String> {
        self.0.push(row);
        Ok(())
    }
}

/// The rows of a closed directory as they lie there.
fn kept(dir: &Path, look: &Look) -> (Store, Taken) {
    let mut taken = Taken(Vec::new());
    let opened = store::open(&dir.join("projections"), &data::wanted(look.journal()), &mut taken).unwrap();
    assert!(opened.believed, "{:?}", opened.doubt);
    (opened.store, taken)
}

/// The rows of a journal up to a position, made in one go.
fn made(dir: &Path, look: &Look, position: u64) -> (Store, State) {
    let ring = orkestra::subjects::Ring::look(&dir.join("subjects")).unwrap();
    let mut state = State::new(&orkestra::modules::registry().kinds());
    let lines: Vec<_> = look
        .reader(1)
        .take(usize::try_from(position).unwrap())
        .map(Result::unwrap)
        .collect();
    for line in &lines {
        state.apply(line.seq, &ring.unseal(&line.text)).unwrap();
    }
    let tool_of = |id: &str| Some(state.actions.get(id.parse().ok()?)?.tool.to_string());
    let mut round = Round::default();
    for line in &lines {
        round.record(line.seq, &line.text, &tool_of).unwrap();
    }
    for kept in state.keep_all().map(Result::unwrap) {
        round.row(kept.kind, &kept.id, Some(kept.text));
    }
    for action in state.actions.pending() {
        round.mark(&action.id.to_string(), Some(Mark::Pending));
    }
    let mut store = Store::new(Arc::new(Memory::default()), "any", "any");
    store.write(round, true).unwrap();
    (store, state)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_followed_live_are_those_that_are_built_at_once() {
    let dir = tempfile::tempdir().unwrap();
    // Followed live, then gone on after a start, then built again by a start that found none.
    for life in 0..3 {
        if life == 2 {
            std::fs::remove_dir_all(dir.path().join("projections")).unwrap();
        }
        let opened = open(dir.path());
        assert_eq!(opened.handle.boot().checkpoint > 0, life == 1);
        if life == 0 {
            demo(&opened.handle).await;
        }
        let rows = opened.desk.rows().unwrap().clone();
        let position = opened.handle.snapshot().position;
        eventually("the rows reach the state", || {
            rows.position() >= position && rows.is_whole()
        })
        .await;
        drop(rows);
        opened.close().unwrap();
        let look = Look::at(&dir.path().join("journal"), 1 << 20).unwrap();
        let (store, taken) = kept(dir.path(), &look);
        assert_eq!(store.stand().position, look.last_seq());
        let (whole, state) = made(dir.path(), &look, look.last_seq());
        assert_eq!(store.seal(), whole.seal(), "life {life}");
        let rows: Vec<_> = state
            .keep_all()
            .map(|kept| kept.map(|kept| (kept.kind.to_owned(), kept.id, kept.text)).unwrap())
            .collect();
        assert_eq!(taken.0.len(), rows.len());
        assert!(rows.iter().all(|row| taken.0.contains(row)));
        assert_eq!(store.rows().marked().unwrap().1.len(), 2);
    }
}

/// A checkpoint that is sealed and yet wrong, as a bug would leave it: the records after it do not fit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_checkpoint_that_the_journal_does_not_go_on_from_is_left() {
    let (dir, aside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let opened = open(dir.path());
    demo(&opened.handle).await;
    opened.close().unwrap();
    copy(&dir.path().join("projections"), aside.path());
    let look = Look::at(&dir.path().join("journal"), 1 << 20).unwrap();
    let opened = open(dir.path());
    let args = json!({"task": "WEB-1", "title": "Another title"});
    let pending = ask(&opened.handle, "update_task", args).await;
    let receipt = ask(&opened.handle, "confirm_action", confirming(&pending)).await;
    assert_eq!(receipt["status"], "succeeded", "{receipt}");
    opened.close().unwrap();
    std::fs::remove_dir_all(dir.path().join("projections")).unwrap();
    copy(aside.path(), &dir.path().join("projections"));
    {
        let (mut store, taken) = kept(dir.path(), &look);
        let mut round = Round::default();
        for (kind, id, _) in taken.0.iter().filter(|(kind, ..)| kind == "task") {
            round.row(kind, id, None);
        }
        store.write(round, true).unwrap();
        store.flush().unwrap();
    }
    let opened = open(dir.path());
    let boot = opened.handle.boot();
    let why = boot.rebuilt.clone().unwrap();
    assert!(
        boot.checkpoint == 0 && why.starts_with("the journal does not go on from it"),
        "{why}"
    );
    let snapshot = opened.handle.snapshot();
    let look = Look::at(&dir.path().join("journal"), 1 << 20).unwrap();
    let (_, state) = made(dir.path(), &look, snapshot.position);
    assert_eq!(snapshot.digest().unwrap(), state.digest().unwrap());
    opened.close().unwrap();
    let opened = open(dir.path());
    assert!(
        opened.handle.boot().checkpoint > 0,
        "the wrong one was replaced: {:?}",
        opened.handle.boot()
    );
    opened.close().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_that_is_not_what_the_state_says_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    demo(&opened.handle).await;
    let right = ask(&opened.handle, "create_label", json!({"name": "three"})).await;
    let position = opened.handle.snapshot().position;
    let look = Look::at(&dir.path().join("journal"), 1 << 20).unwrap();
    let (mut store, state) = made(dir.path(), &look, position);
    let marks = Marks::of(&store.rows(), &state).unwrap();
    assert_eq!((marks.pending, marks.executing, marks.wrong.len()), (3, 0, 0));
    let mut round = Round::default();
    let right = right["actionId"].as_str().unwrap();
    for action in state.actions.pending().map(|action| action.id.to_string()) {
        if action != right {
            round.mark(&action, Some(Mark::Executing));
        }
    }
    store.write(round, true).unwrap();
    let marks = Marks::of(&store.rows(), &state).unwrap();
    assert_eq!((marks.pending, marks.executing, marks.wrong.len()), (1, 2, 2));
    let desk = Desk::new(dir.path().join("projections"), Some(store.rows()));
    assert_eq!(desk.standing(&opened.handle).wrong, 2);
    // What moved since the rows were written may stand anywhere.
    let wrong = marks.wrong.first().unwrap();
    ask(&opened.handle, "cancel_action", json!({"actionId": wrong})).await;
    assert_eq!(desk.standing(&opened.handle).wrong, 1);
    assert_eq!(
        opened.desk.standing(&opened.handle).wrong,
        0,
        "the clerk's own are right"
    );
    opened.close().unwrap();
}

/// A shelf that takes some batches and then no more.
struct Fails {
    inner: Memory,
    left: AtomicUsize,
    panics: bool,
}

impl Shelf for Fails {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.inner.get(key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8]) -> Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), Error>> + '_> {
        self.inner.scan(prefix, from)
    }

    fn apply(&self, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), Error> {
        let left = self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        assert!(left.is_ok() || !self.panics, "as sled does now and then");
        left.map_err(|_| Error::Damaged("for a test"))?;
        self.inner.apply(changes)
    }

    fn flush(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_is_given_up_and_nothing_else() {
    for panics in [false, true] {
        let handle = processor::open(full::opening(Arc::new(MemoryLog::default()))).unwrap();
        let shelf = Fails {
            inner: Memory::default(),
            left: AtomicUsize::new(2),
            panics,
        };
        let store = Store::new(Arc::new(shelf), "any", "any");
        let desk = Desk::new("/nowhere".into(), Some(store.rows()));
        let clerk = Clerk::start(handle.clone(), store, desk.clone()).unwrap();
        let rows = desk.rows().unwrap().clone();
        eventually("the first rounds", || rows.position() > 0).await;
        ask(&handle, "create_label", json!({"name": "one"})).await;
        eventually("giving up", || desk.given_up().is_some()).await;
        let before = handle.snapshot().position;
        ask(&handle, "create_label", json!({"name": "two"})).await;
        assert!(handle.snapshot().position > before, "the server goes on");
        assert!(rows.position() < before);
        drop(clerk);
    }
}
