//! Executions: work that a worker carries out, its outcomes, and what operators settle.

use std::sync::Arc;

use projections::{Actor, Stage};
use serde_json::{Value, json};

use crate::story::working::{failed, succeeded, unknown};
use crate::story::{Story, check};

/// A server whose labels are kept by a worker called `paint`.
fn ground(title: &str) -> Story {
    let mut registry = orkestra::modules::registry();
    registry.terms.routes.insert("labels".to_owned(), "paint".to_owned());
    Story::with(title, Arc::new(registry))
}

fn confirmed(story: &mut Story, tool: &str, args: Value) -> Value {
    let pending = story.call("ana", tool, args).unwrap();
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    let receipt = story.call("ana", "confirm_action", confirm).unwrap();
    assert_eq!(receipt["status"], "executing", "{receipt}");
    pending
}

fn label(story: &mut Story, name: &str) -> Value {
    confirmed(story, "create_label", json!({"name": name}))
}

fn names(story: &mut Story) -> Vec<String> {
    let listed = story.call("ana", "list_labels", json!({})).unwrap();
    let names = listed["items"].as_array().unwrap().iter();
    names.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or("none")
}

#[test]
fn a_worker_does_what_was_confirmed_and_only_then_it_is_true() {
    let mut story = ground("An execution that goes well");
    let pending = story.when("ana", "create_label", json!({"name": "bug"}));
    let receipt = story.confirm("ana", &pending);
    assert_eq!(receipt["status"], "executing");
    assert!(names(&mut story).is_empty());
    assert!(story.handed_over(&pending));
    assert!(!story.handed_over(&pending), "an attempt is handed over once");
    let report = story.report(&pending, succeeded(&json!({"row": 7})));
    assert_eq!(story.hears(&report)["is"], "succeeded");
    assert_eq!(names(&mut story), ["bug"]);
    let again = story.confirm("ana", &pending);
    assert_eq!(again["status"], "succeeded");
    assert_eq!(again["worker"]["row"], 7);
    assert_eq!(again["alreadyConfirmed"], true);
    check("executions_succeeded", &story.end());
}

#[test]
fn what_a_worker_is_at_is_held() {
    let mut story = ground("What is held while a worker is at it");
    let first = label(&mut story, "bug");
    story.refused("ana", "create_label", json!({"name": "Bug"}), "in_flight");
    let report = story.report(&first, succeeded(&json!(null)));
    story.hears(&report);
    let waits = story
        .call("ana", "update_label", json!({"label": "bug", "color": "#f00"}))
        .unwrap();
    let renamed = confirmed(&mut story, "update_label", json!({"label": "bug", "name": "fault"}));
    assert_eq!(code(&story.confirm("ana", &waits)), "in_flight");
    assert_eq!(story.action(&waits).stage, Stage::Pending, "the offer stands");
    story.refused("ana", "delete_label", json!({"label": "bug"}), "in_flight");
    story.handed_over(&renamed);
    let report = story.report(&renamed, unknown("the line broke"));
    story.hears(&report);
    // Nobody knows whether it happened: nobody else may touch it until somebody found out.
    story.refused("ana", "delete_label", json!({"label": "bug"}), "in_flight");
    story.reconcile(Actor::system(), &renamed, false, "the other side has no such row");
    assert_eq!(story.confirm("ana", &waits)["status"], "executing");
    let report = story.report(&waits, failed("no red paint", false));
    story.hears(&report);
    let deleted = story.when("ana", "delete_label", json!({"label": "bug"}));
    assert_eq!(deleted["status"], "pending");
    check("executions_held", &story.end());
}

#[test]
fn what_does_not_count_is_refused_and_journaled() {
    let mut story = ground("Reports that do not count");
    let pending = label(&mut story, "bug");
    story.handed_over(&pending);
    let good = story.report(&pending, succeeded(&json!(null)));
    let mut forged = good.clone();
    forged.worker = "somebody".to_owned();
    let mut other = good.clone();
    other.digest = "0".repeat(64);
    let mut early = good.clone();
    early.attempt = 2;
    let mut nobody = good.clone();
    nobody.action = "act_01K2ZZZZZZZZZZZZZZZZZZZZZZ".to_owned();
    for (report, expected) in [
        (&forged, "wrong_worker"),
        (&other, "wrong_digest"),
        (&early, "wrong_attempt"),
        (&nobody, "not_found"),
    ] {
        let records = story.records.0.len();
        assert_eq!(code(&story.hears(report)), expected);
        assert!(story.records.0[records].contains("outcome.refused"));
        assert!(names(&mut story).is_empty());
    }
    assert_eq!(story.hears(&good)["is"], "succeeded");
    assert_eq!(
        story.hears(&good)["status"],
        "accepted",
        "a worker that did not hear may say it again"
    );
    let mut turned = good.clone();
    turned.word = failed("after all", false);
    assert_eq!(code(&story.hears(&turned)), "already_settled");
    assert_eq!(names(&mut story), ["bug"]);
    check("executions_refused", &story.end());
}

