//! An agent plans and runs a project.

use orkestra::modules::tasks::Task;
use serde_json::json;

use crate::story::{Story, check};

#[test]
fn a_project_from_its_creation_to_an_undo() {
    let mut story = Story::new("A project, its tasks, a move, a refused move, an undo");
    story.does(
        "ana",
        "create_project",
        json!({"name": "Website relaunch", "key": "WEB"}),
    );
    for title in ["Collect content", "Draw the pages", "Write the code"] {
        story.given("ana", "create_task", json!({"project": "WEB", "title": title}));
    }
    story.when(
        "ana",
        "list_tasks",
        json!({"project": "WEB", "sort": "key", "fields": ["key", "title", "state"]}),
    );
    let moved = story.does("ana", "move_task", json!({"task": "WEB-1", "to": "In progress"}));
    let refused = story.when("ana", "move_task", json!({"task": "WEB-2", "to": "Done"}));
    assert_eq!(refused["error"]["code"], "transition_not_allowed");
    assert_eq!(
        refused["error"]["allowed"],
        json!(["To do", "In progress", "Cancelled"])
    );
    let undone = story.does("ana", "undo_action", json!({"actionId": moved["actionId"]}));
    assert_eq!(undone["status"], "succeeded");
    let task = story.call("ana", "get_task", json!({"task": "WEB-1"})).unwrap();
    assert_eq!(task["item"]["state"], "Backlog");
    let again = story.when("ana", "undo_action", json!({"actionId": moved["actionId"]}));
    assert_eq!(again["error"]["code"], "already_undone");
    check("work_project", &story.end());
}

#[test]
fn wrong_arguments_are_all_named_at_once() {
    let mut story = Story::new("Wrong arguments");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    let no = story.when(
        "ana",
        "create_task",
        json!({"project": "OPS", "titel": "x", "priority": "asap", "dueDate": "tomorrow"}),
    );
    assert_eq!(no["error"]["code"], "validation_failed");
    assert_eq!(no["error"]["faults"].as_array().unwrap().len(), 4);
    let no = story.when(
        "ana",
        "create_task",
        json!({"project": "OPS", "title": "x", "sprint": "5"}),
    );
    assert_eq!(no["error"]["code"], "not_available_yet");
    let no = story.when("ana", "get_project", json!({"project": "OSP"}));
    assert_eq!(no["error"]["candidates"][0]["key"], "OPS");
    check("work_wrong_arguments", &story.end());
}

#[test]
fn people_comments_and_labels() {
    let mut story = Story::new("People, comments and labels");
    story.human("ben", "member");
    story.agent("bot", "agent_worker", "ben");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given("ana", "create_label", json!({"name": "urgent fix", "color": "#f00"}));
    story.given(
        "ana",
        "create_task",
        json!({"project": "OPS", "title": "Fix the door", "labels": ["urgent fix", "door"]}),
    );
    let no = story.when(
        "ana",
        "assign_task",
        json!({"task": "OPS-1", "assignees": {"add": ["@ben"]}}),
    );
    assert_eq!(no["error"]["code"], "not_project_member");
    story.does(
        "ana",
        "update_project_members",
        json!({"project": "OPS", "add": [{"member": "@ben"}]}),
    );
    story.does(
        "ana",
        "assign_task",
        json!({"task": "OPS-1", "assignees": {"add": ["@ben"]}}),
    );
    let no = story.when(
        "bot",
        "add_task_comment",
        json!({"task": "OPS-1", "body": "on it, @bne"}),
    );
    assert_eq!(no["error"]["code"], "mention_not_found");
    story.does(
        "bot",
        "add_task_comment",
        json!({"task": "OPS-1", "body": "on it, @ben"}),
    );
    story.when("ana", "list_comments", json!({"target": "OPS-1"}));
    let no = story.when("bot", "create_task_force", json!({}));
    assert_eq!(no["error"]["code"], "unknown_tool");
    check("work_people", &story.end());
}

