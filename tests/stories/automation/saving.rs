//! Saving rules: what previews show, what makes them stale, what is taken back.

use serde_json::json;

use super::{ground, on, rule, shown, task};
use crate::story::check;

#[test]
fn a_preview_replays_what_happened() {
    let mut story = ground("What a rule would have done");
    for (title, priority) in [("Door", "urgent"), ("Wall", "low"), ("Roof", "urgent")] {
        task(&mut story, json!({"title": title, "priority": priority}));
    }
    let mut args = rule(
        "Urgent",
        on("task.created"),
        json!({"kind": "add_comment", "params": {"body": "{{task.title}} is urgent"}}),
    );
    args["conditions"] = json!({"field": "task.priority", "op": "eq", "value": "urgent"});
    let saved = story.does("ana", "create_automation_rule", args);
    assert_eq!(saved["events"][1], "automation.rule_created");
    let changed = story.when(
        "ana",
        "update_automation_rule",
        json!({"rule": "Urgent", "conditions": {"field": "task.priority", "op": "eq", "value": "low"}, "name": "Low"}),
    );
    let details = &changed["preview"]["details"];
    assert_eq!(
        (
            &details["before"]["last30Days"]["matches"],
            &details["last30Days"]["matches"]
        ),
        (&json!(2), &json!(1))
    );
    story.confirm("ana", &changed);
    story.does(
        "ana",
        "update_automation_rule",
        json!({"rule": "Low", "enabled": false}),
    );
    let noop = story.when(
        "ana",
        "update_automation_rule",
        json!({"rule": "Low", "enabled": false}),
    );
    assert_eq!(noop["status"], "noop");
    task(&mut story, json!({"title": "Paused", "priority": "low"}));
    assert_eq!(story.reacts(), Vec::<String>::new());
    story.does("ana", "update_automation_rule", json!({"rule": "Low", "enabled": true}));
    assert_eq!(story.reacts(), Vec::<String>::new());
    task(&mut story, json!({"title": "Resumed", "priority": "low"}));
    story.reacts();
    let deleted = story.does("ana", "delete_automation_rule", json!({"rule": "Low"}));
    let back = story.does("ana", "undo_action", json!({"actionId": deleted["actionId"]}));
    assert_eq!(back["status"], "succeeded");
    check("automation_saving", &story.end());
}

#[test]
fn previews_of_rules_go_stale() {
    let mut story = ground("Stale previews of rules");
    let say = |word: &str| json!({"kind": "add_comment", "params": {"body": word}});
    story.given(
        "ana",
        "create_automation_rule",
        rule("One", on("task.created"), say("one")),
    );
    story.stale(
        "ana",
        "create_automation_rule",
        rule("Two", on("task.created"), say("two")),
        |story| {
            story.given(
                "mia",
                "create_automation_rule",
                rule("two", on("task.created"), say("2")),
            );
        },
    );
    story.stale(
        "ana",
        "update_automation_rule",
        json!({"rule": "One", "name": "First"}),
        |story| {
            story.given("ana", "update_automation_rule", json!({"rule": "One", "name": "Eins"}));
        },
    );
    story.stale("ana", "delete_automation_rule", json!({"rule": "Eins"}), |story| {
        story.given(
            "ana",
            "update_automation_rule",
            json!({"rule": "Eins", "onFailure": "continue"}),
        );
    });
    check("automation_stale", &story.end());
}

#[test]
fn a_rule_may_run_while_its_change_is_previewed() {
    let mut story = ground("A rule that runs while it is changed");
    let say = json!({"kind": "add_comment", "params": {"body": "one"}});
    story.given("ana", "create_automation_rule", rule("One", on("task.created"), say));
    let pending = story.when("ana", "update_automation_rule", json!({"rule": "One", "name": "First"}));
    task(&mut story, json!({"title": "Meanwhile"}));
    story.reacts();
    assert_eq!(story.confirm("ana", &pending)["status"], "succeeded");
    check("automation_meanwhile", &story.end());
}

#[test]
fn the_catalogue_shows_what_a_rule_can_be_made_of() {
    let mut story = ground("What a rule can be made of");
    let listed = story.when("ana", "list_automation_rules", json!({"catalogue": true}));
    let actions = listed["catalogue"]["actions"].as_array().unwrap().clone();
    task(&mut story, json!({"title": "Something"}));
    // Every example can be saved as it stands.
    for trigger in listed["catalogue"]["triggers"].as_array().unwrap() {
        let mut args = rule(
            &format!("{} trigger", trigger["kind"].as_str().unwrap()),
            trigger["example"].clone(),
            json!({"kind": "create_task", "params": {"project": "OPS", "title": "x"}}),
        );
        args["enabled"] = false.into();
        story.given("ana", "create_automation_rule", args);
    }
    for action in &actions {
        let mut args = rule(
            action["kind"].as_str().unwrap(),
            on("task.updated"),
            action["example"].clone(),
        );
        args["conditions"] = listed["catalogue"]["conditions"]["example"].clone();
        story.given("ana", "create_automation_rule", args);
    }
    assert_eq!(shown(&mut story, "OPS-1")["title"], "Something");
    check("automation_catalogue", &story.end());
}
