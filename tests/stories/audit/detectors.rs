//! The detectors: each raises once, and again only when it happens again.

use serde_json::{Value, json};

use super::{ground, refused_confirms};
use crate::story::watching::Guard;
use crate::story::{Story, check};

fn delete_tasks(story: &mut Story, who: &str, count: usize) {
    for number in 0..count {
        let made = story.given(
            who,
            "create_task",
            json!({"project": "OPS", "title": format!("T{number}")}),
        );
        story.given(who, "delete_task", json!({"task": made["key"]}));
    }
}

fn settings(settings: Value) -> Value {
    json!({"op": "update_settings", "settings": settings})
}

fn kinds(story: &Story) -> Vec<String> {
    story.alerts().into_iter().map(|(kind, ..)| kind).collect()
}

#[test]
fn many_deletions_raise_one_alert() {
    let mut story = ground("Many deletions");
    let mut guard = Guard::default();
    delete_tasks(&mut story, "ben", 19);
    assert_eq!(guard.looks(&mut story), 0, "19 are not many");
    delete_tasks(&mut story, "ben", 1);
    assert_eq!(guard.looks(&mut story), 1);
    assert_eq!(guard.looks(&mut story), 0, "the same evidence counts once");
    assert_eq!(Guard::default().looks(&mut story), 0, "also for one who begins anew");
    delete_tasks(&mut story, "ben", 20);
    assert_eq!(guard.looks(&mut story), 1, "it goes on");
    assert_eq!(story.alerts().len(), 1, "as one alert");
    assert_eq!(story.alerts()[0].2, 2);
    story.wait(11);
    delete_tasks(&mut story, "ben", 19);
    story.wait(11);
    delete_tasks(&mut story, "ben", 1);
    assert_eq!(guard.looks(&mut story), 0, "not within ten minutes");
    story.when("ana", "list_audit_alerts", json!({}));
    check("audit_mass_delete", &story.end());
}

#[test]
fn power_that_is_given_raises_an_alert() {
    let mut story = ground("Power");
    let mut guard = Guard::default();
    let plain = json!({"op": "invite_members", "invites": [{"email": "eva@example.com", "role": "member"}]});
    story.given("ana", "manage_organization", plain);
    story.given(
        "ana",
        "manage_organization",
        settings(json!({"confirmPolicy": {"destructive": "human"}})),
    );
    assert_eq!(guard.looks(&mut story), 0, "neither is power");
    let chief = json!({"op": "invite_members", "invites": [{"email": "guy@example.com", "role": "admin"}]});
    story.given("ana", "manage_organization", chief);
    assert_eq!(guard.looks(&mut story), 1);
    story.given(
        "ana",
        "manage_organization",
        settings(json!({"confirmPolicy": {"destructive": "self"}})),
    );
    assert_eq!(guard.looks(&mut story), 1);
    let denied = |tools: Value| settings(json!({"agentPolicy": {"deniedTools": tools}}));
    story.given("ana", "manage_organization", denied(json!(["create_project"])));
    assert_eq!(guard.looks(&mut story), 0);
    story.given("ana", "manage_organization", denied(json!([])));
    assert_eq!(guard.looks(&mut story), 1);
    let founding = json!({"name": "Second Home", "timezone": "Europe/Madrid", "currency": "EUR"});
    story.given("ana", "create_organization", founding);
    assert_eq!(
        guard.looks(&mut story),
        0,
        "power over another organisation is none here"
    );
    assert_eq!(
        (kinds(&story), story.alerts()[0].2),
        (vec!["privilege_change".to_owned()], 3)
    );
    story.when("ana", "list_audit_alerts", json!({"kind": "privilege_change"}));
    check("audit_privilege", &story.end());
}

#[test]
fn an_agent_that_does_very_much_by_itself_raises_an_alert() {
    let mut story = ground("A busy agent");
    let mut guard = Guard::default();
    let titles = |story: &mut Story, who: &str, count: usize| {
        for number in 0..count {
            let args = json!({"task": "OPS-1", "title": format!("Title {number}")});
            story.given(who, "update_task", args);
        }
    };
    titles(&mut story, "ben", 70);
    assert_eq!(guard.looks(&mut story), 0, "a human may");
    titles(&mut story, "bot", 59);
    assert_eq!(guard.looks(&mut story), 0);
    titles(&mut story, "bot", 1);
    assert_eq!(guard.looks(&mut story), 1);
    assert_eq!(kinds(&story), ["agent_burst"]);
    let summary = story.alerts()[0].3.clone();
    assert_eq!(summary, "@bot carried out 60 actions within 5 minutes");
    let shown = story
        .call("ana", "list_audit_alerts", json!({"status": "open"}))
        .unwrap();
    assert_eq!(shown["items"][0]["about"], json!(["@bot", "@ben"]));
    let _ = story.end();
}

#[test]
fn a_sensitive_action_at_night_raises_an_alert() {
    let mut story = ground("At night");
    let mut guard = Guard::default();
    let name = |name: &str| settings(json!({"name": name}));
    story.given("ana", "manage_organization", name("Acme by day"));
    assert_eq!(guard.looks(&mut story), 0);
    // 21:30 in Madrid.
    story.wait(11 * 60 + 30);
    story.given("ben", "update_task", json!({"task": "OPS-1", "title": "By night"}));
    assert_eq!(guard.looks(&mut story), 0, "ordinary work");
    story.given("ana", "manage_organization", name("Acme by night"));
    assert_eq!(guard.looks(&mut story), 1);
    // Saturday, 10:00 in Madrid.
    story.wait(60 * 24 * 4 + 12 * 60 + 30);
    story.given("ana", "manage_organization", name("Acme at the weekend"));
    assert_eq!(guard.looks(&mut story), 1);
    assert_eq!(kinds(&story), ["off_hours_sensitive"]);
    story.when("ana", "list_audit_alerts", json!({}));
    check("audit_off_hours", &story.end());
}