#[test]
fn a_failure_is_tried_again_for_a_while_and_then_told() {
    let mut story = ground("An execution that fails");
    let pending = label(&mut story, "bug");
    let mut pauses = Vec::new();
    for attempt in 1..=5 {
        assert_eq!(story.action(&pending).attempt, attempt);
        story.handed_over(&pending);
        let report = story.report(&pending, failed("no paint left", true));
        story.hears(&report);
        if let Some(due) = story.action(&pending).due {
            pauses.push(due.duration_since(story.now).as_secs());
            story.now = due;
        }
    }
    assert_eq!(pauses, [1, 2, 4, 8]);
    assert_eq!(story.action(&pending).stage, Stage::Failed);
    let told = story.call("ana", "get_pending_action", json!({"actionId": pending["actionId"]}));
    assert!(told.unwrap().to_string().contains("no paint left"));
    assert_eq!(story.retry(&pending)["attempt"], 6);
    story.handed_over(&pending);
    let report = story.report(&pending, succeeded(&json!(null)));
    assert_eq!(story.hears(&report)["is"], "succeeded");
    assert_eq!(names(&mut story), ["bug"]);
    check("executions_failed", &story.end());
}

#[test]
fn what_failed_is_not_tried_again_when_it_would_do_something_else() {
    let mut story = ground("A failure, and the world goes on");
    let pending = label(&mut story, "bug");
    let report = story.report(&pending, failed("no paint left", false));
    story.hears(&report);
    let other = label(&mut story, "bug");
    let report = story.report(&other, succeeded(&json!(null)));
    story.hears(&report);
    assert_eq!(code(&story.retry(&pending)), "name_taken");
    let done = story.reconcile(Actor::system(), &pending, true, "it is painted");
    assert_eq!(code(&done), "name_taken");
    let done = story.reconcile(Actor::system(), &pending, false, "it is not painted");
    assert_eq!(done["status"], "failed");
    assert_eq!(names(&mut story), ["bug"]);
    check("executions_moved_on", &story.end());
}

#[test]
fn no_word_in_time_is_not_a_no() {
    let mut story = ground("An execution of which nobody knows");
    let pending = label(&mut story, "bug");
    assert_eq!(story.give_up(), 0, "what nobody has is not overdue");
    story.handed_over(&pending);
    story.wait(4);
    assert_eq!(story.give_up(), 0);
    story.wait(1);
    assert_eq!(story.give_up(), 1);
    assert_eq!(story.action(&pending).stage, Stage::Unknown);
    let late = story.report(&pending, succeeded(&json!(null)));
    assert_eq!(code(&story.hears(&late)), "already_settled");
    assert_eq!(
        code(&story.reconcile(Actor::system(), &pending, true, " ")),
        "validation_failed"
    );
    let done = story.reconcile(Actor::system(), &pending, true, "the paint is on the wall");
    assert_eq!(done["status"], "succeeded");
    assert_eq!(names(&mut story), ["bug"]);
    assert_eq!(code(&story.retry(&pending)), "not_settleable");
    check("executions_unknown", &story.end());
}

#[test]
fn undoing_what_a_worker_did_is_its_work_too() {
    let mut story = ground("Undoing through a worker");
    let pending = label(&mut story, "bug");
    let report = story.report(&pending, succeeded(&json!(null)));
    story.hears(&report);
    let undo = confirmed(&mut story, "undo_action", json!({"actionId": pending["actionId"]}));
    assert_eq!(names(&mut story), ["bug"]);
    let report = story.report(&undo, succeeded(&json!(null)));
    assert_eq!(report.worker, "paint");
    story.hears(&report);
    assert!(names(&mut story).is_empty());
    assert!(story.action(&pending).undone_by.is_some());
    check("executions_undone", &story.end());
}

/// Security test 54: settling needs evidence, and what two people had to confirm needs a third.
#[test]
fn what_two_people_confirmed_is_settled_by_somebody_else() {
    let mut story = ground("Settling what two people confirmed");
    for name in ["bea", "carl", "dora"] {
        story.human(name, "admin");
    }
    let strict = json!({"settings": {"confirmPolicy": {"write": "dual"}}});
    let args = json!({"op": "update_settings", "settings": strict["settings"]});
    story.given("ana", "manage_organization", args);
    let pending = story.call("ana", "create_label", json!({"name": "bug"})).unwrap();
    let confirm = json!({"actionId": pending["actionId"]});
    let first = story.call("bea", "confirm_action", confirm.clone()).unwrap();
    assert_eq!(
        (&first["approvals"], &first["needed"]),
        (&json!(1), &json!(2)),
        "{first}"
    );
    let second = story.call("carl", "confirm_action", confirm).unwrap();
    assert_eq!(second["status"], "executing", "{second}");
    let report = story.report(&pending, unknown("the line broke"));
    story.hears(&report);
    for who in ["ana", "bea", "carl"] {
        let actor = story.caller(who).actor();
        let done = story.reconcile(actor, &pending, true, "I saw it");
        assert_eq!(code(&done), "approver_required", "{who}: {done}");
    }
    let dora = story.caller("dora").actor();
    assert_eq!(story.reconcile(dora, &pending, true, "I saw it")["status"], "succeeded");
    assert_eq!(names(&mut story), ["bug"]);
    check("executions_second_person", &story.end());
}
