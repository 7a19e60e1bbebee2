//! Moves: their guards, and whom a preview says they hold up.

use serde_json::{Value, json};

use super::{code, forked};
use crate::story::check;

#[test]
fn moves_get_guards_and_no_state_is_stranded() {
    let mut story = forked("Moves and their guards");
    let arrow = |from: &str, to: &str, more: Value| {
        let mut arrow = json!({"name": "Go", "from": [from], "to": to});
        arrow.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"project": "OPS", "add": [arrow]})
    };
    for (args, expected) in [
        (
            json!({"project": "OPS", "replaceAll": true, "add": [{"name": "Plan", "from": ["Backlog"], "to": "To do"}]}),
            "stranded_states",
        ),
        (
            arrow("To do", "Done", json!({"guards": [{"kind": "no_fridays"}]})),
            "unknown_guard",
        ),
        (
            arrow(
                "To do",
                "Done",
                json!({"guards": [{"kind": "expression", "expression": "estimate < and"}]}),
            ),
            "expression_invalid",
        ),
        (
            arrow(
                "To do",
                "Done",
                json!({"guards": [{"kind": "approvals", "definition": "x"}]}),
            ),
            "not_found",
        ),
        (
            arrow("To do", "Done", json!({"requiredFields": ["colour"]})),
            "validation_failed",
        ),
        (
            arrow("To do", "Done", json!({"post": [{"kind": "send_flowers"}]})),
            "validation_failed",
        ),
        (arrow("To do", "To do", json!({})), "validation_failed"),
        (
            json!({"project": "OPS", "remove": [{"from": "Done", "to": "Cancelled"}]}),
            "not_found",
        ),
        (json!({"project": "OPS"}), "validation_failed"),
        (
            json!({"project": "WEB", "remove": [{"from": "Backlog", "to": "To do"}]}),
            "inherited",
        ),
    ] {
        assert_eq!(code(&story.when("ana", "save_workflow_transitions", args)), expected);
    }
    story.given("ana", "create_label", json!({"name": "rushed"}));
    let guarded = json!({"project": "OPS", "add": [{
        "name": "Rush", "from": ["Backlog", "To do"], "to": "Done", "roles": ["admin", "owner"], "requiredFields": ["estimate"],
        "guards": [{"kind": "expression", "expression": "estimate <= 2 and not priority = 'low'"}, {"kind": "role_in", "roles": ["owner"]}],
        "post": [{"kind": "add_label", "label": "rushed"}, {"kind": "assign", "member": "@me"}, {"kind": "set_field", "field": "priority", "value": "low"}],
    }], "remove": [{"from": "Backlog", "to": "In progress"}]});
    let saved = story.does("ana", "save_workflow_transitions", guarded.clone());
    assert_eq!(saved["status"], "succeeded");
    let mut guarded = guarded;
    guarded.as_object_mut().unwrap().remove("remove");
    assert_eq!(
        story.when("ana", "save_workflow_transitions", guarded)["status"],
        "noop"
    );
    let no = story.when("ana", "move_task", json!({"task": "OPS-1", "to": "Done"}));
    assert_eq!(code(&no), "guard_failed");
    story.given("ana", "update_task", json!({"task": "OPS-1", "estimate": "2"}));
    let moved = story.does("ana", "move_task", json!({"task": "OPS-1", "to": "Done"}));
    assert_eq!(moved["status"], "succeeded");
    let task = story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap()["item"].clone();
    assert_eq!((&task["priority"], &task["state"]), (&json!("low"), &json!("Done")));
    assert_eq!(
        (&task["labels"][0], &task["assignees"][0]),
        (&json!("rushed"), &json!("@ana"))
    );
    story.when(
        "ana",
        "get_workflow",
        json!({"project": "OPS", "fields": ["transitions"], "expand": ["catalogue"]}),
    );
    check("workflows_moves", &story.end());
}

#[test]
fn a_preview_names_the_tasks_that_could_not_leave_and_the_roles_that_lose() {
    let mut story = forked("Who is held up");
    let shut = json!({"project": "OPS", "replaceAll": true, "add": [
        {"name": "Plan", "from": ["Backlog"], "to": "To do", "guards": [{"kind": "fields_present", "fields": ["dueDate"]}]},
        {"name": "Start", "from": ["To do"], "to": "In progress", "roles": ["admin"]},
        {"name": "Review", "from": ["In progress"], "to": "In review"},
        {"name": "Finish", "from": ["In review"], "to": "Done"},
        {"name": "Cancel", "from": ["any"], "to": "Cancelled", "guards": [{"kind": "assignee_only"}]},
    ]});
    let pending = story.when("ana", "save_workflow_transitions", shut);
    let details = &pending["preview"]["details"];
    assert_eq!(
        details["couldNotLeave"],
        json!({"count": 1, "examined": 1, "first": ["OPS-1"]})
    );
    assert!(details["rolesLosing"].to_string().contains("everybody"));
    check("workflows_held_up", &story.end());
}
