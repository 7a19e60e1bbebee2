//! What nobody called for is told with what led there.

use std::fmt::Write as _;

use orkestra::audit::timeline::{Filter, Timeline};
use serde_json::json;

use crate::story::{Story, check};

#[test]
fn a_timeline_says_what_a_reaction_reacts_to() {
    let mut story = Story::new("A rule in a timeline");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given(
        "ana",
        "create_automation_rule",
        json!({
            "name": "Mine", "trigger": {"kind": "event", "eventTypes": ["task.created"]},
            "actions": [{"kind": "assign_task", "params": {"assignees": {"add": ["@ana"]}}}],
        }),
    );
    story.given("ana", "create_task", json!({"project": "OPS", "title": "One"}));
    let before = story.records.0.len();
    story.reacts();
    let mut timeline = Timeline::new(Filter::default());
    let mut told = String::new();
    for (seq, text) in (1..).zip(story.records.0.clone()) {
        let entry = timeline.take(seq, &text).unwrap().unwrap();
        if seq > before as u64 {
            assert_eq!(entry.cause.as_ref().unwrap().causation_id, before as u64);
            let _ = writeln!(told, "{entry}\n");
        }
    }
    let told = story.plain(&told);
    drop(story.end());
    check("audit_because", &told);
}
