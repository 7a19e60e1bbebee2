//! Executions over a real broker: a worker in another language, a broker that is away, reports that do not count.

pub mod broker;
mod cluster;
mod feed;
mod hand;
mod keys;
mod killed;
mod outcomes;
mod tls;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::Server;
use broker::{Broker, until};

const LONG: Duration = Duration::from_secs(30);
/// How long the broker is away while work goes on.
const OUTAGE: Duration = Duration::from_mins(1);

/// Proposes and confirms; it waits for its worker then.
fn begun(server: &Server, tool: &str, args: &Value) -> Value {
    let (status, pending) = server.call(tool, args).unwrap();
    assert_eq!(status, 202, "{pending}");
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    let (_, receipt) = server.call("confirm_action", &confirm).unwrap();
    assert_eq!(receipt["status"], "executing", "{receipt}");
    pending
}

fn shown(server: &Server, action: &Value) -> Value {
    let path = format!("/v1/actions/{}", action["actionId"].as_str().unwrap());
    server.get(&path).1["item"].clone()
}

fn ends(server: &Server, action: &Value) -> Value {
    let mut item = Value::Null;
    until("the execution ends", LONG, || {
        item = shown(server, action);
        item["status"] != "executing"
    });
    item
}

fn labels(server: &Server) -> Vec<String> {
    let (_, listed) = server.call("list_labels", &json!({"limit": 100})).unwrap();
    let items = listed["items"].as_array().unwrap().iter();
    items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

/// A worker that died between the deed and its report is given the attempt again, perhaps when it is too late to begin.
#[test]
fn what_a_worker_in_python_did_is_not_denied_after_the_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let script = "import hashlib, json, sys; sys.path.insert(0, sys.argv[1]); import worker\n\
                  labels = worker.Labels(sys.argv[2])\n\
                  plan = json.dumps({'changes': [{'entity': 'label', 'op': 'create', 'id': 'lbl_1', 'fields': {'name': {'to': 'bug'}}}]})\n\
                  def ends(action, deadline):\n    \
                      execution = {'v': 1, 'action': action, 'attempt': 1, 'plan': plan, 'deadline': deadline,\n                 \
                          'digest': hashlib.sha256(plan.encode()).hexdigest()}\n    \
                      return worker.outcome_of(execution, labels)['outcome']\n\
                  late, early = '2020-01-01T00:00:00Z', '2999-01-01T00:00:00Z'\n\
                  print(ends('act_1', late), ends('act_2', early), ends('act_2', late))";
    let said = std::process::Command::new(broker::tool("python/bin/python"))
        .args(["-c", script])
        .arg(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/workers"))
        .arg(dir.path().join("labels.db"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(
        String::from_utf8(said.stdout).unwrap().trim(),
        "failed succeeded succeeded"
    );
}

#[test]
fn a_worker_in_python_does_real_work_for_a_routed_module() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::started(dir.path());
    let (server, _painter) = (broker.server(), broker.painter());
    let made = begun(&server, "create_label", &json!({"name": "bug"}));
    let item = ends(&server, &made);
    assert_eq!(item["status"], "succeeded", "{item}");
    assert_eq!(item["receipt"]["worker"]["rows"], 1);
    assert_eq!(labels(&server), ["bug"]);
    assert_eq!(broker.painted("SELECT name FROM labels"), json!([["bug"]]));
    until("the broker's consumers are measured", LONG, || {
        let (_, _, text) = server.raw("GET", "/metrics", &[], b"").unwrap();
        text.contains("orkestra_consumer_lag{module=\"labels\"} 0") && text.contains("orkestra_broker_up 1")
    });
    let undo = begun(&server, "undo_action", &json!({"actionId": made["actionId"]}));
    assert_eq!(ends(&server, &undo)["status"], "succeeded");
    assert!(labels(&server).is_empty());
    assert_eq!(broker.painted("SELECT name FROM labels"), json!([]));
    server.stop();
}

#[test]
fn while_the_broker_is_away_nothing_is_lost_and_then_each_is_done_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::new(dir.path());
    let (server, _painter) = (broker.server(), broker.painter());
    let first = begun(&server, "create_label", &json!({"name": "early"}));
    assert_eq!(shown(&server, &first)["status"], "executing");
    // Confirmed and not published: the next server does it, once.
    server.kill();
    let server = broker.server();
    assert_eq!(shown(&server, &first)["status"], "executing");
    broker.start();
    assert_eq!(ends(&server, &first)["status"], "succeeded");
    let mut actions = vec![first];
    let mut work = |server: &Server| {
        let name = format!("label {}", actions.len());
        actions.push(begun(server, "create_label", &json!({"name": name})));
    };
    for _ in 0..20 {
        work(&server);
    }
    broker.kill();
    let away = Instant::now();
    while away.elapsed() < OUTAGE {
        work(&server);
        std::thread::sleep(Duration::from_millis(200));
    }
    broker.start();
    for _ in 0..20 {
        work(&server);
    }
    for action in &actions {
        assert_eq!(ends(&server, action)["status"], "succeeded");
    }
    assert_eq!(broker.painted("SELECT count(*) FROM labels"), json!([[actions.len()]]));
    for event in ["execution.succeeded", "label.created"] {
        assert_eq!(journal(&server, event).len(), actions.len(), "each has one {event}");
    }
    // What the broker took before it was killed, and could not say any more that it had, is first heard of by its outcome.
    let published = journal(&server, "execution.published");
    for (place, action) in actions.iter().enumerate() {
        let of = |record: &&Value| record.to_string().contains(action["actionId"].as_str().unwrap());
        let count = published.iter().filter(of).count();
        assert!(
            count == 1 || (count == 0 && (1..=20).contains(&place)),
            "{place}: {count}"
        );
    }
    server.stop();
}

#[test]
fn a_broker_that_lost_its_disk_gets_its_streams_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::started(dir.path());
    let (server, _painter) = (broker.server(), broker.painter());
    let before = begun(&server, "create_label", &json!({"name": "before"}));
    assert_eq!(ends(&server, &before)["status"], "succeeded");
    broker.lose();
    let meanwhile = begun(&server, "create_label", &json!({"name": "meanwhile"}));
    broker.start();
    assert_eq!(ends(&server, &meanwhile)["status"], "succeeded");
    assert_eq!(broker.painted("SELECT count(*) FROM labels"), json!([[2]]));
    server.stop();
}

/// The records that hold an event.
fn journal(server: &Server, event: &str) -> Vec<Value> {
    let bearer = format!("Bearer {}", server.token);
    let (_, _, body) = server
        .raw("GET", "/v1/journal?from=1", &[("authorization", &bearer)], b"")
        .unwrap();
    let records = body.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let has = |record: &Value| {
        record["events"]
            .as_array()
            .is_some_and(|events| events.iter().any(|one| one["type"] == event))
    };
    records.filter(has).collect()
}
