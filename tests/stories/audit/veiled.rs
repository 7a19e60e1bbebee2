//! Sight without payloads: a role that may look, and what an auditor opens.

use serde_json::json;

use super::{ground, items};
use crate::story::check;

#[test]
fn who_browses_sees_that_it_happened_and_an_auditor_opens_it() {
    let mut story = ground("Looking into the log without opening it");
    story.human("lou", "guest");
    story.given(
        "ana",
        "create_role",
        json!({"name": "watcher", "permissions": ["audit.browse", "actions.read", "search.read"]}),
    );
    story.given("ana", "assign_role", json!({"subject": "lou", "role": "watcher"}));
    let renamed = json!({"task": "OPS-1", "title": "A secret door"});
    let done = story.call("bot", "update_task", renamed).unwrap();
    story.confirm("bot", &done);
    story.given("ana", "update_task", json!({"task": "SEC-1", "title": "A secret name"}));
    let hidden = items(&story.call("ana", "list_tasks", json!({"project": "SEC"})).unwrap())[0]["id"].clone();
    let log = json!({"types": ["task.updated"], "fields": ["actor", "tool", "events"]});
    let seen = story.when("lou", "search_audit_log", log.clone());
    assert_eq!(items(&seen).len(), 2);
    let history = story.when("lou", "get_entity_history", json!({"entity": hidden}));
    assert_eq!(items(&history).len(), 2);
    assert_eq!(items(&history)[0]["fields"]["title"], json!({}));
    let feed = story.when("lou", "list_activity", json!({"types": ["task.updated"]}));
    let action = json!({"actionId": done["actionId"]});
    let one = story.when("lou", "get_pending_action", action.clone());
    assert_eq!(one["item"]["status"], "succeeded");
    for told in [&seen, &history, &feed, &one] {
        assert!(!told.to_string().contains("A secret"), "{told:#}");
    }
    let viewed = |story: &crate::story::Story| {
        let all = story.records.0.iter();
        all.filter(|text| text.contains("payload.viewed")).count()
    };
    assert_eq!(viewed(&story), 0);
    story.refused(
        "lou",
        "get_entity_history",
        json!({"entity": hidden, "atVersion": 1}),
        "forbidden",
    );
    story.refused("gus", "search_audit_log", json!({}), "forbidden");
    // The auditor's opening stands in the record of the answer.
    let whole = story.when("fay", "search_audit_log", log);
    assert!(whole.to_string().contains("A secret name"));
    assert_eq!(viewed(&story), 1);
    let gone = items(&story.call("ben", "list_tasks", json!({"project": "OPS"})).unwrap())
        .iter()
        .find_map(|task| (task["key"] == "OPS-2").then(|| task["id"].clone()))
        .unwrap();
    story.given("ben", "delete_task", json!({"task": "OPS-2"}));
    story.when("fay", "get_entity_history", json!({"entity": gone}));
    story.when("fay", "get_pending_action", action.clone());
    assert_eq!(viewed(&story), 3);
    // What is one's own, and what is everybody's to see, is not opened by anybody.
    story.when("ben", "get_pending_action", action);
    story.when("fay", "get_entity_history", json!({"entity": "OPS-1"}));
    assert_eq!(viewed(&story), 3);
    let last = story
        .records
        .0
        .iter()
        .filter(|text| text.contains("payload.viewed"))
        .next_back();
    assert!(last.unwrap().contains("\"through\":\"get_pending_action\""));
    check("audit_veiled", &story.end());
}
