//! Looking for records: with rows, behind them and without them the same are found, and alerts are raised once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use journal::MemoryLog;
use orkestra::data::{self, DataDir, How, Opened};
use orkestra::followers::clerk::{Clerk, Desk};
use orkestra::kernel::Past;
use orkestra::kernel::engine::log_read;
use orkestra::kernel::past::Search;
use orkestra::modules::audit::Alert;
use orkestra::processor::{self, Handle, Plain};
use projections::facets::{ANY, Index};
use projections::store::{Error, Memory, Shelf, Store};
use serde_json::{Value, json};

use super::{ask, confirming};
use crate::full;

fn open(dir: &std::path::Path) -> Opened {
    data::open(&DataDir(dir.to_owned()), &How::default()).unwrap()
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} never");
}

fn found(
    past: &dyn Past,
    handle: &Handle,
    by: &[(Index, String)],
    newest_first: bool,
    upto: u64,
) -> Vec<(u64, String)> {
    let snapshot = handle.snapshot();
    let search = Search {
        by: by.into(),
        range: 1..=upto,
        newest_first,
        tool_of: std::rc::Rc::new(move |id| Some(snapshot.actions.get(id.parse().ok()?)?.tool.to_string())),
    };
    past.find(search).map(Result::unwrap).collect()
}

/// Asks in every way for some searches; gives how many records were found.
fn compared(handle: &Handle, upto: u64) -> usize {
    let plain = Plain(Arc::clone(handle.log()));
    let owner = full::owner(handle);
    let (actor, org) = (owner.member.to_string(), owner.org);
    let by = |pairs: &[(Index, &str)]| -> Vec<(Index, String)> {
        pairs
            .iter()
            .map(|(index, value)| (*index, (*value).to_owned()))
            .collect()
    };
    let mut count = 0;
    for by in [
        by(&[]),
        by(&[(Index::Kind, ANY)]),
        by(&[(Index::Kind, "label")]),
        by(&[(Index::Actor, &actor)]),
        by(&[(Index::Event, "call.answered"), (Index::Actor, &actor)]),
        by(&[(Index::Tool, "create_label"), (Index::Kind, ANY)]),
        by(&[(Index::Event, "never")]),
        by(&[(Index::Org, &org)]),
        by(&[(Index::Kind, "label"), (Index::Org, &org)]),
        by(&[(Index::Org, "org_another")]),
    ] {
        let oldest = found(handle.past(), handle, &by, false, upto);
        let mut newest = found(handle.past(), handle, &by, true, upto);
        newest.reverse();
        assert_eq!(oldest, newest, "{by:?}");
        assert_eq!(oldest, found(&plain, handle, &by, false, upto), "{by:?}");
        let halved = found(handle.past(), handle, &by, true, upto / 2);
        assert_eq!(halved.len(), oldest.iter().filter(|(seq, _)| *seq <= upto / 2).count());
        count += oldest.len();
    }
    count
}

async fn labels(handle: &Handle, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let pending = ask(handle, "create_label", json!({"name": format!("label {number}")})).await;
        ask(handle, "list_labels", json!({})).await;
        if number % 2 == 0 {
            ask(handle, "confirm_action", confirming(&pending)).await;
        }
    }
}

/// Records that nobody looks for, many at once.
async fn filled(handle: &Handle, count: usize) {
    let caller = full::owner(handle);
    for _ in 0..count / 1_000 {
        let mut together = tokio::task::JoinSet::new();
        for _ in 0..1_000 {
            let (handle, caller) = (handle.clone(), caller.clone());
            together.spawn(async move { handle.record(caller, vec![log_read("filling")]).await });
        }
        assert!(together.join_all().await.iter().all(Result::is_ok));
    }
}

/// A shelf that can be read so often, and then no more.
struct Breaks {
    inner: Memory,
    left: Arc<AtomicUsize>,
}

impl Breaks {
    fn used(&self) -> Result<(), Error> {
        let used = self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        used.map(drop).map_err(|_| Error::Damaged("for a test"))
    }
}

