//! Labels: changing, merging and deleting them, with everything that carries them.

use serde_json::{Value, json};

use crate::story::{Story, check};

fn ground(title: &str) -> Story {
    let mut story = Story::new(title);
    for (name, key) in [("Ops", "OPS"), ("Web", "WEB")] {
        story.given("ana", "create_project", json!({"name": name, "key": key}));
    }
    for (name, project, group) in [
        ("bug", None, None),
        ("defect", None, None),
        ("small", None, Some("size")),
        ("large", None, Some("size")),
        ("door", Some("OPS"), None),
        ("page", Some("WEB"), None),
    ] {
        let mut args = json!({"name": name});
        if let Some(project) = project {
            args["project"] = project.into();
        }
        if let Some(group) = group {
            args["group"] = group.into();
        }
        story.given("ana", "create_label", args);
    }
    for (title, labels) in [
        ("Fix the door", json!(["bug", "small"])),
        ("Paint it", json!(["defect", "door"])),
        ("Measure it", json!(["bug", "defect", "small", "large"])),
    ] {
        story.given(
            "ana",
            "create_task",
            json!({"project": "OPS", "title": title, "labels": labels}),
        );
    }
    story
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or("none")
}

fn labels(story: &mut Story, task: &str) -> Value {
    story.call("ana", "get_task", json!({"task": task})).unwrap()["item"]["labels"].clone()
}

#[test]
fn a_label_is_changed() {
    let mut story = ground("Changing a label");
    for (args, expected) in [
        (json!({"label": "bug", "name": "Defect"}), "name_taken"),
        (json!({"label": "small", "exclusive": true}), "exclusive_conflict"),
        (json!({"label": "bug", "exclusive": true}), "validation_failed"),
        (json!({"label": "bug", "color": "red"}), "validation_failed"),
        (json!({"label": "bugg", "color": "#f00"}), "not_found"),
    ] {
        assert_eq!(code(&story.when("ana", "update_label", args)), expected);
    }
    let noop = story.when("ana", "update_label", json!({"label": "bug", "name": "bug"}));
    assert_eq!(noop["status"], "noop");
    let done = story.does(
        "ana",
        "update_label",
        json!({"label": "bug", "name": "fault", "color": "#f00", "group": "kind", "exclusive": true}),
    );
    assert_eq!(done["result"]["version"], 2);
    assert_eq!(labels(&mut story, "OPS-1")[0], "fault");
    check("labels_update", &story.end());
}

#[test]
fn labels_are_merged_and_their_names_live_on() {
    let mut story = ground("Merging labels");
    for (args, expected) in [
        (json!({"from": ["bug"], "into": "door"}), "scope_mismatch"),
        (json!({"from": ["page"], "into": "door"}), "scope_mismatch"),
        (json!({"from": ["bug"], "into": "bug"}), "validation_failed"),
    ] {
        assert_eq!(code(&story.when("ana", "merge_labels", args)), expected);
    }
    let done = story.does(
        "ana",
        "merge_labels",
        json!({"from": ["defect", "door"], "into": "bug"}),
    );
    assert_eq!(done["result"]["aliases"], json!(["defect", "door"]));
    assert_eq!(labels(&mut story, "OPS-2"), json!(["bug"]));
    assert_eq!(labels(&mut story, "OPS-3"), json!(["bug", "small", "large"]));
    let found = story.call("ana", "list_tasks", json!({"labels": ["defect"]})).unwrap();
    assert_eq!(found["items"].as_array().unwrap().len(), 3);
    let back = story.does("ana", "undo_action", json!({"actionId": done["actionId"]}));
    assert_eq!(back["status"], "succeeded");
    assert_eq!(labels(&mut story, "OPS-2"), json!(["defect", "door"]));
    check("labels_merge", &story.end());
}

#[test]
fn a_label_is_deleted_or_replaced() {
    let mut story = ground("Deleting a label");
    story.given(
        "ana",
        "save_workflow_transitions",
        json!({"add": [{"name": "Rush", "from": ["Backlog"], "to": "Done", "post": [{"kind": "add_label", "label": "bug"}]}]}),
    );
    let no = story.when("ana", "delete_label", json!({"label": "bug"}));
    assert_eq!(code(&no), "in_use_by_rules");
    let no = story.when("ana", "delete_label", json!({"label": "bug", "replaceWith": "door"}));
    assert_eq!(code(&no), "scope_mismatch");
    story.does("ana", "delete_label", json!({"label": "bug", "replaceWith": "defect"}));
    assert_eq!(labels(&mut story, "OPS-1"), json!(["defect", "small"]));
    story.given("ana", "move_task", json!({"task": "OPS-1", "to": "Done"}));
    let gone = story.does("ana", "delete_label", json!({"label": "small"}));
    assert_eq!(gone["result"]["tasks"], 2);
    assert_eq!(labels(&mut story, "OPS-1"), json!(["defect"]));
    check("labels_delete", &story.end());
}

#[test]
fn labels_of_tasks_out_of_sight_stay() {
    let mut story = ground("A label on a hidden task");
    story.human("mia", "manager");
    story.given(
        "ana",
        "create_project",
        json!({"name": "Secret", "key": "SEC", "visibility": "private"}),
    );
    story.given(
        "ana",
        "create_task",
        json!({"project": "SEC", "title": "Hidden", "labels": ["bug"]}),
    );
    let no = story.when("mia", "delete_label", json!({"label": "bug"}));
    assert_eq!(code(&no), "forbidden");
    assert!(!no.to_string().contains("SEC"));
    let pending = story.when("mia", "update_label", json!({"label": "bug", "name": "fault"}));
    assert_eq!(
        pending["preview"]["details"]["uses"]["tasks"],
        json!({"count": 3, "first": ["OPS-1", "OPS-3"]})
    );
    check("labels_hidden", &story.end());
}

#[test]
fn previews_of_labels_go_stale() {
    let mut story = ground("Stale previews of labels");
    let labelled = |title: &str| json!({"project": "OPS", "title": title, "labels": ["bug"]});
    let cases = [
        (
            "update_label",
            json!({"label": "door", "name": "gate"}),
            "update_label",
            json!({"label": "door", "name": "portal"}),
        ),
        (
            "merge_labels",
            json!({"from": ["bug"], "into": "defect"}),
            "create_task",
            labelled("One"),
        ),
        ("delete_label", json!({"label": "bug"}), "create_task", labelled("Two")),
        (
            "create_label",
            json!({"name": "blue"}),
            "create_label",
            json!({"name": "Blue"}),
        ),
    ];
    for (tool, args, by_tool, by_args) in cases {
        let pending = story.call("ana", tool, args).unwrap();
        story.given("ana", by_tool, by_args);
        let stale = story.confirm("ana", &pending);
        assert_eq!(code(&stale), "preview_stale", "{tool}");
    }
    check("labels_stale", &story.end());
}
