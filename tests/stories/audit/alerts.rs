//! Saying what came of an alert.

use serde_json::{Value, json};

use super::{ground, refused_confirms};
use crate::story::watching::Guard;
use crate::story::{Story, check};

/// An alert about whoever confirms badly.
fn raised(title: &str, who: &str) -> (Story, Value) {
    let mut story = ground(title);
    refused_confirms(&mut story, who, 5);
    assert_eq!(Guard::default().looks(&mut story), 1);
    let alerts = story.call("ana", "list_audit_alerts", json!({})).unwrap();
    let alert = alerts["items"][0]["id"].clone();
    (story, alert)
}

#[test]
fn an_alert_is_acknowledged_and_resolved() {
    let (mut story, alert) = raised("Resolving an alert", "bot");
    let args = |status: &str, note: &str| json!({"alert": alert, "status": status, "note": note});
    let mut first = args("acknowledged", "I am looking at it");
    first["assignee"] = "@ana".into();
    let done = story.does("ana", "resolve_audit_alert", first);
    assert_eq!(done["result"]["assignee"], "@ana");
    let done = story.does("ana", "resolve_audit_alert", args("false_positive", "a test of ours"));
    assert_eq!(done["result"]["status"], "false_positive");
    let done = story.does("ana", "resolve_audit_alert", args("open", "it was none of ours"));
    assert_eq!(done["result"]["status"], "open");
    let noop = story.when("ana", "resolve_audit_alert", args("open", "it was none of ours"));
    assert_eq!(noop["status"], "noop");
    story.when(
        "ana",
        "get_entity_history",
        json!({"entity": alert, "fields": ["event", "fields"]}),
    );
    check("audit_resolve", &story.end());
}

#[test]
fn an_alert_is_not_closed_without_words_nor_by_those_it_is_about() {
    let (mut story, alert) = raised("Who may not close an alert", "rob");
    let args = |status: &str, note: &str| json!({"alert": alert, "status": status, "note": note});
    story.refused("ana", "resolve_audit_alert", args("resolved", "---"), "note_required");
    let without = json!({"alert": alert, "status": "resolved"});
    story.refused("ana", "resolve_audit_alert", without, "validation_failed");
    for status in ["resolved", "false_positive"] {
        story.refused(
            "rob",
            "resolve_audit_alert",
            args(status, "it was nothing"),
            "own_actions",
        );
    }
    story.agent("twin", "admin", "fay");
    story.refused(
        "twin",
        "resolve_audit_alert",
        args("resolved", "nothing"),
        "own_actions",
    );
    story.refused("ben", "resolve_audit_alert", args("resolved", "nothing"), "forbidden");
    let mut assigned = args("acknowledged", "yours now");
    assigned["assignee"] = "@ben".into();
    story.refused("ana", "resolve_audit_alert", assigned, "validation_failed");
    story.refused(
        "ana",
        "list_audit_alerts",
        json!({"kind": "mass_deletes"}),
        "validation_failed",
    );
    let none = story.when("ana", "list_audit_alerts", json!({"kind": "stale_claims"}));
    assert_eq!(none["items"], json!([]));
    story.agent("aid", "admin", "ana");
    let done = story.does(
        "aid",
        "resolve_audit_alert",
        args("resolved", "a client that was stopped"),
    );
    assert_eq!(done["status"], "succeeded", "an agent of somebody else may");
    check("audit_own_actions", &story.end());
}

#[test]
fn an_alert_about_a_human_is_not_closed_by_their_agent() {
    let (mut story, alert) = raised("The sponsor's alert", "fay");
    let args = json!({"alert": alert, "status": "resolved", "note": "it was nothing"});
    story.refused("rob", "resolve_audit_alert", args.clone(), "own_actions");
    story.given("ana", "resolve_audit_alert", args);
    let _ = story.end();
}

#[test]
fn a_preview_goes_stale_when_the_alert_moves() {
    let (mut story, alert) = raised("Stale previews of alerts", "bot");
    let args = |status: &str| json!({"alert": alert, "status": status, "note": "a script"});
    story.stale("ana", "resolve_audit_alert", args("resolved"), |story| {
        story.given("ana", "resolve_audit_alert", args("acknowledged"));
    });
    check("audit_stale", &story.end());
}

/// Refuses confirms of somebody until that is told.
fn goes_on(story: &mut Story, who: &str) {
    refused_confirms(story, who, 5);
    assert_eq!(Guard::default().looks(story), 1);
}

#[test]
fn closing_an_alert_does_not_swallow_what_nobody_saw() {
    let (mut story, alert) = raised("Raised again meanwhile", "bot");
    let args = json!({"alert": alert, "status": "resolved", "note": "a script of ours"});
    story.stale("ana", "resolve_audit_alert", args, |story| goes_on(story, "bot"));
    assert_eq!(story.alerts()[0].1, "open");
    check("audit_raised_meanwhile", &story.end());
}

#[test]
fn what_was_acknowledged_opens_when_it_happens_again() {
    let (mut story, alert) = raised("It goes on although acknowledged", "rob");
    let args = json!({"alert": alert, "status": "acknowledged", "note": "that was me, all is well"});
    story.given("rob", "resolve_audit_alert", args);
    assert_eq!(story.alerts()[0].1, "acknowledged");
    goes_on(&mut story, "rob");
    assert_eq!(story.alerts()[0].1, "open");
    let _ = story.end();
}

#[test]
fn who_proposed_what_a_human_confirmed_does_not_close_the_alert() {
    let mut story = ground("Proposed by an agent, confirmed by a human");
    let human = json!({"op": "update_settings", "settings": {"confirmPolicy": {"default": "human"}}});
    let keeper = json!({"name": "keeper", "permissions": ["organizations.read", "organizations.manage"]});
    story.given("ana", "create_role", keeper);
    let mut guard = Guard::default();
    guard.looks(&mut story);
    story.given("ana", "manage_organization", human);
    let chief = json!({"op": "invite_members", "invites": [{"email": "guy@example.com", "role": "keeper"}]});
    let pending = story.call("rob", "manage_organization", chief).unwrap();
    let done = story
        .call("ana", "confirm_action", json!({"actionId": pending["actionId"]}))
        .unwrap();
    assert_eq!(done["status"], "succeeded", "{done}");
    assert_eq!(guard.looks(&mut story), 1);
    let shown = story.when("ana", "list_audit_alerts", json!({"fields": ["about", "summary"]}));
    let about = shown["items"][0]["about"].as_array().unwrap();
    for who in ["@ana", "@rob", "@fay"] {
        assert!(about.contains(&who.into()), "{shown}");
    }
    let alert = shown["items"][0]["id"].clone();
    let args = json!({"alert": alert, "status": "resolved", "note": "nothing to see"});
    story.refused("rob", "resolve_audit_alert", args, "own_actions");
    check("audit_proposed_by", &story.end());
}
