//! Labels: changed, merged, deleted, and what the tasks that have them notice.

use serde_json::json;

use crate::story::{Story, check};

fn ground() -> Story {
    let mut story = Story::new("Labels");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    for name in ["bug", "defect", "urgent"] {
        story.given("ana", "create_label", json!({"name": name, "group": "kind"}));
    }
    story.given(
        "ana",
        "create_task",
        json!({"project": "OPS", "title": "Dig", "labels": ["bug", "urgent"]}),
    );
    story.given(
        "ana",
        "create_task",
        json!({"project": "OPS", "title": "Fill", "labels": ["defect"]}),
    );
    story
}

#[test]
fn a_label_changes() {
    let mut story = ground();
    story.does(
        "ana",
        "update_label",
        json!({"label": "bug", "name": "Fault", "color": "#f00"}),
    );
    story.refused(
        "ana",
        "update_label",
        json!({"label": "Fault", "name": "URGENT"}),
        "name_taken",
    );
    let no = story.refused(
        "ana",
        "update_label",
        json!({"label": "Fault", "exclusive": true}),
        "exclusive_conflict",
    );
    assert_eq!(no["current"]["tasks"], json!(["OPS-1"]));
    story.refused(
        "ana",
        "update_label",
        json!({"label": "Fault", "color": "red"}),
        "validation_failed",
    );
    let noop = story
        .call("ana", "update_label", json!({"label": "Fault", "name": "Fault"}))
        .unwrap();
    assert_eq!(noop["status"], "noop", "{noop}");
    story.stale(
        "ana",
        "update_label",
        json!({"label": "urgent", "name": "now"}),
        |story| {
            story.given("ana", "update_label", json!({"label": "urgent", "name": "soon"}));
        },
    );
    check("labels_update", &story.end());
}

#[test]
fn labels_merge() {
    let mut story = ground();
    story.given("ana", "create_project", json!({"name": "Lab", "key": "LAB"}));
    story.given("ana", "create_label", json!({"name": "local", "project": "LAB"}));
    story.refused(
        "ana",
        "merge_labels",
        json!({"from": ["bug"], "into": "local"}),
        "scope_mismatch",
    );
    story.stale(
        "ana",
        "merge_labels",
        json!({"from": ["defect"], "into": "bug"}),
        |story| {
            story.given(
                "ana",
                "create_task",
                json!({"project": "OPS", "title": "New", "labels": ["defect"]}),
            );
        },
    );
    story.does(
        "ana",
        "merge_labels",
        json!({"from": ["defect", "urgent"], "into": "bug"}),
    );
    for (task, labels) in [
        ("OPS-1", json!(["bug"])),
        ("OPS-2", json!(["bug"])),
        ("OPS-3", json!(["bug"])),
    ] {
        let found = story.call("ana", "get_task", json!({"task": task})).unwrap();
        assert_eq!(found["item"]["labels"], labels, "{task}");
    }
    // The old name still leads to it.
    let found = story
        .call("ana", "update_label", json!({"label": "defect", "color": "#00f"}))
        .unwrap();
    assert_eq!(found["preview"]["changes"][0]["entity"]["label"], "bug");
    check("labels_merge", &story.end());
}

#[test]
fn a_label_goes_and_comes_back() {
    let mut story = ground();
    story.refused(
        "ana",
        "delete_label",
        json!({"label": "bug", "replaceWith": "bug"}),
        "validation_failed",
    );
    let gone = story.does("ana", "delete_label", json!({"label": "bug", "replaceWith": "defect"}));
    assert_eq!(gone["result"]["tasks"], 1);
    let found = story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap();
    assert_eq!(found["item"]["labels"], json!(["defect", "urgent"]));
    story.stale("ana", "delete_label", json!({"label": "urgent"}), |story| {
        story.given("ana", "update_label", json!({"label": "urgent", "name": "pressing"}));
    });
    story.given("ana", "undo_action", json!({"actionId": gone["actionId"]}));
    let found = story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap();
    assert_eq!(found["item"]["labels"], json!(["bug", "pressing"]));
    check("labels_delete", &story.end());
}
