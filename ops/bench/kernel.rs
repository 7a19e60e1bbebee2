//! What a call costs without wire and disk: the engine alone, on one core.
//!
//! `cargo bench --bench kernel`. Tasks are created in one project that grows as it is measured.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench says what it measured, and stops where it cannot"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mimalloc::MiMalloc;
use orkestra::kernel::engine::{self, Call, bootstrap};
use orkestra::kernel::token::ConfirmKey;
use orkestra::kernel::{Caller, Engine, Past, Plan, Rejection, State, View};
use orkestra::modules::organizations::founding::{Founding, found};
use projections::{Actor, Id};
use serde_json::{Value, json};

/// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const TASKS: usize = 20_000;
/// State clones and readers come in batches, as behind the processor.
const TOGETHER: usize = 16;

struct Records(Vec<String>);

impl Past for Records {
    fn record(&self, seq: u64) -> Result<Option<String>, Rejection> {
        Ok(usize::try_from(seq)
            .ok()
            .and_then(|seq| self.0.get(seq.checked_sub(1)?).cloned()))
    }
}

struct Bench {
    engine: Engine,
    records: Records,
    now: Timestamp,
    owner: Caller,
}

impl Bench {
    fn new() -> Self {
        let registry = Arc::new(orkestra::data::registry());
        let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let state = State::new(&registry.kinds());
        let mut engine = Engine::new(Arc::clone(&registry), state, ConfirmKey::new([7; 32]));
        let mut records = Records(Vec::new());
        let (nobody, mut plan) = (bootstrap("", Id::default()), Plan::new("Found"));
        let founding = Founding {
            name: "Bench".to_owned(),
            slug: "bench".to_owned(),
            timezone: "UTC".to_owned(),
            currency: "EUR".to_owned(),
            locale: None,
            owner: ("Owner".to_owned(), "owner".to_owned(), None),
        };
        let seed = Some(Id::derive(now, b"bench"));
        let (org, member) = {
            let view = View::new(engine.state(), &nobody, now, &registry, &records, seed);
            found(&mut plan, &view, &founding).unwrap()
        };
        records
            .0
            .push(engine.operate(Actor::system(), org.to_string(), &plan, now).unwrap());
        let owner = orkestra::demo::author(org.to_string(), member);
        let mut bench = Self {
            engine,
            records,
            now,
            owner,
        };
        let pending = bench.call("create_project", &json!({"name": "Bench", "key": "BENCH"}));
        bench.confirm(&pending);
        bench
    }

    fn called(&self, tool: &str, args: &Value) -> Call {
        Call {
            caller: self.owner.clone(),
            tool: tool.to_owned(),
            args: args.as_object().cloned().unwrap(),
        }
    }

    fn call(&mut self, tool: &str, args: &Value) -> Value {
        let step = self
            .engine
            .call(&self.called(tool, args), self.now, &self.records)
            .unwrap();
        self.records.0.extend(step.records);
        step.answer.unwrap()
    }

    fn confirm(&mut self, pending: &Value) {
        let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        assert_eq!(self.call("confirm_action", &confirm)["status"], "succeeded");
    }

    fn read(&mut self, tool: &str, args: &Value) {
        let call = self.called(tool, args);
        let reading = engine::answer(
            self.engine.registry(),
            self.engine.state(),
            &call,
            self.now,
            &self.records,
        );
        let step = self.engine.note(reading, self.now).unwrap();
        self.records.0.extend(step.records);
        step.answer.unwrap();
    }
}

fn tell(what: &str, spent: Duration, times: usize) {
    println!("{what:<24} {:>6.1} us", spent.as_secs_f64() * 1e6 / times as f64);
}

fn main() {
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let mut bench = Bench::new();
    let (mut proposing, mut confirming, mut sharing) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut published = bench.engine.state().clone();
    for number in 0..TASKS {
        let start = Instant::now();
        let pending = bench.call(
            "create_task",
            &json!({"project": "BENCH", "title": format!("task {number} of many")}),
        );
        let proposed = Instant::now();
        bench.confirm(&pending);
        let confirmed = Instant::now();
        if number % TOGETHER == 0 {
            published = bench.engine.state().clone();
        }
        proposing += proposed - start;
        confirming += confirmed - proposed;
        sharing += confirmed.elapsed();
    }
    drop(published);
    tell("propose create_task", proposing, TASKS);
    tell("confirm create_task", confirming, TASKS);
    tell("share the state", sharing, TASKS);
    for (tool, args) in [
        ("get_task", json!({"task": "BENCH-1"})),
        ("get_me", json!({})),
        ("list_labels", json!({})),
    ] {
        let start = Instant::now();
        for _ in 0..TASKS {
            bench.read(tool, &args);
        }
        tell(tool, start.elapsed(), TASKS);
    }
}
