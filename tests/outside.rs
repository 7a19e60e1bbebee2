//! What a plan needs outside, done by the worker inside the server and by `orkestra worker`'s code over a real broker.

mod doors;

use std::sync::Arc;
use std::time::Duration;

use journal::MemoryLog;
use orkestra::execution::nats::streams::{Mode, Wanted};
use orkestra::execution::nats::worker::{self, Worker};
use orkestra::execution::nats::{self, How, Line, Settings};
use orkestra::execution::{self, embedded};
use orkestra::kernel::Caller;
use orkestra::kernel::engine::{Order, Settled};
use orkestra::kernel::execution::BUILT_IN;
use orkestra::processor::{self, Handle};
use projections::{Action, Actor, Id, Stage};
use tokio_util::sync::CancellationToken;

use crate::full::{opening_with, owner};
use crate::nats::broker::{Broker, PASSWORD};
use doors::{Knocker, does, knocks, registry};

fn house(log: &MemoryLog) -> (Handle, Caller) {
    let handle = processor::open(opening_with(Arc::new(log.clone()), registry())).unwrap();
    let caller = owner(&handle);
    (handle, caller)
}

fn action(handle: &Handle, id: Id<Action>) -> Arc<Action> {
    Arc::clone(handle.snapshot().actions.get(id).unwrap())
}

