//! A process as a step of another, and as what a move of a workflow starts.

use serde_json::{Value, json};

use super::{act, ground, status};
use crate::story::{Story, check};

/// `review` asks max; `release` has somebody prepare, runs the review, and has somebody publish.
fn released(story: &mut Story, watch: &Value) {
    let boss = json!([{"id": "boss", "kind": "approval", "assignees": {"members": ["max"]}, "watchFields": watch}]);
    let review = json!({"key": "review", "subject": "task", "steps": boss, "publish": true});
    story.given("ana", "save_process_definition", review);
    let steps = json!([
        {"id": "prepare", "kind": "task", "assignees": {"members": ["joe"]}, "next": [{"to": "check"}]},
        {"id": "check", "kind": "subprocess", "process": "review", "next": [{"to": "publish"}], "onReject": "prepare"},
        {"id": "publish", "kind": "task", "assignees": {"members": ["joe"]}},
    ]);
    let release = json!({"key": "release", "subject": "task", "steps": steps, "publish": true});
    story.does("ana", "save_process_definition", release);
}

fn begun(story: &mut Story) -> Value {
    let args = json!({"definition": "release", "subject": "OPS-1"});
    story.given("mia", "start_process", args)["id"].clone()
}

fn active(story: &mut Story, process: &Value) -> Value {
    let found = story.call("ana", "get_process", json!({"process": process})).unwrap();
    found["item"]["active"].clone()
}

#[test]
fn a_process_is_a_step_of_another() {
    let mut story = ground("A process in a process");
    released(&mut story, &json!([]));
    let outer = begun(&mut story);
    let prepared = story.does("joe", "act_on_process", act(&outer, "complete"));
    assert_eq!(prepared["result"]["active"]["step"], "check");
    // Whoever started the outer one started the inner one too.
    let first = active(&mut story, &outer)["process"].clone();
    let inner = story.call("ana", "get_process", json!({"process": first})).unwrap();
    assert_eq!(
        (&inner["item"]["initiator"], &inner["item"]["stepOf"]),
        (&json!("@mia"), &outer)
    );
    story.does("max", "act_on_process", act(&first, "reject"));
    assert_eq!(status(&mut story, &first), "rejected");
    assert_eq!(active(&mut story, &outer)["step"], "prepare");
    story.given("joe", "act_on_process", act(&outer, "complete"));
    let second = active(&mut story, &outer)["process"].clone();
    assert_ne!(first, second);
    story.does("max", "act_on_process", act(&second, "approve"));
    story.when("mia", "get_process", json!({"process": outer, "expand": ["history"]}));
    story.given("joe", "act_on_process", act(&outer, "complete"));
    assert_eq!(status(&mut story, &outer), "approved");
    check("processes_nested", &story.end());
}

#[test]
fn what_is_called_off_outside_is_called_off_inside() {
    let mut story = ground("Calling off a process in a process");
    released(&mut story, &json!([]));
    let outer = begun(&mut story);
    story.given("joe", "act_on_process", act(&outer, "complete"));
    let inner = active(&mut story, &outer)["process"].clone();
    story.does("mia", "act_on_process", act(&outer, "cancel"));
    assert_eq!(status(&mut story, &inner), "cancelled");
    story.refused("max", "act_on_process", act(&inner, "approve"), "step_closed");
    // And the other way round: it counts as a no.
    let outer = begun(&mut story);
    story.given("joe", "act_on_process", act(&outer, "complete"));
    let inner = active(&mut story, &outer)["process"].clone();
    story.does("mia", "act_on_process", act(&inner, "cancel"));
    assert_eq!(active(&mut story, &outer)["step"], "prepare");
    // One review at a time: the outer one says why it cannot go on, and is tried again.
    let alone = json!({"definition": "review", "subject": "OPS-1"});
    let alone = story.given("mia", "start_process", alone)["id"].clone();
    story.given("joe", "act_on_process", act(&outer, "complete"));
    assert_eq!(status(&mut story, &outer), "failed");
    story.given("max", "act_on_process", act(&alone, "approve"));
    story.does("mia", "act_on_process", act(&outer, "retry"));
    assert_eq!(active(&mut story, &outer)["step"], "check");
    check("processes_nested_cancelled", &story.end());
}

