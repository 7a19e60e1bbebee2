//! Bulk: many tasks in one operation, frozen at the preview, decided one by one, undone as one.

use serde_json::{Value, json};

use crate::story::{Story, check};

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
    (1..=4)
        .map(|number| task(story, &format!("OPS-{number}"))["state"].clone())
        .collect()
}

fn confirm(pending: &Value) -> Value {
    json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]})
}

#[test]
fn tasks_are_moved_together_and_put_back_together() {
    let mut story = ground("Moving many tasks");
    let all = json!({"query": "project:OPS label:bug", "toState": "To do", "expectedCount": 4});
    let done = story.does("ana", "bulk_move_tasks", all);
    assert_eq!(done["result"]["counts"]["applied"], 4);
    assert_eq!(states(&mut story), ["To do", "To do", "To do", "To do"]);
    story.given("ana", "undo_action", json!({"actionId": done["actionId"]}));
    assert_eq!(states(&mut story), ["Backlog", "Backlog", "Backlog", "Backlog"]);
    let move_to = |query: &str, to: &str| json!({"query": query, "toState": to});
    let mut wrong = move_to("project:OPS", "To do");
    wrong["expectedCount"] = json!(3);
    story.refused("ana", "bulk_move_tasks", wrong, "count_mismatch");
    story.refused(
        "ana",
        "bulk_move_tasks",
        move_to("project:OPS", "Backlog"),
        "nothing_to_do",
    );
    story.refused(
        "ana",
        "bulk_move_tasks",
        move_to("project:OPS", "Nowhere"),
        "all_refused",
    );
    story.refused("ana", "bulk_move_tasks", move_to("colour:red", "To do"), "bad_query");
    story.refused(
        "ana",
        "bulk_move_tasks",
        json!({"toState": "To do"}),
        "validation_failed",
    );
    let elsewhere = json!({"tasks": ["OPS-1"], "toProject": "OPS"});
    story.refused("ana", "bulk_move_tasks", elsewhere, "not_available_yet");
    check("bulk_move", &story.end());
}

#[test]
fn what_was_found_at_the_preview_is_what_is_changed() {
    let mut story = ground("Frozen at the preview");
    let move_all = |mode: &str| json!({"query": "project:OPS", "toState": "To do", "onChanged": mode});
    // One is changed, one is new: the first is left alone, the other is no part of it.
    let pending = story.call("ana", "bulk_move_tasks", move_all("skip")).unwrap();
    story.given("ana", "update_task", json!({"task": "OPS-2", "title": "Big window"}));
    story.given("ana", "create_task", json!({"project": "OPS", "title": "Wall"}));
    let done = story.confirm("ana", &pending);
    assert_eq!(
        (
            &done["result"]["counts"]["applied"],
            &done["result"]["counts"]["skipped"]
        ),
        (&json!(3), &json!(1))
    );
    assert_eq!(states(&mut story), ["To do", "Backlog", "To do", "To do"]);
    assert_eq!(task(&mut story, "OPS-5")["state"], "Backlog");
    story.stale("ana", "bulk_move_tasks", move_all("refuse_all"), |story| {
        story.given("ana", "update_task", json!({"task": "OPS-2", "title": "Window"}));
    });
    // A rule that changed is no change of an item: nothing is done.
    let pending = story
        .call(
            "ana",
            "bulk_move_tasks",
            json!({"tasks": ["OPS-2", "OPS-5"], "toState": "To do"}),
        )
        .unwrap();
    story.given("ana", "archive_project", json!({"project": "OPS"}));
    let no = story.call("ana", "confirm_action", confirm(&pending)).unwrap_err();
    assert_eq!(no.code, "preview_stale");
    check("bulk_frozen", &story.end());
}

#[test]
fn each_item_passes_the_rules_after_those_before_it() {
    let mut story = ground("One by one");
    story.given("ana", "save_workflow_state", json!({"state": "To do", "wipLimit": 2}));
    let mut args = json!({"query": "project:OPS", "toState": "To do"});
    let blocked = story.when("ana", "bulk_move_tasks", args.clone());
    assert_eq!(blocked["status"], "blocked");
    args["mode"] = json!("best_effort");
    let done = story.does("ana", "bulk_move_tasks", args);
    assert_eq!(done["result"]["status"], "partial");
    assert_eq!(done["result"]["results"][2]["code"], "wip_limit_exceeded");
    assert_eq!(states(&mut story), ["To do", "To do", "Backlog", "Backlog"]);
    check("bulk_one_by_one", &story.end());
}

