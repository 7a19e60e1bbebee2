//! What is refused when a rule is saved, and what happens to a rule whose action is refused.

use serde_json::json;

use super::{ground, on, rule, runs, task};
use crate::story::check;

#[test]
fn every_mistake_in_a_rule_is_named() {
    let mut story = ground("Mistakes in a rule");
    let comment = json!({"kind": "add_comment", "params": {"body": "hello"}});
    let cases = [
        (rule("A", on("task.craeted"), comment.clone()), "unknown_trigger"),
        (
            rule("A", json!({"kind": "inbound"}), comment.clone()),
            "unknown_trigger",
        ),
        (
            rule("A", json!({"kind": "telepathy"}), comment.clone()),
            "unknown_trigger",
        ),
        (
            rule("A", json!({"kind": "schedule", "cron": "61 * * * *"}), comment.clone()),
            "validation_failed",
        ),
        (
            rule(
                "A",
                json!({"kind": "event", "eventTypes": ["task.created"], "cron": "0 * * * *"}),
                comment.clone(),
            ),
            "validation_failed",
        ),
        (
            rule(
                "A",
                json!({"kind": "event", "eventTypes": ["task.created"], "filter": "task.titel == 'x'"}),
                comment.clone(),
            ),
            "validation_failed",
        ),
        (
            rule(
                "A",
                json!({"kind": "date_reached", "field": "birthday"}),
                comment.clone(),
            ),
            "validation_failed",
        ),
        (
            rule("A", on("task.created"), json!({"kind": "delete_task"})),
            "unknown_action",
        ),
        (
            rule("A", on("task.created"), json!({"kind": "call_webhook"})),
            "unknown_action",
        ),
        (
            rule("A", on("task.created"), json!({"kind": "move_task", "params": {}})),
            "validation_failed",
        ),
        (
            rule(
                "A",
                on("task.created"),
                json!({"kind": "move_task", "params": {"too": "Done"}}),
            ),
            "unknown_argument",
        ),
        (
            rule(
                "A",
                on("task.created"),
                json!({"kind": "add_comment", "params": {"body": "for {{task.titel}}"}}),
            ),
            "template_invalid",
        ),
        (
            rule(
                "A",
                on("task.created"),
                json!({"kind": "add_comment", "params": {"body": "for {{task.title"}}),
            ),
            "template_invalid",
        ),
        (
            rule(
                "A",
                json!({"kind": "schedule", "cron": "0 * * * *"}),
                json!({"kind": "move_task", "params": {"to": "Done"}}),
            ),
            "validation_failed",
        ),
    ];
    for (args, code) in cases {
        story.refused("ana", "create_automation_rule", args, code);
    }
    check("automation_mistakes", &story.end());
}

#[test]
fn every_mistake_in_conditions_and_limits_is_named() {
    let mut story = ground("Mistakes in conditions");
    let comment = json!({"kind": "add_comment", "params": {"body": "hello"}});
    for conditions in [
        json!({"all": []}),
        json!({"field": "task.title", "op": "is", "value": "x"}),
        json!({"field": "task.tittle", "op": "eq", "value": "x"}),
        json!({"any": vec![json!({"field": "task.title", "op": "empty"}); 21]}),
        json!({"not": {"cel": "task.estimate >"}}),
        json!({"cel": "task.labels.map(l, l) == []"}),
    ] {
        let mut args = rule("A", on("task.created"), comment.clone());
        args["conditions"] = conditions;
        story.refused("ana", "create_automation_rule", args, "validation_failed");
    }
    let mut args = rule("A", on("task.created"), comment.clone());
    args["limits"] = json!({"maxRunsPerHour": 5000});
    story.refused("ana", "create_automation_rule", args, "validation_failed");
    story.given(
        "ana",
        "create_automation_rule",
        rule("A", on("task.created"), comment.clone()),
    );
    story.refused(
        "ana",
        "create_automation_rule",
        rule("a", on("task.created"), comment),
        "validation_failed",
    );
    story.refused(
        "max",
        "create_automation_rule",
        rule("B", on("task.created"), json!({"kind": "move_task"})),
        "forbidden",
    );
    story.refused("ana", "get_automation_rule", json!({"rule": "B"}), "not_found");
    check("automation_conditions", &story.end());
}

#[test]
fn a_cycle_that_nothing_ends_is_refused() {
    let mut story = ground("A cycle that nothing ends");
    let make = |title: &str| json!({"kind": "create_task", "params": {"project": "OPS", "title": title}});
    let say = json!({"kind": "add_comment", "params": {"body": "again"}});
    story.given(
        "ana",
        "create_automation_rule",
        rule("Tasks for comments", on("comment.created"), make("Answer")),
    );
    story.refused(
        "ana",
        "create_automation_rule",
        rule("Comments for tasks", on("task.created"), say.clone()),
        "cycle_unbounded",
    );
    let mut args = rule("Comments for tasks", on("task.created"), say);
    args["conditions"] = json!({"field": "task.priority", "op": "eq", "value": "urgent"});
    let saved = story.when("ana", "create_automation_rule", args);
    assert!(
        saved["preview"]["warnings"][0]
            .as_str()
            .unwrap()
            .contains("set each other off")
    );
    story.confirm("ana", &saved);
    story.refused(
        "ana",
        "update_automation_rule",
        json!({"rule": "Comments for tasks", "conditions": null}),
        "cycle_unbounded",
    );
    check("automation_cycle", &story.end());
}

