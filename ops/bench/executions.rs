//! Confirmed executions per second: the worker inside the server against workers that a real nats-server reaches.
//!
//! `cargo bench --bench executions [-- EXECUTIONS]`, after `ops/setup` (it has the nats-server). Server, workers and callers share
//! this process; the journal is on disk, the broker as `ops/nats.conf` has it but for its users. The effect does nothing, so
//! that only the way to it and back is measured. A pair is a proposal, its confirmation and its outcome.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::unnecessary_wraps,
    reason = "a bench says what it measured, and stops where it cannot"
)]

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use journal::{Journal, Options};
use mimalloc::MiMalloc;
use orkestra::args;
use orkestra::execution::embedded;
use orkestra::execution::nats::streams::{Mode, Wanted};
use orkestra::execution::nats::worker::{self, Worker};
use orkestra::execution::nats::{self, How, Line, Settings};
use orkestra::execution::perform::{Done, Perform, Performers};
use orkestra::kernel::arg::Int;
use orkestra::kernel::execution::BUILT_IN;
use orkestra::kernel::identity::Member;
use orkestra::kernel::plan::Effect;
use orkestra::kernel::token::ConfirmKey;
use orkestra::kernel::{Caller, Module, Plan, Registry, Rejection, ToolKind, View};
use orkestra::modules::organizations::founding::Founding;
use orkestra::processor::{self, Handle, Opening};
use projections::{Action, Id, Stage};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const EXECUTIONS: usize = 4_000;
const ROUNDS: usize = 3;
/// Fewer than the offers that one caller may have waiting.
const CALLERS: usize = 48;

args! {
    /// Arguments of `knock`.
    pub struct Knock {
        /// Which time.
        number: Int<0, 1_000_000_000>,
    }
}

fn knock(args: Knock, _: &View<'_>) -> Result<Plan, Rejection> {
    let mut plan = Plan::new("Knock");
    plan.effects.push(Effect {
        kind: "knock".into(),
        detail: json!({"number": args.number.0}),
    });
    Ok(plan)
}

struct Knocker;

impl Perform for Knocker {
    fn perform<'a>(&'a self, _: &'a Effect, _: &'a str) -> Pin<Box<dyn Future<Output = Done> + Send + 'a>> {
        Box::pin(async { Done::Done(Value::Null) })
    }
}

fn performers() -> Performers {
    Performers::default().with("knock", Arc::new(Knocker))
}

/// A server with a journal of its own.
fn house(dir: &Path) -> (Handle, Caller) {
    let (journal, _) = Journal::open(dir, Options::default(), "bench").unwrap();
    let doors = Module::new("doors", "Doors", "Doors").write(ToolKind::Write, "knock", "Knocks.", knock);
    let mut modules = orkestra::modules::all();
    modules.push(doors);
    let opening = Opening {
        log: Arc::new(journal),
        registry: Arc::new(Registry::new(modules)),
        key: ConfirmKey::new([7; 32]),
        clock: Arc::new(orkestra::data::now),
        checkpoint: None,
        doubt: None,
        torn: None,
        founding: Some(Founding {
            name: "Bench".to_owned(),
            slug: "bench".to_owned(),
            timezone: "UTC".to_owned(),
            currency: "EUR".to_owned(),
            locale: None,
            owner: ("Owner".to_owned(), "owner".to_owned(), None),
        }),
        wait_for_reads: true,
    };
    let handle = processor::open(opening).unwrap();
    let snapshot = handle.snapshot();
    let row = snapshot.table::<Member>().unwrap().rows().next().unwrap();
    let caller = orkestra::demo::author(row.org.clone(), row.id);
    (handle, caller)
}

async fn call(handle: &Handle, caller: &Caller, tool: &str, args: Value) -> Value {
    let args = args.as_object().cloned().unwrap();
    handle.call(caller.clone(), tool, args).await.unwrap()
}

