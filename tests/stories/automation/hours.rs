//! Rules that the hour sets off: missed hours, a clock that goes back, many at the same second, days when the clock changes.

use jiff::Timestamp;
use serde_json::json;

use super::{ground, rule, runs, shown, task};
use crate::story::{Story, check};

fn remind(cron: &str, title: &str) -> serde_json::Value {
    rule(
        title,
        json!({"kind": "schedule", "cron": cron}),
        json!({"kind": "create_task", "params": {"project": "OPS", "title": format!("{title} {{{{today}}}}")}}),
    )
}

fn titles(story: &mut Story) -> Vec<String> {
    let args = json!({"project": "OPS", "fields": ["title"], "limit": 100, "sort": "key"});
    let listed = story.call("ana", "list_tasks", args).unwrap();
    let items = listed["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["title"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_fell_due_while_the_server_was_down_comes_once_and_in_order() {
    let mut story = ground("Hours that were missed");
    // Madrid is an hour ahead of UTC in March; it is Monday, 10:00 there.
    story.does("ana", "create_automation_rule", remind("0 8 * * *", "Stand-up"));
    story.given("ana", "create_automation_rule", remind("30 7 * * mon-fri", "Coffee"));
    assert!(!story.turn(64), "nothing is due yet");
    // Nobody is there from Monday 10:00 to Thursday 09:30.
    story.wait(3 * 24 * 60 - 30);
    let happened = story.reacts();
    assert_eq!(happened.iter().filter(|name| *name == "schedule.fired").count(), 2);
    assert_eq!(titles(&mut story), ["Coffee 2026-03-05", "Stand-up 2026-03-05"]);
    story.when("ana", "list_automation_rules", json!({"fields": ["name", "nextAt"]}));
    story.wait(24 * 60);
    story.reacts();
    assert_eq!(titles(&mut story).len(), 4);
    check("automation_missed", &story.end());
}

#[test]
fn a_clock_that_goes_back_does_no_harm() {
    let mut story = ground("A clock that goes back");
    story.given("ana", "create_automation_rule", remind("0 * * * *", "Hourly"));
    story.wait(61);
    story.reacts();
    assert_eq!(titles(&mut story).len(), 1);
    let ahead = story.now;
    story.now = ahead.checked_sub(jiff::SignedDuration::from_hours(30)).unwrap();
    assert_eq!(story.reacts(), Vec::<String>::new());
    task(&mut story, json!({"title": "Written while the clock is wrong"}));
    story.now = ahead;
    assert_eq!(story.reacts(), Vec::<String>::new());
    story.wait(60);
    story.reacts();
    assert_eq!(titles(&mut story).len(), 3);
    check("automation_back", &story.end());
}

#[test]
fn the_clock_changes_in_spring_and_autumn() {
    let mut story = ground("Summer time");
    story.given("ana", "create_automation_rule", remind("30 2 * * *", "Night"));
    let mut fired: Vec<Timestamp> = Vec::new();
    for (from, days) in [("2026-03-28T12:00:00Z", 2), ("2026-10-24T12:00:00Z", 2)] {
        story.now = from.parse().unwrap();
        story.reacts();
        for _ in 0..days * 24 * 4 {
            story.now = story.now.checked_add(jiff::SignedDuration::from_mins(15)).unwrap();
            if story.turn(64) {
                fired.push(story.now);
                while story.turn(64) {}
            }
        }
    }
    let hours: Vec<String> = fired.iter().map(ToString::to_string).collect();
    // 02:30 does not exist on 29 March, and comes at 03:30; it exists twice on 25 October, and comes the first time.
    assert_eq!(
        hours,
        [
            "2026-03-29T01:30:00Z",
            "2026-03-30T00:30:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-26T01:30:00Z"
        ]
    );
    check("automation_summer", &story.end());
}

#[test]
fn a_deleted_rule_that_is_brought_back_is_due_again() {
    let mut story = ground("A rule that is deleted and brought back");
    story.given("ana", "create_automation_rule", remind("0 12 * * *", "Noon"));
    let deleted = story.does("ana", "delete_automation_rule", json!({"rule": "Noon"}));
    story.wait(2 * 24 * 60);
    story.reacts();
    assert_eq!(titles(&mut story), Vec::<String>::new());
    story.given("ana", "undo_action", json!({"actionId": deleted["actionId"]}));
    story.wait(2 * 24 * 60);
    story.reacts();
    story.wait(24 * 60);
    story.reacts();
    assert_eq!(titles(&mut story).len(), 1);
    story.given("ana", "delete_automation_rule", json!({"rule": "Noon"}));
    for _ in 0..40 {
        story.wait(24 * 60);
        story.reacts();
    }
    let tallies = story
        .engine
        .state()
        .table::<orkestra::modules::automation::Tally>()
        .unwrap();
    assert!(tallies.is_empty(), "nobody looks for it any more");
    check("automation_back_again", &story.end());
}

#[test]
fn a_date_is_reached_once_and_days_are_made_up_for() {
    let mut story = ground("A date that is reached");
    story.does(
        "ana",
        "create_automation_rule",
        rule(
            "Due tomorrow",
            json!({"kind": "date_reached", "field": "dueDate", "offsetDays": -1, "at": "09:00"}),
            json!({"kind": "update_task", "params": {"priority": "urgent"}}),
        ),
    );
    for (title, day) in [
        ("Today", "2026-03-02"),
        ("Wednesday", "2026-03-04"),
        ("Friday", "2026-03-06"),
    ] {
        task(&mut story, json!({"title": title, "dueDate": day}));
    }
    story.reacts();
    // Nobody is there on Tuesday at nine, when Wednesday's task is due tomorrow.
    story.wait(2 * 24 * 60);
    story.reacts();
    let priorities: Vec<_> = ["OPS-1", "OPS-2", "OPS-3"]
        .iter()
        .map(|key| shown(&mut story, key)["priority"].clone())
        .collect();
    assert_eq!(priorities, ["medium", "urgent", "medium"]);
    story.wait(24 * 60);
    story.reacts();
    assert_eq!(shown(&mut story, "OPS-3")["priority"], "urgent");
    assert_eq!(runs(&mut story, "Due tomorrow").as_array().unwrap().len(), 2);
    check("automation_dates", &story.end());
}

#[test]
fn a_turn_is_bounded_however_many_hours_strike_together() {
    let mut story = ground("Many at the same second");
    for number in 0..150 {
        story.alone_given(
            "ana",
            "create_automation_rule",
            remind("0 12 * * *", &format!("Noon {number}")),
        );
    }
    story.wait(3 * 60);
    let mut turns = 0;
    loop {
        let before = story.records.0.len();
        let past = story.records.clone();
        let worked = story.engine.work(story.now, &past, 64).unwrap();
        story.records.0.extend(worked.records);
        let did = story.records.0.len() - before;
        assert!(did <= 64, "a turn of {did} records");
        if did == 0 {
            break;
        }
        turns += 1;
    }
    // Each strikes, acts and ends: three records.
    assert_eq!(turns, (150_usize * 3).div_ceil(64));
    let rows = story
        .engine
        .state()
        .table::<orkestra::modules::tasks::Task>()
        .unwrap()
        .len();
    assert_eq!(rows, 150);
    drop(story.end());
}
