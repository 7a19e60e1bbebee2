//! Collectors that are away, hang or refuse, and those that nobody asked for.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::collector::{Collector, Manner};
use super::{call, program, quiet};
use crate::server::Server;

/// How often the log names it.
fn logged(dir: &Path, what: &str) -> usize {
    std::fs::read_to_string(dir.join("serve.log"))
        .unwrap()
        .matches(what)
        .count()
}

fn calls_answer(server: &Server, count: u64) {
    let begun = Instant::now();
    for id in 0..count {
        let me = call(server, (id, "get_me"), json!({}), &[], None);
        assert!(me.is_object() && me["error"].is_null(), "{me}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_collector_that_hangs_or_is_away_holds_nothing_up() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Collector::start(Manner::Hangs));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let away = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    for address in [&collector.address, &away] {
        let server = Server::start_as(dir.path(), &mut program(address));
        calls_answer(&server, 50);
        if address == &away {
            wait(|| logged(dir.path(), "does not take telemetry") > 0);
        } else {
            collector.wait_for("a request", |collector| !collector.requests().is_empty());
        }
        calls_answer(&server, 50);
        let begun = Instant::now();
        server.stop();
        // What the stop of a test decides again is in it, which takes a while on a busy machine.
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    }
}

fn wait(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_refused_is_counted_and_said_once() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Collector::start(Manner::Refuses));
    let server = Server::start_as(dir.path(), &mut program(&collector.address));
    let dropped = |count: u64| {
        let (_, _, counted) = server.raw("GET", "/metrics", &[], b"").unwrap();
        counted.contains(&format!(
            "orkestra_telemetry_dropped_total{{signal=\"spans\"}} {count}\n"
        ))
    };
    for sum in [3, 6] {
        calls_answer(&server, 3);
        wait(|| dropped(sum));
    }
    assert_eq!(
        logged(
            dir.path(),
            "does not take telemetry; what does not reach it is counted signal=\"spans\""
        ),
        1
    );
    assert_eq!(logged(dir.path(), "nur wir"), 0);
    server.stop();
}

#[test]
fn what_a_busy_collector_does_not_take_comes_again() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Collector::start(Manner::IsBusy));
    let server = Server::start_as(dir.path(), &mut program(&collector.address));
    calls_answer(&server, 3);
    let sent = |collector: &Collector| -> Vec<_> {
        let all = collector
            .requests()
            .into_iter()
            .filter(|(path, ..)| path == "/v1/traces");
        all.map(|(.., body)| body).collect()
    };
    collector.wait_for("a second try", |collector| sent(collector).len() > 1);
    let all = sent(&collector);
    assert_eq!(all[0], all[1], "the same bytes");
    wait(|| logged(dir.path(), "the collector takes telemetry again") > 0);
    let (_, _, counted) = server.raw("GET", "/metrics", &[], b"").unwrap();
    assert!(!counted.contains("signal=\"spans\"} 3"), "{counted}");
    server.stop();
}

#[test]
fn nothing_is_sent_unasked_and_what_cannot_be_asked_is_refused() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Collector::start(Manner::Takes));
    let mut switched_off = program(&collector.address);
    switched_off.env("OTEL_SDK_DISABLED", "true");
    let mut unasked = Command::new(env!("CARGO_BIN_EXE_orkestra"));
    quiet(&mut unasked).env("OTEL_SERVICE_NAME", "the house");
    for command in [&mut switched_off, &mut unasked] {
        let server = Server::start_as(dir.path(), command);
        calls_answer(&server, 3);
        let (_, _, counted) = server.raw("GET", "/metrics", &[], b"").unwrap();
        assert!(!counted.contains("telemetry_dropped_total"), "{counted}");
        server.stop();
    }
    assert!(collector.requests().is_empty(), "{:?}", collector.requests());
    let refused = |name: &str, value: &str| {
        let mut command = program(&collector.address);
        let said = command
            .env(name, value)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir.path().join("other"))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(2), "{errors}");
        assert!(!errors.contains("geheim"), "{errors}");
        assert!(!dir.path().join("other").exists(), "nothing was made");
        errors
    };
    assert!(refused("OTEL_EXPORTER_OTLP_HEADERS", "geheim").contains("OTEL_EXPORTER_OTLP_HEADERS"));
    assert!(refused("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc").contains("http/protobuf"));
    assert!(refused("ORKESTRA_TELEMETRY__OTLP", "http://a:geheim@b").contains("telemetry.otlp"));
    // Our own setting counts before the environment: nobody is at the other address.
    let mut own = program("http://127.0.0.1:9");
    own.env("ORKESTRA_TELEMETRY__OTLP", format!("{}/", collector.address));
    let server = Server::start_as(dir.path(), &mut own);
    calls_answer(&server, 1);
    server.stop();
    assert_eq!(collector.spans().len(), 1);
}
