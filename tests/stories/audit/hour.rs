//! Reads of a past hour through a tool.

use serde_json::json;

use super::ground;
use crate::story::check;

#[test]
fn a_project_is_counted_as_it_was_at_an_hour() {
    let mut story = ground("A project at an hour");
    let stats = |at: Option<&str>| match at {
        Some(at) => json!({"project": "OPS", "asOf": at}),
        None => json!({"project": "OPS"}),
    };
    let (hour, early) = (story.now.to_string(), "2001-01-01T00:00:00Z");
    let before = story.call("ben", "get_project_stats", stats(None)).unwrap()["item"].clone();
    assert_eq!(before["byCategory"], json!({"backlog": 2}));
    story.wait(60);
    story.given("ben", "move_task", json!({"task": "OPS-1", "to": "In progress"}));
    story.given("ben", "delete_task", json!({"task": "OPS-2"}));
    story.given("ben", "create_task", json!({"project": "OPS", "title": "A third"}));
    let after = story.call("ben", "get_project_stats", stats(None)).unwrap()["item"].clone();
    assert_ne!(after, before);
    let mut then = story.when("ben", "get_project_stats", stats(Some(&hour)))["item"].clone();
    let told = then.as_object_mut().unwrap().remove("asOf").unwrap();
    assert_eq!(told["at"], json!(hour));
    assert_eq!(then, before);
    let now = story.now.to_string();
    let mut same = story.call("ben", "get_project_stats", stats(Some(&now))).unwrap()["item"].clone();
    same.as_object_mut().unwrap().remove("asOf");
    assert_eq!(same, after);
    story.refused("ben", "get_project_stats", stats(Some(early)), "validation_failed");
    story.refused(
        "ben",
        "get_project_stats",
        stats(Some("2999-01-01T00:00:00Z")),
        "validation_failed",
    );
    // The rights of today count: what is not to be seen now is not seen then.
    let hidden = json!({"project": "SEC", "asOf": hour});
    story.refused("ben", "get_project_stats", hidden, "not_found");
    check("audit_hour", &story.end());
}
