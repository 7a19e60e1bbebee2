//! Bulk with hundreds of tasks: the most there may be, and previews in pages.

use serde_json::{Value, json};

use super::confirm;
use crate::story::Story;

/// A project with so many tasks of fifty below the first.
fn crowd(title: &str, fifties: u32) -> Story {
    let mut story = Story::new(title);
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given("ana", "create_task", json!({"project": "OPS", "title": "All"}));
    for round in 0..fifties {
        let title = |number: u32| json!({"title": format!("Part {round} {number}")});
        let items: Vec<Value> = (0..50).map(title).collect();
        story.alone_given("ana", "create_subtasks", json!({"parent": "OPS-1", "items": items}));
    }
    story
}

#[test]
fn five_hundred_are_the_most() {
    let mut story = crowd("Too many", 11);
    for (tool, mut args) in [
        ("bulk_move_tasks", json!({"toState": "To do"})),
        ("bulk_update_tasks", json!({"set": {"priority": "low"}})),
        ("bulk_assign_tasks", json!({"assignees": {"set": ["@ana"]}})),
        ("bulk_delete_tasks", json!({"expectedCount": 500})),
    ] {
        args["query"] = json!("parent = OPS-1");
        let no = story.alone("ana", tool, args).unwrap_err();
        assert_eq!(no.code, "too_many", "{tool}: {no:?}");
    }
    let _ = story.end();
}

#[test]
fn a_long_preview_is_told_in_pages() {
    let mut story = crowd("In pages", 3);
    let args = json!({"query": "parent = OPS-1", "toState": "To do"});
    let pending = story.call("ana", "bulk_move_tasks", args).unwrap();
    let preview = &pending["preview"];
    let lengths = |preview: &Value| {
        let length = |place: &str| preview.pointer(place).unwrap().as_array().unwrap().len();
        (length("/changes"), length("/details/items"))
    };
    assert_eq!(lengths(preview), (50, 50));
    assert_eq!(
        preview["changesPage"],
        json!({"total": 151, "nextCursor": "50", "hasMore": true})
    );
    assert_eq!(preview.get("settled"), None);
    assert!(pending.to_string().len() < 48 * 1024, "{}", pending.to_string().len());
    let mut page = |cursor: &str| {
        let args = json!({"actionId": pending["actionId"], "itemsCursor": cursor});
        story.call("ana", "get_pending_action", args).unwrap()["item"]["preview"].clone()
    };
    assert_eq!(lengths(&page("100")), (50, 50));
    let last = page("150");
    assert_eq!(
        (lengths(&last), &last["changesPage"]["hasMore"]),
        ((1, 0), &json!(false))
    );
    assert_eq!(last["changes"][0]["event"], "bulk.completed");
    let done = story.call("ana", "confirm_action", confirm(&pending)).unwrap();
    assert_eq!(done["result"]["results"].as_array().unwrap().len(), 150);
    assert_eq!(
        (done["versions"].as_array().unwrap().len(), &done["changes"]),
        (50, &json!(151))
    );
    let undone = story
        .call("ana", "undo_action", json!({"actionId": done["actionId"]}))
        .unwrap();
    story.call("ana", "confirm_action", confirm(&undone)).unwrap();
    // And once more the other way.
    let again = story
        .call("ana", "undo_action", json!({"actionId": undone["actionId"]}))
        .unwrap();
    story.call("ana", "confirm_action", confirm(&again)).unwrap();
    let moved = json!({"project": "OPS", "state": ["To do"], "groupBy": "state"});
    let counted = story.call("ana", "list_tasks", moved).unwrap();
    assert_eq!(counted["groups"][0]["count"], 150);
    let _ = story.end();
}

#[test]
fn similar_titles_are_found_among_many_of_another_project() {
    let mut story = Story::new("Similar among many");
    story.given("ana", "create_project", json!({"name": "Web", "key": "WEB"}));
    story.given(
        "ana",
        "create_task",
        json!({"project": "WEB", "title": "Paint the door"}),
    );
    story.given(
        "ana",
        "create_task",
        json!({"project": "WEB", "title": "Paint the doors", "parent": "WEB-1"}),
    );
    story.given("ana", "delete_task", json!({"task": "WEB-2"}));
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given(
        "ana",
        "create_task",
        json!({"project": "OPS", "title": "Paint the door"}),
    );
    for _ in 0..3 {
        let items = vec![json!({"title": "Paint the door"}); 50];
        story.alone_given("ana", "create_subtasks", json!({"parent": "OPS-1", "items": items}));
    }
    let mut similar = |project: &str| {
        let args = json!({"project": project, "title": "Paint the doors"});
        let pending = story.call("ana", "create_task", args).unwrap();
        pending["preview"]["details"]["similar"].clone()
    };
    assert_eq!(similar("WEB"), json!([{"key": "WEB-1", "title": "Paint the door"}]));
    // Of many that are equally alike, some of the newest.
    let keys = similar("OPS").to_string();
    assert_eq!(keys.matches("OPS-1").count(), 3, "{keys}");
    let _ = story.end();
}
