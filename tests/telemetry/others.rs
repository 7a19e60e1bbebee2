//! A collector that nobody here wrote reads everything that is sent.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::{TRACE, call, parent, program};
use crate::nats::broker::tool;
use crate::server::Server;

struct Collector {
    process: Child,
    lines: BufReader<ChildStdout>,
    address: String,
}

impl Collector {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/collector.py");
        let mut python = Command::new(tool("python/bin/python"));
        let mut process = python
            .arg(script)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["address"].as_str().unwrap().to_owned();
        Self {
            process,
            lines,
            address,
        }
    }

    /// Everything it understood, once nothing more comes.
    fn end(mut self) -> Vec<Value> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let lines = self.lines.lines().map(|line| line.unwrap());
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
    }
}

/// What requests of one signal hold, at the end of the names of two lists.
fn inside<'a>(all: &'a [Value], signal: &str, path: [&str; 3]) -> Vec<&'a Value> {
    let each = |value: &'a Value, name: &str| value[name].as_array().into_iter().flatten().collect::<Vec<_>>();
    let of = all.iter().filter(|one| one["signal"] == *signal);
    of.flat_map(|one| each(&one["request"], path[0]))
        .flat_map(|one| each(one, path[1]))
        .flat_map(|one| each(one, path[2]))
        .collect()
}

fn attribute<'a>(of: &'a Value, key: &str) -> &'a Value {
    let found = of["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["key"] == *key);
    &found.unwrap()["value"]
}

#[test]
fn another_collector_understands_everything() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Collector::start());
    let server = Server::start_as(dir.path(), program(&collector.address).env("RUST_LOG", "info"));
    call(&server, (1, "get_me"), json!({}), &[], Some(&parent(5)));
    // A line of the log.
    let mut socket = std::os::unix::net::UnixStream::connect(dir.path().join("data/orkestra.sock")).unwrap();
    std::io::Write::write_all(&mut socket, b"[]\n").unwrap();
    drop(socket);
    while !std::fs::read_to_string(dir.path().join("serve.log"))
        .unwrap()
        .contains("was not understood")
    {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    server.stop();
    let all = collector.end();
    let spans = inside(&all, "traces", ["resourceSpans", "scopeSpans", "spans"]);
    assert_eq!(spans.len(), 1, "{all:?}");
    assert_eq!(
        (&spans[0]["name"], &spans[0]["kind"]),
        (&json!("tools/call get_me"), &json!("SPAN_KIND_SERVER"))
    );
    // Bytes are written in base64 there.
    let bytes: Vec<u8> = (0..32)
        .step_by(2)
        .map(|at| u8::from_str_radix(&TRACE[at..at + 2], 16).unwrap())
        .collect();
    let trace = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);
    assert_eq!(spans[0]["traceId"], trace);
    assert_eq!(attribute(spans[0], "gen_ai.tool.name")["stringValue"], "get_me");
    let metrics = inside(&all, "metrics", ["resourceMetrics", "scopeMetrics", "metrics"]);
    let named = |name: &str| *metrics.iter().find(|metric| metric["name"] == *name).unwrap();
    let calls = &named("orkestra_calls")["sum"];
    assert_eq!(
        (&calls["isMonotonic"], &calls["dataPoints"][0]["asInt"]),
        (&json!(true), &json!("1"))
    );
    assert_eq!(
        named("orkestra_call_duration_seconds")["histogram"]["dataPoints"][0]["count"],
        "1"
    );
    assert_eq!(named("orkestra_call_duration_seconds")["unit"], "s");
    assert!(named("orkestra_journal_position")["gauge"]["dataPoints"][0]["asInt"].is_string());
    let lines = inside(&all, "logs", ["resourceLogs", "scopeLogs", "logRecords"]);
    let spoken = lines
        .iter()
        .find(|line| line["body"]["stringValue"] == "a local connection was not understood");
    assert_eq!(spoken.unwrap()["severityNumber"], "SEVERITY_NUMBER_WARN");
    for one in &all {
        let headers = one["headers"].as_object().unwrap();
        let key = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-api-key"));
        assert_eq!(key.unwrap().1, "nur wir");
    }
}
