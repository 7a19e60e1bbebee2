//! The real program as a process, and connections to it that call tools as an MCP client of 2026-07-28 does.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A server; killed when it is dropped.
pub struct Server {
    pub child: Child,
    pub address: String,
    /// One caller may have 50 offers open, so several share the connections.
    pub tokens: Vec<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Starts a program that says its address in its first line.
pub fn start(mut command: Command) -> Server {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    let address = said["http"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let tokens = said["token"].as_str().map(ToOwned::to_owned).into_iter().collect();
    Server { child, address, tokens }
}

/// Starts `orkestra serve` with three tokens, and that of its first start.
pub fn orkestra(dir: &Path, buffered: bool) -> Server {
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

/// One connection that is kept open.
pub struct Wire {
    stream: tokio::io::BufReader<TcpStream>,
    head: String,
    pub body: Vec<u8>,
}

impl Wire {
    pub async fn open(server: &Server, number: usize) -> Self {
        let tokens = &server.tokens;
        let token = tokens.get(number % tokens.len().max(1)).map_or("", String::as_str);
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
    pub async fn call(&mut self, tool: &str, args: &Value) {
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

    /// Proposes and confirms.
    pub async fn does(&mut self, tool: &str, args: &Value) {
        self.call(tool, args).await;
        let pending = self.said();
        let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        self.call("confirm_action", &confirm).await;
        assert_eq!(self.said()["status"], "succeeded");
    }

    /// What was answered.
    pub fn said(&self) -> Value {
        let answer: Value = serde_json::from_slice(&self.body).unwrap();
        assert_ne!(answer["result"]["isError"], true, "{answer}");
        answer["result"]["structuredContent"].clone()
    }
}

/// Memory that a server holds now, in KiB.
pub fn resident_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
