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

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use rmcp::ServerHandler;
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, tower::StreamableHttpService};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

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

struct Server {
    child: Child,
    address: String,
    /// One caller may have 50 offers open, so several share the connections.
    tokens: Vec<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn start(mut command: Command) -> Server {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    let address = said["http"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let tokens = vec![said["token"].as_str().unwrap_or_default().to_owned()];
    Server { child, address, tokens }
}

fn orkestra(dir: &Path, buffered: bool) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--json", "--data"])
        .arg(dir);
    command.env("ORKESTRA_LIMITS__NORMAL_PER_MINUTE", "100000000");
    if buffered {
        command.arg("--buffered-reads");
    }
    let mut server = start(command);
    for number in 0..3 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
        command
            .args([
                "token",
                "create",
                "--json",
                "--name",
                &format!("bench {number}"),
                "--data",
            ])
            .arg(dir);
        let said: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        server.tokens.push(said["token"].as_str().unwrap().to_owned());
    }
    server
}

fn constant() -> Server {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--serve-constant");
    start(command)
}

/// One connection that is kept open.
struct Wire {
    stream: tokio::io::BufReader<TcpStream>,
    head: String,
    body: Vec<u8>,
}

impl Wire {
    async fn open(server: &Server, number: usize) -> Self {
        let token = &server.tokens[number % server.tokens.len()];
        let stream = TcpStream::connect(&server.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n",
            server.address, token
        );
        Self {
            stream: tokio::io::BufReader::new(stream),
            head,
            body: Vec::new(),
        }
    }

    /// Calls a tool; the answer's bytes are in `self.body`.
    async fn call(&mut self, tool: &str, args: &Value) {
        let params = json!({"name": tool, "arguments": args, "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
        let text = format!(
            "{}mcp-name: {tool}\r\ncontent-length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
        let (mut line, mut length, mut first) = (String::new(), 0, true);
        loop {
            line.clear();
            self.stream.read_line(&mut line).await.unwrap();
            if first {
                assert!(line.starts_with("HTTP/1.1 200"), "{line}");
                first = false;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        assert!(length > 0, "an answer has a length");
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).await.unwrap();
    }

    fn said(&self) -> Value {
        let answer: Value = serde_json::from_slice(&self.body).unwrap();
        assert_ne!(answer["result"]["isError"], true, "{answer}");
        answer["result"]["structuredContent"].clone()
    }
}

/// What one connection does over and over; every turn is so many calls.
#[derive(Clone, Copy)]
enum Work {
    Read(&'static str),
    Pair,
}

async fn turn(wire: &mut Wire, work: Work, name: &str) -> u64 {
    match work {
        Work::Read(tool) => {
            wire.call(tool, &json!({})).await;
            1
        }
        Work::Pair => {
            wire.call("create_task", &json!({"project": "BENCH", "title": name}))
                .await;
            let pending = wire.said();
            let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
            wire.call("confirm_action", &confirm).await;
            assert_eq!(wire.said()["status"], "succeeded");
            2
        }
    }
}

/// Calls a second.
async fn load(server: &Server, work: Work, round: usize) -> f64 {
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
                let name = format!("label {round} {connection} {number}");
                count.fetch_add(turn(&mut wire, work, &name).await, Ordering::Relaxed);
            }
        }));
    }
    let start = Instant::now();
    tokio::time::sleep(ROUND).await;
    let rate = count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    rate
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn resident_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn measure() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (bare, ours, quick) = (constant(), orkestra(dir.path(), false), orkestra(other.path(), true));
    let mut wire = Wire::open(&ours, 0).await;
    wire.call("create_project", &json!({"name": "Bench", "key": "BENCH"}))
        .await;
    let pending = wire.said();
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    wire.call("confirm_action", &confirm).await;
    println!("memory idle: {} MiB", resident_kib(&ours) / 1024);
    let (mut constants, mut reads, mut buffered, mut pairs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        constants.push(load(&bare, Work::Read("get_me"), round).await);
        reads.push(load(&ours, Work::Read("get_me"), round).await);
        buffered.push(load(&quick, Work::Read("get_me"), round).await);
        pairs.push(load(&ours, Work::Pair, round).await);
    }
    let (constant, read, quick, pair) = (median(constants), median(reads), median(buffered), median(pairs));
    println!("constant server      {constant:>9.0} calls/s");
    println!(
        "read, durable        {read:>9.0} calls/s  {:.2} of the constant server (bar 0.70)",
        read / constant
    );
    println!(
        "read, buffered       {quick:>9.0} calls/s  {:.2} of the constant server",
        quick / constant
    );
    println!(
        "propose and confirm  {pair:>9.0} calls/s  {:.2} of the constant server (bar 0.30)",
        pair / constant
    );
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
