//! Rights that count in one place, or until an hour.

use serde_json::{Value, json};

use super::{ground, may};
use crate::story::{Story, check};

/// `gus` works as a manager in OPS only.
fn here(title: &str) -> Story {
    let mut story = ground(title);
    for (project, title) in [("OPS", "Fix the door"), ("WEB", "Paint the page")] {
        story.given("ana", "create_task", json!({"project": project, "title": title}));
    }
    // A worker who holds nothing everywhere but the right to look around.
    story.given(
        "ana",
        "create_role",
        json!({"name": "visitor", "permissions": ["organizations.read", "organizations.browse", "projects.read", "actions.*", "search.*"]}),
    );
    let visitor = json!({"op": "invite_members", "invites": [{"email": "val", "kind": "service", "sponsor": "ana", "role": "visitor"}]});
    story.given("ana", "manage_organization", visitor);
    story.joined("val", "val");
    story
}

fn in_ops(subject: &str, role: &str) -> Value {
    json!({"subject": subject, "role": role, "scope": "project", "scopeRef": "OPS"})
}

#[test]
fn a_role_in_a_project_counts_there_and_nowhere_else() {
    let mut story = here("A role in a project");
    assert_eq!(
        may(&mut story, "val", "get_task", json!({"task": "OPS-1"})),
        "forbidden"
    );
    story.does("ana", "assign_role", in_ops("val", "agent_worker"));
    for (tool, args, expected) in [
        ("get_task", json!({"task": "OPS-1"}), "yes"),
        ("get_task", json!({"task": "WEB-1"}), "not_found"),
        ("update_task", json!({"task": "OPS-1", "priority": "high"}), "yes"),
        ("update_task", json!({"task": "WEB-1", "priority": "high"}), "not_found"),
        ("create_task", json!({"project": "OPS", "title": "More"}), "yes"),
        ("create_task", json!({"project": "WEB", "title": "More"}), "forbidden"),
        ("create_project", json!({"name": "Mine", "key": "MINE"}), "forbidden"),
        ("create_label", json!({"name": "ours", "project": "OPS"}), "yes"),
        ("create_label", json!({"name": "everybody's"}), "forbidden"),
        ("add_comment", json!({"target": "OPS-1", "body": "On it"}), "yes"),
        ("list_stock_items", json!({}), "forbidden"),
        ("list_teams", json!({}), "yes"),
    ] {
        assert_eq!(may(&mut story, "val", tool, args.clone()), expected, "{tool} {args}");
    }
    let listed = story.when("val", "list_tasks", json!({"fields": ["key"]}));
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let found = story.call("val", "search", json!({"q": "Paint"})).unwrap();
    assert_eq!(found["items"].as_array().unwrap().len(), 0, "{found}");
    story.refused(
        "val",
        "create_task",
        json!({"project": "WEB", "title": "More"}),
        "forbidden",
    );
    let me = story.call("val", "get_me", json!({})).unwrap();
    let elsewhere = me["item"]["permissionsElsewhere"].as_array().unwrap();
    assert!(elsewhere.contains(&"tasks.write in OPS".into()), "{me}");
    story.does("ana", "revoke_role", in_ops("val", "agent_worker"));
    assert_eq!(
        may(&mut story, "val", "get_task", json!({"task": "OPS-1"})),
        "forbidden"
    );
    check("roles_in_a_project", &story.end());
}

#[test]
fn what_is_moved_must_be_ones_own_on_both_sides() {
    let mut story = here("Out of a place");
    story.given("ana", "assign_role", in_ops("val", "agent_worker"));
    story.given("ana", "create_label", json!({"name": "ours", "project": "OPS"}));
    let task = story.given("val", "create_task", json!({"project": "OPS", "title": "Mine"}));
    assert!(task["key"].as_str().unwrap().starts_with("OPS-"));
    // What somebody proposed while they held the role cannot be confirmed after it.
    let pending = story
        .call("val", "update_task", json!({"task": "OPS-1", "title": "Other"}))
        .unwrap();
    story.given("ana", "revoke_role", in_ops("val", "agent_worker"));
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    assert_eq!(
        story.call("val", "confirm_action", confirm).unwrap_err().code,
        "forbidden"
    );
    let _ = story.end();
}

#[test]
fn a_grant_ends_by_itself() {
    let mut story = here("A grant until noon");
    let mut args = in_ops("val", "agent_worker");
    args["expiresAt"] = json!("2026-03-02T12:00:00Z");
    story.does("ana", "assign_role", args);
    let change = json!({"task": "OPS-1", "priority": "high"});
    let pending = story.call("val", "update_task", change.clone()).unwrap();
    assert_eq!(pending["status"], "pending");
    story.wait(181);
    // The hour has come, and nothing was written yet: it counts no more all the same.
    assert_eq!(may(&mut story, "val", "update_task", change.clone()), "forbidden");
    let events = story.reacts();
    assert!(events.iter().any(|event| event == "role.grant_expired"), "{events:?}");
    assert_eq!(may(&mut story, "val", "update_task", change), "forbidden");
    story.refused("ana", "revoke_role", in_ops("val", "agent_worker"), "not_granted");
    check("roles_until_noon", &story.end());
}

#[test]
fn who_manages_roles_in_a_project_does_so_there_only() {
    let mut story = here("Roles managed in a project");
    let steward =
        json!({"name": "steward", "copyFrom": "manager", "permissions": ["roles.manage"], "grantable": "managers"});
    story.given("ana", "create_role", steward);
    story.given(
        "ana",
        "create_role",
        json!({"name": "hand", "permissions": ["tasks.*", "comments.*"], "grantable": "managers"}),
    );
    story.given("ana", "assign_role", in_ops("gus", "steward"));
    story.does("gus", "assign_role", in_ops("mia", "hand"));
    let elsewhere = json!({"subject": "mia", "role": "hand", "scope": "project", "scopeRef": "WEB"});
    story.refused("gus", "assign_role", elsewhere, "not_found");
    story.refused(
        "gus",
        "assign_role",
        json!({"subject": "mia", "role": "hand"}),
        "exceeds_own_rights",
    );
    story.refused(
        "gus",
        "create_role",
        json!({"name": "x", "permissions": ["tasks.read"]}),
        "forbidden",
    );
    story.refused("gus", "assign_role", in_ops("mia", "admin"), "forbidden");
    check("roles_steward", &story.end());
}
