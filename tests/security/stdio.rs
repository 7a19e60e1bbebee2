//! STDIO without a server: the same configuration, the same strictness, the same record of every no.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::{body, exported, token};
use crate::server::Server;

/// `orkestra stdio` as a client starts it.
struct Pipe {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Pipe {
    fn start(dir: &Path, token: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_orkestra"))
            .arg("stdio")
            .args(more)
            .arg("--data")
            .arg(dir.join("data"))
            .env("MCP_TOKEN", token)
            .env("RUST_LOG", "trace,rmcp=trace")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(dir.join("stdio.log")).unwrap())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let from = BufReader::new(from);
        Self { child, to, from }
    }

    fn ask(&mut self, line: &str) -> Value {
        writeln!(self.to, "{line}").unwrap();
        let mut answer = String::new();
        self.from.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|cause| panic!("{cause}: {answer}"))
    }

    /// Calls `get_me` with arguments as text; the whole answer.
    fn me(&mut self, id: u64, arguments: &str) -> Value {
        let text = body(id, "tools/call", json!({"name": "get_me", "arguments": "@"}));
        self.ask(&text.replace("\"@\"", arguments))
    }

    /// Leaves, as a client does: by closing the pipe.
    fn end(mut self) {
        drop(self.to);
        assert!(self.child.wait().unwrap().success());
    }
}

/// The file that is named counts, and what its limits refuse is journaled although no server runs (security test 64).
#[test]
fn the_named_configuration_counts_and_refusals_are_journaled() {
    let dir = tempfile::tempdir().unwrap();
    let (token, _) = token(dir.path(), &[]);
    let file = dir.path().join("elsewhere.toml");
    std::fs::write(&file, "[limits]\nnormal_per_minute = 3\n").unwrap();
    let file = file.display().to_string();
    let mut pipe = Pipe::start(dir.path(), &token, &["--config", &file]);
    let codes: Vec<Value> = (0..5)
        .map(|id| pipe.me(id, "{}")["result"]["structuredContent"]["error"]["code"].clone())
        .collect();
    pipe.end();
    let (good, no) = (Value::Null, json!("rate_limited"));
    assert_eq!(codes, [good.clone(), good.clone(), good, no.clone(), no]);
    let journal = exported(dir.path());
    let refused = journal
        .lines()
        .find(|line| line.contains("\"limits.refused\""))
        .unwrap();
    assert!(refused.contains("\"count\":2"), "{refused}");
    let unknown = dir.path().join("wrong.toml");
    std::fs::write(&unknown, "listem = 1\n").unwrap();
    let said = super::orkestra(
        dir.path(),
        &["token", "list", "--config", &unknown.display().to_string()],
    );
    assert!(
        said.status.code() == Some(2) && String::from_utf8_lossy(&said.stderr).contains("listem"),
        "other commands heed it too"
    );
}

/// Security tests 7 and 8 over STDIO: alone and beside a server, what is ambiguous or too long is refused before it becomes a
/// call, is answered, and the connection lives on.
#[test]
fn stdio_is_as_strict_as_http() {
    let dir = tempfile::tempdir().unwrap();
    let (token, _) = token(dir.path(), &[]);
    let alone = Pipe::start(dir.path(), &token, &[]);
    strict(alone);
    let log = std::fs::read_to_string(dir.path().join("stdio.log")).unwrap();
    assert!(!log.contains(&token) && !log.contains("get_me"), "{log}");
    let before = exported(dir.path()).matches("\"tool\":\"get_me\"").count();
    assert_eq!(before, 2, "two good calls and nothing else");
    std::fs::write(dir.path().join("token"), &token).unwrap();
    let server = Server::start(dir.path());
    strict(Pipe::start(dir.path(), &token, &[]));
    assert_eq!(exported(dir.path()).matches("\"tool\":\"get_me\"").count(), 4);
    server.kill();
}

fn strict(mut pipe: Pipe) {
    assert_eq!(pipe.me(1, "{}")["result"]["isError"], false);
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    for (what, text, code, id) in [
        (
            "a key twice",
            r#"{"fields":["id"],"fields":["name"]}"#.to_owned(),
            -32700,
            Some(7),
        ),
        ("not a number", "{\"a\":NaN}".to_owned(), -32700, None),
        ("a lone surrogate", r#"{"a":"\ud800"}"#.to_owned(), -32700, None),
        ("too deep", format!("{{\"a\":{deep}}}"), -32700, Some(7)),
        (
            "another case",
            "{},\"Arguments\":{\"fields\":[\"id\"]}".to_owned(),
            -32602,
            Some(7),
        ),
        (
            "too long",
            format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20)),
            -32600,
            None,
        ),
    ] {
        let said = pipe.me(7, &text);
        assert_eq!(said["error"]["code"], code, "{what}: {said}");
        assert_eq!(said["id"].as_u64(), id, "{what}: {said}");
    }
    let batch = format!("[{}]", body(1, "tools/list", json!({})));
    assert_eq!(pipe.ask(&batch)["error"]["code"], -32600);
    assert_eq!(pipe.me(9, "{}")["id"], 9);
    pipe.end();
}
