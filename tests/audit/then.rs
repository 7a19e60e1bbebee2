//! How things stood: every position of the past, reads of it, what was seen there, and what changed between two.

use std::sync::Arc;

use orkestra::audit::Behind;
use orkestra::audit::travel::{Error, Machine, When, call_then, difference, show};
use orkestra::kernel::State;
use orkestra::kernel::engine::Call;
use serde_json::{Value, json};

use super::{log, morning};
use crate::story::Story;

fn args(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[test]
fn every_position_is_as_it_was_whichever_way_one_comes() {
    let story = morning();
    let registry = Arc::clone(story.engine.registry());
    let mut state = State::new(&registry.kinds());
    let mut digests = vec![state.digest().unwrap()];
    for (seq, text) in (1..).zip(&story.records.0) {
        state.apply(seq, text).unwrap();
        digests.push(state.digest().unwrap());
    }
    let (machine, log) = (Machine::new(&registry), log(&story.records));
    let last = log.durable();
    for position in (0..=last).chain((0..=last).rev()).chain([last / 2, 1, last]) {
        let then = machine.at(log.as_ref(), position, &mut |_, _| {}).unwrap();
        assert_eq!(
            then.digest().unwrap(),
            digests[usize::try_from(position).unwrap()],
            "{position}"
        );
    }
    let beyond = machine.at(log.as_ref(), last + 1, &mut |_, _| {}).unwrap_err();
    assert!(matches!(beyond, Error::Beyond { .. }));
    drop(story.end());
}

#[test]
fn a_moment_is_the_last_record_before_it() {
    let story = morning();
    let log = log(&story.records);
    let at = |text: &str| When::Moment(text.parse().unwrap()).position(log.as_ref()).unwrap();
    assert_eq!(at("2026-03-02T08:59:59Z"), 0);
    assert_eq!(at("2030-01-01T00:00:00Z"), (story.records.0.len() as u64));
    let noon = at("2026-03-02T09:00:30Z");
    let record = |seq: u64| -> Value { serde_json::from_str(&log.get(seq).unwrap().unwrap().text).unwrap() };
    assert_eq!(record(noon)["at"], "2026-03-02T09:00:00Z");
    assert_eq!(record(noon + 1)["at"], "2026-03-02T09:01:00Z");
    assert!(
        "yesterday"
            .parse::<When>()
            .unwrap_err()
            .contains("neither a position nor a moment")
    );
    drop(story.end());
}

#[test]
fn a_read_of_the_past_answers_as_it_would_have() {
    let mut story = Story::new("The past");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given("ana", "create_task", json!({"project": "OPS", "title": "First title"}));
    let then = story.records.0.len() as u64;
    let seen = story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap();
    let hour = story.now;
    story.wait(5);
    story.given("ana", "update_task", json!({"task": "OPS-1", "title": "Second title"}));
    let registry = Arc::clone(story.engine.registry());
    let machine = Machine::new(&registry);
    let log = log(&story.records);
    let state = machine.at(log.as_ref(), then, &mut |_, _| {}).unwrap();
    let call = |tool: &str, given: Value| {
        let call = Call {
            caller: story.caller("ana"),
            tool: tool.to_owned(),
            args: args(given),
        };
        call_then(&registry, &Behind::new(&log), &state, &call, hour)
    };
    assert_eq!(call("get_task", json!({"task": "OPS-1"})).unwrap(), seen);
    assert_eq!(call("create_task", json!({})).unwrap_err().code, "not_a_read");
    drop(story.end());
}

#[test]
fn what_was_seen_is_shown_again_and_proven() {
    let story = morning();
    let registry = Arc::clone(story.engine.registry());
    let machine = Machine::new(&registry);
    let shown =
        |records: &crate::story::Records, seq: u64| show(&registry, &log(records), &machine, seq, &mut |_, _| {});
    let mut reads = 0;
    for (seq, text) in (1..).zip(&story.records.0) {
        if !text.contains("call.answered") {
            assert!(matches!(shown(&story.records, seq), Err(Error::NoRead { .. })));
            continue;
        }
        let again = shown(&story.records, seq).unwrap();
        assert!(again.proven, "{again:?}");
        reads += 1;
        let mut altered = story.records.clone();
        let digest = again.recorded.to_string();
        let place = usize::try_from(seq).unwrap() - 1;
        altered.0[place] = text.replace(&digest, &"1".repeat(64));
        assert!(!shown(&altered, seq).unwrap().proven);
    }
    assert_eq!(reads, 2);
    drop(story.end());
}

#[test]
fn a_difference_has_each_thing_once() {
    let mut story = Story::new("Differences");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given("ana", "create_task", json!({"project": "OPS", "title": "One"}));
    let before = story.records.0.len() as u64;
    story.given("ana", "update_task", json!({"task": "OPS-1", "title": "Two"}));
    story.given("ana", "update_task", json!({"task": "OPS-1", "title": "Three"}));
    story.given("ana", "create_label", json!({"name": "bug"}));
    let there = story.records.0.len() as u64;
    story.given("ana", "update_task", json!({"task": "OPS-1", "title": "One"}));
    let told = |from, to| serde_json::to_value(difference(log(&story.records).as_ref(), from, to).unwrap()).unwrap();
    let found = told(before, there);
    let entities = found["entities"].as_array().unwrap();
    let task = entities.iter().find(|entity| entity["entity"] == "task").unwrap();
    assert_eq!(
        (&task["what"], task["records"].as_array().unwrap().len()),
        (&json!("changed"), 2)
    );
    assert_eq!(task["fields"]["title"], json!({"from": "One", "to": "Three"}));
    let label = entities.iter().find(|entity| entity["entity"] == "label").unwrap();
    assert_eq!(label["what"], "created");
    let back = told(before, story.records.0.len() as u64);
    let kinds: Vec<&Value> = back["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| &entity["entity"])
        .collect();
    assert_eq!(kinds, ["label"], "what was changed there and back is as it was");
    assert!(told(there, there)["entities"].as_array().unwrap().is_empty());
    drop(story.end());
}
