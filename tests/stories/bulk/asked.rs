//! Whose word counts in bulk: people to share the work, rules that react, queries, and what is asked of the single tools.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{change, confirm, ground, states, task};
use crate::story::{Story, check};

fn assignees(story: &mut Story, key: &str) -> Value {
    task(story, key)["assignees"].clone()
}

fn team(story: &mut Story) {
    story.human("mo", "member");
    story.human("kim", "member");
    let both = json!({"project": "OPS", "add": [{"member": "@mo"}, {"member": "@kim"}]});
    story.given("ana", "update_project_members", both);
}

#[test]
fn people_share_the_work() {
    let mut story = ground("Assigning many");
    team(&mut story);
    let spread = json!({"query": "project = OPS", "distribute": "round_robin", "among": ["@mo", "@kim"]});
    let pending = story.call("ana", "bulk_assign_tasks", spread).unwrap();
    let load = &pending["preview"]["details"]["load"];
    assert_eq!(
        (&load[0]["openTasks"]["after"], &load[1]["openTasks"]["after"]),
        (&json!(2), &json!(2))
    );
    let done = story.call("ana", "confirm_action", confirm(&pending)).unwrap();
    assert_eq!(assignees(&mut story, "OPS-2"), json!(["@kim"]));
    story.given("ana", "undo_action", json!({"actionId": done["actionId"]}));
    assert_eq!(assignees(&mut story, "OPS-2"), json!([]));
    // Whoever was chosen stays chosen, although by now somebody else has less to do.
    story.given(
        "ana",
        "assign_task",
        json!({"task": "OPS-1", "assignees": {"set": ["@mo"]}}),
    );
    let least = json!({"tasks": ["OPS-2", "OPS-3"], "distribute": "least_loaded", "among": ["@mo", "@kim"]});
    let pending = story.call("ana", "bulk_assign_tasks", least).unwrap();
    story.given(
        "ana",
        "assign_task",
        json!({"task": "OPS-1", "assignees": {"set": ["@kim"]}}),
    );
    story.call("ana", "confirm_action", confirm(&pending)).unwrap();
    assert_eq!(assignees(&mut story, "OPS-2"), json!(["@kim"]));
    let refused = |story: &mut Story, args: Value, code: &str| story.refused("ana", "bulk_assign_tasks", args, code);
    let nobody = json!({"query": "project = OPS", "distribute": "round_robin"});
    refused(&mut story, nobody, "distribution_empty");
    let none = json!({"query": "project = OPS"});
    refused(&mut story, none, "validation_failed");
    let empty = json!({"tasks": ["OPS-4"], "assignees": {"set": []}});
    refused(&mut story, empty, "nothing_to_do");
    story.human("out", "member");
    let outside = json!({"tasks": ["OPS-4"], "assignees": {"add": ["@out"]}});
    refused(&mut story, outside, "all_refused");
    let count = json!({"query": "assignee = @none", "assignees": {"add": ["@mo"]}, "expectedCount": 3});
    refused(&mut story, count, "count_mismatch");
    story.stale(
        "ana",
        "bulk_assign_tasks",
        json!({"tasks": ["OPS-3"], "assignees": {"set": ["@ana"]}, "onChanged": "refuse_all"}),
        |story| change(story, "OPS-3", "Roofs"),
    );
    check("bulk_assign", &story.end());
}

#[test]
fn rules_that_would_react_are_named_with_how_often() {
    let mut story = ground("Rules react to each");
    let rule = json!({
        "name": "Tell", "trigger": {"kind": "event", "eventTypes": ["task.state_changed"]},
        "conditions": {"cel": "task.title != 'Roof'"},
        "actions": [{"kind": "add_comment", "params": {"body": "moved"}}],
    });
    story.given("ana", "create_automation_rule", rule);
    let pending = story.call(
        "ana",
        "bulk_move_tasks",
        json!({"query": "project = OPS", "toState": "To do"}),
    );
    let pending = pending.unwrap();
    let told = &pending["preview"]["effects"]["rules"][0];
    assert_eq!((&told["name"], &told["count"]), (&json!("Tell"), &json!(3)));
    story.call("ana", "confirm_action", confirm(&pending)).unwrap();
    let happened = story.reacts();
    let comments = happened.iter().filter(|event| *event == "comment.created");
    assert_eq!(comments.count(), 3);
    check("bulk_reactions", &story.end());
}

