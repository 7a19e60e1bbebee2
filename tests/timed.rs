//! A server whose hour a test sets: rules that fall due together do not keep callers waiting, and a restart makes up for
//! what was missed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use journal::disk::SimulatedDisk;
use journal::{Journal, Log as _, Options};
use orkestra::kernel::Caller;
use orkestra::modules::tasks::Task;
use orkestra::processor::{self, Handle};
use serde_json::json;

use crate::full::{object, opening, owner};

const MORNING: &str = "2026-03-02T09:00:00Z";

struct House {
    disk: SimulatedDisk,
    hour: Arc<AtomicI64>,
}

impl House {
    fn new() -> Self {
        let morning: Timestamp = MORNING.parse().unwrap();
        Self {
            disk: SimulatedDisk::new(),
            hour: Arc::new(AtomicI64::new(morning.as_second())),
        }
    }

    fn open(&self) -> (Journal, Handle, Caller) {
        let (journal, _) =
            Journal::open_on(Arc::new(self.disk.clone()), Options::default(), "example.org/log").unwrap();
        let mut opening = opening(Arc::new(journal.clone()));
        let hour = Arc::clone(&self.hour);
        opening.clock = Arc::new(move || Timestamp::from_second(hour.load(Ordering::Acquire)).unwrap());
        let handle = processor::open(opening).unwrap();
        let caller = owner(&handle);
        (journal, handle, caller)
    }

    fn pass(&self, hours: i64) {
        self.hour.fetch_add(hours * 3600, Ordering::AcqRel);
    }
}

async fn does(handle: &Handle, caller: &Caller, tool: &str, args: serde_json::Value) {
    let pending = handle.call(caller.clone(), tool, object(&args)).await.unwrap();
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    handle
        .call(caller.clone(), "confirm_action", object(&confirm))
        .await
        .unwrap();
}

fn made(handle: &Handle) -> usize {
    handle.snapshot().table::<Task>().unwrap().len()
}

async fn until(handle: &Handle, tasks: usize) {
    while made(handle) < tasks {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn noon(number: usize) -> serde_json::Value {
    json!({
        "name": format!("Noon {number}"), "trigger": {"kind": "schedule", "cron": "0 12 * * *"},
        "actions": [{"kind": "create_task", "params": {"project": "OPS", "title": format!("Noon {number}")}}],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_hours_that_strike_together_let_callers_in() {
    let house = House::new();
    let (journal, handle, caller) = house.open();
    does(&handle, &caller, "create_project", json!({"name": "Ops", "key": "OPS"})).await;
    for number in 0..1000 {
        does(&handle, &caller, "create_automation_rule", noon(number)).await;
    }
    let before = journal.durable();
    house.pass(3);
    // Whoever calls wakes the processor, which finds that a thousand hours have come.
    for _ in 0..20 {
        handle.call(caller.clone(), "get_me", object(&json!({}))).await.unwrap();
    }
    until(&handle, 1000).await;
    let answered: Vec<u64> = (before + 1..=journal.durable())
        .filter(|seq| {
            journal
                .get(*seq)
                .unwrap()
                .is_some_and(|line| line.text.contains("call.answered"))
        })
        .collect();
    let made = (before + 1..=journal.durable())
        .rfind(|seq| {
            journal
                .get(*seq)
                .unwrap()
                .is_some_and(|line| line.text.contains("task.created"))
        })
        .unwrap();
    assert_eq!(answered.len(), 20);
    // All twenty, one after the other, were answered long before the last of the thousand had its turn.
    assert!(answered.iter().all(|seq| *seq < made), "{answered:?} and {made}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_makes_up_for_what_fell_due() {
    let house = House::new();
    let (journal, handle, caller) = house.open();
    does(&handle, &caller, "create_project", json!({"name": "Ops", "key": "OPS"})).await;
    for number in 0..3 {
        does(&handle, &caller, "create_automation_rule", noon(number)).await;
    }
    drop(handle);
    while Arc::strong_count(&house.hour) > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(journal);
    house.pass(50);
    let (journal, handle, _) = house.open();
    until(&handle, 3).await;
    let fired = (1..=journal.durable()).filter(|seq| {
        journal
            .get(*seq)
            .unwrap()
            .is_some_and(|line| line.text.contains("schedule.fired"))
    });
    assert_eq!(fired.count(), 3, "two noons have passed, each rule comes once");
    let titles: Vec<String> = handle
        .snapshot()
        .table::<Task>()
        .unwrap()
        .rows()
        .map(|task| task.title.clone())
        .collect();
    assert_eq!(titles, ["Noon 0", "Noon 1", "Noon 2"]);
}