/// One pair; how long its outcome took after its confirmation was answered.
async fn pair(handle: &Handle, caller: &Caller, number: usize) -> Duration {
    let pending = call(handle, caller, "knock", json!({"number": number})).await;
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    call(handle, caller, "confirm_action", confirm).await;
    let (confirmed, mut durable) = (Instant::now(), handle.durable());
    let id: Id<Action> = pending["actionId"].as_str().unwrap().parse().unwrap();
    loop {
        durable.mark_unchanged();
        if handle.snapshot().actions.get(id).unwrap().stage == Stage::Succeeded {
            return confirmed.elapsed();
        }
        durable.changed().await.unwrap();
    }
}

struct Measured {
    per_second: f64,
    middle: Duration,
    slow: Duration,
}

async fn measure(handle: &Handle, caller: &Caller, count: usize) -> Measured {
    let (next, begun) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (handle, caller, next) = (handle.clone(), caller.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut took = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return took;
                    }
                    took.push(pair(&handle, &caller, number).await);
                }
            })
        })
        .collect();
    let mut took = Vec::new();
    for caller in callers {
        took.extend(caller.await.unwrap());
    }
    let elapsed = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    Measured {
        per_second: count as f64 / elapsed,
        middle: took[took.len() / 2],
        slow: took[took.len() * 99 / 100],
    }
}

struct Broker {
    process: Child,
    url: String,
}

impl Broker {
    fn start(dir: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/bin/nats-server");
        assert!(program.exists(), "there is no nats-server: run ops/setup");
        let mut command = Command::new(program);
        command
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(dir);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            process,
            url: format!("nats://127.0.0.1:{port}"),
        }
    }

    async fn line(&self) -> Line {
        let settings = Settings {
            url: self.url.clone(),
            ..Settings::default()
        };
        Line::open(&settings, "bench").await.unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn inside(count: usize) -> Measured {
    let dir = tempfile::tempdir().unwrap();
    let (handle, caller) = house(dir.path());
    let stop = CancellationToken::new();
    let running = tokio::spawn(embedded::run(handle.clone(), performers(), stop.clone()));
    let measured = measure(&handle, &caller, count).await;
    stop.cancel();
    running.await.unwrap();
    measured
}

async fn outside(count: usize, workers: usize) -> Measured {
    let dir = tempfile::tempdir().unwrap();
    let (handle, caller) = house(&dir.path().join("journal"));
    let broker = Broker::start(&dir.path().join("broker"));
    let stop = CancellationToken::new();
    let how = How {
        wanted: Wanted::of(handle.registry(), 1),
        mode: Mode::Make,
        telemetry: Arc::default(),
    };
    let mut running = vec![tokio::spawn(nats::run(
        handle.clone(),
        broker.line().await,
        how,
        stop.clone(),
    ))];
    for _ in 0..workers {
        let (line, stop) = (broker.line().await, stop.clone());
        let worker = Worker {
            name: BUILT_IN.to_owned(),
            modules: vec!["doors".to_owned()],
            concurrency: 16,
            performers: performers(),
        };
        running.push(tokio::spawn(
            async move { worker::run(&line, worker, stop).await.unwrap() },
        ));
    }
    // The first makes the streams and wakes the workers; that is not measured.
    pair(&handle, &caller, 999_999_999).await;
    let measured = measure(&handle, &caller, count).await;
    stop.cancel();
    for task in running {
        task.await.unwrap();
    }
    measured
}

#[tokio::main]
async fn main() {
    let given = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let count = given.unwrap_or(EXECUTIONS);
    let mut rows: [Vec<Measured>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        rows[0].push(inside(count).await);
        rows[1].push(outside(count, 1).await);
        rows[2].push(outside(count, 4).await);
    }
    let mut first = None;
    for (name, row) in ["inside", "NATS, 1 worker", "NATS, 4 workers"]
        .into_iter()
        .zip(&mut rows)
    {
        row.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
        let Measured {
            per_second,
            middle,
            slow,
        } = row[ROUNDS / 2];
        let ratio = per_second / *first.get_or_insert(per_second);
        println!(
            "{name:<16} {per_second:>7.0} pairs/s, ratio {ratio:.2}; outcome after p50 {middle:.1?}, p99 {slow:.1?}"
        );
    }
    println!("aim: with 4 workers at least 0.5 of the pairs inside");
}