#[test]
fn refused_confirms_raise_an_alert_and_stale_previews_do_not() {
    let mut story = ground("Refused confirms");
    let mut guard = Guard::default();
    for number in 0..6 {
        let title = format!("Title {number}");
        story.stale(
            "bot",
            "update_task",
            json!({"task": "OPS-2", "title": "Mine"}),
            |story| {
                story.given("ben", "update_task", json!({"task": "OPS-2", "title": title}));
            },
        );
        story.wait(15);
    }
    assert_eq!(guard.looks(&mut story), 0);
    refused_confirms(&mut story, "bot", 4);
    assert_eq!(guard.looks(&mut story), 0);
    refused_confirms(&mut story, "bot", 1);
    assert_eq!(guard.looks(&mut story), 1);
    let (kind, status, times, summary) = story.alerts().remove(0);
    assert_eq!((kind.as_str(), status.as_str(), times), ("confirm_refusals", "open", 1));
    assert_eq!(
        summary,
        "5 confirms of @bot were refused within 10 minutes, the last with token_invalid"
    );
    let _ = story.end();
}

#[test]
fn what_was_resolved_opens_again_and_what_was_nothing_stays_so() {
    let mut story = ground("It happens again");
    let mut guard = Guard::default();
    refused_confirms(&mut story, "ben", 5);
    assert_eq!(guard.looks(&mut story), 1);
    let alert = story.call("ana", "list_audit_alerts", json!({})).unwrap()["items"][0]["id"].clone();
    let resolve = |status: &str| json!({"alert": alert, "status": status, "note": "a script of his"});
    story.given("ana", "resolve_audit_alert", resolve("resolved"));
    assert_eq!(guard.looks(&mut story), 0, "closing it is no reason to raise it");
    refused_confirms(&mut story, "ben", 5);
    assert_eq!(guard.looks(&mut story), 1);
    let status: Vec<String> = story.alerts().into_iter().map(|(_, status, ..)| status).collect();
    assert_eq!(status, ["open"], "the same alert, open again");
    story.given("ana", "resolve_audit_alert", resolve("false_positive"));
    refused_confirms(&mut story, "ben", 5);
    assert_eq!(guard.looks(&mut story), 1);
    let mut status: Vec<String> = story.alerts().into_iter().map(|(_, status, ..)| status).collect();
    status.sort();
    assert_eq!(status, ["false_positive", "open"], "somebody looks again");
    story.when("ana", "list_audit_alerts", json!({"status": "false_positive"}));
    check("audit_recurrence", &story.end());
}

#[test]
fn a_guard_is_loosened_by_a_rule_for_one_tool_too() {
    let mut story = ground("A rule for one tool");
    let mut guard = Guard::default();
    let policy = |rules: Value| settings(json!({"confirmPolicy": rules}));
    story.given("ana", "manage_organization", policy(json!({"destructive": "dual"})));
    assert_eq!(guard.looks(&mut story), 0);
    let pending = story.call(
        "ana",
        "manage_organization",
        policy(json!({"destructive": "dual", "delete_task": "self"})),
    );
    let pending = pending.unwrap();
    assert_eq!(pending["risk"], "high", "{pending}");
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    story.call("ana", "confirm_action", confirm).unwrap();
    assert_eq!(guard.looks(&mut story), 1);
    assert_eq!(
        story.alerts()[0].3,
        "@ana let delete_task be confirmed by self instead of dual"
    );
    // The rule for the kind goes, that for all others stays as strict: nothing is loosened.
    let strict = policy(json!({"default": "dual", "destructive": "dual", "delete_task": "dual"}));
    story.given("ana", "manage_organization", strict);
    assert_eq!(guard.looks(&mut story), 0);
    let _ = story.end();
}

#[test]
fn another_zone_hides_no_night() {
    let mut story = ground("Another zone");
    let mut guard = Guard::default();
    // 21:30 in Madrid, and 12:30 in Los Angeles.
    story.wait(11 * 60 + 30);
    let west = settings(json!({"timezone": "America/Los_Angeles"}));
    story.given("ana", "manage_organization", west);
    assert_eq!(guard.looks(&mut story), 2);
    let mut all = kinds(&story);
    all.sort();
    assert_eq!(all, ["off_hours_sensitive", "privilege_change"]);
    let moved = story.alerts().into_iter().find(|(kind, ..)| kind == "privilege_change");
    assert_eq!(
        moved.unwrap().3,
        "@ana moved the organisation from Europe/Madrid to America/Los_Angeles"
    );
    let _ = story.end();
}

#[test]
fn what_goes_on_is_told_three_times_and_then_together() {
    let mut story = ground("It goes on and on");
    let mut guard = Guard::default();
    let raised: Vec<usize> = (0..8)
        .map(|_| {
            refused_confirms(&mut story, "ben", 5);
            guard.looks(&mut story)
        })
        .collect();
    assert_eq!(raised, [1, 1, 1, 0, 0, 0, 0, 0]);
    story.wait(9);
    assert_eq!(guard.looks(&mut story), 0);
    story.wait(2);
    assert_eq!(guard.looks(&mut story), 1, "nothing is forgotten");
    assert_eq!(guard.looks(&mut story), 0);
    let shown = story.call("ana", "list_audit_alerts", json!({})).unwrap();
    assert_eq!(shown["items"][0]["evidenceCount"], 40, "{shown}");
    assert_eq!(story.alerts()[0].2, 4);
    let _ = story.end();
}
