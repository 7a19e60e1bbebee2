//! Workflows: their states, what would strand tasks, and what makes a preview stale.

mod moves;

use serde_json::{Value, json};

use crate::story::{Story, check};

fn ground(title: &str) -> Story {
    let mut story = Story::new(title);
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given("ana", "create_project", json!({"name": "Web", "key": "WEB"}));
    story.given("ana", "create_task", json!({"project": "OPS", "title": "Fix the door"}));
    story.given("ana", "create_task", json!({"project": "WEB", "title": "Draw a page"}));
    story
}

fn forked(title: &str) -> Story {
    let mut story = ground(title);
    story.given("ana", "save_workflow_state", json!({"project": "OPS", "fork": true}));
    story
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or("none")
}

fn workflow(story: &mut Story, project: &str) -> Value {
    story.call("ana", "get_workflow", json!({"project": project})).unwrap()["item"].clone()
}

fn order(story: &mut Story, project: &str) -> Vec<String> {
    let item = workflow(story, project);
    let states = item["states"].as_array().unwrap().iter();
    states.map(|state| state["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_project_forks_the_default_and_gets_a_state_of_its_own() {
    let mut story = ground("A project's own workflow");
    let no = story.when(
        "ana",
        "save_workflow_state",
        json!({"project": "OPS", "name": "Blocked", "category": "started"}),
    );
    assert_eq!(code(&no), "inherited");
    let made = story.when(
        "ana",
        "save_workflow_state",
        json!({"project": "OPS", "name": "Blocked", "category": "started", "fork": true, "rank": {"after": "In progress"}, "wipLimit": 2}),
    );
    assert_eq!(made["preview"]["details"]["forked"], true);
    assert_eq!(story.confirm("ana", &made)["status"], "succeeded");
    assert_eq!(workflow(&mut story, "OPS")["inherited"], false);
    assert_eq!(workflow(&mut story, "WEB")["inherited"], true);
    assert_eq!(order(&mut story, "OPS")[2..5], ["In progress", "Blocked", "In review"]);
    let task = story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap();
    assert_eq!(task["item"]["state"], "Backlog");
    // The fork's states are its own: the task moves along them.
    story.given("ana", "move_task", json!({"task": "OPS-1", "to": "In progress"}));
    let again = story.when(
        "ana",
        "save_workflow_state",
        json!({"project": "OPS", "fork": true, "state": "Blocked", "wipLimit": 2}),
    );
    assert_eq!(again["status"], "noop");
    check("workflows_fork", &story.end());
}

#[test]
fn a_state_is_changed_with_its_tasks_in_sight() {
    let mut story = ground("Changing a state of the default workflow");
    for (args, expected) in [
        (json!({"state": "Done", "name": "in REVIEW"}), "name_taken"),
        (
            json!({"state": "In progress", "initial": true}),
            "initial_category_invalid",
        ),
        (
            json!({"state": "Backlog", "category": "started"}),
            "initial_category_invalid",
        ),
        (json!({"state": "Done", "category": "started"}), "last_of_category"),
        (json!({"state": "Backlog", "initial": false}), "validation_failed"),
        (json!({"state": "Dnoe", "color": "#fff"}), "not_found"),
        (json!({"name": "New"}), "validation_failed"),
        (json!({"state": "Done", "expectedVersion": 9}), "version_conflict"),
    ] {
        assert_eq!(code(&story.when("ana", "save_workflow_state", args)), expected);
    }
    story.given("ana", "move_task", json!({"task": "OPS-1", "to": "In progress"}));
    let changed = story.does(
        "ana",
        "save_workflow_state",
        json!({"state": "In progress", "name": "Doing", "category": "cancelled", "wipLimit": 1}),
    );
    assert_eq!(changed["status"], "succeeded");
    let task = story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap();
    assert_eq!(
        (&task["item"]["state"], &task["item"]["resolution"]),
        (&json!("Doing"), &json!("wont_do"))
    );
    story.given("ana", "save_workflow_state", json!({"state": "To do", "initial": true}));
    story.given(
        "ana",
        "create_task",
        json!({"project": "OPS", "title": "Begins in To do"}),
    );
    let task = story.call("ana", "get_task", json!({"task": "OPS-2"})).unwrap();
    assert_eq!(task["item"]["state"], "To do");
    check("workflows_state", &story.end());
}

#[test]
fn a_state_is_deleted_and_its_tasks_go_elsewhere() {
    let mut story = forked("Deleting a state");
    story.given("ana", "move_task", json!({"task": "OPS-1", "to": "In progress"}));
    for (args, expected) in [
        (
            json!({"project": "OPS", "state": "Done", "moveTasksTo": "Cancelled"}),
            "last_of_category",
        ),
        (
            json!({"project": "OPS", "state": "In progress", "moveTasksTo": "Done"}),
            "category_mismatch",
        ),
        (
            json!({"project": "WEB", "state": "To do", "moveTasksTo": "Backlog"}),
            "inherited",
        ),
        (
            json!({"project": "OPS", "state": "Backlog", "moveTasksTo": "In review"}),
            "initial_category_invalid",
        ),
        (
            json!({"project": "OPS", "state": "Done", "moveTasksTo": "Done"}),
            "validation_failed",
        ),
        (
            json!({"project": "OPS", "state": "In progress", "moveTasksTo": "In review"}),
            "unreachable_after",
        ),
    ] {
        assert_eq!(code(&story.when("ana", "delete_workflow_state", args)), expected);
    }
    story.given(
        "ana",
        "save_workflow_transitions",
        json!({"project": "OPS", "add": [{"name": "Review", "from": ["To do"], "to": "In review"}]}),
    );
    let done = story.does(
        "ana",
        "delete_workflow_state",
        json!({"project": "OPS", "state": "In progress", "moveTasksTo": "In review"}),
    );
    assert_eq!(done["result"]["migrated"], 1);
    let task = story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap();
    assert_eq!(task["item"]["state"], "In review");
    assert_eq!(
        order(&mut story, "OPS"),
        ["Backlog", "To do", "In review", "Done", "Cancelled"]
    );
    let back = story.does("ana", "undo_action", json!({"actionId": done["actionId"]}));
    assert_eq!(back["status"], "succeeded");
    let task = story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap();
    assert_eq!(task["item"]["state"], "In progress");
    check("workflows_delete", &story.end());
}

#[test]
fn tasks_out_of_sight_are_not_moved() {
    let mut story = ground("Deleting a state with hidden tasks");
    story.human("mia", "manager");
    story.given(
        "ana",
        "create_project",
        json!({"name": "Secret", "key": "SEC", "visibility": "private"}),
    );
    story.given(
        "ana",
        "create_task",
        json!({"project": "SEC", "title": "Hidden", "state": "To do"}),
    );
    let no = story.when(
        "mia",
        "delete_workflow_state",
        json!({"state": "To do", "moveTasksTo": "Backlog"}),
    );
    assert_eq!(code(&no), "forbidden");
    assert!(!no.to_string().contains("SEC"));
    check("workflows_hidden", &story.end());
}

#[test]
fn the_order_of_states_names_each_once() {
    let mut story = ground("Another order");
    let order_of = |names: &[&str]| json!({"order": names});
    for names in [
        &["Backlog", "To do", "Done"][..],
        &[
            "Backlog",
            "Backlog",
            "To do",
            "In progress",
            "In review",
            "Done",
            "Cancelled",
        ][..],
    ] {
        let no = story.when("ana", "reorder_workflow_states", order_of(names));
        assert_eq!(code(&no), "incomplete_order");
    }
    let same = ["Backlog", "To do", "In progress", "In review", "Done", "Cancelled"];
    assert_eq!(
        story.when("ana", "reorder_workflow_states", order_of(&same))["status"],
        "noop"
    );
    let other = ["To do", "Backlog", "Done", "In progress", "In review", "Cancelled"];
    let done = story.does("ana", "reorder_workflow_states", order_of(&other));
    assert_eq!(done["result"]["version"], 2);
    assert_eq!(order(&mut story, "WEB"), other);
    check("workflows_order", &story.end());
}

#[test]
fn previews_of_workflows_go_stale() {
    let mut story = forked("Stale previews of workflows");
    let renamed = |name: &str| json!({"project": "OPS", "state": "To do", "name": name});
    let arrow = |name: &str| json!({"project": "OPS", "add": [{"name": name, "from": ["Soon"], "to": "Done"}]});
    let order_of = |first: &str, second: &str| json!({"project": "OPS", "order": [first, second, "In progress", "In review", "Done", "Cancelled"]});
    let cases = [
        (
            "save_workflow_state",
            renamed("Next"),
            "save_workflow_state",
            renamed("Soon"),
        ),
        (
            "save_workflow_transitions",
            arrow("Skip"),
            "save_workflow_transitions",
            arrow("Leap"),
        ),
        (
            "delete_workflow_state",
            json!({"project": "OPS", "state": "Soon", "moveTasksTo": "Backlog"}),
            "create_task",
            json!({"project": "OPS", "title": "One more", "state": "Soon"}),
        ),
        (
            "reorder_workflow_states",
            order_of("Soon", "Backlog"),
            "save_workflow_state",
            json!({"project": "OPS", "state": "Soon", "rank": {"after": "In review"}}),
        ),
    ];
    for (tool, args, by_tool, by_args) in cases {
        let pending = story.call("ana", tool, args).unwrap();
        story.given("ana", by_tool, by_args);
        let stale = story.confirm("ana", &pending);
        assert_eq!(code(&stale), "preview_stale", "{tool}");
    }
    check("workflows_stale", &story.end());
}
