//! Audit: what happened to things, the feed, the security log, and alerts.

mod alerts;
mod detectors;
mod export;
mod feed;
mod goods;
mod history;
mod hour;
mod log;
mod others;
mod undoing;
mod veiled;

use serde_json::{Value, json};

use crate::story::Story;

/// A project OPS with some work, agents that act for ben and for the admin fay, and a private project SEC of ana's.
fn ground(title: &str) -> Story {
    let mut story = Story::new(title);
    story.human("ben", "member");
    story.human("gus", "guest");
    story.human("fay", "admin");
    story.agent("bot", "admin", "ben");
    story.agent("rob", "admin", "fay");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given(
        "ana",
        "create_project",
        json!({"name": "Secret", "key": "SEC", "visibility": "private"}),
    );
    story.given("ana", "create_task", json!({"project": "SEC", "title": "Hidden"}));
    for title in ["Fix the door", "Paint it"] {
        story.given("ben", "create_task", json!({"project": "OPS", "title": title}));
    }
    story
}

/// Confirms of somebody with a wrong token.
fn refused_confirms(story: &mut Story, who: &str, count: usize) {
    let pending = story
        .call(who, "update_task", json!({"task": "OPS-1", "priority": "high"}))
        .unwrap();
    let wrong = json!({"actionId": pending["actionId"], "confirmToken": format!("ct_{}", "0".repeat(40))});
    for _ in 0..count {
        let no = story.call(who, "confirm_action", wrong.clone()).unwrap_err();
        assert_eq!(no.code, "token_invalid");
    }
}

fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// All pages of a list, and how many there were.
fn paged(story: &mut Story, who: &str, tool: &str, mut args: Value) -> (Vec<Value>, usize) {
    let (mut all, mut pages) = (Vec::new(), 0);
    loop {
        let page = story.call(who, tool, args.clone()).unwrap();
        all.extend(items(&page).to_vec());
        pages += 1;
        if page["page"]["hasMore"] == false {
            return (all, pages);
        }
        args["cursor"] = page["page"]["nextCursor"].clone();
    }
}
