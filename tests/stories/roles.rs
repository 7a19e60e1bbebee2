//! Roles: who may do what, where, until when, and who may give it.

mod bounds;
mod places;

use serde_json::{Value, json};

use crate::story::{Story, check};

/// `ana` owns, `bea` is an admin, `max` a manager, `mia` a member, `bot` an agent of bea's.
fn ground(title: &str) -> Story {
    let mut story = Story::new(title);
    for (name, role) in [
        ("bea", "admin"),
        ("max", "manager"),
        ("mia", "member"),
        ("gus", "guest"),
    ] {
        story.human(name, role);
    }
    story.agent("bot", "agent_worker", "bea");
    for (name, key) in [("Ops", "OPS"), ("Web", "WEB")] {
        story.given("ana", "create_project", json!({"name": name, "key": key}));
    }
    story
}

fn may(story: &mut Story, who: &str, tool: &str, args: Value) -> String {
    match story.call(who, tool, args) {
        Ok(_) => "yes".to_owned(),
        Err(no) => no.code.to_string(),
    }
}

#[test]
fn a_role_is_made_changed_and_deleted() {
    let mut story = ground("A role of one's own");
    let triage = json!({"name": "triage", "copyFrom": "guest", "permissions": ["tasks.write", "labels.*"]});
    let made = story.does("bea", "create_role", triage);
    assert_eq!(made["status"], "succeeded");
    story.given("ana", "assign_role", json!({"subject": "gus", "role": "triage"}));
    let changed = json!({"role": "triage", "permissions": {"add": ["comments.moderate"], "remove": ["labels.*"]}});
    story.does("ana", "update_role", changed);
    story.does("ana", "delete_role", json!({"role": "triage", "replaceWith": "guest"}));
    let held = story.call("ana", "get_me", json!({})).unwrap();
    assert_eq!(held["item"]["roles"], json!(["owner"]));
    // Also what is no tool's.
    let permissions = held["item"]["permissions"].as_array().unwrap();
    assert!(permissions.contains(&json!("teams.closed")), "{held}");
    check("roles_life", &story.end());
}

#[test]
fn what_roles_refuse() {
    let mut story = ground("What roles refuse");
    story.given(
        "ana",
        "create_role",
        json!({"name": "clerk", "permissions": ["stock.read", "stock.write"]}),
    );
    let one = |permissions: Value| json!({"name": "new", "permissions": permissions});
    for (who, tool, args, code) in [
        ("ana", "create_role", one(json!(["tasks.wriet"])), "permission_unknown"),
        ("ana", "create_role", one(json!(["task*"])), "permission_unknown"),
        (
            "ana",
            "create_role",
            json!({"name": "Clerk", "permissions": ["stock.read"]}),
            "name_taken",
        ),
        (
            "bea",
            "create_role",
            one(json!(["organizations.close"])),
            "exceeds_own_rights",
        ),
        ("bea", "create_role", one(json!(["*"])), "exceeds_own_rights"),
        ("mia", "create_role", one(json!(["tasks.read"])), "forbidden"),
        (
            "ana",
            "update_role",
            json!({"role": "member", "name": "x"}),
            "builtin_role",
        ),
        (
            "ana",
            "update_role",
            json!({"role": "clerk", "name": "member"}),
            "name_taken",
        ),
        (
            "bea",
            "update_role",
            json!({"role": "clerk", "permissions": {"add": ["organizations.own"]}}),
            "exceeds_own_rights",
        ),
        (
            "ana",
            "update_role",
            json!({"role": "clerk", "permissions": {"remove": ["tasks.read"]}}),
            "validation_failed",
        ),
        (
            "ana",
            "update_role",
            json!({"role": "clerk", "permissions": {"remove": ["stock.read", "stock.write"]}}),
            "validation_failed",
        ),
        ("ana", "delete_role", json!({"role": "guest"}), "builtin_role"),
        (
            "ana",
            "delete_role",
            json!({"role": "clerk", "replaceWith": "clerk"}),
            "validation_failed",
        ),
    ] {
        story.refused(who, tool, args, code);
    }
    story.given("ana", "assign_role", json!({"subject": "mia", "role": "clerk"}));
    story.refused("ana", "delete_role", json!({"role": "clerk"}), "in_use");
    let own = json!({"role": "clerk", "permissions": {"add": ["tasks.delete"]}});
    story.given("ana", "assign_role", json!({"subject": "bea", "role": "clerk"}));
    // bea has tasks.delete already, so she gains nothing; what she does not have she cannot give.
    assert_eq!(may(&mut story, "bea", "update_role", own), "yes");
    check("roles_refuse", &story.end());
}

