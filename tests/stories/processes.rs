//! Processes: definitions with versions, votes of every kind, time that passes, and what an approval lets pass.

mod deciding;
mod firm;
mod flowing;
mod gates;
mod law;
mod nested;

use serde_json::{Value, json};

use crate::story::{Story, check};

/// `ana` owns, `max` and `mel` are managers, `mia` and `joe` members, `bot` an agent of mia's.
fn ground(title: &str) -> Story {
    let mut story = Story::new(title);
    for (name, role) in [
        ("max", "manager"),
        ("mel", "manager"),
        ("mia", "member"),
        ("joe", "member"),
    ] {
        story.human(name, role);
    }
    story.agent("bot", "agent_worker", "mia");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given("ana", "create_task", json!({"project": "OPS", "title": "Buy a door"}));
    story
}

/// A published definition of one approval step.
fn published(story: &mut Story, key: &str, approval: Value, who: Value) {
    let step = json!({"id": "boss", "kind": "approval", "assignees": who, "approval": approval});
    let args = json!({"key": key, "name": key, "subject": "none", "steps": [step], "publish": true});
    story.given("ana", "save_process_definition", args);
}

fn started(story: &mut Story, who: &str, key: &str) -> Value {
    story.given(who, "start_process", json!({"definition": key}))["id"].clone()
}

fn act(process: &Value, act: &str) -> Value {
    let mut args = json!({"process": process, "act": act});
    if act == "reject" {
        args["note"] = json!("too dear");
    }
    args
}

