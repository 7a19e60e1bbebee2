//! The auditor's eyes: timelines, decisions made again, and how things stood.

mod altered;
mod because;
mod kept;
mod noon;
mod program;
mod quiet;
mod then;
mod veiled;
mod wire;

use std::fmt::Write as _;
use std::sync::Arc;

use journal::{Log, MemoryLog};
use orkestra::audit::timeline::{Filter, Timeline, over};
use serde_json::json;

use crate::story::{Records, Story, check};

/// The records of a story as a log.
fn log(records: &Records) -> Arc<dyn Log> {
    let log = MemoryLog::new();
    for text in &records.0 {
        let heard = |done: Result<u64, journal::Error>| assert!(done.is_ok());
        log.append(vec![text.clone()], Box::new(heard)).unwrap();
    }
    Arc::new(log)
}

/// An agent's morning: it reads, is refused, proposes, and a human confirms, declines and takes back.
fn morning() -> Story {
    let mut story = Story::new("A morning");
    story.human("ben", "admin");
    story.agent("bot", "member", "ana");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.wait(1);
    story.call("bot", "list_tasks", json!({"project": "OPS"})).unwrap();
    story.call("bot", "get_task", json!({"task": "OPS-1"})).unwrap_err();
    story
        .call("bot", "create_task", json!({"project": "OPS", "titel": "Fix it"}))
        .unwrap_err();
    let made = story
        .call("bot", "create_task", json!({"project": "OPS", "title": "Fix it"}))
        .unwrap();
    story.wait(2);
    let confirm = json!({"actionId": made["actionId"], "confirmToken": made["confirmToken"]});
    story.call("bot", "confirm_action", confirm.clone()).unwrap();
    story.call("bot", "confirm_action", confirm).unwrap();
    let second = story
        .call("bot", "update_task", json!({"task": "OPS-1", "title": "Fix it now"}))
        .unwrap();
    story
        .call(
            "ana",
            "cancel_action",
            json!({"actionId": second["actionId"], "reason": "not now"}),
        )
        .unwrap();
    story
        .call("bot", "add_task_comment", json!({"task": "OPS-1", "body": "Shall I?"}))
        .unwrap();
    story.wait(20);
    story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap();
    story
        .call("ana", "undo_action", json!({"actionId": made["actionId"]}))
        .unwrap();
    story
}

#[test]
fn a_timeline_reads_like_a_story() {
    let mut story = morning();
    let mut told = String::new();
    let mut timeline = Timeline::new(Filter::default());
    for (seq, text) in (1..).zip(story.records.0.clone()) {
        let entry = timeline.take(seq, &text).unwrap().unwrap();
        let _ = writeln!(told, "{entry}\n");
    }
    let told = story.plain(&told);
    drop(story.end());
    check("audit_timeline", &told);
}

#[test]
fn a_timeline_tells_what_is_asked_for() {
    let story = morning();
    let told = |filter: Filter| -> Vec<(u64, String)> {
        let mut timeline = Timeline::new(filter);
        let lines = (1..).zip(&story.records.0);
        let entries = lines.filter_map(|(seq, text)| timeline.take(seq, text).unwrap());
        entries.map(|entry| (entry.seq, entry.what)).collect()
    };
    let by = |member: &str| {
        told(Filter {
            member: Some(member.to_owned()),
            ..Filter::default()
        })
    };
    let whats = |told: &[(u64, String)]| -> Vec<String> { told.iter().map(|(_, what)| what.clone()).collect() };
    let bots = by("@bot");
    assert_eq!(
        whats(&bots),
        [
            "answered",
            "rejected",
            "rejected",
            "proposed",
            "confirmed",
            "repeated",
            "proposed",
            "proposed"
        ]
    );
    assert_eq!(by("bot"), bots);
    assert_eq!(by(&story.caller("bot").member.to_string()), bots);
    assert!(by("@nobody").is_empty());
    let for_ana = told(Filter {
        on_behalf_of: Some("ana".to_owned()),
        ..Filter::default()
    });
    assert_eq!(for_ana, bots);
    let about = |index, value: &str| {
        told(Filter {
            by: vec![(index, value.to_owned())],
            ..Filter::default()
        })
    };
    let updates = about(projections::store::Index::Tool, "update_task");
    assert_eq!(
        whats(&updates),
        ["proposed", "declined"],
        "from the question to the end"
    );
    let all = told(Filter::default());
    let some = told(Filter {
        from: Some(3),
        to: Some(5),
        ..Filter::default()
    });
    assert_eq!(some, all[2..5]);
    let then = story.now.checked_sub(jiff::SignedDuration::from_mins(1)).unwrap();
    let since = told(Filter {
        since: Some(then),
        ..Filter::default()
    });
    let until = told(Filter {
        until: Some(then),
        ..Filter::default()
    });
    assert!(since.len() >= 2, "{since:?}");
    assert_eq!([until, since].concat(), all);
    let registry = Arc::clone(story.engine.registry());
    assert!(crate::story::decided_again(registry, &story.records).is_good());
    drop(story.end());
}

/// Callers say what program they are, and what tool they want.
#[test]
fn what_callers_call_themselves_forges_no_line_and_moves_no_terminal() {
    let mut story = morning();
    story.uses("ana", "evil\u{1b}[2J\n#1 2026-03-02T09:00:00Z  @ben");
    story.call("ana", "fly\u{9b}2J\r\naway", json!({})).unwrap_err();
    let mut timeline = Timeline::new(Filter::default());
    let entries = (1..).zip(&story.records.0);
    let entry = entries
        .filter_map(|(seq, text)| timeline.take(seq, text).unwrap())
        .last();
    let told = entry.unwrap().to_string();
    assert_eq!(told.lines().count(), 2, "{told:?}");
    assert!(
        told.chars().all(|letter| letter == '\n' || !letter.is_control()),
        "{told:?}"
    );
    assert!(told.contains("evil [2J #1"), "it is shown all the same: {told:?}");
    drop(story.end());
}

/// Founding another organisation is recorded in this one.
#[test]
fn a_timeline_of_one_organisation_tells_nothing_of_another() {
    let mut story = Story::new("Two houses");
    story.given(
        "ana",
        "create_organization",
        json!({"name": "Second Home", "timezone": "Europe/Madrid", "currency": "EUR"}),
    );
    let org = story.caller("ana").org;
    let log = log(&story.records);
    let changed = |org: Option<String>| -> Vec<String> {
        let filter = Filter {
            org,
            ..Filter::default()
        };
        let told = over(log.as_ref(), filter).unwrap().filter_map(|line| line.unwrap().1);
        told.flat_map(|entry| entry.changes)
            .filter(|change| change.entity == "organization")
            .map(|change| change.fields["name"].to.as_ref().unwrap().to_string())
            .collect()
    };
    assert_eq!(changed(None).len(), 2);
    assert_eq!(changed(Some(org)), ["\"Acme\""]);
    drop(story.end());
}
