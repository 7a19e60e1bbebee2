//! Automation: rules are saved after a preview, react to what happens and to the hour, stop by themselves, and say why.

mod hours;
mod loops;
mod refusals;
mod saving;

use serde_json::{Value, json};

use crate::story::{Story, check};

pub fn ground(title: &str) -> Story {
    let mut story = Story::new(title);
    story.human("mia", "admin");
    story.human("max", "member");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given(
        "ana",
        "update_project_members",
        json!({"project": "OPS", "add": [{"member": "@mia"}]}),
    );
    for label in ["bug", "safe"] {
        story.given("ana", "create_label", json!({"name": label}));
    }
    story
}

pub fn rule(name: &str, trigger: Value, action: Value) -> Value {
    json!({"name": name, "trigger": trigger, "actions": [action]})
}

pub fn on(event: &str) -> Value {
    json!({"kind": "event", "eventTypes": [event]})
}

pub fn task(story: &mut Story, args: Value) {
    let mut all = json!({"project": "OPS"});
    all.as_object_mut().unwrap().extend(args.as_object().unwrap().clone());
    story.given("ana", "create_task", all);
}

pub fn shown(story: &mut Story, key: &str) -> Value {
    story.call("ana", "get_task", json!({"task": key})).unwrap()["item"].clone()
}

pub fn runs(story: &mut Story, name: &str) -> Value {
    let args = json!({"rule": name, "expand": ["runs"]});
    story.call("ana", "get_automation_rule", args).unwrap()["item"]["runs"]["items"].clone()
}

#[test]
fn a_rule_assigns_what_is_urgent() {
    let mut story = ground("A rule that assigns");
    task(&mut story, json!({"title": "Old and urgent", "priority": "urgent"}));
    let mut args = rule(
        "Urgent to Mia",
        on("task.created"),
        json!({"kind": "assign_task", "params": {"assignees": {"add": ["@mia"]}}}),
    );
    args["conditions"] = json!({"all": [{"field": "task.priority", "op": "in", "value": ["urgent", "high"]}, {"cel": "size(task.assignees) == 0"}]});
    let saved = story.does("ana", "create_automation_rule", args);
    assert_eq!(saved["status"], "succeeded");
    assert_eq!(story.reacts(), Vec::<String>::new());
    let pending = story.when(
        "max",
        "create_task",
        json!({"project": "OPS", "title": "Door is open", "priority": "urgent"}),
    );
    assert_eq!(pending["preview"]["effects"]["rules"][0]["name"], "Urgent to Mia");
    story.confirm("max", &pending);
    let happened = story.reacts();
    assert!(happened.contains(&"task.assigned".to_owned()), "{happened:?}");
    assert_eq!(shown(&mut story, "OPS-2")["assignees"], json!(["@mia"]));
    let calm = story.when(
        "max",
        "create_task",
        json!({"project": "OPS", "title": "Paint the door"}),
    );
    assert_eq!(calm["preview"]["effects"]["rules"], json!([]));
    story.confirm("max", &calm);
    assert_eq!(story.reacts(), ["reaction.passed"]);
    assert_eq!(shown(&mut story, "OPS-3")["assignees"], json!([]));
    story.when("ana", "list_automation_rules", json!({}));
    story.when(
        "ana",
        "get_automation_rule",
        json!({"rule": "Urgent to Mia", "expand": ["runs", "graph"]}),
    );
    check("automation_assigns", &story.end());
}

