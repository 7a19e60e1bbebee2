//! Bulk into another project: keys, states, labels and people are those of where tasks go, and come back with an undoing.

use serde_json::{Value, json};

use super::{change, confirm, ground, task};
use crate::story::{Story, check};

/// OPS with four tasks, one below the first and labelled for OPS alone, and a second project.
fn two(title: &str, other: Value) -> Story {
    let mut story = ground(title);
    story.human("mo", "member");
    let team = json!({"project": "OPS", "add": [{"member": "@mo"}]});
    story.given("ana", "update_project_members", team);
    let hinge = json!({"project": "OPS", "title": "Hinge", "parent": "OPS-1", "labels": ["small"], "assignees": ["@mo", "@ana"]});
    story.given("ana", "create_task", hinge);
    story.given("ana", "create_project", other);
    story.given("ana", "create_task", json!({"project": "WEB", "title": "Page"}));
    story
}

fn web() -> Value {
    json!({"name": "Web", "key": "WEB"})
}

fn brief(story: &mut Story, key: &str) -> Value {
    let item = task(story, key);
    let some = ["title", "project", "parent", "labels", "assignees", "state"];
    some.iter().map(|name| item[*name].clone()).collect()
}

#[test]
fn tasks_go_to_another_project_and_come_back() {
    let mut story = two("To another project", web());
    let before: Vec<Value> = (1..=5)
        .map(|number| brief(&mut story, &format!("OPS-{number}")))
        .collect();
    // The subtask comes first, and still stays with its parent.
    let go = json!({"tasks": ["OPS-5", "OPS-1", "OPS-2"], "toProject": "WEB"});
    let pending = story.call("ana", "bulk_move_tasks", go).unwrap();
    let details = &pending["preview"]["details"];
    assert_eq!(
        details["counts"],
        json!({"applied": 2, "noop": 1, "skipped": 0, "refused": 0})
    );
    assert_eq!(details["items"][0]["newKey"], "WEB-2");
    let warned = pending["preview"]["warnings"].to_string();
    assert!(
        warned.contains("OPS-5 is no longer assigned to @mo") && warned.contains("OPS-5 loses 1 label"),
        "{warned}"
    );
    // A key that was free at the preview is taken: that is no other plan.
    story.given("ana", "create_task", json!({"project": "WEB", "title": "Style"}));
    let done = story.call("ana", "confirm_action", confirm(&pending)).unwrap();
    assert!(done["events"].to_string().contains("task.transferred"));
    assert_eq!(
        brief(&mut story, "WEB-3"),
        json!(["Door", "WEB", null, ["bug"], [], "Backlog"])
    );
    assert_eq!(
        brief(&mut story, "WEB-4"),
        json!(["Hinge", "WEB", "WEB-3", [], ["@ana"], "Backlog"])
    );
    assert!(story.call("ana", "get_task", json!({"task": "OPS-1"})).is_err());
    let next = story.given("ana", "create_task", json!({"project": "WEB", "title": "Font"}));
    assert_eq!(next["key"], "WEB-6");
    let undone = story
        .call("ana", "undo_action", json!({"actionId": done["actionId"]}))
        .unwrap();
    story.call("ana", "confirm_action", confirm(&undone)).unwrap();
    let after: Vec<Value> = (1..=5)
        .map(|number| brief(&mut story, &format!("OPS-{number}")))
        .collect();
    assert_eq!(after, before);
    // There again; a part does not go back without the whole.
    story.given("ana", "undo_action", json!({"actionId": undone["actionId"]}));
    assert_eq!(task(&mut story, "WEB-3")["title"], "Door");
    story.given(
        "ana",
        "assign_task",
        json!({"task": "WEB-3", "assignees": {"set": ["@ana"]}}),
    );
    story.refused("ana", "undo_action", json!({"entity": "WEB-4"}), "undo_conflict");
    story.given("ana", "undo_action", json!({"entity": "WEB-3"}));
    assert_eq!(
        brief(&mut story, "WEB-3"),
        json!(["Door", "WEB", null, ["bug"], [], "Backlog"])
    );
    check("bulk_elsewhere", &story.end());
}

#[test]
fn what_was_changed_there_does_not_come_back_by_itself() {
    let mut story = two("Changed there", web());
    let go = json!({"tasks": ["OPS-2", "OPS-3"], "toProject": "WEB"});
    let pending = story.call("ana", "bulk_move_tasks", go).unwrap();
    let done = story.call("ana", "confirm_action", confirm(&pending)).unwrap();
    let part = json!({"parent": "WEB-2", "items": [{"title": "Glass"}]});
    story.given("ana", "create_subtasks", part);
    for on_conflict in ["refuse", "skip"] {
        let undo = json!({"actionId": done["actionId"], "onConflict": on_conflict});
        story.refused("ana", "undo_action", undo, "undo_conflict");
    }
    story.given("ana", "delete_task", json!({"task": "WEB-4"}));
    let label = json!({"project": "WEB", "title": "Ink", "labels": ["colour"]});
    story.given("ana", "create_task", label);
    let mut coloured = json!({"task": "WEB-2", "labels": {"add": ["colour"]}});
    story.given("ana", "update_task", coloured.clone());
    let undo = json!({"actionId": done["actionId"]});
    story.refused("ana", "undo_action", undo.clone(), "undo_conflict");
    coloured["labels"] = json!({"remove": ["colour"]});
    story.given("ana", "update_task", coloured);
    story.human("kim", "member");
    let team = json!({"project": "WEB", "add": [{"member": "@kim"}]});
    story.given("ana", "update_project_members", team);
    story.given(
        "ana",
        "assign_task",
        json!({"task": "WEB-3", "assignees": {"set": ["@kim"]}}),
    );
    story.refused("ana", "undo_action", undo, "undo_conflict");
    story.given("ana", "assign_task", json!({"task": "WEB-3", "assignees": {"set": []}}));
    // What both projects know stays as it is.
    story.given("ana", "move_task", json!({"task": "WEB-2", "to": "To do"}));
    change(&mut story, "WEB-2", "Big window");
    story.given("ana", "undo_action", json!({"actionId": done["actionId"]}));
    let window = task(&mut story, "OPS-2");
    assert_eq!(
        (&window["title"], &window["state"]),
        (&json!("Big window"), &json!("To do"))
    );
    check("bulk_elsewhere_changed", &story.end());
}

