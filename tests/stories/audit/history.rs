//! The history of a thing, and the thing as it was.

use serde_json::json;

use super::{ground, items, paged};
use crate::story::check;

#[test]
fn everybody_sees_what_happened_to_what_they_see() {
    let mut story = ground("The history of a task");
    story.given(
        "bot",
        "update_task",
        json!({"task": "OPS-1", "title": "Fix the back door", "reason": "there are two"}),
    );
    story.given("ana", "move_task", json!({"task": "OPS-1", "to": "To do"}));
    let history = story.when("ben", "get_entity_history", json!({"entity": "OPS-1"}));
    assert_eq!(items(&history).len(), 3);
    assert_eq!(items(&history)[1]["reason"], "there are two");
    assert_eq!(items(&history)[1]["onBehalfOf"], "@ben");
    let one = story.when(
        "ben",
        "get_entity_history",
        json!({"entity": "OPS-1", "field": "title", "sort": "at", "fields": ["version", "fields"]}),
    );
    assert_eq!(items(&one)[1]["fields"]["title"]["after"], "Fix the back door");
    story.refused(
        "ben",
        "get_entity_history",
        json!({"entity": "OPS-1", "field": "titel"}),
        "validation_failed",
    );
    story.refused(
        "ben",
        "get_entity_history",
        json!({"entity": "OPS-1", "sort": "title"}),
        "validation_failed",
    );
    story.refused("ben", "get_entity_history", json!({"entity": "SEC-1"}), "not_found");
    story.refused("gus", "get_entity_history", json!({"entity": "OPS-1"}), "not_found");
    let (all, pages) = paged(
        &mut story,
        "ben",
        "get_entity_history",
        json!({"entity": "OPS-1", "limit": 1}),
    );
    assert_eq!((all.len(), pages), (3, 3));
    check("audit_history", &story.end());
}

#[test]
fn a_thing_is_shown_as_it_was() {
    let mut story = ground("A task as it was");
    for title in ["Two", "Three", "Four", "Five"] {
        story.given("ben", "update_task", json!({"task": "OPS-1", "title": title}));
    }
    for (version, title) in [(1, "Fix the door"), (2, "Two"), (3, "Three"), (4, "Four"), (5, "Five")] {
        let args = json!({"entity": "OPS-1", "atVersion": version});
        let was = story.call("ben", "get_entity_history", args).unwrap();
        assert_eq!(was["asWas"]["fields"]["title"], title, "{version}");
        assert_eq!(items(&was).len(), version, "the changes up to there");
    }
    story.when(
        "ben",
        "get_entity_history",
        json!({"entity": "OPS-1", "atVersion": 2, "fields": ["version", "event"]}),
    );
    story.refused(
        "ben",
        "get_entity_history",
        json!({"entity": "OPS-1", "atVersion": 9}),
        "validation_failed",
    );
    check("audit_as_was", &story.end());
}

#[test]
fn what_is_deleted_keeps_its_values_from_those_who_are_no_auditors() {
    let mut story = ground("The history of what is gone");
    story.given(
        "ana",
        "add_comment",
        json!({"target": "OPS-1", "body": "The key is under the mat"}),
    );
    let comments = story.call("ana", "list_comments", json!({"target": "OPS-1"})).unwrap();
    let comment = items(&comments)[0]["id"].clone();
    story.given("ana", "delete_comment", json!({"comment": comment}));
    story.given("ana", "delete_task", json!({"task": "OPS-2"}));
    let task = story.call(
        "ana",
        "search_audit_log",
        json!({"types": ["task.deleted"], "fields": ["events"]}),
    );
    let task = items(&task.unwrap())[0]["events"][1]["change"]["id"].clone();
    let outline = story.when("ana", "get_entity_history", json!({"entity": task}));
    assert!(items(&outline)[0]["fields"]["deletedAt"]["after"].is_string());
    let outline = story.when("gus", "get_entity_history", json!({"entity": task}));
    assert_eq!(outline["error"]["code"], "not_found");
    story.human("eva", "member");
    let outline = story.when("eva", "get_entity_history", json!({"entity": comment}));
    assert!(!outline.to_string().contains("under the mat"), "{outline}");
    story.given("ana", "create_label", json!({"name": "bug"}));
    let label = story
        .call("ana", "get_entity_history", json!({"entity": "bug"}))
        .unwrap();
    let id = label["entity"]["id"].clone();
    story.given("ana", "delete_label", json!({"label": "bug"}));
    let gone = story.when("ana", "get_entity_history", json!({"entity": id}));
    assert_eq!(items(&gone).len(), 2, "{gone}");
    story.refused("eva", "get_entity_history", json!({"entity": id}), "not_found");
    check("audit_gone", &story.end());
}