impl Shelf for Breaks {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.used()?;
        self.inner.get(key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8]) -> Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), Error>> + '_> {
        match self.used() {
            Ok(()) => self.inner.scan(prefix, from),
            Err(broken) => Box::new(std::iter::once(Err(broken))),
        }
    }

    fn apply(&self, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), Error> {
        self.inner.apply(changes)
    }

    fn flush(&self) -> Result<(), Error> {
        self.inner.flush()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_records_are_found_where_rows_cannot_be_read() {
    let handle = processor::open(full::opening(Arc::new(MemoryLog::default()))).unwrap();
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let shelf = Breaks {
        inner: Memory::default(),
        left: Arc::clone(&left),
    };
    let store = Store::new(Arc::new(shelf), "any", "any");
    let rows = store.rows();
    let clerk = Clerk::start(handle.clone(), store, Desk::new("/nowhere".into(), Some(rows.clone()))).unwrap();
    labels(&handle, 0..30).await;
    filled(&handle, 4_000).await;
    labels(&handle, 30..60).await;
    let upto = handle.snapshot().position;
    assert!(upto > 4_150, "two buckets, and labels in both");
    eventually("the rows catch up", || rows.position() >= upto).await;
    drop(clerk);
    let before = compared(&handle, upto);
    handle.attach(rows);
    assert_eq!(compared(&handle, upto), before, "through the rows");
    for reads in [0, 3, 13] {
        left.store(reads, Ordering::Release);
        assert_eq!(compared(&handle, upto), before, "after {reads} reads");
        assert_eq!(left.load(Ordering::Acquire), 0, "they were asked");
    }
}

async fn refused(handle: &Handle, name: &str, times: usize) {
    let pending = ask(handle, "create_label", json!({"name": name})).await;
    let wrong = json!({"actionId": pending["actionId"], "confirmToken": format!("ct_{}", "0".repeat(40))});
    for _ in 0..times {
        let no = ask(handle, "confirm_action", wrong.clone()).await;
        assert_eq!(no["error"]["code"], "token_invalid", "{no}");
    }
}

fn alerts(handle: &Handle) -> Vec<(u32, Vec<u64>)> {
    let snapshot = handle.snapshot();
    let alerts = snapshot.table::<Alert>().unwrap().rows();
    alerts.map(|row| (row.times, row.evidence.clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_records_are_found_with_and_without_rows() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    labels(&opened.handle, 0..40).await;
    // Whole buckets of 4,096 records without a label lie between.
    filled(&opened.handle, 9_000).await;
    labels(&opened.handle, 40..50).await;
    let upto = opened.handle.snapshot().position;
    let behind = compared(&opened.handle, upto);
    assert!(behind > 300, "{behind}");
    let rows = opened.desk.rows().unwrap().clone();
    eventually("the rows catch up", || rows.position() >= upto).await;
    assert_eq!(compared(&opened.handle, upto), behind);
    opened.close().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_raised_once_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    refused(&opened.handle, "one", 4).await;
    opened.close().unwrap();
    let opened = open(dir.path());
    assert!(alerts(&opened.handle).is_empty(), "four are not enough");
    refused(&opened.handle, "two", 1).await;
    let handle = opened.handle.clone();
    eventually("an alert", || alerts(&handle).len() == 1).await;
    let raised = alerts(&handle);
    assert_eq!(
        (raised[0].0, raised[0].1.len()),
        (1, 5),
        "four of them from before the restart"
    );
    let shown: Value = ask(&handle, "list_audit_alerts", json!({})).await;
    assert_eq!(shown["items"][0]["kind"], "confirm_refusals", "{shown}");
    drop(handle);
    opened.close().unwrap();
    for _ in 0..2 {
        let opened = open(dir.path());
        ask(&opened.handle, "list_labels", json!({})).await;
        assert_eq!(alerts(&opened.handle), raised, "the same evidence counts once");
        opened.close().unwrap();
    }
}