#[test]
fn actions_follow_one_another_and_templates_are_filled() {
    let mut story = ground("A rule with several actions");
    let args = json!({
        "name": "Bugs are looked at",
        "trigger": {"kind": "event", "eventTypes": ["task.updated"], "filter": "\"bug\" in task.labels && !(\"bug\" in before.labels)"},
        "actions": [
            {"kind": "update_task", "params": {"priority": "high"}},
            {"kind": "move_task", "params": {"to": "In progress"}},
            {"kind": "create_subtasks", "params": {"items": [{"title": "Look at {{task.key}}: {{task.title}}"}]}},
            {"kind": "add_comment", "params": {"body": "{{event.actor}} called it a bug; now {{task.state}}"}},
            {"kind": "watch", "params": {"members": ["@mia"]}},
            {"kind": "create_task", "params": {"project": "{{task.project}}", "title": "After {{task.title}}", "priority": "{{task.priority}}"}},
        ],
        "project": "OPS",
    });
    story.does("ana", "create_automation_rule", args);
    task(&mut story, json!({"title": "Door"}));
    assert_eq!(story.reacts(), Vec::<String>::new());
    story.given(
        "max",
        "update_task",
        json!({"task": "OPS-1", "labels": {"add": ["bug"]}}),
    );
    story.reacts();
    let door = shown(&mut story, "OPS-1");
    assert_eq!(
        (&door["priority"], &door["state"]),
        (&json!("high"), &json!("In progress")),
        "{door}"
    );
    assert_eq!(shown(&mut story, "OPS-2")["title"], "Look at OPS-1: Door");
    assert_eq!(shown(&mut story, "OPS-3")["title"], "After Door");
    let ran = runs(&mut story, "Bugs are looked at");
    assert_eq!(ran[0]["status"], "succeeded", "{ran}");
    assert_eq!(ran[0]["actions"].as_array().unwrap().len(), 6);
    story.when("ana", "list_comments", json!({"target": "OPS-1"}));
    // Nothing changes, so nothing is emitted, and nothing is made twice.
    story.given("max", "update_task", json!({"task": "OPS-1", "title": "Doors"}));
    assert_eq!(story.reacts(), ["reaction.passed"]);
    check("automation_actions", &story.end());
}

#[test]
fn what_was_owed_when_the_server_died_is_done_once() {
    let mut story = ground("A crash between the change and the reaction");
    story.given(
        "ana",
        "create_automation_rule",
        json!({
            "name": "Follow up", "trigger": on("task.created"), "conditions": {"field": "task.title", "op": "contains", "value": "door"},
            "actions": [
                {"kind": "update_task", "params": {"priority": "high"}},
                {"kind": "add_comment", "params": {"body": "seen"}},
            ],
        }),
    );
    task(&mut story, json!({"title": "The door"}));
    let before = story.records.0.len();
    story.reacts();
    let all = story.records.clone();
    assert!(all.0.len() - before >= 3);
    // Whatever record was the last that reached the disk, what follows it is the same, and comes once.
    for kept in before..=all.0.len() {
        let registry = std::sync::Arc::clone(story.engine.registry());
        let mut again = orkestra::kernel::Engine::new(
            std::sync::Arc::clone(&registry),
            orkestra::kernel::State::new(&registry.kinds()),
            crate::story::key(),
        );
        let mut records = crate::story::Records(all.0[..kept].to_vec());
        for (seq, text) in (1..).zip(&records.0) {
            again.absorb(seq, text).unwrap();
        }
        while again.has_work(story.now) {
            let past = records.clone();
            records.0.extend(again.work(story.now, &past, 64).unwrap().records);
        }
        assert_eq!(records.0, all.0, "after record {kept}");
    }
    assert_eq!(runs(&mut story, "Follow up").as_array().unwrap().len(), 1);
    check("automation_crash", &story.end());
}

#[test]
fn what_an_owner_cannot_see_sets_nothing_off() {
    let mut story = ground("A rule sees what its owner sees");
    let say = json!({"kind": "add_comment", "params": {"body": "hello"}});
    story.given("ana", "create_automation_rule", rule("Mine", on("task.created"), say));
    story.given(
        "ana",
        "update_automation_rule",
        json!({"rule": "Mine", "owner": "@max"}),
    );
    story.given(
        "ana",
        "create_project",
        json!({"name": "Secret", "key": "SEC", "visibility": "private"}),
    );
    story.given("ana", "create_task", json!({"project": "SEC", "title": "Hidden"}));
    assert_eq!(story.reacts(), ["reaction.passed"]);
    check("automation_sight", &story.end());
}
