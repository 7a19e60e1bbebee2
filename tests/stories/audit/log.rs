//! The security log.

use serde_json::json;

use super::{ground, items, paged};
use crate::story::check;

#[test]
fn an_auditor_searches_the_log_and_that_is_logged() {
    let mut story = ground("Searching the log");
    story.given(
        "bot",
        "update_task",
        json!({"task": "OPS-1", "title": "Fix the back door"}),
    );
    let found = story.when("ana", "search_audit_log", json!({"actor": "@bot"}));
    assert_eq!(items(&found).len(), 2);
    let last = story.records.0.last().unwrap();
    assert!(
        last.contains("call.answered") && last.contains("audit.log_read"),
        "{last}"
    );
    let action = items(&found)[0]["actionId"].clone();
    for args in [
        json!({"action": action}),
        json!({"onBehalfOf": "@ben", "tool": "update_task"}),
        json!({"entity": "OPS-1", "types": ["task.updated"]}),
        json!({"types": ["audit.*"]}),
    ] {
        let found = story.call("ana", "search_audit_log", args.clone()).unwrap();
        assert!(!items(&found).is_empty(), "{args}");
    }
    let raw = story.when(
        "ana",
        "search_audit_log",
        json!({"entity": "OPS-1", "types": ["task.updated"], "fields": ["actor", "confirmedBy", "events"]}),
    );
    assert_eq!(items(&raw)[0]["confirmedBy"], json!(["@bot"]));
    let checked = story.when(
        "ana",
        "search_audit_log",
        json!({"tool": "create_project", "verifyChain": true}),
    );
    assert_eq!(checked["chain"]["ok"], true);
    let (all, pages) = paged(
        &mut story,
        "ana",
        "search_audit_log",
        json!({"tool": "create_task", "limit": 2}),
    );
    assert_eq!((all.len(), pages), (6, 3));
    check("audit_log", &story.end());
}

#[test]
fn the_log_is_not_for_everybody_and_not_without_end() {
    let mut story = ground("What the log refuses");
    story.refused("ben", "search_audit_log", json!({}), "forbidden");
    story.refused("gus", "list_audit_alerts", json!({}), "forbidden");
    story.refused(
        "ana",
        "search_audit_log",
        json!({"from": "2026-01-01T00:00:00Z"}),
        "range_too_wide",
    );
    let wide = json!({"from": "2026-01-01T00:00:00Z", "actor": "@ben"});
    assert!(!items(&story.call("ana", "search_audit_log", wide).unwrap()).is_empty());
    story.refused("ana", "search_audit_log", json!({"action": "act_nothing"}), "not_found");
    story.wait(60 * 24 * 40);
    let recent = story.when("ana", "search_audit_log", json!({"fields": ["types"]}));
    assert_eq!(items(&recent).len(), 0, "the last 31 days");
    check("audit_log_refusals", &story.end());
}

#[test]
fn keyed_hashes_are_shown_to_nobody() {
    let mut story = ground("Secrets in the log");
    let token = orkestra::kernel::identity::Token {
        name: "ci".to_owned(),
        member: story.caller("ana").member,
        hash: projections::Digest::of(b"secret"),
        scopes: vec!["*".to_owned()],
        ..Default::default()
    };
    let id = projections::Id::derive(story.now, b"token");
    story
        .operate(|_| {
            let mut plan = orkestra::kernel::Plan::new("Create a token");
            plan.create("token.created", id, token)?;
            Ok(plan)
        })
        .unwrap();
    let hash = projections::Digest::of(b"secret").to_string();
    assert!(story.records.0.last().unwrap().contains(&hash));
    let log = story.call(
        "ana",
        "search_audit_log",
        json!({"types": ["token.created"], "fields": ["events"]}),
    );
    let history = story.call(
        "ana",
        "get_entity_history",
        json!({"entity": id.to_string(), "atVersion": 1}),
    );
    let (log, history) = (log.unwrap(), history.unwrap());
    assert!(log.to_string().contains("\"name\"") && history.to_string().contains("\"name\""));
    assert!(!log.to_string().contains(&hash) && !history.to_string().contains(&hash));
    story.refused(
        "ben",
        "get_entity_history",
        json!({"entity": id.to_string()}),
        "not_found",
    );
    check("audit_secrets", &story.end());
}
