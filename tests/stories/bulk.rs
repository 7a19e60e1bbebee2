//! Bulk: many tasks in one operation, frozen at the preview, decided one by one, undone as one.

mod asked;
mod elsewhere;
mod many;

use serde_json::{Value, json};

use crate::story::{Story, check};

/// A project with four tasks in Backlog.
fn ground(title: &str) -> Story {
    let mut story = Story::new(title);
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given("ana", "create_label", json!({"name": "bug"}));
    for title in ["Door", "Window", "Roof", "Floor"] {
        let task = json!({"project": "OPS", "title": title, "labels": ["bug"], "dueDate": "2026-03-10"});
        story.given("ana", "create_task", task);
    }
    story
}

fn task(story: &mut Story, key: &str) -> Value {
    story.call("ana", "get_task", json!({"task": key})).unwrap()["item"].clone()
}

fn states(story: &mut Story) -> Vec<Value> {
    let mut state = |number: u8| task(story, &format!("OPS-{number}"))["state"].clone();
    (1..=4).map(&mut state).collect()
}

fn confirm(pending: &Value) -> Value {
    json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]})
}

fn change(story: &mut Story, key: &str, title: &str) {
    story.given("ana", "update_task", json!({"task": key, "title": title}));
}

#[test]
fn tasks_are_moved_together_and_put_back_together() {
    let mut story = ground("Moving many tasks");
    let all = json!({"query": "project = OPS and label = bug", "toState": "To do", "expectedCount": 4});
    let done = story.does("ana", "bulk_move_tasks", all);
    assert_eq!(done["result"]["counts"]["applied"], 4);
    assert_eq!(states(&mut story), ["To do", "To do", "To do", "To do"]);
    // All of it stands in one record, and is undone by one action.
    let last = story
        .records
        .0
        .iter()
        .rev()
        .find(|text| text.contains("bulk.completed"));
    assert_eq!(last.unwrap().matches("task.state_changed").count(), 4);
    story.given("ana", "undo_action", json!({"actionId": done["actionId"]}));
    assert_eq!(states(&mut story), ["Backlog", "Backlog", "Backlog", "Backlog"]);
    let move_to = |query: &str, to: &str| json!({"query": query, "toState": to});
    let mut wrong = move_to("project = OPS", "To do");
    wrong["expectedCount"] = json!(3);
    story.refused("ana", "bulk_move_tasks", wrong, "count_mismatch");
    let same = move_to("project = OPS", "Backlog");
    story.refused("ana", "bulk_move_tasks", same, "nothing_to_do");
    let done = move_to("project = OPS", "Done");
    story.refused("ana", "bulk_move_tasks", done, "all_refused");
    let nowhere = move_to("project = OPS", "Nowhere");
    story.refused("ana", "bulk_move_tasks", nowhere, "not_found");
    let both = json!({"toState": "To do"});
    story.refused("ana", "bulk_move_tasks", both, "validation_failed");
    let sprint = json!({"tasks": ["OPS-1"], "toSprint": "current"});
    story.refused("ana", "bulk_move_tasks", sprint, "not_available_yet");
    check("bulk_move", &story.end());
}

#[test]
fn what_was_found_at_the_preview_is_what_is_changed() {
    let mut story = ground("Frozen at the preview");
    let move_all = |on_changed: &str| json!({"query": "project = OPS", "toState": "To do", "onChanged": on_changed});
    // One is changed, one is new: the first is left alone, the other is no part of it.
    let pending = story.call("ana", "bulk_move_tasks", move_all("skip")).unwrap();
    change(&mut story, "OPS-2", "Big window");
    story.given("ana", "create_task", json!({"project": "OPS", "title": "Wall"}));
    let asked = json!({"actionId": pending["actionId"]});
    let waiting = story.call("ana", "get_pending_action", asked).unwrap();
    assert_eq!(waiting["item"]["stale"], false);
    let done = story.confirm("ana", &pending);
    let counts = &done["result"]["counts"];
    assert_eq!((&counts["applied"], &counts["skipped"]), (&json!(3), &json!(1)));
    assert_eq!(states(&mut story), ["To do", "Backlog", "To do", "To do"]);
    assert_eq!(task(&mut story, "OPS-5")["state"], "Backlog");
    // Nothing is done, and the new preview finds what the query finds today.
    let pending = story.call("ana", "bulk_move_tasks", move_all("refuse_all")).unwrap();
    change(&mut story, "OPS-2", "Window");
    story.given("ana", "create_task", json!({"project": "OPS", "title": "Cellar"}));
    let no = story.call("ana", "confirm_action", confirm(&pending)).unwrap_err();
    let again = no.current.unwrap();
    assert_eq!(
        (no.code.as_ref(), &again["status"]),
        ("preview_stale", &json!("pending"))
    );
    assert_eq!(again["preview"]["details"]["counts"]["applied"], 3);
    let cancelled = story.call("ana", "cancel_action", json!({"actionId": again["actionId"]}));
    assert_eq!(cancelled.unwrap()["status"], "cancelled");
    check("bulk_frozen", &story.end());
}