async fn until(handle: &Handle, id: Id<Action>, stage: Stage) -> Arc<Action> {
    let wait = async {
        while action(handle, id).stage != stage {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
    let found = action(handle, id);
    assert!(waited.is_ok(), "{} instead of {stage}", found.stage);
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_inside_does_each_once_and_tries_again_what_failed() {
    let (handle, caller) = house(&MemoryLog::default());
    let (knocker, stop) = (Knocker::default(), CancellationToken::new());
    let running = tokio::spawn(embedded::run(handle.clone(), knocker.performers(), stop.clone()));
    let mut all = Vec::new();
    for number in 0..40 {
        all.push(knocks(&handle, &caller, &format!("door {number}")).await);
    }
    for id in all {
        assert_eq!(until(&handle, id, Stage::Succeeded).await.attempt, 1);
    }
    assert_eq!(knocker.heard(), [1; 40]);
    let deaf = knocks(&handle, &caller, "deaf door").await;
    assert_eq!(until(&handle, deaf, Stage::Succeeded).await.attempt, 3);
    // Stopped politely, it finishes what it began.
    let steady = knocks(&handle, &caller, "steady door").await;
    while knocker.heard().len() < 42 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_eq!(action(&handle, steady).stage, Stage::Succeeded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_worker_inside_was_at_is_unknown_after_a_crash() {
    let (log, knocker) = (MemoryLog::default(), Knocker::default());
    let (handle, caller) = house(&log);
    let running = tokio::spawn(embedded::run(
        handle.clone(),
        knocker.performers(),
        CancellationToken::new(),
    ));
    let slow = knocks(&handle, &caller, "slow door").await;
    let bell = does(&handle, &caller, "ring", "slow once, a bell").await;
    while knocker.heard().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
    drop(handle);
    let (handle, _) = house(&log);
    assert_eq!(handle.boot().without_outcome, 2);
    tokio::spawn(embedded::run(
        handle.clone(),
        knocker.performers(),
        CancellationToken::new(),
    ));
    until(&handle, slow, Stage::Unknown).await;
    // What may be done twice is tried again, under the same key.
    assert_eq!(until(&handle, bell, Stage::Succeeded).await.attempt, 2);
    let mut heard = knocker.heard();
    heard.sort_unstable();
    assert_eq!(heard, [1, 2], "the other one nobody tries again by himself");
    let order = Order::Reconcile(Settled {
        happened: true,
        evidence: "the neighbours complained".to_owned(),
    });
    let org = caller.org.clone();
    execution::settle(&handle, Actor::system(), org, slow.to_string(), order)
        .await
        .unwrap();
    until(&handle, slow, Stage::Succeeded).await;
}

async fn line(broker: &Broker, dir: &std::path::Path, user: &str) -> Line {
    let password = dir.join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let settings = Settings {
        url: broker.url(),
        user: Some(user.to_owned()),
        password_file: Some(password),
        ..Settings::default()
    };
    Line::open(&settings, user).await.unwrap()
}

fn how(wanted: Wanted) -> How {
    How {
        wanted,
        mode: Mode::Make,
        telemetry: Arc::default(),
    }
}

fn works(line: Line, knocker: &Knocker, stop: &CancellationToken) -> tokio::task::JoinHandle<()> {
    let worker = Worker {
        name: BUILT_IN.to_owned(),
        modules: vec!["doors".to_owned()],
        concurrency: 8,
        performers: knocker.performers(),
    };
    let stop = stop.clone();
    tokio::spawn(async move { worker::run(&line, worker, stop).await.unwrap() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn built_in_workers_do_each_once_over_a_broker() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::started(dir.path());
    let (handle, caller) = house(&MemoryLog::default());
    let (knocker, stop) = (Knocker::default(), CancellationToken::new());
    let wanted = Wanted::of(handle.registry(), 1);
    let near = line(&broker, dir.path(), "server").await;
    let server = tokio::spawn(nats::run(handle.clone(), near, how(wanted), stop.clone()));
    let mut workers = Vec::new();
    let at_work = CancellationToken::new();
    for _ in 0..2 {
        workers.push(works(line(&broker, dir.path(), "worker").await, &knocker, &at_work));
    }
    let mut all = Vec::new();
    for number in 0..100 {
        all.push(knocks(&handle, &caller, &format!("door {number}")).await);
    }
    for id in all {
        assert_eq!(until(&handle, id, Stage::Succeeded).await.attempt, 1);
    }
    assert_eq!(knocker.heard(), [1; 100]);
    let mut traced = caller.clone();
    traced.trace = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let deaf = knocks(&handle, &traced, "deaf door").await;
    let done = until(&handle, deaf, Stage::Succeeded).await;
    assert_eq!(done.attempt, 3);
    let record = handle.past().record(done.last_seq).unwrap().unwrap();
    assert!(
        record.contains("0af7651916cd43dd8448eb211c80319c"),
        "the trace came with the outcome: {record}"
    );
    // Stopped politely, a worker finishes what it began.
    let steady = knocks(&handle, &caller, "steady door").await;
    while knocker.heard().len() < 102 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    at_work.cancel();
    for task in workers {
        task.await.unwrap();
    }
    assert_eq!(until(&handle, steady, Stage::Succeeded).await.attempt, 1);
    stop.cancel();
    server.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_after_the_deed_leaves_it_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::started(dir.path());
    let (handle, caller) = house(&MemoryLog::default());
    let (knocker, stop) = (Knocker::default(), CancellationToken::new());
    let mut wanted = Wanted::of(handle.registry(), 1);
    wanted.ack_wait = Duration::from_millis(500);
    let near = line(&broker, dir.path(), "server").await;
    tokio::spawn(nats::run(handle.clone(), near, how(wanted), stop.clone()));
    let slow = knocks(&handle, &caller, "slow door").await;
    // It lives in a runtime of its own, because all of it must die at once.
    let dying = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (url, knocking, folder) = (broker.url(), knocker.clone(), dir.path().to_owned());
    dying.spawn(async move {
        let settings = Settings {
            url,
            user: Some("worker".to_owned()),
            password_file: Some(folder.join("password")),
            ..Settings::default()
        };
        let line = Line::open(&settings, "dies").await.unwrap();
        works(line, &knocking, &CancellationToken::new()).await.unwrap();
    });
    // Longer than the broker waits: while it lives and works, nobody else gets it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        (knocker.heard(), action(&handle, slow).stage),
        (vec![1], Stage::Executing)
    );
    dying.shutdown_background();
    works(line(&broker, dir.path(), "worker").await, &knocker, &stop);
    until(&handle, slow, Stage::Unknown).await;
    assert_eq!(knocker.heard(), [1], "nobody tries it again by himself");
    stop.cancel();
}