#[test]
fn fields_are_set_and_people_share_the_work() {
    let mut story = ground("Changing and assigning many");
    story.human("mo", "member");
    story.human("kim", "member");
    let set =
        json!({"query": "project:OPS", "set": {"priority": "high", "shiftDays": 3}, "labels": {"remove": ["bug"]}});
    story.does("ana", "bulk_update_tasks", set);
    let first = task(&mut story, "OPS-1");
    assert_eq!(
        (&first["priority"], &first["dueDate"], &first["labels"]),
        (&json!("high"), &json!("2026-03-13"), &json!([]))
    );
    story.refused(
        "ana",
        "bulk_update_tasks",
        json!({"query": "project:OPS"}),
        "nothing_to_set",
    );
    let same = json!({"query": "project:OPS", "set": {"priority": "high"}});
    story.refused("ana", "bulk_update_tasks", same, "nothing_to_do");
    story.stale(
        "ana",
        "bulk_update_tasks",
        json!({"tasks": ["OPS-1"], "set": {"priority": "low"}, "onChanged": "refuse_all"}),
        |story| {
            story.given("ana", "update_task", json!({"task": "OPS-1", "title": "Doors"}));
        },
    );
    let spread = json!({"query": "project:OPS", "distribute": "round_robin", "among": ["@mo", "@kim"]});
    story.does("ana", "bulk_assign_tasks", spread);
    assert_eq!(task(&mut story, "OPS-2")["assignees"], json!(["@kim"]));
    let least = json!({"tasks": ["OPS-1"], "distribute": "least_loaded", "among": ["@ana", "@mo"]});
    story.given("ana", "bulk_assign_tasks", least);
    assert_eq!(task(&mut story, "OPS-1")["assignees"], json!(["@ana"]));
    let nobody = json!({"query": "project:OPS", "distribute": "round_robin"});
    story.refused("ana", "bulk_assign_tasks", nobody, "distribution_empty");
    story.stale(
        "ana",
        "bulk_assign_tasks",
        json!({"tasks": ["OPS-3"], "assignees": {"set": ["@ana"]}, "onChanged": "refuse_all"}),
        |story| {
            story.given("ana", "update_task", json!({"task": "OPS-3", "title": "Roofs"}));
        },
    );
    check("bulk_update_assign", &story.end());
}

#[test]
fn many_tasks_are_deleted_and_come_back() {
    let mut story = ground("Deleting many tasks");
    story.given(
        "ana",
        "create_task",
        json!({"project": "OPS", "title": "Hinge", "parent": "OPS-1"}),
    );
    let delete =
        |subtasks: &str, count: u8| json!({"query": "project:OPS", "expectedCount": count, "subtasks": subtasks});
    story.refused("ana", "bulk_delete_tasks", delete("cascade", 4), "count_mismatch");
    let blocked = story.call("ana", "bulk_delete_tasks", delete("refuse", 5)).unwrap();
    assert_eq!(blocked["status"], "blocked");
    story.stale("ana", "bulk_delete_tasks", delete("cascade", 5), |story| {
        story.given("ana", "update_task", json!({"task": "OPS-2", "title": "Windows"}));
    });
    let done = story.does("ana", "bulk_delete_tasks", delete("cascade", 5));
    assert!(story.call("ana", "get_task", json!({"task": "OPS-5"})).is_err());
    story.given("ana", "undo_action", json!({"actionId": done["actionId"]}));
    assert_eq!(task(&mut story, "OPS-5")["title"], "Hinge");
    check("bulk_delete", &story.end());
}

#[test]
fn five_hundred_are_the_most() {
    let mut story = Story::new("Too many");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given("ana", "create_task", json!({"project": "OPS", "title": "All"}));
    for round in 0..11 {
        let tasks: Vec<Value> = (0..50)
            .map(|number| json!({"title": format!("Part {round} {number}")}))
            .collect();
        let args = json!({"parent": "OPS-1", "items": tasks});
        let pending = story.alone("ana", "create_subtasks", args).unwrap();
        story.alone("ana", "confirm_action", confirm(&pending)).unwrap();
    }
    for (tool, mut args) in [
        ("bulk_move_tasks", json!({"toState": "To do"})),
        ("bulk_update_tasks", json!({"set": {"priority": "low"}})),
        ("bulk_assign_tasks", json!({"assignees": {"set": ["@ana"]}})),
        ("bulk_delete_tasks", json!({"expectedCount": 500})),
    ] {
        args["query"] = json!("parent:OPS-1");
        let no = story.alone("ana", tool, args).unwrap_err();
        assert_eq!(no.code, "too_many", "{tool}: {no:?}");
    }
}
