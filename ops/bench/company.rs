//! A company at work: a large organisation, changes of hundreds of tasks, many who read at once, and one who changes things meanwhile.
//!
//! `cargo bench --bench company [-- TASKS]`. The organisation is made by the engine, through the tools. The readers speak to the
//! real program over HTTP (protocol 2026-07-28), each as fast as it is answered; load generator and server share the machine.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench says what it measured, and stops where it cannot"
)]

#[path = "company/bulk.rs"]
mod bulk;
#[path = "company/goods.rs"]
mod goods;
#[path = "company/make.rs"]
mod make;
#[path = "start/maker.rs"]
mod maker;
#[path = "company/reads.rs"]
mod reads;
#[path = "http/wire.rs"]
mod wire;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reads::READS;
use serde_json::json;
use wire::{Server, Wire, orkestra, resident_kib};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TASKS: u64 = 200_000;
const READERS: u64 = 16;
const MEASURED: Duration = Duration::from_secs(30);

/// What was waited, in milliseconds: the median, the 99th of a hundred, and the longest.
fn told(what: &str, mut waited: Vec<Duration>) {
    waited.sort();
    let at = |part: usize| waited[(waited.len() - 1) * part / 100].as_secs_f64() * 1e3;
    println!(
        "{what:<42} {:>7} times  p50 {:>6.2} ms  p99 {:>6.2} ms  most {:>6.2} ms",
        waited.len(),
        at(50),
        at(99),
        at(100)
    );
}

/// Reads one thing after another until it is enough; what each kind of read was waited for.
async fn reader(server: Arc<Server>, number: u64, tasks: u64, stop: Arc<AtomicBool>) -> Vec<(usize, Duration)> {
    let mut wire = Wire::open(&server, usize::try_from(number).unwrap()).await;
    let mut waited = Vec::new();
    for turn in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let seed = (number << 40 | turn).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let kind = usize::try_from(turn).unwrap() % READS.len();
        let (_, tool, args) = READS[kind];
        let args = args(seed >> 16, tasks);
        let begun = Instant::now();
        wire.call(tool, &args).await;
        waited.push((kind, begun.elapsed()));
        wire.said();
    }
    waited
}

/// Makes tasks, one after another.
async fn writer(server: Arc<Server>, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut wire = Wire::open(&server, 0).await;
    let mut waited = Vec::new();
    for turn in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let begun = Instant::now();
        let args = json!({"project": "P1", "title": format!("{} again", maker::title(turn))});
        wire.does("create_task", &args).await;
        waited.push(begun.elapsed());
    }
    waited
}

async fn load(server: &Arc<Server>, tasks: u64) {
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..READERS)
        .map(|number| tokio::spawn(reader(Arc::clone(server), number, tasks, Arc::clone(&stop))))
        .collect();
    let writes = tokio::spawn(writer(Arc::clone(server), Arc::clone(&stop)));
    tokio::time::sleep(MEASURED).await;
    stop.store(true, Ordering::Relaxed);
    let mut waited = vec![Vec::new(); READS.len()];
    for reader in readers {
        for (kind, time) in reader.await.unwrap() {
            waited[kind].push(time);
        }
    }
    for ((what, ..), waited) in READS.iter().zip(waited) {
        told(what, waited);
    }
    told("propose and confirm a task", writes.await.unwrap());
}

/// Every kind of read, one at a time with nobody else there.
async fn alone(server: &Arc<Server>, tasks: u64) {
    let mut wire = Wire::open(server, 0).await;
    for (what, tool, args) in READS {
        let mut waited = Vec::new();
        for turn in 0..50_u64 {
            let args = args(turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16, tasks);
            let begun = Instant::now();
            wire.call(tool, &args).await;
            waited.push(begun.elapsed());
            wire.said();
        }
        told(&format!("alone: {what}"), waited);
    }
}

/// Stops the program as an operator does, and waits until it has written what a start needs.
fn stopped(mut server: Server) {
    let id = server.child.id().to_string();
    std::process::Command::new("kill").arg(id).status().unwrap();
    server.child.wait().unwrap();
}

/// Waits until the rows that a start begins from are up to what was journaled before.
async fn followed(server: &Server) {
    let mut wire = Wire::open(server, 0).await;
    wire.call("get_me", &json!({})).await;
    let (wanted, client) = (wire.said()["asOf"].as_u64(), reqwest::Client::new());
    loop {
        let asked = client.get(format!("http://{}/v1/stats", server.address));
        let said = asked
            .bearer_auth(&server.tokens[0])
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        if said["asOf"].as_u64() >= wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// With a company that was made before.
async fn measured(dir: &Path, tasks: u64) {
    // Whatever is asked over plain HTTP here, the client wants to know one.
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let first = orkestra(dir, false);
    followed(&first).await;
    stopped(first);
    let begun = Instant::now();
    let server = Arc::new(orkestra(dir, false));
    // Three tokens are made in it: a few milliseconds each.
    println!(
        "start from a checkpoint {:.2} s (bar 3 s)",
        begun.elapsed().as_secs_f64()
    );
    followed(&server).await;
    bulk::bulk(&server, tasks).await;
    alone(&server, tasks).await;
    load(&server, tasks).await;
    println!("memory {} MiB (bar 1,024)", resident_kib(&server) / 1024);
    stopped(Arc::into_inner(server).unwrap());
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |text: &str| text.replace('_', "").parse().unwrap();
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    match args.first().map(String::as_str) {
        Some("--test") => {}
        Some("--make") => make::company(Path::new(&args[1]), number(&args[2])),
        Some("--at") => runtime().block_on(measured(Path::new(&args[1]), number(&args[2]))),
        given => {
            let (dir, tasks) = (tempfile::tempdir().unwrap(), given.map_or(TASKS, number));
            make::company(dir.path(), tasks);
            runtime().block_on(measured(dir.path(), tasks));
        }
    }
}
