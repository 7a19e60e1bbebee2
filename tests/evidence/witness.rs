//! A witness that nobody here wrote: it cosigns what grew, and says so when it sees another history.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;

use super::{good, newest, project, public_key, text};
use crate::nats::broker::{tool, until};
use crate::server::Server;

const PATIENCE: Duration = Duration::from_mins(1);

struct Witness {
    process: Child,
    url: String,
    key: String,
}

impl Witness {
    /// Starts on a free port and trusts one log.
    fn start(log: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/witness.py");
        let mut python = Command::new(tool("python/bin/python"));
        python.env("PYTHONPATH", tool("tlog")).arg(script).arg(log);
        let mut process = python.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let word = |name: &str| said[name].as_str().unwrap().to_owned();
        let (url, key) = (word("url"), word("key"));
        Self { process, url, key }
    }

    /// The program, told of the witness.
    fn told(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
        let witness = format!("[{{url=\"{}\",key=\"{}\"}}]", self.url, self.key);
        command.env("ORKESTRA_EVIDENCE__WITNESS", witness);
        command
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn cosigned(server: &Server) -> bool {
    let bearer = format!("Bearer {}", server.token);
    let headers = [("authorization", bearer.as_str())];
    let (_, _, note) = server.raw("GET", "/tlog/checkpoint", &headers, b"").unwrap();
    note.contains("\n\u{2014} witness.example/w ")
}

/// Security test 57: two histories under one key; the witness refuses the second, and that is told.
#[test]
fn a_witness_cosigns_what_grew_and_disputes_a_fork() {
    let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Server::start(ours.path()).stop();
    let log = public_key(ours.path());
    let witness = Witness::start(&log);
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(ours.path().join(".")).arg(other.path());
    assert!(copy.status().unwrap().success());

    let server = Server::start_as(ours.path(), &mut witness.told());
    let action = project(&server, "ONE");
    good(ours.path(), &["journal", "checkpoint"]);
    until("a cosignature", PATIENCE, || cosigned(&server));
    project(&server, "TWO");
    // Now with a proof that it grew from what the witness saw; and the bundle says when that was.
    let file = ours.path().join("evidence.json");
    let mut export = witness.told();
    export
        .args(["evidence", "export", "--action", &action, "--out"])
        .arg(&file);
    let said = export.arg("--data").arg(ours.path().join("data")).output().unwrap();
    assert!(said.status.success(), "{}", text(&said.stderr));
    let check = |witness: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
        let command = command.args(["evidence", "verify", "--key", &log, "--witness", witness]);
        let said = command.arg(&file).output().unwrap();
        (said.status.success(), text(&said.stdout) + &text(&said.stderr))
    };
    let (good_bundle, said) = check(&witness.key);
    assert!(
        good_bundle && said.contains("seen by witness.example/w at 20"),
        "{said}"
    );
    let stranger = Witness::start(&log);
    let (good_bundle, said) = check(&stranger.key);
    assert!(
        !good_bundle && said.contains("checkpoint: the witness witness.example/w did not sign it"),
        "{said}"
    );
    drop(stranger);
    assert_eq!(newest(ours.path(), "log.disputed"), Value::Null);
    server.stop();
    assert!(
        good(ours.path(), &["journal", "verify"]).starts_with("good:"),
        "cosignatures harm nothing"
    );

    // The other history grows beyond what the witness saw, and is told from it.
    let fork = Server::start_as(other.path(), &mut witness.told());
    for key in ["SIX", "SEVEN", "EIGHT"] {
        project(&fork, key);
    }
    good(other.path(), &["journal", "checkpoint"]);
    until("a dispute", PATIENCE, || {
        newest(other.path(), "log.disputed") != Value::Null
    });
    let told = newest(other.path(), "log.disputed");
    assert_eq!(told["events"][0]["data"]["witness"], "witness.example/w", "{told}");
    assert!(!cosigned(&fork));
}

/// A witness that answers what a test tells it to: the requests' bodies come out, answers go in.
struct Scripted {
    url: String,
    asked: Receiver<String>,
    say: Sender<String>,
}

impl Scripted {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ((ask, asked), (say, said)) = (channel(), channel::<String>());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut length = 0;
                for line in stream.by_ref().lines() {
                    let line = line.unwrap().to_lowercase();
                    if let Some(bytes) = line.strip_prefix("content-length: ") {
                        length = bytes.parse().unwrap();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                // The test is over when nobody listens.
                if ask.send(text(&body)).is_err() {
                    return;
                }
                let Ok(answer) = said.recv() else { return };
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { url, asked, say }
    }

    /// The size that it is said to have seen, and that of the checkpoint it is shown.
    fn next(&self) -> (u64, u64) {
        let body = self.asked.recv_timeout(PATIENCE).unwrap();
        let old = body.lines().next().unwrap().strip_prefix("old ").unwrap().to_owned();
        let (_, note) = body.split_once("\n\n").unwrap();
        (
            old.parse().unwrap(),
            journal::Checkpoint::parse(note).unwrap().root.size,
        )
    }

    fn answer(&self, status: &str, kind: &str, body: &str) {
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close");
        self.say.send(format!("{head}\r\n\r\n{body}")).unwrap();
    }

    fn is_at(&self, size: u64) {
        self.answer("409 Conflict", "text/x.tlog.size", &format!("{size}\n"));
    }
}

/// The public key of some witness (C2SP tlog-cosignature).
fn some_key() -> String {
    let log = journal::SigningKey::generate("log").unwrap().verifying_key().unwrap();
    let mut data = BASE64_STANDARD
        .decode(log.encode().splitn(3, '+').last().unwrap())
        .unwrap();
    data[0] = 4;
    let id = projections::Digest::of(&[b"witness.example/w\n", &data[..]].concat()).to_string();
    format!("witness.example/w+{}+{}", &id[..8], BASE64_STANDARD.encode(data))
}

/// Checkpoints are public: somebody else may have shown a witness a newer one of this log. That is no other history; records that
/// are not here are.
#[test]
fn a_witness_that_is_ahead_is_shown_something_newer() {
    let dir = tempfile::tempdir().unwrap();
    let witness = Scripted::start();
    let key = some_key();
    let mut command = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    let told = format!("[{{url=\"{}\",key=\"{key}\"}}]", witness.url);
    command.env("ORKESTRA_EVIDENCE__WITNESS", told);
    let server = Server::start_as(dir.path(), &mut command);
    project(&server, "ONE");
    good(dir.path(), &["journal", "checkpoint"]);
    let (old, shown) = witness.next();
    assert_eq!(old, 0);
    // Whatever it was shown first, by the time it answers it has seen a newer one.
    project(&server, "TWO");
    let note = good(dir.path(), &["journal", "checkpoint"]);
    let newer = journal::Checkpoint::parse(&note).unwrap().root.size;
    assert!(newer > shown);
    witness.is_at(newer);
    let (old, shown) = witness.next();
    assert_eq!(old, newer);
    assert!(shown >= newer, "{shown}");
    witness.answer("403 Forbidden", "text/plain", "not today");
    assert_eq!(newest(dir.path(), "log.disputed"), Value::Null);

    project(&server, "THREE");
    good(dir.path(), &["journal", "checkpoint"]);
    witness.next();
    witness.is_at(1_000_000);
    until("a dispute", PATIENCE, || {
        newest(dir.path(), "log.disputed") != Value::Null
    });
    let told = newest(dir.path(), "log.disputed");
    assert_eq!(told["events"][0]["data"]["seen"], 1_000_000, "{told}");
    server.stop();
}

/// A witness that does not know this log, or is not there, holds up nothing.
#[test]
fn a_witness_that_says_no_holds_up_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let stranger = journal::SigningKey::generate("orkestra")
        .unwrap()
        .verifying_key()
        .unwrap();
    let witness = Witness::start(stranger.encode());
    let server = Server::start_as(dir.path(), &mut witness.told());
    project(&server, "ONE");
    let log = || std::fs::read_to_string(dir.path().join("serve.log")).unwrap();
    until("a no", PATIENCE, || {
        log().contains("403") && log().contains("does it know this log's key?")
    });
    assert!(!log().contains("Connection refused"), "somebody is there");
    drop(witness);
    good(dir.path(), &["journal", "checkpoint"]);
    until("nobody there", PATIENCE, || {
        log()
            .lines()
            .any(|line| line.contains("a witness gave no cosignature") && line.contains("Connection refused"))
    });
    project(&server, "TWO");
    assert_eq!(newest(dir.path(), "log.disputed"), Value::Null);
    server.stop();
}
