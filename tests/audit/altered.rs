//! What was altered, and what only changed: each is found and told apart.

use std::sync::Arc;

use orkestra::args;
use orkestra::audit::check::Report;
use orkestra::kernel::plan::Undo;
use orkestra::kernel::{Module, Plan, Registry, Rejection, ToolKind, View};
use serde_json::{Value, json};

use crate::story::{Records, Story, decided_again};

use super::morning;

/// The report on records of which one was altered.
fn altered(story: &Story, record: &str, from: &str, to: &str) -> (u64, Report) {
    let mut records = story.records.clone();
    let place = records
        .0
        .iter()
        .position(|text| text.contains(record) && text.contains(from))
        .unwrap();
    records.0[place] = records.0[place].replacen(from, to, 1);
    let report = decided_again(Arc::clone(story.engine.registry()), &records);
    (place as u64 + 1, report)
}

#[test]
fn an_altered_record_comes_out_differently() {
    let story = morning();
    let digest = |text: &str| -> String {
        let place = story.records.0.iter().position(|record| record.contains(text)).unwrap();
        let record: Value = serde_json::from_str(&story.records.0[place]).unwrap();
        record["events"][0]["data"]["digest"].as_str().unwrap().to_owned()
    };
    let other = "0".repeat(64);
    let cases = [
        ("list_tasks", digest("\"tool\":\"list_tasks\""), other.clone(), "call"),
        (
            "\"tool\":\"get_task\"",
            "\"code\":\"not_found\"".to_owned(),
            "\"code\":\"forbidden\"".to_owned(),
            "call",
        ),
        (
            "action.proposed",
            "Fix it now".to_owned(),
            "Fix it not".to_owned(),
            "plan",
        ),
        ("action.proposed", digest("Fix it now"), other, "plan"),
        (
            "action.proposed",
            "\"policy\":\"self\"".to_owned(),
            "\"policy\":\"dual\"".to_owned(),
            "plan",
        ),
        (
            "action.confirmed",
            "\"to\":\"Fix it\"".to_owned(),
            "\"to\":\"Fix me\"".to_owned(),
            "plan",
        ),
    ];
    for (record, from, to, what) in cases {
        let (seq, report) = altered(&story, record, &from, &to);
        let first = report
            .first
            .first()
            .unwrap_or_else(|| panic!("{from} → {to} is not found"));
        assert_eq!((first.seq, first.what), (seq, what), "{from} → {to}: {report:#?}");
        assert!(!first.lines.is_empty() && report.other_version == 0, "{report:#?}");
    }
    drop(story.end());
}

#[test]
fn a_record_that_is_gone_stops_the_check() {
    let story = morning();
    let mut records: Vec<_> = (1..).zip(story.records.0.clone()).collect();
    records.remove(4);
    let lines = records.into_iter().map(|(seq, text)| Ok(journal::Line { seq, text }));
    let registry = Arc::clone(story.engine.registry());
    let stopped = orkestra::audit::check::check(registry, lines, &story.records, &mut |_| {}).unwrap_err();
    assert_eq!(
        stopped.to_string(),
        "the journal does not fit this program: record 6 does not follow position 4"
    );
    drop(story.end());
}

args! {
    /// No arguments.
    pub struct Nothing {}
}

#[expect(clippy::unnecessary_wraps, reason = "a tool may refuse; these never do")]
mod rules {
    use super::*;

    pub fn one(_: Nothing, _: &View<'_>) -> Result<Value, Rejection> {
        Ok(json!({"rule": "one"}))
    }

    pub fn other(_: Nothing, _: &View<'_>) -> Result<Value, Rejection> {
        Ok(json!({"rule": "other"}))
    }

    pub fn plan(_: Nothing, _: &View<'_>) -> Result<Plan, Rejection> {
        let mut plan = Plan::new("Do as the rule says");
        plan.require("rule", "one");
        plan.undo = Undo::Never("it is a rule");
        plan.effects.push(orkestra::kernel::plan::Effect {
            kind: "rule".into(),
            detail: json!({}),
        });
        Ok(plan)
    }

    pub fn plan_otherwise(args: Nothing, view: &View<'_>) -> Result<Plan, Rejection> {
        let mut plan = plan(args, view)?;
        plan.require("rule", "other");
        Ok(plan)
    }
}

type Reading = fn(Nothing, &View<'_>) -> Result<Value, Rejection>;
type Planning = fn(Nothing, &View<'_>) -> Result<Plan, Rejection>;

fn registry(read: Reading, plan: Planning, decider: u32) -> Arc<Registry> {
    let rules = Module::new("rules", "Rules", "Rules that change, for tests")
        .read("tell_rule", "Tells the rule.", read)
        .revised(decider)
        .write(ToolKind::Write, "do_rule", "Does as the rule says.", plan)
        .revised(decider);
    let mut modules = orkestra::modules::all();
    modules.push(rules);
    Arc::new(Registry::new(modules))
}

fn ruled() -> (Story, Records) {
    let mut story = Story::with("A rule", registry(rules::one, rules::plan, 1));
    story.call("ana", "tell_rule", json!({})).unwrap();
    let pending = story.call("ana", "do_rule", json!({})).unwrap();
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    story.call("ana", "confirm_action", confirm).unwrap();
    let records = story.records.clone();
    (story, records)
}

#[test]
fn a_rule_that_changed_is_no_tampering_where_it_says_so() {
    let (story, records) = ruled();
    let same = decided_again(registry(rules::one, rules::plan, 1), &records);
    assert_eq!(
        (same.same, same.divergences, same.other_version),
        (3, 0, 0),
        "{same:#?}"
    );
    let told = decided_again(registry(rules::other, rules::plan_otherwise, 2), &records);
    assert_eq!(
        (told.same, told.divergences, told.other_version),
        (0, 0, 3),
        "{told:#?}"
    );
    let silent = decided_again(registry(rules::other, rules::plan_otherwise, 1), &records);
    assert_eq!(
        (silent.same, silent.divergences, silent.other_version),
        (0, 3, 0),
        "{silent:#?}"
    );
    let revised = decided_again(registry(rules::one, rules::plan, 2), &records);
    assert_eq!(
        revised.divergences, 0,
        "what comes out the same is the same: {revised:#?}"
    );
    drop(story.end());
}
