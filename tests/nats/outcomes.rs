//! Outcomes over the wire: what counts, what does not, and what operators settle.

use serde_json::{Value, json};

use super::broker::{Broker, against, until};
use super::hand::{Hand, Taken};
use super::{LONG, begun, ends, journal, labels, shown};
use crate::server::Server;

struct Ground {
    _dir: tempfile::TempDir,
    broker: Broker,
    server: Server,
    hand: Hand,
}

fn ground() -> Ground {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::started(dir.path());
    let server = broker.server();
    let hand = Hand::of(&broker, "paint");
    Ground {
        _dir: dir,
        broker,
        server,
        hand,
    }
}

impl Ground {
    /// A label is confirmed, and its worker has it.
    fn taken(&self, name: &str) -> (Value, Taken) {
        let action = begun(&self.server, "create_label", &json!({"name": name}));
        until("it is published", LONG, || {
            shown(&self.server, &action)["outcomeDueBy"].is_string()
        });
        (action, self.hand.take().unwrap())
    }

    /// The command line, as an operator beside the server.
    fn operator(&self, args: &[&str]) -> (bool, String) {
        let mut command = self.broker.program("server");
        let done = command
            .arg("actions")
            .args(args)
            .arg("--data")
            .arg(self.broker.data())
            .output()
            .unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8(said).unwrap())
    }
}

#[test]
fn an_execution_is_what_its_schema_says() {
    let ground = ground();
    let (_, taken) = ground.taken("bug");
    let execution = &taken.execution;
    assert_eq!(against("execution.schema.json", execution), "");
    let plan: Value = serde_json::from_str(execution["plan"].as_str().unwrap()).unwrap();
    assert_eq!(
        plan["effects"],
        json!([{"kind": "external", "detail": {"worker": "paint"}}])
    );
    let said = taken.outcome("failed", json!({"mayRetry": true, "reason": "no paint", "result": 1}));
    assert_eq!(against("outcome.schema.json", &said), "");
    let mut wrong = said.clone();
    wrong["colour"] = json!("red");
    assert!(against("outcome.schema.json", &wrong).contains("colour"));
    assert_eq!(ground.hand.report("paint", &said).unwrap()["accepted"], true);
}

#[test]
fn only_the_right_worker_counts_and_only_for_the_current_attempt() {
    let ground = ground();
    let (action, taken) = ground.taken("bug");
    let good = taken.outcome("succeeded", json!({"result": {"coats": 2}}));
    // The broker does not let this user speak for another.
    assert_eq!(ground.hand.report("orkestra", &good), None);
    // Another worker is let, and the server knows better.
    let other = Hand::of(&ground.broker, "worker");
    assert_eq!(
        other.report("orkestra", &good).unwrap()["answer"]["error"]["code"],
        "wrong_worker"
    );
    let with = |name: &str, value: Value| {
        let mut said = good.clone();
        said[name] = value;
        ground.hand.report("paint", &said).unwrap()["answer"]["error"]["code"].clone()
    };
    assert_eq!(with("attempt", json!(2)), "wrong_attempt");
    assert_eq!(with("digest", json!("0".repeat(64))), "wrong_digest");
    assert_eq!(with("action", json!("act_01K2ZZZZZZZZZZZZZZZZZZZZZZ")), "not_found");
    assert_eq!(with("colour", json!("red")), "invalid_outcome");
    assert_eq!(shown(&ground.server, &action)["status"], "executing");
    let refused = journal(&ground.server, "outcome.refused");
    assert_eq!(refused.len(), 5, "what is not understood too");
    let first = &refused[0]["events"][0]["data"];
    assert_eq!(
        (&first["outcome"], &first["result"]["coats"]),
        (&json!("succeeded"), &json!(2)),
        "what was said is kept"
    );
    assert_eq!(ground.hand.report("paint", &good).unwrap()["accepted"], true);
    let item = shown(&ground.server, &action);
    assert_eq!(
        (&item["status"], &item["receipt"]["worker"]["coats"]),
        (&json!("succeeded"), &json!(2))
    );
    // Not acknowledged: it comes again, and the same outcome is said again.
    ground.hand.give_back(&taken);
    let again = ground.hand.take().unwrap();
    assert_eq!(again.execution, taken.execution);
    assert_eq!(ground.hand.report("paint", &good).unwrap()["accepted"], true);
    let turned = again.outcome("failed", json!({}));
    let answer = ground.hand.report("paint", &turned).unwrap();
    assert_eq!(
        (&answer["final"], &answer["answer"]["error"]["code"]),
        (&json!(true), &json!("already_settled"))
    );
    ground.hand.acknowledge(&again);
    assert!(ground.hand.take().is_none());
    assert_eq!(labels(&ground.server), ["bug"]);
}

#[test]
fn a_worker_takes_only_what_is_its_and_the_routes_say_whose_that_is() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::started(dir.path());
    // Labels were the built-in worker's before.
    let before = broker.unrouted();
    begun_by(&broker, &before);
    before.stop();
    let server = broker.server();
    let mut other = broker
        .program("worker")
        .args(["worker", "--modules", "labels"])
        .spawn()
        .unwrap();
    let action = begun(&server, "create_label", &json!({"name": "bug"}));
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(shown(&server, &action)["status"], "executing");
    assert!(journal(&server, "outcome.refused").is_empty(), "nothing was taken");
    let _painter = broker.painter();
    assert_eq!(ends(&server, &action)["status"], "succeeded");
    other.kill().unwrap();
    other.wait().unwrap();
}