#[test]
fn a_private_project_does_not_exist_for_others() {
    let mut story = Story::new("A private project");
    story.human("ben", "member");
    story.given(
        "ana",
        "create_project",
        json!({"name": "Secret", "key": "SEC", "visibility": "private"}),
    );
    story.given("ana", "create_task", json!({"project": "SEC", "title": "Hidden"}));
    for (tool, args) in [
        ("get_project", json!({"project": "SEC"})),
        ("get_task", json!({"task": "SEC-1"})),
    ] {
        assert_eq!(story.when("ben", tool, args)["error"]["code"], "not_found");
    }
    assert_eq!(story.call("ben", "list_tasks", json!({})).unwrap()["items"], json!([]));
    check("work_private", &story.end());
}

#[test]
fn what_is_due_first_is_the_same_however_it_is_looked_for() {
    let mut story = Story::new("Tasks by the day they are due");
    story.human("max", "member");
    story.given(
        "ana",
        "create_project",
        json!({"name": "Ops", "key": "OPS", "members": [{"member": "max"}]}),
    );
    for number in 0..23_u32 {
        let mut task = json!({"project": "OPS", "title": format!("Number {number}")});
        // Some on the same day, some on none, some nobody's.
        if number % 5 != 0 {
            task["dueDate"] = json!(format!("2026-04-{:02}", number * 7 % 12 + 1));
        }
        if number % 3 != 0 {
            task["assignees"] = json!(["max"]);
        }
        story.given("ana", "create_task", task);
    }
    for mut args in [
        json!({"assignee": "@max"}),
        json!({}),
        json!({"assignee": "@max", "priority": ["high"]}),
    ] {
        args["sort"] = json!("dueDate");
        args["limit"] = json!(4);
        let mut pages = |count: &str| {
            let (mut seen, mut args) = (Vec::new(), args.clone());
            args["count"] = json!(count);
            loop {
                let page = story.call("ana", "list_tasks", args.clone()).unwrap();
                seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["key"].clone()));
                match &page["page"]["nextCursor"] {
                    serde_json::Value::Null => return seen,
                    cursor => args["cursor"] = cursor.clone(),
                }
            }
        };
        // Who counts looks at all of them.
        assert_eq!(pages("none"), pages("exact"));
    }
    drop(story.end());
}

#[test]
fn a_task_is_shown_with_all_it_has() {
    let mut story = Story::new("All that a task has");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    let made = json!({"project": "OPS", "title": "Plan", "description": "At length.", "type": "bug", "priority": "high",
        "estimate": "2.5", "startDate": "2026-09-01", "dueDate": "2026-09-30", "checklist": ["Call", "Write"], "externalId": "x-1"});
    story.given("ana", "create_task", made);
    story.given("ana", "create_task", json!({"project": "OPS", "title": "The same"}));
    story.given(
        "ana",
        "update_task",
        json!({"task": "OPS-1", "checklist": {"done": ["Call", "Write"]}}),
    );
    story.given("ana", "move_task", json!({"task": "OPS-1", "to": "In progress"}));
    let over = json!({"task": "OPS-1", "to": "Done", "resolution": "duplicate", "duplicateOf": "OPS-2"});
    story.given("ana", "move_task", over);
    let tasks = story.engine.state().table::<Task>().unwrap();
    let task = tasks.rows().find(|task| task.number == 1).unwrap();
    let task = serde_json::to_value(&task.entity).unwrap();
    let shown = story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap();
    // In other words, or nobody's business.
    let others = "project projectKey number rank state assignees watchers reporter labels parent deletedAt";
    for (name, value) in task.as_object().unwrap() {
        if others.split(' ').all(|other| other != name) {
            assert!(!value.is_null(), "this story must give it a {name}");
            assert_eq!(shown["item"].get(name), Some(value), "{name}");
        }
    }
    drop(story.end());
}