#[test]
fn a_repeated_call_is_a_retry_only_while_it_would_find_the_same() {
    let mut story = ground("Asked twice");
    let all = json!({"query": "project = OPS", "toState": "To do"});
    let first = story.call("ana", "bulk_move_tasks", all.clone()).unwrap();
    let again = story.call("ana", "bulk_move_tasks", all.clone()).unwrap();
    assert_eq!(first["actionId"], again["actionId"]);
    story.given("ana", "create_task", json!({"project": "OPS", "title": "Wall"}));
    let third = story.call("ana", "bulk_move_tasks", all).unwrap();
    assert_ne!(first["actionId"], third["actionId"]);
    assert_eq!(third["preview"]["details"]["counts"]["applied"], 5);
    let old = story.call("ana", "confirm_action", confirm(&first)).unwrap_err();
    assert_eq!(old.code, "not_pending");
    let _ = story.end();
}

#[test]
fn a_rule_that_changed_is_no_change_of_an_item() {
    let mut story = ground("A rule of the workflow changes");
    story.stale(
        "ana",
        "bulk_move_tasks",
        json!({"tasks": ["OPS-2", "OPS-3"], "toState": "To do"}),
        |story| {
            story.given("ana", "archive_project", json!({"project": "OPS"}));
        },
    );
    check("bulk_rules", &story.end());
}

#[test]
fn where_all_changed_in_between_nothing_is_left_to_do() {
    let mut story = ground("All skipped");
    let two = json!({"tasks": ["OPS-1", "OPS-2"], "toState": "To do"});
    let pending = story.call("ana", "bulk_move_tasks", two).unwrap();
    change(&mut story, "OPS-1", "Doors");
    story.given("ana", "delete_task", json!({"task": "OPS-2"}));
    let done = story.call("ana", "confirm_action", confirm(&pending)).unwrap();
    let result = &done["result"];
    assert_eq!(
        (&result["status"], &result["counts"]["skipped"]),
        (&json!("failed"), &json!(2))
    );
    assert_eq!(task(&mut story, "OPS-1")["state"], "Backlog");
    let _ = story.end();
}

#[test]
fn each_item_passes_the_rules_after_those_before_it() {
    let mut story = ground("One by one");
    story.given("ana", "save_workflow_state", json!({"state": "To do", "wipLimit": 2}));
    let mut args = json!({"query": "project = OPS", "toState": "To do"});
    let blocked = story.call("ana", "bulk_move_tasks", args.clone()).unwrap();
    assert_eq!(
        (&blocked["status"], &blocked["blockers"][0]["code"]),
        (&json!("blocked"), &json!("some_refused"))
    );
    args["mode"] = json!("best_effort");
    let done = story.does("ana", "bulk_move_tasks", args);
    assert_eq!(done["result"]["status"], "partial");
    assert_eq!(done["result"]["results"][2]["code"], "wip_limit_exceeded");
    assert_eq!(states(&mut story), ["To do", "To do", "Backlog", "Backlog"]);
    story.given("ana", "undo_action", json!({"actionId": done["actionId"]}));
    assert_eq!(states(&mut story), ["Backlog", "Backlog", "Backlog", "Backlog"]);
    check("bulk_one_by_one", &story.end());
}

