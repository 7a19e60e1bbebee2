//! A disk that fills up under load: work is refused and nothing else, and it goes on when there is room again.

mod back;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use journal::disk::{Fate, SimulatedDisk};
use journal::{Journal, Log, Options};
use orkestra::kernel::identity::Member;
use orkestra::kernel::{Caller, Registry, State};
use orkestra::modules::organizations::founding::Founding;
use orkestra::processor::{self, Handle, Opening};
use serde_json::{Map, Value, json};

use crate::story;
use back::TakesBack;

fn options() -> Options {
    Options {
        segment_bytes: 64 << 10,
        record_bytes_max: 16 << 10,
        reserve_bytes: 4 << 10,
        ..Options::default()
    }
}

pub fn opening(log: Arc<dyn Log>) -> Opening {
    opening_with(log, orkestra::data::registry())
}

pub fn opening_with(log: Arc<dyn Log>, registry: Registry) -> Opening {
    Opening {
        log,
        registry: Arc::new(registry),
        key: story::key(),
        clock: Arc::new(orkestra::data::now),
        checkpoint: None,
        doubt: None,
        torn: None,
        founding: Some(Founding {
            name: "Acme".to_owned(),
            slug: "acme".to_owned(),
            timezone: "UTC".to_owned(),
            currency: "EUR".to_owned(),
            locale: None,
            owner: ("Ana".to_owned(), "ana".to_owned(), None),
        }),
        wait_for_reads: true,
    }
}

pub fn owner(handle: &Handle) -> Caller {
    let snapshot = handle.snapshot();
    let row = snapshot.table::<Member>().unwrap().rows().next().unwrap();
    orkestra::demo::author(row.org.clone(), row.id)
}

/// A server on a simulated disk, and its owner.
fn opened(disk: &SimulatedDisk) -> (Journal, Handle, Caller) {
    let (journal, _) = Journal::open_on(Arc::new(disk.clone()), options(), "example.org/log").unwrap();
    let handle = processor::open(opening(Arc::new(journal.clone()))).unwrap();
    let caller = owner(&handle);
    (journal, handle, caller)
}

