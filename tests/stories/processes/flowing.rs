//! What happens without anybody: deadlines, waits, actions, and what changed meanwhile.

use serde_json::{Value, json};

use super::{act, ground, status};
use crate::story::{Story, check};

fn define(story: &mut Story, key: &str, subject: &str, steps: Value) {
    let args = json!({"key": key, "subject": subject, "steps": steps, "publish": true});
    story.given("ana", "save_process_definition", args);
}

fn boss(then: &str, more: Value) -> Value {
    let mut step = json!({
        "id": "boss", "kind": "approval", "assignees": {"members": ["max"]}, "deadline": "4h", "onTimeout": then,
    });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([step])
}

#[test]
fn what_nobody_decides_goes_on_by_the_hour() {
    let mut story = ground("Deadlines");
    define(
        &mut story,
        "up",
        "none",
        boss("escalate", json!({"escalateTo": {"members": ["ana"]}})),
    );
    define(&mut story, "no", "none", boss("reject", json!({})));
    define(&mut story, "end", "none", boss("expire", json!({})));
    define(&mut story, "again", "none", boss("remind", json!({})));
    // Monday, ten in Madrid; due at two.
    let ids: Vec<Value> = ["up", "no", "end", "again"]
        .iter()
        .map(|key| story.given("mia", "start_process", json!({"definition": key}))["id"].clone())
        .collect();
    story.wait(239);
    assert!(!story.turn(64), "nothing is due yet");
    story.wait(1);
    let events = story.reacts();
    assert!(events.iter().any(|event| event == "process.escalated"), "{events:?}");
    let now: Vec<String> = ids.iter().map(|id| status(&mut story, id)).collect();
    assert_eq!(now, ["running", "rejected", "expired", "running"]);
    // Nobody said anything over the night; nothing is ever approved because time passed.
    story.wait(60 * 24 * 3);
    story.reacts();
    assert_eq!(status(&mut story, &ids[0]), "running");
    assert_eq!(status(&mut story, &ids[3]), "running");
    // The one who came by the escalation stands in for the one who did not answer.
    story.does("ana", "act_on_process", act(&ids[0], "approve"));
    assert_eq!(status(&mut story, &ids[0]), "approved");
    story.when("mia", "get_process", json!({"process": ids[0], "expand": ["history"]}));
    check("processes_deadlines", &story.end());
}

#[test]
fn time_passes_and_tools_are_called() {
    let mut story = ground("Waiting and acting");
    define(
        &mut story,
        "publish",
        "task",
        json!([
            {"id": "boss", "kind": "approval", "assignees": {"members": ["max"]}, "next": [{"to": "sleep"}]},
            {"id": "sleep", "kind": "wait", "wait": "1h", "next": [{"to": "raise"}]},
            {"id": "raise", "kind": "action", "tool": "update_task", "params": {"task": "$subject", "priority": "urgent"}, "next": [{"to": "say"}]},
            {"id": "say", "kind": "action", "tool": "add_comment", "params": {"target": "$subject", "body": "It may go out"}},
        ]),
    );
    let id = story.given(
        "mia",
        "start_process",
        json!({"definition": "publish", "subject": "OPS-1"}),
    )["id"]
        .clone();
    story.given("max", "act_on_process", act(&id, "approve"));
    story.wait(60);
    story.reacts();
    assert_eq!(status(&mut story, &id), "approved");
    let task = story.call("mia", "get_task", json!({"task": "OPS-1"})).unwrap();
    assert_eq!(task["item"]["priority"], "urgent");
    let said = story.call("mia", "list_comments", json!({"target": "OPS-1"})).unwrap();
    assert_eq!(said["items"].as_array().unwrap().len(), 1, "{said}");
    check("processes_acting", &story.end());
}

#[test]
fn a_step_that_fails_is_tried_again() {
    let mut story = ground("A step that fails");
    define(
        &mut story,
        "tag",
        "task",
        json!([{"id": "tag", "kind": "action", "tool": "update_task", "params": {"task": "$subject", "labels": {"add": ["gone"]}}}]),
    );
    let id = story.given("mia", "start_process", json!({"definition": "tag", "subject": "OPS-1"}))["id"].clone();
    story.reacts();
    assert_eq!(status(&mut story, &id), "failed");
    story.given("ana", "create_label", json!({"name": "gone"}));
    story.does("mia", "act_on_process", act(&id, "retry"));
    story.reacts();
    assert_eq!(status(&mut story, &id), "completed");
    check("processes_failing", &story.end());
}

#[test]
fn what_is_watched_and_changes_is_decided_anew() {
    let mut story = ground("Watched fields");
    define(
        &mut story,
        "release",
        "task",
        json!([{"id": "boss", "kind": "approval", "assignees": {"members": ["max", "mel"]}, "watchFields": ["title"]}]),
    );
    let id = story.given(
        "mia",
        "start_process",
        json!({"definition": "release", "subject": "OPS-1"}),
    )["id"]
        .clone();
    story.given("max", "act_on_process", act(&id, "approve"));
    story.given("mia", "update_task", json!({"task": "OPS-1", "priority": "high"}));
    story.reacts();
    let shown = story.when("mia", "update_task", json!({"task": "OPS-1", "title": "Buy two doors"}));
    assert!(
        !shown["preview"]["effects"]["rules"].as_array().unwrap().is_empty(),
        "{shown}"
    );
    story.confirm("mia", &shown);
    let events = story.reacts();
    assert!(
        events.iter().any(|event| event == "process.approvals_reset"),
        "{events:?}"
    );
    story.given("mel", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "running");
    story.given("max", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "approved");
    check("processes_watched", &story.end());
}

#[test]
fn who_is_away_is_stood_in_for_at_once() {
    let mut story = ground("Out of office");
    story.away("max", "2026-03-01", "2026-03-08", "mel");
    define(
        &mut story,
        "p",
        "none",
        json!([{"id": "boss", "kind": "approval", "assignees": {"members": ["max"]}}]),
    );
    let id = story.given("mia", "start_process", json!({"definition": "p"}))["id"].clone();
    story.refused("max", "act_on_process", act(&id, "approve"), "not_eligible");
    story.does("mel", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "approved");
    check("processes_away", &story.end());
}