#[test]
fn states_and_labels_are_mapped() {
    let mut story = two("Mapped", web());
    let own = json!({"project": "WEB", "name": "Draft", "category": "started", "fork": true, "wipLimit": 2});
    story.given("ana", "save_workflow_state", own);
    for key in ["OPS-2", "OPS-3", "OPS-4"] {
        story.given("ana", "move_task", json!({"task": key, "to": "In progress"}));
    }
    let go = |mapping: Value| json!({"tasks": ["OPS-2", "OPS-3", "OPS-4"], "toProject": "WEB", "mapping": mapping, "mode": "best_effort"});
    let refused = |story: &mut Story, args: Value, code: &str| story.refused("ana", "bulk_move_tasks", args, code);
    refused(
        &mut story,
        go(json!({"states": {"In progress": "Done"}})),
        "all_refused",
    );
    refused(&mut story, go(json!({"states": ["Draft"]})), "validation_failed");
    refused(&mut story, go(json!({"labels": "keep"})), "validation_failed");
    refused(&mut story, go(json!({"customFields": "match"})), "not_available_yet");
    let both = json!({"tasks": ["OPS-2"], "toProject": "WEB", "toState": "Done"});
    refused(&mut story, both, "validation_failed");
    let lost = json!({"tasks": ["OPS-2"], "toState": "Done", "mapping": {"labels": "drop"}});
    refused(&mut story, lost, "validation_failed");
    let done = story.given(
        "ana",
        "bulk_move_tasks",
        go(json!({"states": {"in progress": "draft"}})),
    );
    assert_eq!(done["results"][2]["code"], "wip_limit_exceeded");
    assert_eq!(task(&mut story, "WEB-2")["state"], "Draft");
    // A label that only OPS has is made for WEB once, and stays when the tasks go back.
    let more = json!({"tasks": ["OPS-1", "OPS-4"], "labels": {"add": ["small"]}});
    story.given("ana", "bulk_update_tasks", more);
    let all = json!({"query": "project = OPS", "toProject": "WEB", "mapping": {"labels": "create"}});
    let pending = story.call("ana", "bulk_move_tasks", all).unwrap();
    let cascades = pending["preview"]["cascades"].to_string();
    assert_eq!(
        cascades.matches("label small is created in WEB").count(),
        1,
        "{cascades}"
    );
    let done = story.call("ana", "confirm_action", confirm(&pending)).unwrap();
    assert_eq!(task(&mut story, "WEB-4")["labels"], json!(["bug", "small"]));
    assert_eq!(task(&mut story, "WEB-5")["labels"], json!(["small"]));
    story.given("ana", "undo_action", json!({"actionId": done["actionId"]}));
    assert_eq!(task(&mut story, "OPS-5")["labels"], json!(["small"]));
    check("bulk_elsewhere_mapped", &story.end());
}

#[test]
fn a_parent_that_stays_is_left_and_a_private_project_is_told() {
    let mut story = two("Left behind", web());
    story.given(
        "ana",
        "update_project",
        json!({"project": "OPS", "visibility": "private"}),
    );
    let go = json!({"tasks": ["OPS-5"], "toProject": "WEB"});
    let pending = story.call("ana", "bulk_move_tasks", go.clone()).unwrap();
    let warned = pending["preview"]["warnings"].to_string();
    assert!(
        warned.contains("OPS-5 is no longer part of OPS-1, which stays"),
        "{warned}"
    );
    assert!(warned.contains("whoever sees WEB will see what was in OPS"), "{warned}");
    story.given("ana", "archive_project", json!({"project": "WEB"}));
    let no = story.call("ana", "confirm_action", confirm(&pending)).unwrap_err();
    assert_eq!(no.code, "preview_stale");
    story.refused("ana", "bulk_move_tasks", go, "all_refused");
    let same = json!({"tasks": ["OPS-5"], "toProject": "OPS"});
    story.refused("ana", "bulk_move_tasks", same, "nothing_to_do");
    let hidden = json!({"tasks": ["OPS-5"], "toProject": "WEB"});
    story.human("kim", "member");
    story.refused("kim", "bulk_move_tasks", hidden, "not_found");
    check("bulk_elsewhere_left", &story.end());
}
