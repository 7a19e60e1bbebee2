//! Calls over HTTP against the real server, as ratios to a bare rmcp server that answers a constant without a journal.
//!
//! `cargo bench --bench http`. Protocol 2026-07-28, 64 connections, load generator and server on the same machine. Rounds are
//! interleaved, and the ratios are of medians.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench says what it measured, and stops where it cannot"
)]

#[path = "http/wire.rs"]
mod wire;

use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use rmcp::ServerHandler;
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, tower::StreamableHttpService};
use serde_json::json;
use tokio::net::TcpListener;
use wire::{Server, Wire, orkestra, resident_kib, start};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
/// What the task that is read says.
const DESCRIPTION: &str = "The load generator reads this task over and over, as an agent does before it acts on one.";

/// Answers every call with the same text.
#[derive(Clone)]
struct Constant;

impl ServerHandler for Constant {
    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(vec![ContentBlock::text("{\"item\":{\"id\":\"constant\"}}")]).into())
    }
}

async fn serve_constant() {
    let config = StreamableHttpServerConfig::default()
        .with_json_response(true)
        .disable_allowed_hosts();
    let service = StreamableHttpService::new(|| Ok(Constant), Arc::<LocalSessionManager>::default(), config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    println!(
        "{}",
        json!({"http": format!("http://{}", listener.local_addr().unwrap())})
    );
    std::io::stdout().flush().unwrap();
    axum::serve(listener, Router::new().route_service("/mcp", service))
        .await
        .unwrap();
}

fn constant() -> Server {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--serve-constant");
    start(command)
}

/// What one connection does over and over; every turn is so many calls.
#[derive(Clone, Copy)]
enum Work {
    Read(&'static str, &'static str),
    Pair,
}

async fn turn(wire: &mut Wire, work: Work, name: &str) -> u64 {
    match work {
        Work::Read(tool, args) => {
            wire.call(tool, &serde_json::from_str(args).unwrap()).await;
            1
        }
        Work::Pair => {
            wire.does("create_task", &json!({"project": "BENCH", "title": name}))
                .await;
            2
        }
    }
}

/// What one round showed.
#[derive(Clone, Copy)]
struct Seen {
    /// Calls a second.
    rate: f64,
    /// Processor time of the server, in microseconds a call.
    server_micros: f64,
    /// Processor time of the load generator, in microseconds a call.
    load_micros: f64,
}

/// Processor time that a process has used, in clock ticks of 10 ms (proc(5), fields 14 and 15 of `stat`).
fn ticks(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
}

/// One round of calls.
async fn load(server: &Server, work: Work, round: usize) -> Seen {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut tasks = Vec::new();
    for connection in 0..CONNECTIONS {
        let mut wire = Wire::open(server, connection).await;
        let (stop, count) = (Arc::clone(&stop), Arc::clone(&count));
        tasks.push(tokio::spawn(async move {
            for number in 0_u64.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let name = format!("task {round} {connection} {number}");
                count.fetch_add(turn(&mut wire, work, &name).await, Ordering::Relaxed);
            }
        }));
    }
    let (start, its) = (Instant::now(), server.child.id().to_string());
    let before = (ticks(&its), ticks("self"));
    tokio::time::sleep(ROUND).await;
    let calls = count.load(Ordering::Relaxed) as f64;
    let rate = calls / start.elapsed().as_secs_f64();
    let micros = |before: f64, after: f64| (after - before) * 10_000.0 / calls;
    let (server_micros, load_micros) = (micros(before.0, ticks(&its)), micros(before.1, ticks("self")));
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    Seen {
        rate,
        server_micros,
        load_micros,
    }
}

fn median(rounds: &[Seen], of: impl Fn(&Seen) -> f64) -> f64 {
    let mut sorted: Vec<f64> = rounds.iter().map(of).collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// One line of the result. A pair is two calls, and its ratio is that of pairs.
fn tell(what: &str, rounds: &[Seen], work: Work, constant: f64) {
    let (size, unit) = match work {
        Work::Read(..) => (1.0, "calls"),
        Work::Pair => (2.0, "pairs"),
    };
    let rate = median(rounds, |seen| seen.rate) / size;
    println!(
        "{what:<20} {rate:>6.0} {unit}/s  {:.2} of the constant server  {:>4.0} us server and {:>3.0} us load a call",
        rate / constant,
        median(rounds, |seen| seen.server_micros),
        median(rounds, |seen| seen.load_micros),
    );
}

async fn measure() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (bare, ours, quick) = (constant(), orkestra(dir.path(), false), orkestra(other.path(), true));
    for server in [&ours, &quick] {
        let mut wire = Wire::open(server, 0).await;
        wire.does("create_project", &json!({"name": "Bench", "key": "BENCH"}))
            .await;
        wire.does(
            "create_task",
            &json!({"project": "BENCH", "title": "Read me", "description": DESCRIPTION}),
        )
        .await;
    }
    println!("memory idle: {} MiB", resident_kib(&ours) / 1024);
    let (read, me) = (
        Work::Read("get_task", r#"{"task": "BENCH-1"}"#),
        Work::Read("get_me", "{}"),
    );
    let rows: [(&str, &Server, Work); 5] = [
        ("constant server", &bare, read),
        ("get_task, durable", &ours, read),
        ("get_me, durable", &ours, me),
        ("get_task, buffered", &quick, read),
        ("propose and confirm", &ours, Work::Pair),
    ];
    let mut seen = vec![Vec::new(); rows.len()];
    for round in 0..ROUNDS {
        for ((_, server, work), seen) in rows.iter().zip(&mut seen) {
            seen.push(load(server, *work, round).await);
        }
    }
    let constant = median(&seen[0], |seen| seen.rate);
    for ((what, _, work), seen) in rows.iter().zip(&seen) {
        tell(what, seen, *work, constant);
    }
    println!("memory after: {} MiB", resident_kib(&ours) / 1024);
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if std::env::args().any(|arg| arg == "--serve-constant") {
        runtime.block_on(serve_constant());
    } else if !std::env::args().any(|arg| arg == "--test") {
        runtime.block_on(measure());
    }
}
