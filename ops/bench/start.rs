//! The start: replay of a long journal, start from a checkpoint, and what a pending action takes in memory.
//!
//! `cargo bench --bench start [-- RECORDS]`. The journal is made by the engine, through the tools; a tenth of it are offers
//! that nobody confirmed. Each measure runs in a process of its own; files are in the page cache.
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
use std::time::{Duration, Instant};

use journal::Log as _;
use maker::journal;
use measure::{apart, number};
use orkestra::data::{self, DataDir, How};
use orkestra::kernel::State;
use orkestra::processor;
use serde_json::{Value, json};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RECORDS: u64 = 1_000_000;
const ROUNDS: usize = 3;

fn memory_now() -> u64 {
    measure::memory("VmRSS:")
}

/// Opens, checks and folds the whole journal.
fn replay(dir: &Path) -> Value {
    let begun = Instant::now();
    let (journal, last) = journal(dir);
    let opened = begun.elapsed();
    let mut state = State::unindexed(&data::registry().kinds());
    processor::fold(&mut state, journal.read(1).unwrap(), &mut |_| {}).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    json!({"records": last, "seconds": seconds, "opened": opened.as_secs_f64(), "pending": state.actions.pending_len(),
        "resident": memory_now()})
}

/// What the offers at the end add to the state, record by record, so that nothing else takes memory meanwhile.
fn pending(dir: &Path) -> Value {
    let (journal, last) = journal(dir);
    let mut state = State::new(&data::registry().kinds());
    let (offers, mut before) = (make::pending(last), 0);
    let mut lines = journal.reader(1);
    while let Some(line) = lines.next_ref().unwrap() {
        if line.seq == last - offers {
            before = memory_now();
        }
        state.apply(line.seq, line.text).unwrap();
    }
    json!({"bytesPerPending": (memory_now() - before) / offers})
}

async fn eventually(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Starts as `orkestra serve` does, and ends once the rows are whole.
async fn start(dir: &Path) -> Value {
    let begun = Instant::now();
    let opened = data::open(&DataDir(dir.to_owned()), &How::default()).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let (boot, resident) = (json!(opened.handle.boot()), memory_now());
    let (rows, position) = (opened.desk.rows().unwrap().clone(), opened.handle.snapshot().position);
    eventually(|| rows.position() >= position && rows.is_whole()).await;
    let followed = begun.elapsed().as_secs_f64();
    let bytes = opened.desk.bytes();
    drop(rows);
    opened.close().unwrap();
    json!({"seconds": seconds, "followed": followed, "rows": bytes, "boot": boot, "resident": resident})
}

fn median(mut found: Vec<Value>) -> Value {
    found.sort_by(|one, two| {
        one["seconds"]
            .as_f64()
            .unwrap()
            .total_cmp(&two["seconds"].as_f64().unwrap())
    });
    found.swap_remove(found.len() / 2)
}

fn measured(records: u64) {
    let dir = tempfile::tempdir().unwrap();
    make::journal(dir.path(), records);
    let replayed = median((0..ROUNDS).map(|_| apart("--replay", dir.path())).collect());
    let (records, seconds) = (number(&replayed, "records"), number(&replayed, "seconds"));
    println!(
        "replay (open, check, apply)  {records:.0} records in {seconds:.2} s, {:.0} records/s (bar 250,000)",
        records / seconds
    );
    println!(
        "  of which opening {:.2} s; {:.0} MiB resident with {} pending",
        number(&replayed, "opened"),
        number(&replayed, "resident") / f64::from(1 << 20),
        replayed["pending"]
    );
    println!(
        "a pending action             {} bytes (bar 2,048)",
        apart("--memory", dir.path())["bytesPerPending"]
    );
    let first = apart("--start", dir.path());
    println!(
        "rows built from nothing      {:.1} s after the start, {:.0} MiB on disk",
        number(&first, "followed") - number(&first, "seconds"),
        number(&first, "rows") / f64::from(1 << 20)
    );
    let started = median((0..ROUNDS).map(|_| apart("--start", dir.path())).collect());
    assert_eq!(started["boot"]["rebuilt"], Value::Null, "{started}");
    assert!(number(&started["boot"], "checkpoint") >= records, "{started}");
    println!(
        "start from a checkpoint      {:.2} s (bar 3 s at a million), {:.0} MiB resident",
        number(&started, "seconds"),
        number(&started, "resident") / f64::from(1 << 20)
    );
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let dir = || Path::new(args[1].as_str());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match args.first().map(String::as_str) {
        Some("--test") => {}
        Some("--replay") => println!("{}", replay(dir())),
        Some("--memory") => println!("{}", pending(dir())),
        Some("--start") => println!("{}", runtime.block_on(start(dir()))),
        Some("--make") => make::journal(dir(), args[2].parse().unwrap()),
        Some(records) => measured(records.replace('_', "").parse().unwrap()),
        None => measured(RECORDS),
    }
}
