//! Searches: on whose thread, how much at once, and what is on record before the answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use journal::{Done, Error, Hook, Line, Log, MemoryLog, Priority, Records};
use orkestra::kernel::Past as _;
use orkestra::kernel::past::Search;
use orkestra::processor::{self, Opening, Plain};
use serde_json::json;

use crate::full;

/// A log that knows who read how much of it, and that can be shut: then whoever reads waits.
#[derive(Clone, Default)]
struct Watched {
    inner: MemoryLog,
    lines: Arc<AtomicUsize>,
    readers: Arc<Mutex<Vec<ThreadId>>>,
    is_shut: Arc<AtomicBool>,
}

impl Log for Watched {
    fn append_as(&self, priority: Priority, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.inner.append_as(priority, bodies, done)
    }

    fn append_after(&self, priority: Priority, after: u64, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.inner.append_after(priority, after, bodies, done)
    }

    fn durable(&self) -> u64 {
        self.inner.durable()
    }

    fn wait(&self, after: u64, timeout: Duration) -> u64 {
        self.inner.wait(after, timeout)
    }

    fn on_durable(&self, hook: Hook) {
        self.inner.on_durable(hook);
    }

    fn read(&self, from: u64) -> Result<Records, Error> {
        self.readers.lock().unwrap().push(thread::current().id());
        while self.is_shut.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(1));
        }
        let lines = Arc::clone(&self.lines);
        let read = self.inner.read(from)?;
        Ok(Box::new(read.inspect(move |_| {
            lines.fetch_add(1, Ordering::AcqRel);
        })))
    }

    fn get(&self, seq: u64) -> Result<Option<Line>, Error> {
        self.inner.get(seq)
    }

    fn closed(&self) -> Option<Arc<str>> {
        self.inner.closed()
    }

    fn close(&self) -> Result<(), Error> {
        self.inner.close()
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_search_keeps_nobody_else_waiting() {
    let log = Watched::default();
    let handle = processor::open(full::opening(Arc::new(log.clone()))).unwrap();
    for (tool, args) in [
        ("list_activity", json!({})),
        ("search_audit_log", json!({})),
        ("get_entity_history", json!({"entity": "@ana"})),
    ] {
        log.readers.lock().unwrap().clear();
        let said = super::ask(&handle, tool, args).await;
        assert!(said["items"].is_array(), "{said}");
        let readers = log.readers.lock().unwrap().clone();
        assert!(!readers.is_empty(), "{tool} reads");
        assert!(
            !readers.contains(&thread::current().id()),
            "{tool} reads on a thread of its own"
        );
    }
}

/// Whoever leaves does not make room: what they asked for still reads.
#[tokio::test(flavor = "current_thread")]
async fn searches_of_clients_that_left_keep_their_turns() {
    let log = Watched::default();
    let handle = processor::open(full::opening(Arc::new(log.clone()))).unwrap();
    log.readers.lock().unwrap().clear();
    log.is_shut.store(true, Ordering::Release);
    for _ in 0..4 {
        let handle = handle.clone();
        let asked = tokio::spawn(async move { super::ask(&handle, "list_activity", json!({})).await });
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        asked.abort();
    }
    let reading = log.readers.lock().unwrap().len();
    log.is_shut.store(false, Ordering::Release);
    assert_eq!(reading, 2, "two at once, whoever waits for them");
    let said = super::ask(&handle, "list_activity", json!({})).await;
    assert!(said["items"].is_array(), "{said}");
}

#[tokio::test(flavor = "current_thread")]
async fn who_reads_the_log_is_on_record_before_the_answer() {
    let log = MemoryLog::default();
    let handle = processor::open(Opening {
        wait_for_reads: false,
        ..full::opening(Arc::new(log.clone()))
    });
    let handle = handle.unwrap();
    let before = log.durable();
    super::ask(&handle, "list_labels", json!({})).await;
    assert_eq!(log.durable(), before, "other reads do not wait");
    super::ask(&handle, "search_audit_log", json!({})).await;
    let last = log.get(log.durable()).unwrap().unwrap().text;
    assert!(last.contains("audit.log_read"), "{last}");
}

#[test]
fn large_records_are_not_all_held_at_once() {
    let log = Watched::default();
    let pad = "x".repeat(400 << 10);
    let bodies: Vec<String> = (0..60)
        .map(|number| format!("{{\"n\":{number},\"pad\":\"{pad}\"}}"))
        .collect();
    let (done, durable) = std::sync::mpsc::channel();
    log.append(bodies, Box::new(move |result| drop(done.send(result))))
        .unwrap();
    durable.recv().unwrap().unwrap();
    let past = Plain(Arc::new(log.clone()));
    let search = |newest_first: bool| Search {
        by: [].into(),
        range: 1..=60,
        newest_first,
        tool_of: std::rc::Rc::new(|_| None),
    };
    past.find(search(false)).next().unwrap().unwrap();
    let read = log.lines.load(Ordering::Acquire);
    assert!(read < 25, "{read} records of 400 KiB for the first one");
    let all =
        |newest_first: bool| -> Vec<(u64, String)> { past.find(search(newest_first)).map(Result::unwrap).collect() };
    let lines = log.inner.read(1).unwrap().map(Result::unwrap);
    let expected: Vec<(u64, String)> = lines.map(|line| (line.seq, line.text)).collect();
    assert_eq!(expected.len(), 60);
    assert!(all(false) == expected);
    let newest: Vec<(u64, String)> = all(true).into_iter().rev().collect();
    assert!(newest == expected);
}