fn status(story: &mut Story, process: &Value) -> String {
    let found = story.call("ana", "get_process", json!({"process": process})).unwrap();
    found["item"]["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_definition_is_drafted_published_followed_and_retired() {
    let mut story = ground("The life of a definition");
    let steps = json!([
        {"id": "size", "kind": "gateway", "next": [{"when": "vars.amount <= 100", "to": "order"}, {"to": "boss"}]},
        {"id": "boss", "kind": "approval", "assignees": {"roles": ["manager"]}, "approval": {"mode": "quorum", "quorum": 2},
         "deadline": "8h", "onTimeout": "escalate", "escalateTo": {"roles": ["owner"]}, "next": [{"to": "order"}]},
        {"id": "order", "kind": "task", "assignees": {"members": ["mia", "joe"]}},
    ]);
    let variables = json!({"amount": {"type": "number", "required": true}});
    let draft =
        json!({"key": "purchase", "name": "Purchase", "subject": "none", "variables": variables, "steps": steps});
    story.does("ana", "save_process_definition", draft);
    let small = json!({"definition": "purchase", "variables": {"amount": 50}});
    story.refused("mia", "start_process", small.clone(), "not_published");
    story.does(
        "ana",
        "save_process_definition",
        json!({"definition": "purchase", "publish": true}),
    );
    // What is small goes straight to the order.
    let quick = story.does("mia", "start_process", small)["result"]["id"].clone();
    story.when("mia", "get_process", json!({"process": quick}));
    story.does("joe", "act_on_process", act(&quick, "claim"));
    story.refused("mia", "act_on_process", act(&quick, "complete"), "not_eligible");
    story.does("joe", "act_on_process", act(&quick, "complete"));
    assert_eq!(status(&mut story, &quick), "completed");
    // A new version is for new instances only.
    let dear = json!({"definition": "purchase", "variables": {"amount": 900}});
    let old = story.given("mia", "start_process", dear)["id"].clone();
    let shorter = json!({"definition": "purchase", "publish": true, "steps": [
        {"id": "boss", "kind": "approval", "assignees": {"members": ["ana"]}}]});
    let second = story.does("ana", "save_process_definition", shorter);
    assert_eq!(second["result"]["number"], 2);
    let followed = story.call("mia", "get_process", json!({"process": old})).unwrap();
    assert_eq!(followed["item"]["definitionVersion"], 1);
    story.given("max", "act_on_process", act(&old, "approve"));
    story.given("mel", "act_on_process", act(&old, "approve"));
    story.given("mia", "act_on_process", act(&old, "complete"));
    assert_eq!(status(&mut story, &old), "approved");
    story.when("mia", "list_processes", json!({"kind": "definitions"}));
    story.when(
        "mia",
        "get_process",
        json!({"process": "purchase@2", "expand": ["versions"]}),
    );
    story.does(
        "ana",
        "save_process_definition",
        json!({"definition": "purchase", "retire": true}),
    );
    check("processes_definition", &story.end());
}

#[test]
fn what_definitions_refuse() {
    let mut story = ground("What definitions refuse");
    let of = |step: Value| json!({"key": "p", "steps": [step], "publish": true});
    let boss = |more: Value| {
        let mut step = json!({"id": "boss", "kind": "approval", "assignees": {"members": ["max"]}});
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        step
    };
    for (args, code) in [
        (of(boss(json!({"next": [{"to": "nowhere"}]}))), "graph_invalid"),
        (of(boss(json!({"nxet": []}))), "graph_invalid"),
        (of(boss(json!({"kind": "vote"}))), "graph_invalid"),
        (of(boss(json!({"kind": "form"}))), "not_available_yet"),
        (of(boss(json!({"deadline": "soon"}))), "graph_invalid"),
        (of(boss(json!({"onTimeout": "reject"}))), "graph_invalid"),
        (of(boss(json!({"approval": {"quorum": 2}}))), "graph_invalid"),
        (
            of(boss(json!({"next": [{"when": "vars.amuont > 3", "to": "boss"}]}))),
            "graph_invalid",
        ),
        (
            of(boss(json!({"assignees": {"members": ["nobody"]}}))),
            "assignee_rule_invalid",
        ),
        (of(boss(json!({"assignees": {}}))), "assignee_rule_invalid"),
        (
            of(boss(json!({"assignees": {"expression": "member.handel == 'max'"}}))),
            "assignee_rule_invalid",
        ),
        (
            of(boss(json!({"assignees": {"members": ["bot"]}}))),
            "no_eligible_approver",
        ),
        (
            of(boss(json!({"approval": {"mode": "quorum", "quorum": 2}}))),
            "no_eligible_approver",
        ),
        (
            of(json!({"id": "act", "kind": "action", "tool": "delete_task"})),
            "graph_invalid",
        ),
        (
            of(json!({"id": "way", "kind": "gateway", "next": [{"to": "way"}]})),
            "graph_invalid",
        ),
        (json!({"key": "p"}), "validation_failed"),
        (json!({"key": "p", "retire": true}), "validation_failed"),
        (
            json!({"key": "p", "start": "other", "steps": [boss(json!({}))]}),
            "graph_invalid",
        ),
        (
            json!({"key": "p", "subject": "page", "steps": [boss(json!({}))]}),
            "not_available_yet",
        ),
    ] {
        story.refused("ana", "save_process_definition", args, code);
    }
    story.refused("mia", "save_process_definition", of(boss(json!({}))), "forbidden");
    published(&mut story, "p", json!({"mode": "any"}), json!({"members": ["max"]}));
    started(&mut story, "mia", "p");
    story.refused(
        "ana",
        "save_process_definition",
        json!({"definition": "p", "retire": true}),
        "in_use",
    );
    check("processes_definition_refuse", &story.end());
}

#[test]
fn what_starting_refuses() {
    let mut story = ground("What starting refuses");
    let steps = json!([{"id": "boss", "kind": "approval", "assignees": {"members": ["max"]}}]);
    let args = json!({
        "key": "release", "subject": "task", "steps": steps, "publish": true,
        "variables": {"risk": {"type": "text", "required": true}, "notes": {"type": "text", "default": "none"}},
    });
    story.given("ana", "save_process_definition", args);
    let with =
        |subject: Value, variables: Value| json!({"definition": "release", "subject": subject, "variables": variables});
    let low = json!({"risk": "low"});
    for (args, code) in [
        (with(json!("OPS-1"), json!({})), "variables_invalid"),
        (with(json!("OPS-1"), json!({"risk": 3})), "variables_invalid"),
        (
            with(json!("OPS-1"), json!({"risk": "low", "other": 1})),
            "variables_invalid",
        ),
        (with(json!("OPS"), low.clone()), "subject_type_mismatch"),
        (with(json!("OPS-9"), low.clone()), "not_found"),
        (
            json!({"definition": "release", "variables": low}),
            "subject_type_mismatch",
        ),
        (json!({"definition": "nothing"}), "not_found"),
    ] {
        story.refused("mia", "start_process", args, code);
    }
    story.does("mia", "start_process", with(json!("OPS-1"), low.clone()));
    story.refused("joe", "start_process", with(json!("OPS-1"), low), "already_running");
    story.when("max", "list_processes", json!({}));
    check("processes_start", &story.end());
}

#[test]
fn offers_about_processes_go_stale() {
    let mut story = ground("Stale offers about processes");
    published(
        &mut story,
        "p",
        json!({"mode": "all"}),
        json!({"members": ["max", "mel"]}),
    );
    let again = json!({"definition": "p", "publish": true, "steps": [{"id": "boss", "kind": "approval", "assignees": {"members": ["ana"]}}]});
    story.stale(
        "ana",
        "save_process_definition",
        json!({"definition": "p", "name": "Other", "publish": true}),
        |story| {
            story.given("ana", "save_process_definition", again);
        },
    );
    published(&mut story, "q", json!({"mode": "all"}), json!({"roles": ["manager"]}));
    story.stale("mia", "start_process", json!({"definition": "q"}), |story| {
        story.given("ana", "assign_role", json!({"subject": "joe", "role": "manager"}));
    });
    let id = started(&mut story, "mia", "q");
    story.stale("max", "act_on_process", act(&id, "approve"), |story| {
        story.given("mel", "act_on_process", act(&id, "approve"));
    });
    check("processes_stale", &story.end());
}