#[test]
fn what_was_approved_inside_is_approved_for_what_it_was() {
    let mut story = ground("A process in a process that watches");
    released(&mut story, &json!(["title"]));
    let outer = begun(&mut story);
    story.given("joe", "act_on_process", act(&outer, "complete"));
    let inner = active(&mut story, &outer)["process"].clone();
    story.given("max", "act_on_process", act(&inner, "approve"));
    assert_eq!(active(&mut story, &outer)["step"], "publish");
    story.does("mia", "update_task", json!({"task": "OPS-1", "title": "Buy two doors"}));
    story.reacts();
    let again = active(&mut story, &outer);
    assert_eq!(again["step"], "check");
    assert_ne!(again["process"], inner);
    check("processes_nested_watched", &story.end());
}

#[test]
fn what_a_process_cannot_have_as_a_step() {
    let mut story = ground("What a process cannot have as a step");
    let mut wrong = |process: &str, subject: &str| {
        let steps = json!([{"id": "sub", "kind": "subprocess", "process": process}]);
        let args = json!({"key": "outer", "subject": subject, "steps": steps, "publish": true});
        story.refused("ana", "save_process_definition", args, "graph_invalid");
    };
    wrong("nowhere", "none");
    wrong("outer", "none");
    released(&mut story, &json!([]));
    let mut wrong = |step: Value| {
        let args = json!({"key": "outer", "subject": "none", "steps": [step], "publish": true});
        story.refused("ana", "save_process_definition", args, "graph_invalid");
    };
    wrong(json!({"id": "sub", "kind": "subprocess", "process": "review"}));
    wrong(json!({"id": "sub", "kind": "subprocess"}));
    wrong(json!({"id": "sub", "kind": "wait", "wait": "1h", "process": "review"}));
    // Around in a circle, one in the other: it ends by itself.
    let steps = |process: &str| json!([{"id": "sub", "kind": "subprocess", "process": process}]);
    for (key, steps) in [
        ("one", json!([{"id": "nap", "kind": "wait", "wait": "1h"}])),
        ("two", steps("one")),
        ("one", steps("two")),
    ] {
        let mut args = json!({"steps": steps, "publish": true});
        let place = if story.call("ana", "get_process", json!({"process": key})).is_ok() {
            "definition"
        } else {
            "key"
        };
        args[place] = key.into();
        story.given("ana", "save_process_definition", args);
    }
    let no = story.when("mia", "start_process", json!({"definition": "one"}));
    assert_eq!(no["status"], "blocked");
    assert!(
        no.to_string().contains("5 processes are in one another already"),
        "{no}"
    );
    check("processes_nested_refused", &story.end());
}

#[test]
fn a_move_starts_a_process() {
    let mut story = ground("A move that starts a process");
    let starts = json!([{"kind": "start_process", "definition": "review"}]);
    let rush = json!({"add": [{"name": "Rush", "from": ["To do"], "to": "Done", "post": starts}]});
    story.refused("ana", "save_workflow_transitions", rush.clone(), "not_found");
    released(&mut story, &json!([]));
    story.does("ana", "save_workflow_transitions", rush);
    let vague = json!({"key": "vague", "subject": "none", "steps": [{"id": "nap", "kind": "wait", "wait": "1h"}], "publish": true});
    story.given("ana", "save_process_definition", vague);
    let vague = json!([{"kind": "start_process", "definition": "vague"}]);
    let vague = json!({"add": [{"name": "Vague", "from": ["To do"], "to": "Done", "post": vague}]});
    story.refused("ana", "save_workflow_transitions", vague, "validation_failed");
    story.given("joe", "move_task", json!({"task": "OPS-1", "to": "To do"}));
    story.does("joe", "move_task", json!({"task": "OPS-1", "to": "Done"}));
    let waiting = story.when("max", "list_processes", json!({"kind": "inbox"}));
    assert_eq!(waiting["items"][0]["initiator"], "@joe", "{waiting}");
    // It is on its way already: the move is made all the same, and says so.
    story.given("ana", "move_task", json!({"task": "OPS-1", "to": "To do"}));
    let moved = story.does("joe", "move_task", json!({"task": "OPS-1", "to": "Done"}));
    assert!(!moved["events"].to_string().contains("process.started"), "{moved}");
    check("processes_moved", &story.end());
}
