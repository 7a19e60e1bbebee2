//! What an approval lets pass: a move of a task, an adjustment of stock, a count.

use serde_json::{Value, json};

use super::{act, ground};
use crate::story::{Story, check};

fn approved(story: &mut Story, key: &str, subject: &str) -> Value {
    let id = story.given("mia", "start_process", json!({"definition": key, "subject": subject}))["id"].clone();
    story.given("max", "act_on_process", act(&id, "approve"));
    id
}

fn define(story: &mut Story, key: &str, subject: &str) {
    let steps = json!([{"id": "boss", "kind": "approval", "assignees": {"members": ["max"]}}]);
    story.given(
        "ana",
        "save_process_definition",
        json!({"key": key, "subject": subject, "steps": steps, "publish": true}),
    );
}

#[test]
fn a_move_waits_for_an_approval() {
    let mut story = ground("A move that must be approved");
    define(&mut story, "release", "task");
    let guard = json!([{"kind": "approvals", "definition": "release"}]);
    let finish = json!({"name": "Finish at once", "from": ["To do"], "to": "Done", "guards": guard});
    story.given("ana", "save_workflow_transitions", json!({"add": [finish]}));
    story.given("mia", "move_task", json!({"task": "OPS-1", "to": "To do"}));
    story.refused(
        "mia",
        "move_task",
        json!({"task": "OPS-1", "to": "Done"}),
        "guard_failed",
    );
    approved(&mut story, "release", "OPS-1");
    story.does("mia", "move_task", json!({"task": "OPS-1", "to": "Done"}));
    check("processes_move", &story.end());
}

#[test]
fn stock_beyond_the_limit_is_adjusted_once_for_each_approval() {
    let mut story = ground("An adjustment that must be approved");
    define(&mut story, "stock-adjustment", "stock");
    story.given(
        "ana",
        "manage_organization",
        json!({"op": "update_settings", "settings": {"stock": {"approvalAbove": "100"}}}),
    );
    story.given("ana", "save_stock_location", json!({"code": "MAIN", "name": "Main"}));
    for sku in ["DOOR", "KNOB"] {
        story.given("ana", "save_stock_item", json!({"sku": sku, "name": sku, "uom": "pcs"}));
        let line = json!({"item": sku, "qty": "10", "unitCost": {"amount": "50", "currency": "EUR"}});
        story.given("ana", "receive_stock", json!({"to": "MAIN", "lines": [line]}));
    }
    let lose = |sku: &str, process: Option<&Value>| {
        let mut args =
            json!({"at": "MAIN", "lines": [{"item": sku, "delta": "-3", "cause": "loss"}], "note": "stolen"});
        if let Some(process) = process {
            args["process"] = process.clone();
        }
        args
    };
    story.refused("max", "adjust_stock", lose("DOOR", None), "approval_required");
    let id = approved(&mut story, "stock-adjustment", "DOOR");
    story.refused("max", "adjust_stock", lose("KNOB", Some(&id)), "approval_required");
    story.given("max", "adjust_stock", lose("DOOR", Some(&id)));
    story.refused("max", "adjust_stock", lose("DOOR", Some(&id)), "approval_required");
    check("processes_stock", &story.end());
}

#[test]
fn a_budget_is_approved_by_a_process_as_it_was_when_it_was_decided_on() {
    let mut story = ground("A budget that must be approved");
    define(&mut story, "budget-approval", "budget");
    let lines = |amount: &str| json!([{"category": "Tools", "allocated": amount}]);
    let drawn = json!({"name": "Ops", "from": "2026-01-01", "to": "2026-12-31", "lines": lines("1000")});
    story.given("max", "save_budget", drawn);
    let approve = |process: &Value| json!({"budget": "Ops", "op": "approve", "process": process});
    story.refused(
        "max",
        "save_budget",
        json!({"budget": "Ops", "op": "approve"}),
        "approval_required",
    );
    let early = approved(&mut story, "budget-approval", "Ops");
    // What was approved is not what there is now.
    story.given("max", "save_budget", json!({"budget": "Ops", "lines": lines("5000")}));
    story.refused("max", "save_budget", approve(&early), "approval_required");
    let right = approved(&mut story, "budget-approval", "Ops");
    let receipt = story.does("max", "save_budget", approve(&right));
    assert_eq!(receipt["result"]["status"], "approved");
    // The total of an approved budget needs another one.
    let more = |process: &Value| json!({"budget": "Ops", "lines": lines("6000"), "process": process});
    story.refused("max", "save_budget", more(&right), "approval_required");
    let total = approved(&mut story, "budget-approval", "Ops");
    story.given("max", "save_budget", more(&total));
    check("processes_budget", &story.end());
}