#[test]
fn many_at_once_ask_for_no_less_than_one() {
    let mut story = ground("Rules of the single tools");
    story.agent("bot", "member", "ana");
    let settings = |settings: Value| json!({"op": "update_settings", "settings": settings});
    let human = settings(json!({"confirmPolicy": {"destructive": "human"}}));
    story.given("ana", "manage_organization", human);
    let delete = json!({"tasks": ["OPS-4"], "expectedCount": 1});
    let waiting = story.call("bot", "bulk_delete_tasks", delete).unwrap();
    assert_eq!(
        (&waiting["confirmToken"], &waiting["approvers"]["policy"]),
        (&Value::Null, &json!("human"))
    );
    let one = json!({"tasks": ["OPS-4"], "toState": "To do"});
    let own = story.call("bot", "bulk_move_tasks", one.clone()).unwrap();
    assert!(own["confirmToken"].is_string());
    let denied = settings(json!({"agentPolicy": {"deniedTools": ["move_task"]}}));
    story.given("ana", "manage_organization", denied);
    story.refused("bot", "bulk_move_tasks", one, "policy_denied");
    let no = story.call("bot", "confirm_action", confirm(&own)).unwrap_err();
    assert_eq!(no.code, "policy_denied");
    assert_eq!(states(&mut story), ["Backlog", "Backlog", "Backlog", "Backlog"]);
    check("bulk_policy", &story.end());
}

#[test]
fn what_is_said_of_the_single_tools_is_so() {
    let registry = orkestra::modules::registry();
    let many: Vec<_> = registry
        .tools()
        .iter()
        .filter_map(|tool| Some((tool.name, tool.over?)))
        .collect();
    assert_eq!(many.len(), 4);
    for (name, over) in many {
        let single = registry.tool(over.tool).unwrap();
        assert_eq!(
            (single.kind, single.permission.as_str()),
            (over.kind, over.permission),
            "{name}"
        );
    }
}

#[test]
fn queries_say_what_all_have_in_common() {
    let mut story = ground("Queries");
    story.given(
        "ana",
        "update_task",
        json!({"task": "OPS-2", "priority": "high", "title": "The \"big\" window"}),
    );
    story.given("ana", "move_task", json!({"task": "OPS-3", "to": "To do"}));
    let mut found = |query: &str| {
        let args = json!({"query": query, "set": {"estimate": "1"}});
        let answer = story
            .call("ana", "bulk_update_tasks", args)
            .unwrap_or_else(|no| panic!("{query}: {no:?}"));
        let items = answer["preview"]["details"]["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["task"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for (query, wanted) in [
        ("project = OPS and priority in (high, urgent)", vec!["OPS-2"]),
        (
            "Project = \"ops\" AND state in (\"To do\", Backlog)",
            vec!["OPS-1", "OPS-2", "OPS-3", "OPS-4"],
        ),
        ("state=\"To do\"", vec!["OPS-3"]),
        ("title ~ \"the \\\"big\"", vec!["OPS-2"]),
        (
            "reporter = me() and label = bug and due <= 2026-03-10 and title ~ oo",
            vec!["OPS-1", "OPS-3", "OPS-4"],
        ),
        ("due >= today() and category = unstarted", vec!["OPS-3"]),
        (
            "overdue = false and type in (task) and assignee = @none and title ~ door",
            vec!["OPS-1"],
        ),
    ] {
        assert_eq!(found(query), wanted, "{query}");
    }
    let mut said = String::new();
    for wrong in [
        "colour = red",
        "project OPS",
        "project =",
        "project = OPS or label = bug",
        "project = OPS label = bug",
        "priority > high",
        "state in (Backlog",
        "title ~ \"door",
        "project = OPS and project = OPS",
        "due = soon()",
        "due = tomorrow",
    ] {
        let args = json!({"query": wrong, "toState": "To do"});
        let no = story.call("ana", "bulk_move_tasks", args).unwrap_err();
        assert_eq!((no.code.as_ref(), no.field.as_deref()), ("bad_query", Some("query")));
        let at = no.current.unwrap()["position"].as_u64().unwrap();
        let _ = writeln!(said, "{wrong}\n  at {at}: {}", no.message);
    }
    let gone = json!({"query": "project = NOPE", "toState": "To do"});
    story.refused("ana", "bulk_move_tasks", gone, "not_found");
    check("bulk_queries", &format!("{}\n{said}", story.end()));
}
