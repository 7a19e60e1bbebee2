//! The auditor's work on a long journal: verifying, deciding everything again, timelines, and going to the past.
//!
//! `cargo bench --bench audit [-- RECORDS]`. The journal is made by the engine, through the tools (`start/make.rs`). Each measure
//! runs in a process of its own, on one thread where it says so; files are in the page cache.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench says what it measured, and stops where it cannot"
)]

#[path = "start/make.rs"]
mod make;
#[path = "start/maker.rs"]
mod maker;
#[path = "start/measure.rs"]
mod measure;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use journal::{Log, Look, Options, Verification, verify};
use measure::{apart, number};
use orkestra::audit::Behind;
use orkestra::audit::check::check;
use orkestra::audit::timeline::{Filter, Timeline};
use orkestra::audit::travel::{Machine, Settings, call_then};
use orkestra::data::{self, DataDir};
use orkestra::kernel::engine::Call;
use orkestra::kernel::identity::Member;
use serde_json::{Value, json};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RECORDS: u64 = 1_000_000;

fn look(dir: &Path) -> Arc<dyn Log> {
    Arc::new(Look::at(&dir.join("journal"), Options::default().record_bytes_max).unwrap())
}

fn most_mib() -> u64 {
    measure::memory("VmHWM:") >> 20
}

/// Seconds that the processor has given this process so far, all threads together (proc(5): ticks of a hundredth).
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = |place: usize| fields[place].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

/// Every byte against checksums and tree.
fn verified(dir: &Path) -> Value {
    let (begun, used) = (Instant::now(), processor());
    let report = verify(&dir.join("journal"), &Verification::default(), &mut |_, _| {}).unwrap();
    assert!(report.is_good());
    let used = processor() - used;
    json!({"count": report.root.size, "seconds": begun.elapsed().as_secs_f64(), "used": used})
}

/// Every decision once more, on one thread.
fn checked(dir: &Path) -> Value {
    let (begun, used) = (Instant::now(), processor());
    let past = Behind::new(&look(dir));
    let report = check(Arc::new(data::registry()), past.lines().unwrap(), &past, &mut |_| {}).unwrap();
    assert!(report.is_good(), "{report:?}");
    let used = processor() - used;
    json!({"count": report.decisions, "seconds": begun.elapsed().as_secs_f64(), "used": used, "resident": most_mib()})
}

/// The whole timeline, as lines of JSON.
fn told(dir: &Path) -> Value {
    let begun = Instant::now();
    let (look, mut timeline) = (look(dir), Timeline::new(Filter::default()));
    let mut bytes = 0;
    for line in look.read(1).unwrap().map(Result::unwrap) {
        let entry = timeline.take(line.seq, &line.text).unwrap().unwrap();
        bytes += serde_json::to_vec(&entry).unwrap().len();
    }
    json!({"count": look.durable(), "bytes": bytes, "seconds": begun.elapsed().as_secs_f64(), "resident": most_mib()})
}

/// Journeys of one machine: the first to the end, then to positions all over the journal, with a read at each.
fn travelled(dir: &Path) -> Value {
    let begun = Instant::now();
    let (look, registry) = (look(dir), Arc::new(data::registry()));
    std::fs::create_dir_all(dir.join("projections")).unwrap();
    let kept = DataDir(dir.to_owned()).past(&Settings::default());
    let (machine, last) = (Machine::new(&registry).keeping(kept), look.durable());
    let opened = begun.elapsed().as_secs_f64();
    let (begun, used) = (Instant::now(), processor());
    machine.at(look.as_ref(), last, &mut |_, _| {}).unwrap();
    let (first, used) = (begun.elapsed().as_secs_f64(), processor() - used);
    let mut journeys = Vec::new();
    for number in 1..=40_u64 {
        let position = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (last - last / 4) + last / 8;
        let begun = Instant::now();
        let state = machine.at(look.as_ref(), position, &mut |_, _| {}).unwrap();
        let member = state.table::<Member>().unwrap().rows().next().unwrap().clone();
        let owner = orkestra::demo::author(member.org.clone(), member.id);
        let args = json!({"task": "P1-1"}).as_object().cloned().unwrap();
        let call = Call {
            caller: owner,
            tool: "get_task".to_owned(),
            args,
        };
        let told = call_then(&registry, &Behind::new(&look), &state, &call, state.at).unwrap();
        assert_eq!(told["asOf"], position);
        journeys.push(begun.elapsed().as_secs_f64());
    }
    journeys.sort_by(f64::total_cmp);
    json!({"opened": opened, "first": first, "used": used, "median": journeys[journeys.len() / 2], "slowest": journeys.last(), "resident": most_mib()})
}

fn rate(what: &Value) -> f64 {
    number(what, "count") / number(what, "seconds")
}

/// The same for each second that the processor gave.
fn rate_used(what: &Value) -> f64 {
    number(what, "count") / number(what, "used")
}

fn measured(records: u64) {
    let dir = tempfile::tempdir().unwrap();
    make::journal(dir.path(), records);
    let verified = apart("--verify", dir.path());
    println!(
        "verify                   {:.0} records/s, {:.0} for each second of the processor (bar 600,000)",
        rate(&verified),
        rate_used(&verified)
    );
    let checked = apart("--check", dir.path());
    println!(
        "decide again             {:.0} decisions/s on one thread, {:.0} for each of its seconds (bar 50,000), {:.0} MiB at most",
        rate(&checked),
        rate_used(&checked),
        number(&checked, "resident")
    );
    let told = apart("--told", dir.path());
    println!(
        "timeline                 {:.0} records/s, {:.0} MiB at most (bar 300)",
        rate(&told),
        number(&told, "resident")
    );
    let founding = apart("--travel", dir.path());
    println!(
        "states on the way        made in {:.2} s, {:.2} s of the processor",
        number(&founding, "first"),
        number(&founding, "used")
    );
    let travelled = apart("--travel", dir.path());
    println!(
        "going to the past        journal opened in {:.2} s, first journey {:.2} s, then {:.2} s in the median and {:.2} s at most (bar 1 s), {:.0} MiB at most",
        number(&travelled, "opened"),
        number(&travelled, "first"),
        number(&travelled, "median"),
        number(&travelled, "slowest"),
        number(&travelled, "resident")
    );
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let dir = || Path::new(args[1].as_str());
    match args.first().map(String::as_str) {
        Some("--test") => {}
        Some("--verify") => println!("{}", verified(dir())),
        Some("--check") => println!("{}", checked(dir())),
        Some("--told") => println!("{}", told(dir())),
        Some("--travel") => println!("{}", travelled(dir())),
        Some("--make") => make::journal(dir(), args[2].parse().unwrap()),
        Some(records) => measured(records.replace('_', "").parse().unwrap()),
        None => measured(RECORDS),
    }
}
