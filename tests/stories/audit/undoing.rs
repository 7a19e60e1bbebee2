//! What cannot be undone, and by whom.

use serde_json::{Value, json};

use super::{ground, refused_confirms};
use crate::story::watching::Guard;
use crate::story::{Story, check};

/// The position of the newest record that says something.
fn newest(story: &Story, what: &str) -> String {
    let found = story.records.0.iter().rposition(|text| text.contains(what));
    (found.expect(what) + 1).to_string()
}

fn events(seq: &str) -> Value {
    json!({"events": [seq]})
}

#[test]
fn an_alert_is_neither_deleted_nor_closed_by_an_undo() {
    let mut story = ground("Undoing alerts");
    let mut guard = Guard::default();
    refused_confirms(&mut story, "bot", 5);
    assert_eq!(guard.looks(&mut story), 1);
    let raised = newest(&story, "audit.alert_raised");
    story.refused("bot", "undo_action", events(&raised), "not_undoable");
    let alert = story.call("ana", "list_audit_alerts", json!({})).unwrap()["items"][0]["id"].clone();
    let resolve = json!({"alert": alert, "status": "resolved", "note": "a script of ours"});
    let done = story.call("ana", "resolve_audit_alert", resolve).unwrap();
    let confirm = json!({"actionId": done["actionId"], "confirmToken": done["confirmToken"]});
    let receipt = story.call("ana", "confirm_action", confirm).unwrap();
    assert_eq!(receipt["undo"]["possible"], false, "{receipt}");
    let resolved = newest(&story, "audit.alert_resolved");
    refused_confirms(&mut story, "bot", 5);
    assert_eq!(guard.looks(&mut story), 1);
    let again = newest(&story, "audit.alert_raised");
    assert_ne!(raised, again);
    for seq in [&again, &resolved] {
        story.refused("rob", "undo_action", events(seq), "not_undoable");
        story.refused("ana", "undo_action", events(seq), "not_undoable");
    }
    story.refused("rob", "undo_action", json!({"entity": alert}), "not_undoable");
    story.refused("bot", "undo_action", json!({"entity": alert}), "not_found");
    let action = json!({"actionId": done["actionId"]});
    story.refused("ana", "undo_action", action, "not_undoable");
    let (_, status, times, _) = story.alerts().remove(0);
    assert_eq!((status.as_str(), times), ("open", 2));
    check("audit_undo_alerts", &story.end());
}

#[test]
fn an_undo_shows_and_changes_only_what_the_caller_may() {
    let mut story = ground("Undoing what others did");
    let hidden = newest(&story, "Hidden");
    for who in ["ben", "gus"] {
        let no = story.refused(who, "undo_action", events(&hidden), "not_found");
        assert!(!no.to_string().contains("Hidden"), "{no}");
    }
    let made = newest(&story, "\"task.created\"");
    story.refused("gus", "undo_action", events(&made), "not_found");
    let joined = newest(&story, "member.joined");
    story.refused("ana", "undo_action", events(&joined), "not_undoable");
    let rename = json!({"op": "update_settings", "settings": {"name": "Acme Works"}});
    story.given("ana", "manage_organization", rename);
    let renamed = newest(&story, "organization.settings_changed");
    story.refused("ben", "undo_action", events(&renamed), "forbidden");
    story.does("ana", "undo_action", events(&renamed));
    let back = newest(&story, "organization.settings_changed");
    assert_ne!(renamed, back);
    story.refused("ben", "undo_action", events(&back), "forbidden");
    story.given("ana", "undo_action", events(&back));
    story.given("ana", "create_label", json!({"name": "bug"}));
    story.given("ana", "delete_label", json!({"label": "bug"}));
    let deleted = newest(&story, "label.deleted");
    story.refused("ben", "undo_action", events(&deleted), "not_found");
    story.given("fay", "undo_action", events(&deleted));
    check("audit_undo_others", &story.end());
}
