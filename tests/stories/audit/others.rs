//! What the past says of other organisations, and of what only some may see.

use orkestra::kernel::engine::log_read;
use serde_json::{Value, json};

use super::{ground, items, paged};
use crate::story::{Story, check};

/// Records of somebody, one after the other, that nobody looks for.
fn noise(story: &mut Story, who: &str, count: usize) {
    let caller = story.caller(who);
    for _ in 0..count {
        let text = story.engine.record(story.now, &caller, vec![log_read("noise")]);
        story.records.0.push(text.unwrap());
    }
}

fn search(story: &mut Story, args: Value) -> Value {
    story.alone("ana", "search_audit_log", args).unwrap()
}

#[test]
fn others_take_no_room_and_tell_nothing_of_themselves() {
    let mut story = ground("Beside others");
    story.found("beta", "Beta", "zoe");
    noise(&mut story, "zoe", 2_100);
    let made = json!({"types": ["task.*"], "fields": ["types"]});
    let found = search(&mut story, made.clone());
    assert_eq!(items(&found).len(), 3, "{found}");
    assert_eq!(
        (&found["page"]["hasMore"], &found["notices"]),
        (&json!(false), &json!([])),
        "nothing says that others are here"
    );
    let feed = story.call("ana", "list_activity", json!({"fields": ["text"]})).unwrap();
    assert_eq!(
        (&feed["page"]["hasMore"], &feed["notices"]),
        (&json!(false), &json!([]))
    );
    let theirs = story.call("zoe", "list_activity", json!({})).unwrap();
    assert!(!theirs.to_string().contains("OPS"));
    noise(&mut story, "ana", 2_100);
    let found = search(&mut story, made.clone());
    assert_eq!(items(&found).len(), 0);
    assert_eq!(found["page"]["hasMore"], true);
    assert!(
        found["notices"][0].as_str().unwrap().contains("2000 records"),
        "{found}"
    );
    let (all, pages) = paged(&mut story, "ana", "search_audit_log", made.clone());
    assert_eq!((all.len(), pages), (3, 2));
    let mut counted = made;
    counted["count"] = "exact".into();
    let counted = search(&mut story, counted);
    assert_eq!(counted["page"]["total"], 0, "{counted}");
    assert!(
        counted["notices"].to_string().contains("first 2000 records"),
        "{counted}"
    );
    let _ = story.end();
}

#[test]
fn what_was_done_in_another_organisation_is_not_the_history_of_this_one() {
    let mut story = ground("Founding another");
    let founding = json!({"name": "Second Home", "timezone": "Europe/Madrid", "currency": "EUR"});
    let founded = story.given("ana", "create_organization", founding);
    let id = founded["id"].clone();
    assert!(id.as_str().is_some_and(|id| id.starts_with("org_")), "{founded}");
    story.refused("ana", "get_entity_history", json!({"entity": id}), "not_found");
    let _ = story.end();
}

#[test]
fn mail_addresses_are_not_told_to_guests() {
    let mut story = ground("Invitations in the feed");
    let invites = json!({"op": "invite_members", "invites": [{"email": "eva@example.com", "role": "member"}]});
    story.given("ana", "manage_organization", invites);
    let of = |story: &mut Story, who: &str| {
        story
            .call(
                who,
                "list_activity",
                json!({"grouped": false, "limit": 100, "fields": ["text", "entities", "kind"]}),
            )
            .unwrap()
    };
    let told = of(&mut story, "ana").to_string();
    assert!(told.contains("eva@example.com"), "{told}");
    let invitation = {
        let log = story.call(
            "ana",
            "search_audit_log",
            json!({"types": ["member.invited"], "fields": ["events"]}),
        );
        let log = log.unwrap();
        let events = items(&log)[0]["events"].as_array().unwrap().clone();
        let found = events.iter().find(|event| event["change"]["entity"] == "invitation");
        found.unwrap()["change"]["id"].clone()
    };
    for who in ["gus", "ben"] {
        let told = of(&mut story, who).to_string();
        let history = story.when(who, "get_entity_history", json!({"entity": invitation}));
        if who == "gus" {
            assert!(!told.contains('@') || !told.contains("example.com"), "{told}");
            assert!(!history.to_string().contains("example.com"), "{history}");
        }
    }
    check("audit_guest_mail", &story.end());
}

#[test]
fn what_was_deleted_with_what_it_belongs_to_keeps_its_values() {
    let mut story = ground("Deleted with its project");
    story.human("eva", "member");
    let retitled = json!({"task": "OPS-1", "title": "The safe is behind the door", "reason": "the code is 1234"});
    story.given("fay", "update_task", retitled);
    let body = json!({"target": "OPS-2", "body": "The key is under the mat"});
    story.given("fay", "add_comment", body);
    let comments = story.call("fay", "list_comments", json!({"target": "OPS-2"})).unwrap();
    let comment = items(&comments)[0]["id"].clone();
    let task = story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap()["item"]["id"].clone();
    let history = |story: &mut Story, entity: &Value| {
        story
            .call("eva", "get_entity_history", json!({"entity": entity}))
            .unwrap()
            .to_string()
    };
    let open = history(&mut story, &task);
    assert!(open.contains("behind the door") && open.contains("1234"));
    assert!(history(&mut story, &comment).contains("under the mat"));
    story.given("fay", "delete_task", json!({"task": "OPS-2"}));
    let told = history(&mut story, &comment);
    assert!(!told.contains("under the mat"), "{told}");
    story.given("ana", "archive_project", json!({"project": "OPS"}));
    story.given("ana", "delete_project", json!({"project": "OPS", "confirmName": "Ops"}));
    let told = story.when("eva", "get_entity_history", json!({"entity": task}));
    let text = told.to_string();
    assert!(!text.contains("behind the door") && !text.contains("1234"), "{text}");
    let feed = story
        .call("eva", "list_activity", json!({"fields": ["text", "entities"]}))
        .unwrap();
    assert!(!feed.to_string().contains("behind the door"), "{feed}");
    check("audit_deleted_with", &story.end());
}