#[test]
fn nobody_gives_a_rule_more_than_they_have() {
    let mut story = ground("Rights of a rule");
    story.agent("bot", "guest", "ana");
    story.given(
        "ana",
        "manage_organization",
        json!({"op": "update_settings", "settings": {"confirmPolicy": {"move_task": "human"}}}),
    );
    let close = json!({"kind": "move_task", "params": {"to": "Done"}});
    story.refused(
        "ana",
        "create_automation_rule",
        rule("Close", on("task.created"), close),
        "right_missing",
    );
    let say = json!({"kind": "add_comment", "params": {"body": "hello"}});
    story.given(
        "ana",
        "create_automation_rule",
        rule("Say", on("task.created"), say.clone()),
    );
    // Mia may manage rules, but what Ana's rule does happens in Ana's name.
    story.refused(
        "mia",
        "update_automation_rule",
        json!({"rule": "Say", "actions": [say.clone()]}),
        "right_missing",
    );
    story.refused(
        "mia",
        "update_automation_rule",
        json!({"rule": "Say", "owner": "@bot"}),
        "right_missing",
    );
    story.does(
        "mia",
        "update_automation_rule",
        json!({"rule": "Say", "owner": "@me", "actions": [say]}),
    );
    check("automation_rights", &story.end());
}

#[test]
fn a_rule_whose_action_is_refused_stands_in_nobodys_way() {
    let mut story = ground("A rule that fails");
    story.given(
        "ana",
        "create_automation_rule",
        json!({
            "name": "To nowhere", "trigger": on("task.created"), "onFailure": "continue",
            "actions": [{"kind": "move_task", "params": {"to": "Nowhere"}}, {"kind": "add_comment", "params": {"body": "still here"}}],
        }),
    );
    story.given(
        "ana",
        "create_automation_rule",
        json!({
            "name": "Once", "trigger": on("task.created"), "onFailure": "disable",
            "actions": [{"kind": "assign_task", "params": {"assignees": {"add": ["@nobody"]}}}, {"kind": "add_comment", "params": {"body": "never"}}],
        }),
    );
    task(&mut story, json!({"title": "One"}));
    let happened = story.reacts();
    assert!(happened.contains(&"automation.run_failed".to_owned()), "{happened:?}");
    assert_eq!(happened.iter().filter(|name| *name == "comment.created").count(), 1);
    assert_eq!(runs(&mut story, "To nowhere")[0]["status"], "partial");
    assert_eq!(runs(&mut story, "Once")[0]["status"], "failed");
    story.when("ana", "list_automation_rules", json!({"failing": true}));
    check("automation_fails", &story.end());
}

#[test]
fn a_rule_whose_owner_leaves_is_disabled() {
    let mut story = ground("An owner who leaves");
    let say = json!({"kind": "add_comment", "params": {"body": "hello"}});
    story.given("mia", "create_automation_rule", rule("Hello", on("task.created"), say));
    story.given(
        "ana",
        "manage_organization",
        json!({"op": "suspend_member", "member": "mia"}),
    );
    task(&mut story, json!({"title": "One"}));
    let happened = story.reacts();
    assert!(
        happened.contains(&"automation.rule_disabled".to_owned()),
        "{happened:?}"
    );
    story.when("ana", "list_automation_rules", json!({"enabled": false}));
    check("automation_owner", &story.end());
}

#[test]
fn a_rule_does_nothing_that_must_be_asked_for_since() {
    let mut story = ground("A policy that became stricter");
    let close = json!({"kind": "move_task", "params": {"to": "Done"}});
    let say = json!({"kind": "add_comment", "params": {"body": "hello"}});
    for (name, action) in [("Close", close), ("Say", say)] {
        story.given("ana", "create_automation_rule", rule(name, on("task.created"), action));
    }
    story.given(
        "ana",
        "manage_organization",
        json!({"op": "update_settings", "settings": {"confirmPolicy": {"move_task": "human"}}}),
    );
    task(&mut story, json!({"title": "One"}));
    let happened = story.reacts();
    assert!(!happened.contains(&"task.state_changed".to_owned()), "{happened:?}");
    assert!(happened.contains(&"comment.created".to_owned()), "{happened:?}");
    story.when("ana", "list_automation_rules", json!({"enabled": false}));
    // To enable it is to save it, and that asks nobody else either.
    story.refused(
        "ana",
        "update_automation_rule",
        json!({"rule": "Close", "enabled": true}),
        "right_missing",
    );
    check("automation_stricter", &story.end());
}

#[test]
fn a_rule_is_as_good_as_what_saved_it_last() {
    let mut story = ground("A laxer way to save");
    story.given(
        "ana",
        "manage_organization",
        json!({"op": "update_settings", "settings": {"confirmPolicy": {"create_automation_rule": "human", "move_task": "human"}}}),
    );
    let say = json!({"kind": "add_comment", "params": {"body": "hello"}});
    story.given("ana", "create_automation_rule", rule("Say", on("task.created"), say));
    let close = json!({"kind": "move_task", "params": {"to": "Done"}});
    story.refused(
        "ana",
        "update_automation_rule",
        json!({"rule": "Say", "actions": [close]}),
        "right_missing",
    );
    check("automation_laxer", &story.end());
}