#[test]
fn fields_are_set_on_many() {
    let mut story = ground("Changing many");
    let set =
        json!({"query": "project = OPS", "set": {"priority": "high", "shiftDays": 3}, "labels": {"remove": ["bug"]}});
    story.given("ana", "bulk_update_tasks", set);
    let first = task(&mut story, "OPS-1");
    assert_eq!(
        (&first["priority"], &first["dueDate"], &first["labels"]),
        (&json!("high"), &json!("2026-03-13"), &json!([]))
    );
    let below = json!({"tasks": ["OPS-2", "OPS-3"], "set": {"parent": "OPS-1", "estimate": "3", "startDate": "2026-03-01"}, "watchers": {"add": ["@me"]}});
    let done = story.given("ana", "bulk_update_tasks", below);
    assert_eq!(done["counts"]["applied"], 2);
    let second = task(&mut story, "OPS-2");
    assert_eq!(
        (&second["parent"], &second["watchers"]),
        (&json!("OPS-1"), &json!(["@ana"]))
    );
    let refused = |story: &mut Story, args: Value, code: &str| story.refused("ana", "bulk_update_tasks", args, code);
    refused(&mut story, json!({"query": "project = OPS"}), "nothing_to_set");
    let same = json!({"query": "project = OPS", "set": {"priority": "high"}});
    refused(&mut story, same, "nothing_to_do");
    let late = json!({"query": "project = OPS", "set": {"startDate": "2027-01-01"}});
    refused(&mut story, late, "all_refused");
    let count = json!({"tasks": ["OPS-1", "OPS-1"], "set": {"priority": "low"}, "expectedCount": 2});
    refused(&mut story, count, "count_mismatch");
    let unknown = json!({"query": "project = OPS", "labels": {"add": ["nothing"]}});
    refused(&mut story, unknown, "not_found");
    let twice = json!({"tasks": ["OPS-1"], "set": {"dueDate": null, "shiftDays": 1}});
    refused(&mut story, twice, "validation_failed");
    story.stale(
        "ana",
        "bulk_update_tasks",
        json!({"tasks": ["OPS-1"], "set": {"priority": "low"}, "onChanged": "refuse_all"}),
        |story| change(story, "OPS-1", "Doors"),
    );
    check("bulk_update", &story.end());
}

#[test]
fn many_tasks_are_deleted_and_come_back() {
    let mut story = ground("Deleting many tasks");
    story.human("kim", "member");
    let hinge = json!({"project": "OPS", "title": "Hinge", "parent": "OPS-1"});
    story.given("kim", "create_task", hinge);
    let delete =
        |subtasks: &str, count: u8| json!({"query": "project = OPS", "expectedCount": count, "subtasks": subtasks});
    story.refused("ana", "bulk_delete_tasks", delete("cascade", 4), "count_mismatch");
    let parent = json!({"tasks": ["OPS-1"], "expectedCount": 1});
    story.refused("ana", "bulk_delete_tasks", parent, "all_refused");
    let blocked = story.call("ana", "bulk_delete_tasks", delete("refuse", 5)).unwrap();
    assert_eq!(blocked["status"], "blocked");
    story.stale("ana", "bulk_delete_tasks", delete("cascade", 5), |story| {
        change(story, "OPS-2", "Windows");
    });
    let pending = story.call("ana", "bulk_delete_tasks", delete("cascade", 5)).unwrap();
    let details = &pending["preview"]["details"];
    assert_eq!(
        (&details["withSubtasks"], &details["counts"]["noop"]),
        (&json!(5), &json!(1))
    );
    assert_eq!(details["touchedByOthers"][0]["by"], "@kim");
    assert_eq!(pending["risk"], "high");
    let done = story.call("ana", "confirm_action", confirm(&pending)).unwrap();
    assert!(story.call("ana", "get_task", json!({"task": "OPS-5"})).is_err());
    story.given("ana", "undo_action", json!({"actionId": done["actionId"]}));
    assert_eq!(task(&mut story, "OPS-5")["title"], "Hinge");
    check("bulk_delete", &story.end());
}
