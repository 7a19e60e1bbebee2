//! The feed.

use serde_json::{Value, json};

use super::{ground, items, paged};
use crate::story::check;

fn texts(answer: &Value) -> Vec<&str> {
    items(answer)
        .iter()
        .map(|line| line["text"].as_str().unwrap())
        .collect()
}

#[test]
fn bursts_become_one_line() {
    let mut story = ground("The feed");
    for number in 3..=9 {
        let title = format!("Task {number}");
        story.given("ben", "create_task", json!({"project": "OPS", "title": title}));
    }
    for number in 1..=9 {
        let task = format!("OPS-{number}");
        story.given("bot", "move_task", json!({"task": task, "to": "To do"}));
    }
    story.given(
        "bot",
        "update_task",
        json!({"task": "OPS-1", "title": "Fix the back door"}),
    );
    let feed = story.when("ana", "list_activity", json!({"project": "OPS"}));
    assert!(
        texts(&feed).contains(&"@bot moved 9 tasks to To do"),
        "{:?}",
        texts(&feed)
    );
    let feed = story.call(
        "ana",
        "list_activity",
        json!({"project": "OPS", "grouped": false, "limit": 100}),
    );
    assert_eq!(items(&feed.unwrap()).len(), 20);
    let args = json!({"project": "OPS", "grouped": false, "limit": 3});
    let (all, pages) = paged(&mut story, "ana", "list_activity", args);
    assert_eq!((all.len(), pages), (20, 7));
    let (lines, _) = paged(
        &mut story,
        "ana",
        "list_activity",
        json!({"project": "OPS", "limit": 1}),
    );
    let counted: u64 = lines.iter().map(|line| line["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 20, "nothing is told twice, nothing is left out");
    let counted = story.call(
        "ana",
        "list_activity",
        json!({"project": "OPS", "limit": 1, "count": "exact"}),
    );
    assert_eq!(counted.unwrap()["page"]["total"].as_u64().unwrap(), lines.len() as u64);
    let agents = story.when(
        "ana",
        "list_activity",
        json!({"actorKind": "agent", "types": ["task.*"], "fields": ["text"]}),
    );
    assert_eq!(items(&agents).len(), 2);
    check("audit_feed", &story.end());
}

#[test]
fn the_feed_shows_what_the_reader_may_know_of() {
    let mut story = ground("What a feed leaves out");
    let ana = story.when("ana", "list_activity", json!({"fields": ["text"]}));
    assert!(texts(&ana).iter().any(|text| text.contains("SEC")));
    let ben = story.when("ben", "list_activity", json!({"fields": ["text"]}));
    assert!(texts(&ben).iter().any(|text| text.contains("tasks")));
    assert!(!ben.to_string().contains("SEC") && !ben.to_string().contains("Hidden"));
    story.refused("ben", "list_activity", json!({"project": "SEC"}), "not_found");
    let until = story.now.to_string();
    story.wait(60);
    story.given("ben", "move_task", json!({"task": "OPS-1", "to": "To do"}));
    let since = story.when(
        "ben",
        "list_activity",
        json!({"member": "@ben", "since": "2026-03-02T09:30:00Z"}),
    );
    assert_eq!(items(&since).len(), 1);
    let before = story
        .call("ben", "list_activity", json!({"member": "@ben", "until": until}))
        .unwrap();
    assert!(!texts(&before).iter().any(|text| text.contains("moved")));
    check("audit_feed_sight", &story.end());
}
