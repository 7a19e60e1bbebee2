//! Rules that set each other off stop by themselves, and the journal says why.

use serde_json::{Value, json};

use super::{ground, on, rule, runs, shown, task};
use crate::story::{Story, check};

fn alerts(story: &mut Story) -> Value {
    story
        .call("ana", "list_audit_alerts", json!({"kind": "rule_loop"}))
        .unwrap()["items"]
        .clone()
}

#[test]
fn two_rules_that_set_each_other_off_stop() {
    let mut story = ground("Two rules that set each other off");
    let ping = |name: &str, word: &str| {
        rule(
            name,
            json!({"kind": "event", "eventTypes": ["task.updated"], "filter": "\"title\" in event.fields"}),
            json!({"kind": "update_task", "params": {"title": format!("{{{{task.title}}}} {word}")}}),
        )
    };
    story.given("ana", "create_automation_rule", ping("Ping", "ping"));
    story.wait(1);
    let pending = story.when("ana", "create_automation_rule", ping("Pong", "pong"));
    assert!(
        pending["preview"]["warnings"][0]
            .as_str()
            .unwrap()
            .contains("set each other off")
    );
    story.confirm("ana", &pending);
    task(&mut story, json!({"title": "Ball"}));
    story.given("max", "update_task", json!({"task": "OPS-1", "title": "The ball"}));
    let happened = story.reacts();
    assert_eq!(
        happened.iter().filter(|name| *name == "task.updated").count(),
        2,
        "{happened:?}"
    );
    assert!(happened.contains(&"automation.loop_stopped".to_owned()));
    // Each of the two reacts to the person's change; neither reacts again in that correlation.
    let title = shown(&mut story, "OPS-1")["title"].clone();
    assert_eq!(title, "The ball ping pong");
    story.when(
        "ana",
        "get_automation_rule",
        json!({"rule": "Ping", "expand": ["runs", "graph"]}),
    );
    story.when(
        "ana",
        "list_automation_rules",
        json!({"failing": true, "fields": ["name", "enabled", "runs", "failures"]}),
    );
    story.when("ana", "list_audit_alerts", json!({"kind": "rule_loop"}));
    // They go on working for the next change.
    story.given("max", "update_task", json!({"task": "OPS-1", "title": "Another"}));
    assert_eq!(story.reacts().iter().filter(|name| *name == "task.updated").count(), 2);
    check("automation_loop", &story.end());
}

#[test]
fn a_chain_ends_after_five_reactions() {
    let mut story = ground("A chain that is too long");
    for step in 1..=7 {
        let mut args = rule(
            &format!("Step {step}"),
            on("task.created"),
            json!({"kind": "create_task", "params": {"project": "OPS", "title": format!("Task {}", step + 1)}}),
        );
        args["conditions"] = json!({"field": "task.title", "op": "eq", "value": format!("Task {step}")});
        story.given("ana", "create_automation_rule", args);
    }
    task(&mut story, json!({"title": "Task 1"}));
    let happened = story.reacts();
    assert_eq!(happened.iter().filter(|name| *name == "task.created").count(), 5);
    assert_eq!(
        happened
            .iter()
            .filter(|name| *name == "automation.loop_stopped")
            .count(),
        2,
        "the run and its count"
    );
    assert_eq!(
        runs(&mut story, "Step 6")[0]["why"],
        "5 reactions led here, one from another"
    );
    assert_eq!(runs(&mut story, "Step 7"), json!([]));
    check("automation_depth", &story.end());
}

#[test]
fn a_rule_that_runs_too_often_is_throttled_then_disabled() {
    let mut story = ground("A rule that runs too often");
    let mut args = rule(
        "Greet",
        on("task.created"),
        json!({"kind": "add_comment", "params": {"body": "hello"}}),
    );
    args["limits"] = json!({"maxRunsPerHour": 2});
    story.given("ana", "create_automation_rule", args);
    let mut titles = (1..).map(|number| format!("Task {number}"));
    for hour in 1..=3 {
        for _ in 0..4 {
            task(&mut story, json!({"title": titles.next().unwrap()}));
        }
        let happened = story.reacts();
        let count = |name: &str| happened.iter().filter(|event| *event == name).count();
        assert_eq!(
            (count("comment.created"), count("reaction.passed")),
            (2, 1),
            "{happened:?}"
        );
        // The run, and what is counted.
        assert_eq!(count("automation.throttled"), 2);
        assert_eq!(count("automation.rule_disabled"), usize::from(hour == 3));
        story.wait(60);
    }
    assert_eq!(alerts(&mut story).as_array().unwrap().len(), 1);
    story.when("ana", "list_audit_alerts", json!({"kind": "rule_loop"}));
    story.when(
        "ana",
        "list_automation_rules",
        json!({"fields": ["name", "enabled", "disabledWhy"]}),
    );
    task(&mut story, json!({"title": "Nobody greets"}));
    assert_eq!(story.reacts(), Vec::<String>::new());
    let back = story.does(
        "ana",
        "update_automation_rule",
        json!({"rule": "Greet", "enabled": true}),
    );
    assert_eq!(back["result"]["enabled"], true);
    check("automation_throttle", &story.end());
}

#[test]
fn a_rule_never_reacts_to_what_it_did() {
    let mut story = ground("A rule and its own work");
    story.given(
        "ana",
        "create_automation_rule",
        rule(
            "Copy",
            on("task.created"),
            json!({"kind": "create_task", "params": {"project": "OPS", "title": "Copy of {{task.title}}"}}),
        ),
    );
    task(&mut story, json!({"title": "One"}));
    assert_eq!(story.reacts().iter().filter(|name| *name == "task.created").count(), 1);
    check("automation_own", &story.end());
}

#[test]
fn a_window_keeps_a_rule_from_running_again() {
    let mut story = ground("A rule with a window");
    let mut args = rule(
        "Note",
        on("task.updated"),
        json!({"kind": "add_comment", "params": {"body": "changed"}}),
    );
    args["limits"] = json!({"dedupeWindow": "1h"});
    story.given("ana", "create_automation_rule", args);
    task(&mut story, json!({"title": "One"}));
    for (title, minutes, comments) in [("Two", 1, 1), ("Three", 70, 0), ("Four", 1, 1)] {
        story.given("max", "update_task", json!({"task": "OPS-1", "title": title}));
        let happened = story.reacts();
        assert_eq!(
            happened.iter().filter(|name| *name == "comment.created").count(),
            comments,
            "{title}"
        );
        story.wait(minutes);
    }
    check("automation_window", &story.end());
}