#[test]
fn what_granting_refuses() {
    let mut story = ground("What granting refuses");
    let give = |subject: &str, role: &str| json!({"subject": subject, "role": role});
    story.given(
        "ana",
        "create_role",
        json!({"name": "keys", "permissions": ["roles.manage"]}),
    );
    story.given("ana", "assign_role", give("mia", "agent_reader"));
    for (who, args, code) in [
        ("bea", give("mia", "owner"), "forbidden"),
        ("bea", give("bea", "manager"), "self_escalation"),
        ("mia", give("gus", "guest"), "forbidden"),
        ("ana", give("bot", "admin"), "not_grantable_to_agents"),
        ("ana", give("bot", "keys"), "not_grantable_to_agents"),
        ("ana", give("mia", "agent_reader"), "already_granted"),
        ("ana", give("mia", "member"), "already_granted"),
        ("ana", give("mia", "nobody"), "not_found"),
        ("ana", give("nobody", "member"), "not_found"),
        (
            "ana",
            json!({"subject": "mia", "role": "manager", "scope": "project"}),
            "validation_failed",
        ),
        (
            "ana",
            json!({"subject": "mia", "role": "manager", "scopeRef": "OPS"}),
            "validation_failed",
        ),
        (
            "ana",
            json!({"subject": "mia", "role": "owner", "scope": "project", "scopeRef": "OPS"}),
            "validation_failed",
        ),
        (
            "ana",
            json!({"subject": "mia", "role": "manager", "expiresAt": "2026-03-02T08:00:00Z"}),
            "validation_failed",
        ),
    ] {
        story.refused(who, "assign_role", args, code);
    }
    story.refused("ana", "revoke_role", give("mia", "manager"), "not_granted");
    story.refused("ana", "revoke_role", give("ana", "owner"), "would_lock_out");
    story.refused("bea", "revoke_role", give("ana", "owner"), "forbidden");
    check("roles_granting", &story.end());
}

#[test]
fn the_last_who_manages_roles_stays() {
    let mut story = Story::new("The last key");
    story.human("bea", "member");
    story.refused(
        "ana",
        "revoke_role",
        json!({"subject": "ana", "role": "owner"}),
        "would_lock_out",
    );
    story.given("ana", "assign_role", json!({"subject": "bea", "role": "owner"}));
    story.does("bea", "revoke_role", json!({"subject": "ana", "role": "owner"}));
    story.refused("ana", "list_roles", json!({}), "forbidden");
    story.refused(
        "bea",
        "revoke_role",
        json!({"subject": "bea", "role": "owner"}),
        "would_lock_out",
    );
    check("roles_last_key", &story.end());
}

#[test]
fn an_offer_of_rights_does_not_survive_a_change_of_them() {
    let mut story = ground("Stale offers of rights");
    let clerk = json!({"name": "clerk", "permissions": ["stock.read"]});
    story.given("ana", "create_role", clerk.clone());
    let widened = |name: &str| json!({"role": name, "permissions": {"add": ["stock.write"]}});
    story.stale(
        "ana",
        "create_role",
        json!({"name": "other", "copyFrom": "clerk", "permissions": ["tasks.read"]}),
        |story| {
            story.given("ana", "update_role", widened("clerk"));
        },
    );
    story.stale(
        "ana",
        "update_role",
        json!({"role": "clerk", "permissions": {"add": ["stock.manage"]}}),
        |story| {
            story.given(
                "ana",
                "update_role",
                json!({"role": "clerk", "permissions": {"set": ["stock.read"]}}),
            );
        },
    );
    story.given("ana", "assign_role", json!({"subject": "gus", "role": "clerk"}));
    story.stale(
        "ana",
        "delete_role",
        json!({"role": "clerk", "replaceWith": "guest"}),
        |story| {
            story.given("ana", "assign_role", json!({"subject": "mia", "role": "clerk"}));
        },
    );
    story.stale(
        "ana",
        "assign_role",
        json!({"subject": "bot", "role": "clerk"}),
        |story| {
            story.given("bea", "assign_role", json!({"subject": "bot", "role": "clerk"}));
        },
    );
    story.stale(
        "ana",
        "revoke_role",
        json!({"subject": "bot", "role": "clerk"}),
        |story| {
            story.given("bea", "revoke_role", json!({"subject": "bot", "role": "clerk"}));
        },
    );
    check("roles_stale", &story.end());
}

#[test]
fn roles_are_listed_and_asked_about() {
    let mut story = ground("Asking about rights");
    story.given(
        "ana",
        "assign_role",
        json!({"subject": "gus", "role": "manager", "scope": "project", "scopeRef": "OPS"}),
    );
    story.when("mia", "list_roles", json!({"permission": "roles.manage"}));
    story.when("mia", "list_roles", json!({"builtin": true, "role": "guest"}));
    let all = story
        .call("mia", "list_roles", json!({"catalogue": true, "limit": 1}))
        .unwrap();
    let all = all["catalogue"].as_array().unwrap();
    assert!(
        all.iter()
            .any(|one| one["permission"] == "tasks.write" && one["tools"].as_array().unwrap().len() > 3)
    );
    for args in [
        json!({"tool": "move_task"}),
        json!({"permission": "tasks.write", "subject": "gus"}),
        json!({"permission": "tasks.write", "subject": "gus", "entity": "OPS"}),
        json!({"permission": "tasks.write", "subject": "gus", "entity": "WEB"}),
        json!({"permission": "roles.manage", "subject": "bot"}),
        json!({"permission": "stock.manage", "subject": "bot"}),
    ] {
        story.when("mia", "check_permission", args);
    }
    story.refused(
        "mia",
        "check_permission",
        json!({"permission": "tasks.fly"}),
        "permission_unknown",
    );
    story.refused(
        "mia",
        "check_permission",
        json!({"tool": "move_tusk"}),
        "validation_failed",
    );
    story.refused("mia", "check_permission", json!({}), "validation_failed");
    check("roles_asked", &story.end());
}
