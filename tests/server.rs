//! The real program as a process, spoken to over a plain socket.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

pub struct Server {
    child: Child,
    address: String,
    pub token: String,
    data: PathBuf,
    /// The environment that was given to it.
    environment: Vec<(OsString, OsString)>,
}

impl Server {
    /// Starts on a free port; the token of the first start is kept beside the data directory.
    pub fn start(dir: &Path) -> Self {
        Self::start_as(dir, &mut Command::new(env!("CARGO_BIN_EXE_orkestra")))
    }

    /// The same with another program than the one that was built for this test.
    pub fn start_program(dir: &Path, program: &Path) -> Self {
        Self::start_as(dir, &mut Command::new(program))
    }

    /// The same with a command of the caller's: further environment, or a shell that ends in `exec "$0" "$@"`.
    pub fn start_as(dir: &Path, command: &mut Command) -> Self {
        let token_file = dir.join("token");
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--json", "--data"])
            .arg(dir.join("data"))
            .arg("--token-file")
            .arg(&token_file)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(dir.join("serve.log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|cause| {
            let log = std::fs::read_to_string(dir.join("serve.log")).unwrap_or_default();
            panic!("{cause}: {line}{log}")
        });
        let address = said["http"]
            .as_str()
            .unwrap()
            .strip_prefix("http://")
            .unwrap()
            .to_owned();
        let token = std::fs::read_to_string(token_file).unwrap().trim().to_owned();
        let given = command.get_envs();
        let given = given.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        Self {
            child,
            address,
            token,
            data: dir.join("data"),
            environment: given.collect(),
        }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kill -9; fine where it is dead already.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Asks it politely to stop, and waits. Everything that it decided must come out the same when it is decided again.
    pub fn stop(mut self) {
        Command::new("kill").arg(self.id().to_string()).status().unwrap();
        self.child.wait().unwrap();
        decided_again(&self.data, &self.environment);
    }

    pub fn call(&self, tool: &str, args: &Value) -> Option<(u16, Value)> {
        self.send(
            "POST",
            &format!("/v1/tools/{tool}"),
            &[("authorization", &format!("Bearer {}", self.token))],
            args.to_string().as_bytes(),
        )
    }

    /// What an address answers to the owner.
    pub fn get(&self, path: &str) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token);
        self.send("GET", path, &[("authorization", &bearer)], b"").unwrap()
    }

    /// The lines of an answer that does not end.
    pub fn follow(&self, path: &str) -> impl Iterator<Item = String> + use<> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (host, token) = (&self.address, &self.token);
        let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // Between the lines stand the head and the lengths of chunks.
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        lines.filter(|line| line.starts_with('{'))
    }

    /// One MCP request of the protocol 2026-07-28.
    pub fn mcp(&self, address: &str, method: &str, name: Option<&str>, mut params: Value) -> (u16, Value) {
        params["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", method),
        ];
        headers.extend(name.map(|name| ("mcp-name", name)));
        self.send("POST", address, &headers, body.as_bytes()).unwrap()
    }

    /// One request; `None` where the server went away. A `host` among the headers replaces the right one.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<(u16, Value)> {
        let (status, _, body) = self.raw(method, path, headers, body)?;
        Some((status, serde_json::from_str(&body).unwrap_or(Value::Null)))
    }

    /// The same with the head of the answer (in small letters) and its body as they came.
    pub fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<(u16, String, String)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let host = headers
            .iter()
            .find(|(name, _)| *name == "host")
            .map_or(self.address.as_str(), |(_, host)| host);
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        // A server that refuses a long body need not read it.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, head.to_lowercase(), body.to_owned()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything that a journal holds of decisions must come out the same when they are made again.
pub fn decided_again(data: &Path, environment: &[(OsString, OsString)]) {
    let said = Command::new(env!("CARGO_BIN_EXE_orkestra"))
        .args(["replay", "--check", "--json", "--data"])
        .arg(data)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let (report, errors) = (
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr),
    );
    let report: Value = serde_json::from_str(&report).unwrap_or_else(|cause| panic!("{cause}: {report}{errors}"));
    assert_eq!(
        (&report["divergences"], &report["late"]),
        (&json!(0), &json!(0)),
        "what was decided comes out differently: {report:#}"
    );
}