/// Waits until the broker knows the consumers of a server.
fn begun_by(broker: &Broker, server: &Server) {
    let hand = Hand::of(broker, "operator");
    until("there are consumers", LONG, || {
        hand.asks("CONSUMER.INFO.ORKESTRA_EXECUTIONS.labels", "")["name"] == "labels"
    });
    let found = hand.asks("CONSUMER.INFO.ORKESTRA_EXECUTIONS.labels", "");
    assert_eq!(found["config"]["metadata"]["orkestra-worker"], "orkestra");
    assert_eq!(server.get("/readyz").0, 200);
}

#[test]
fn what_failed_is_tried_again_by_itself_and_what_is_unknown_by_operators() {
    let ground = ground();
    let (action, taken) = ground.taken("bug");
    let id = action["actionId"].as_str().unwrap();
    ground.hand.report(
        "paint",
        &taken.outcome("failed", json!({"mayRetry": true, "reason": "wet"})),
    );
    ground.hand.acknowledge(&taken);
    let second = ground.hand.take().unwrap();
    assert_eq!(
        (second.execution["attempt"].as_u64(), &second.execution["action"]),
        (Some(2), &action["actionId"])
    );
    ground.hand.report(
        "paint",
        &second.outcome("unknown", json!({"reason": "the light went out"})),
    );
    ground.hand.acknowledge(&second);
    assert_eq!(shown(&ground.server, &action)["status"], "unknown");
    let (_, listed) = ground.operator(&["list", "--state", "unknown"]);
    assert!(listed.contains(id) && listed.contains("attempt 2"), "{listed}");
    let (_, told) = ground.operator(&["retry", "--state", "unknown"]);
    assert!(told.contains("1 action found, nothing was done"), "{told}");
    assert_eq!(shown(&ground.server, &action)["status"], "unknown");
    let (done, told) = ground.operator(&["retry", "--state", "unknown", "--yes", "--note", "the light is back"]);
    assert!(done && told.contains("executing"), "{told}");
    let third = ground.hand.take().unwrap();
    assert_eq!(third.execution["attempt"], 3);
    ground.hand.report("paint", &third.outcome("unknown", json!({})));
    ground.hand.acknowledge(&third);
    let (done, told) = ground.operator(&["reconcile", id, "--outcome", "succeeded", "--evidence", " "]);
    assert!(!done && told.contains("evidence"), "{told}");
    let body = json!({"outcome": "succeeded", "evidence": "it hangs on the wall"}).to_string();
    let bearer = format!("Bearer {}", ground.server.token);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let path = format!("/v1/actions/{id}/reconcile");
    let (status, said) = ground.server.send("POST", &path, &headers, body.as_bytes()).unwrap();
    assert_eq!((status, &said["status"]), (200, &json!("succeeded")), "{said}");
    assert_eq!(labels(&ground.server), ["bug"]);
    let (done, told) = ground.operator(&["reconcile", id, "--outcome", "failed", "--evidence", "no"]);
    assert!(!done && told.contains("not_settleable"), "{told}");
}

#[test]
fn the_doctor_says_when_a_stream_is_full() {
    let ground = ground();
    let (_, _taken) = ground.taken("bug");
    let doctor = || {
        let mut command = ground.broker.program("server");
        let said = command
            .args(["doctor", "--json", "--data"])
            .arg(ground.broker.data())
            .output();
        let found: Value = serde_json::from_slice(&said.unwrap().stdout).unwrap();
        let nats = found["checks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|found| found["check"] == "nats")
            .unwrap();
        nats.clone()
    };
    assert_eq!(doctor()["ok"], true, "{}", doctor());
    let operator = Hand::of(&ground.broker, "operator");
    let mut config = operator.asks("STREAM.INFO.ORKESTRA_EXECUTIONS", "")["config"].clone();
    config["max_msgs"] = json!(1);
    let updated = operator.asks("STREAM.UPDATE.ORKESTRA_EXECUTIONS", &config.to_string());
    assert_eq!(updated["config"]["max_msgs"], 1, "{updated}");
    assert_eq!(doctor()["found"], "ORKESTRA_EXECUTIONS holds 1 of at most 1 messages");
}

#[test]
fn what_kills_every_worker_is_a_dead_letter_and_unknown() {
    let ground = ground();
    let (action, taken) = ground.taken("poison");
    ground.hand.give_back(&taken);
    for _ in 0..4 {
        let again = ground.hand.take().unwrap();
        ground.hand.give_back(&again);
    }
    assert!(ground.hand.take().is_none());
    let item = ends(&ground.server, &action);
    assert_eq!(item["status"], "unknown", "{item}");
    assert!(
        item["receipt"]["reason"]
            .as_str()
            .unwrap()
            .contains("as often as may be")
    );
    let operator = Hand::of(&ground.broker, "operator");
    let letter = operator.asks("STREAM.MSG.GET.ORKESTRA_DEAD", r#"{"last_by_subj": "orkestra.dead.>"}"#);
    assert_eq!(
        letter["message"]["subject"], "orkestra.dead.labels.create_label",
        "{letter}"
    );
    let (done, told) = ground.operator(&["retry", action["actionId"].as_str().unwrap()]);
    assert!(done, "{told}");
    let second = ground.hand.take().unwrap();
    assert_eq!(
        (second.execution["attempt"].as_u64(), &second.execution["action"]),
        (Some(2), &action["actionId"])
    );
    ground.hand.report("paint", &second.outcome("succeeded", json!({})));
    assert_eq!(ends(&ground.server, &action)["status"], "succeeded");
}
