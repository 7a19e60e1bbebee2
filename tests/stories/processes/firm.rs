//! What an approval holds for, and what does not make one: changed subjects, no after yes, too few, other processes.

use serde_json::{Value, json};

use super::{act, ground, published, started, status};
use crate::story::{Story, check};

fn define(story: &mut Story, key: &str, subject: &str, steps: Value) -> Value {
    let args = json!({"key": key, "subject": subject, "steps": steps, "publish": true});
    let shown = story.call("ana", "save_process_definition", args.clone()).unwrap();
    story.given("ana", "save_process_definition", args);
    shown["preview"].clone()
}

fn on_task(story: &mut Story, key: &str) -> Value {
    let args = json!({"definition": key, "subject": "OPS-1"});
    story.given("mia", "start_process", args)["id"].clone()
}

fn retitle(story: &mut Story, title: &str) {
    story.given("mia", "update_task", json!({"task": "OPS-1", "title": title}));
}

fn step(story: &mut Story, id: &Value) -> String {
    let found = story.call("ana", "get_process", json!({"process": id})).unwrap();
    found["item"]["active"]["step"].as_str().unwrap_or("none").to_owned()
}

fn boss(more: Value) -> Value {
    let mut step =
        json!({"id": "boss", "kind": "approval", "assignees": {"members": ["max", "mel"]}, "watchFields": ["title"]});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

#[test]
fn a_move_passes_only_for_what_was_approved() {
    let mut story = ground("Approved, and then changed");
    define(
        &mut story,
        "release",
        "task",
        json!([boss(json!({"approval": {"mode": "any"}}))]),
    );
    let guard = json!([{"kind": "approvals", "definition": "release"}]);
    let finish = json!({"name": "Finish at once", "from": ["To do"], "to": "Done", "guards": guard});
    story.given("ana", "save_workflow_transitions", json!({"add": [finish]}));
    story.given("mia", "move_task", json!({"task": "OPS-1", "to": "To do"}));
    let done = json!({"task": "OPS-1", "to": "Done"});
    let id = on_task(&mut story, "release");
    story.given("max", "act_on_process", act(&id, "approve"));
    // What is not watched may change, what is watched may not, and a change that is taken back has not changed it.
    story.given("mia", "update_task", json!({"task": "OPS-1", "priority": "high"}));
    story.call("mia", "move_task", done.clone()).unwrap();
    retitle(&mut story, "Buy ten doors");
    story.reacts();
    story.refused("mia", "move_task", done.clone(), "guard_failed");
    retitle(&mut story, "Buy a door");
    story.reacts();
    story.call("mia", "move_task", done.clone()).unwrap();
    // The newest word counts: a no takes an older yes away.
    let id = on_task(&mut story, "release");
    story.given("max", "act_on_process", act(&id, "reject"));
    story.given("mel", "act_on_process", act(&id, "reject"));
    story.refused("mia", "move_task", done.clone(), "guard_failed");
    let id = on_task(&mut story, "release");
    story.given("mel", "act_on_process", act(&id, "approve"));
    story.does("mia", "move_task", done);
    check("processes_firm_move", &story.end());
}

#[test]
fn what_was_approved_in_an_earlier_step_is_asked_for_anew() {
    let mut story = ground("Changed after the first approval");
    let legal = json!({"id": "legal", "kind": "approval", "assignees": {"members": ["joe"]}});
    let first = boss(json!({"approval": {"mode": "any"}, "next": [{"to": "legal"}]}));
    define(&mut story, "release", "task", json!([first, legal]));
    let id = on_task(&mut story, "release");
    story.given("max", "act_on_process", act(&id, "approve"));
    assert_eq!(step(&mut story, &id), "legal");
    retitle(&mut story, "Buy two doors");
    let events = story.reacts();
    assert!(
        events.iter().any(|event| event == "process.approvals_reset"),
        "{events:?}"
    );
    assert_eq!(step(&mut story, &id), "boss");
    story.given("mel", "act_on_process", act(&id, "approve"));
    // Who votes before anything has reacted does not end it either.
    retitle(&mut story, "Buy three doors");
    story.given("joe", "act_on_process", act(&id, "approve"));
    assert_eq!(
        (step(&mut story, &id), status(&mut story, &id)),
        ("boss".to_owned(), "running".to_owned())
    );
    story.reacts();
    story.given("max", "act_on_process", act(&id, "approve"));
    story.given("joe", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "approved");
    story.when("ana", "get_process", json!({"process": id, "expand": ["history"]}));
    check("processes_firm_steps", &story.end());
}

#[test]
fn a_vote_for_something_else_does_not_count() {
    let mut story = ground("Changed between two votes");
    define(&mut story, "release", "task", json!([boss(json!({}))]));
    let id = on_task(&mut story, "release");
    story.given("max", "act_on_process", act(&id, "approve"));
    // Whoever saw another title in the preview confirms nothing.
    story.stale("mel", "act_on_process", act(&id, "approve"), |story| {
        retitle(story, "Buy two doors");
    });
    story.does("mel", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "running");
    story.reacts();
    story.given("max", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "approved");
    check("processes_firm_votes", &story.end());
}

#[test]
fn a_no_that_leads_on_is_no_approval() {
    let mut story = ground("A no after a yes");
    let steps = json!([
        {"id": "boss", "kind": "approval", "assignees": {"members": ["max"]}, "next": [{"to": "legal"}]},
        {"id": "legal", "kind": "approval", "assignees": {"members": ["mel"]}, "onReject": "tell"},
        {"id": "tell", "kind": "task", "assignees": {"members": ["joe"]}},
    ]);
    define(&mut story, "p", "none", steps);
    let id = started(&mut story, "mia", "p");
    story.given("max", "act_on_process", act(&id, "approve"));
    story.given("mel", "act_on_process", act(&id, "reject"));
    let told = story.does("joe", "act_on_process", act(&id, "complete"));
    assert_eq!(status(&mut story, &id), "completed");
    story.refused(
        "joe",
        "undo_action",
        json!({"actionId": told["actionId"]}),
        "not_undoable",
    );
    check("processes_firm_no", &story.end());
}

#[test]
fn too_few_do_not_decide_and_nobody_speaks_twice() {
    let mut story = ground("Too few");
    let two = json!({"mode": "quorum", "quorum": 2});
    published(&mut story, "p", two.clone(), json!({"members": ["max", "mel"]}));
    let blocked = story.when("max", "start_process", json!({"definition": "p"}));
    assert_eq!(blocked["status"], "blocked", "{blocked}");
    assert!(
        blocked["blockers"].to_string().contains("no_eligible_approver"),
        "{blocked}"
    );
    // With mel standing in for max one person would be left of two: max keeps his own word.
    story.away("max", "2026-03-01", "2026-03-08", "mel");
    let id = started(&mut story, "mia", "p");
    let shown = story.call("mia", "get_process", json!({"process": id})).unwrap();
    assert_eq!(shown["item"]["active"]["mayAct"], json!(["@max", "@mel"]), "{shown}");
    story.given("mel", "act_on_process", act(&id, "approve"));
    let to = json!({"process": id, "act": "delegate", "delegateTo": "mel"});
    story.refused("max", "act_on_process", to, "delegation_refused");
    story.given("max", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "approved");
    // Where too few could decide, those of the escalation are asked at once.
    let steps = json!([{"id": "boss", "kind": "approval", "assignees": {"members": ["max", "mel"]}, "approval": two,
        "deadline": "8h", "onTimeout": "escalate", "escalateTo": {"members": ["ana"]}}]);
    define(&mut story, "q", "none", steps);
    let id = started(&mut story, "max", "q");
    story.given("mel", "act_on_process", act(&id, "approve"));
    story.given("ana", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "approved");
    check("processes_firm_few", &story.end());
}

#[test]
fn what_definitions_watch_is_there_and_what_never_ends_is_said() {
    let mut story = ground("What is watched");
    let of = |subject: &str, step: Value| json!({"key": "p", "subject": subject, "steps": [step], "publish": true});
    for args in [
        of("task", boss(json!({"watchFields": ["titel"]}))),
        of("none", boss(json!({}))),
        of("task", boss(json!({"kind": "task"}))),
    ] {
        story.refused("ana", "save_process_definition", args, "graph_invalid");
    }
    let round = boss(json!({"next": [{"to": "more"}]}));
    let more = json!({"id": "more", "kind": "task", "assignees": {"members": ["joe"]}, "next": [{"when": "subject.title == 'x'", "to": "boss"}]});
    let preview = define(&mut story, "p", "task", json!([round, more]));
    assert_eq!(preview["details"]["endless"], json!(["boss", "more"]), "{preview}");
    let warned = preview["warnings"].to_string();
    assert!(warned.contains("no way leads from boss, more to an end"), "{warned}");
    assert!(warned.contains("more fails where no condition holds"), "{warned}");
    check("processes_firm_watch", &story.end());
}

#[test]
fn another_process_does_not_approve_an_adjustment() {
    let mut story = ground("Another process");
    let steps = json!([{"id": "boss", "kind": "approval", "assignees": {"members": ["max"]}}]);
    define(&mut story, "look", "stock", steps.clone());
    define(&mut story, "stock-adjustment", "stock", steps);
    let settings = json!({"stock": {"approvalAbove": "100"}});
    story.given(
        "ana",
        "manage_organization",
        json!({"op": "update_settings", "settings": settings}),
    );
    story.given("ana", "save_stock_location", json!({"code": "MAIN", "name": "Main"}));
    story.given(
        "ana",
        "save_stock_item",
        json!({"sku": "DOOR", "name": "DOOR", "uom": "pcs"}),
    );
    let line = json!({"item": "DOOR", "qty": "10", "unitCost": {"amount": "50", "currency": "EUR"}});
    story.given("ana", "receive_stock", json!({"to": "MAIN", "lines": [line]}));
    let mut approved = |key: &str| {
        let args = json!({"definition": key, "subject": "DOOR"});
        let id = story.given("mia", "start_process", args)["id"].clone();
        story.given("max", "act_on_process", act(&id, "approve"));
        id
    };
    let (other, right) = (approved("look"), approved("stock-adjustment"));
    let lose = |process: &Value| {
        let line = json!({"item": "DOOR", "delta": "-3", "cause": "loss"});
        json!({"at": "MAIN", "lines": [line], "note": "stolen", "process": process})
    };
    story.refused("max", "adjust_stock", lose(&other), "approval_required");
    story.given("max", "adjust_stock", lose(&right));
    check("processes_firm_stock", &story.end());
}

#[test]
fn nobody_talks_an_instance_full() {
    let mut story = ground("Too much was said");
    published(&mut story, "p", json!({"mode": "all"}), json!({"members": ["max"]}));
    let id = started(&mut story, "mia", "p");
    let say = json!({"process": id, "act": "comment", "note": "x".repeat(4000)});
    let mut said = 0;
    while story.call("mia", "act_on_process", say.clone()).is_ok() {
        said += 1;
        assert!(said < 30, "it goes on for ever");
        let more = json!({"process": id, "act": "comment", "note": format!("{said} {}", "y".repeat(3990))});
        story.given("mia", "act_on_process", more);
    }
    let more = json!({"process": id, "act": "comment", "note": "one more"});
    story.refused("mia", "act_on_process", more, "limit_exceeded");
    story.given("max", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "approved");
    check("processes_firm_full", &story.end());
}

#[test]
fn it_escalates_once_when_the_morning_comes() {
    let mut story = ground("Overnight");
    let steps = json!([{"id": "boss", "kind": "approval", "assignees": {"members": ["max"]}, "deadline": "8h",
        "onTimeout": "escalate", "escalateTo": {"members": ["ana"]}}]);
    define(&mut story, "p", "none", steps);
    // Monday at ten in Madrid; eight hours of work are over on Tuesday at ten, whatever was down meanwhile.
    let id = started(&mut story, "mia", "p");
    story.wait(60 * 14);
    assert!(!story.turn(64), "nothing is due at midnight");
    story.wait(60 * 10 + 90);
    let events = story.reacts();
    let times = |name: &str| events.iter().filter(|event| *event == name).count();
    assert_eq!(
        (times("process.step_timed_out"), times("process.escalated")),
        (1, 1),
        "{events:?}"
    );
    let shown = story.when("ana", "list_processes", json!({}));
    assert_eq!(shown["items"].as_array().unwrap().len(), 1, "{shown}");
    story.given("max", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "approved");
    check("processes_firm_night", &story.end());
}

#[test]
fn a_rule_reacts_to_what_a_process_came_to() {
    let mut story = ground("Rules and processes");
    let rule = json!({
        "name": "After a no", "trigger": {"kind": "event", "eventTypes": ["process.rejected"]},
        "actions": [{"kind": "create_task", "params": {"project": "OPS", "title": "Ask again: {{processInstance.definitionKey}}"}}],
    });
    story.given("ana", "create_automation_rule", rule);
    published(&mut story, "p", json!({"mode": "all"}), json!({"members": ["max"]}));
    let id = started(&mut story, "mia", "p");
    story.given("max", "act_on_process", act(&id, "reject"));
    story.reacts();
    let made = story.call("ana", "get_task", json!({"task": "OPS-2"})).unwrap();
    assert_eq!(made["item"]["title"], "Ask again: p");
    check("processes_firm_rule", &story.end());
}