pub fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// Proposes and confirms until the disk refuses; the names of what was acknowledged.
async fn work(handle: Handle, caller: Caller, who: usize) -> Vec<String> {
    let mut done = Vec::new();
    for number in 0..400 {
        let name = format!("label {who} {number}");
        let Ok(pending) = handle
            .call(caller.clone(), "create_label", object(&json!({"name": name})))
            .await
        else {
            return done;
        };
        let confirm = object(&json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]}));
        match handle.call(caller.clone(), "confirm_action", confirm).await {
            Ok(_) => done.push(name),
            Err(no) => {
                assert_eq!(no.code, "unavailable", "{no:?}");
                return done;
            }
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_refuses_and_goes_on() {
    let disk = SimulatedDisk::new();
    let (journal, handle, caller) = opened(&disk);
    let mut all = Vec::new();
    for round in 0..8 {
        disk.set(Fate {
            space_bytes: Some(40_000 + round * 7_001),
            ..Fate::default()
        });
        let workers: Vec<_> = (0..8)
            .map(|who| {
                tokio::spawn(work(
                    handle.clone(),
                    caller.clone(),
                    usize::try_from(round).unwrap() * 8 + who,
                ))
            })
            .collect();
        for worker in workers {
            all.extend(worker.await.unwrap());
        }
        assert_eq!(*handle.closed().borrow(), None, "a full disk closes nothing");
        disk.set(Fate::default());
        let name = format!("room again {round}");
        let mut tries = 0;
        while work_once(&handle, &caller, &name).await.is_err() {
            tries += 1;
            assert!(tries < 200, "there is room again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        all.push(name);
    }
    journal.close().unwrap();
    holds(&journal, &handle, &all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_its_end_is_journaled() {
    let disk = SimulatedDisk::new();
    let (journal, handle, caller) = opened(&disk);
    disk.set(Fate {
        space_bytes: Some(40_000),
        ..Fate::default()
    });
    let done = work(handle.clone(), caller.clone(), 0).await;
    let tight = handle.tight().expect("work is refused");
    disk.set(Fate::default());
    // Nobody asks for anything: the processor finds out by itself.
    for _ in 0..400 {
        if handle.tight().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(handle.tight().is_none(), "there is room again");
    let last = journal.get(journal.durable()).unwrap().unwrap().text;
    let facts = &serde_json::from_str::<Value>(&last).unwrap()["events"][0];
    assert_eq!(facts["type"], "journal.resumed", "{last}");
    assert_eq!(facts["data"]["since"], json!(tight.since));
    assert!(
        facts["data"]["why"].as_str().unwrap().contains("the journal is full"),
        "{last}"
    );
    journal.close().unwrap();
    holds(&journal, &handle, &done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_is_not_called_nothing() {
    let disk = SimulatedDisk::new();
    let (_journal, handle, caller) = opened(&disk);
    work_once(&handle, &caller, "before").await.unwrap();
    disk.set(Fate {
        fail_sync: Some(0),
        ..Fate::default()
    });
    let said = work_once(&handle, &caller, "perhaps").await.unwrap_err();
    assert!(said.starts_with("it is not known whether this was done: "), "{said}");
    let later = work_once(&handle, &caller, "never").await.unwrap_err();
    assert!(later.starts_with("nothing was done: "), "{later}");
    let survivor = disk.after_power_cut(Box::new(|| true));
    let (again, _) = Journal::open_on(Arc::new(survivor), options(), "example.org/log").unwrap();
    let texts: Vec<String> = again.read(1).unwrap().map(|line| line.unwrap().text).collect();
    assert!(texts.iter().any(|text| text.contains("before")));
    assert!(!texts.iter().any(|text| text.contains("never")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_has_room_to_say_no() {
    let disk = SimulatedDisk::new();
    let (journal, handle, caller) = opened(&disk);
    disk.set(Fate {
        space_bytes: Some(40_000),
        ..Fate::default()
    });
    // The reserve is kept from when the journal knows that no segment can be had.
    let mut done = Vec::new();
    while journal.health().full.is_none() {
        let name = format!("before {}", done.len());
        work_once(&handle, &caller, &name).await.unwrap();
        done.push(name);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    done.extend(work(handle.clone(), caller.clone(), 0).await);
    let full_at = journal.durable();
    let refused = [
        ("no_such_tool", json!({}), "unknown_tool"),
        ("create_label", json!({"name": 7}), "validation_failed"),
        ("list_labels", json!({"sideways": true}), "unknown_argument"),
        ("confirm_action", json!({"actionId": "act_nobody"}), "not_found"),
    ];
    for (tool, args, code) in &refused {
        let name = format!("label {tool}");
        let (worked, no) = tokio::join!(
            work_once(&handle, &caller, &name),
            handle.call(caller.clone(), tool, object(args)),
        );
        assert!(worked.unwrap_err().starts_with("nothing was done: "), "{tool}");
        assert_eq!(no.unwrap_err().code, *code);
    }
    assert_eq!(*handle.closed().borrow(), None);
    journal.close().unwrap();
    let said: Vec<String> = journal
        .read(full_at + 1)
        .unwrap()
        .map(|line| line.unwrap().text)
        .filter(|text| text.contains("call.rejected") || text.contains("confirm.refused"))
        .collect();
    assert_eq!(said.len(), refused.len(), "{said:#?}");
    for (text, (_, _, code)) in said.iter().zip(&refused) {
        assert!(text.contains(&format!(r#""code":"{code}""#)), "{text}");
    }
    holds(&journal, &handle, &done);
}

/// The journal alone gives the state, and everything that was acknowledged is in it.
fn holds(log: &dyn Log, handle: &Handle, all: &[String]) {
    let registry = orkestra::data::registry();
    let mut folded = State::new(&registry.kinds());
    for line in log.read(1).unwrap() {
        let line = line.unwrap();
        folded.apply(line.seq, &line.text).unwrap();
    }
    assert_eq!(folded.digest().unwrap(), handle.snapshot().digest().unwrap());
    let labels = folded.table::<orkestra::modules::labels::Label>().unwrap();
    let names: Vec<String> = labels.rows().map(|row| row.name.clone()).collect();
    assert!(all.len() > 8 && all.iter().all(|name| names.contains(name)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_journal_takes_back_never_happened() {
    let log = TakesBack::default();
    let handle = processor::open(opening(Arc::new(log.clone()))).unwrap();
    let caller = owner(&handle);
    let mut all = Vec::new();
    for round in 0..60 {
        let workers: Vec<_> = (0..8)
            .map(|who| tokio::spawn(work(handle.clone(), caller.clone(), round * 8 + who)))
            .collect();
        for worker in workers {
            all.extend(worker.await.unwrap());
        }
    }
    assert!(
        log.taken_back() > 60,
        "batches that build on each other were taken back"
    );
    assert_eq!(*handle.closed().borrow(), None);
    tokio::time::sleep(Duration::from_millis(20)).await;
    holds(&log, &handle, &all);
}

async fn work_once(handle: &Handle, caller: &Caller, name: &str) -> Result<(), String> {
    let pending = handle
        .call(caller.clone(), "create_label", object(&json!({"name": name})))
        .await;
    let pending = pending.map_err(|no| no.message)?;
    let confirm = object(&json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]}));
    handle
        .call(caller.clone(), "confirm_action", confirm)
        .await
        .map(drop)
        .map_err(|no| no.message)
}
