//! Nobody gives what they do not hold, nobody raises themselves, and agents stay below their sponsors: by every way there is.

use serde_json::json;

use super::{ground, may};
use crate::story::{Story, check};

#[test]
fn an_agent_is_never_above_its_sponsor_nor_holds_what_is_for_people() {
    let mut story = ground("An agent below its sponsor");
    story.agent("tin", "manager", "mia");
    // A manager's role, but a member answers for it.
    assert_eq!(
        may(
            &mut story,
            "tin",
            "save_workflow_state",
            json!({"name": "x", "category": "started"})
        ),
        "forbidden"
    );
    let shown = story.when("ana", "assign_role", json!({"subject": "tin", "role": "agent_worker"}));
    assert!(
        !shown["preview"]["details"]["cutBySponsor"]
            .as_array()
            .unwrap()
            .is_empty(),
        "{shown}"
    );
    let mut boss = Story::new("An agent with everything");
    boss.agent("all", "owner", "ana");
    let role = json!({"name": "x", "permissions": ["tasks.read"]});
    assert_eq!(may(&mut boss, "all", "create_role", role), "forbidden");
    let _ = boss.end();
    check("roles_sponsor", &story.end());
}

#[test]
fn rights_do_not_grow_by_another_door() {
    let mut story = ground("Other doors");
    story.human("lea", "owner");
    // A team that holds a role, and somebody who manages teams but not that role.
    story.given("ana", "create_team", json!({"name": "Keys", "members": ["lea"]}));
    story.given("ana", "assign_role", json!({"subject": "@keys", "role": "admin"}));
    story.refused(
        "max",
        "update_team_members",
        json!({"team": "@keys", "add": ["mia"]}),
        "exceeds_own_rights",
    );
    story.refused(
        "max",
        "update_team_members",
        json!({"team": "@keys", "add": ["max"]}),
        "self_escalation",
    );
    story.given("ana", "create_team", json!({"name": "Night", "members": ["mia"]}));
    story.refused(
        "max",
        "update_team",
        json!({"team": "@night", "parent": "@keys"}),
        "exceeds_own_rights",
    );
    // Suspended, and let in again by somebody with less.
    story.given(
        "ana",
        "manage_organization",
        json!({"op": "suspend_member", "member": "lea"}),
    );
    let back = json!({"op": "reactivate_member", "member": "lea"});
    story.refused("bea", "manage_organization", back, "forbidden");
    // An agent whose new sponsor has more than whoever hands it over.
    story.agent("imp", "agent_worker", "mia");
    story.given(
        "ana",
        "create_role",
        json!({"name": "people", "permissions": ["organizations.*", "actions.*", "search.*"]}),
    );
    story.given("ana", "assign_role", json!({"subject": "gus", "role": "people"}));
    let over = json!({"op": "remove_member", "member": "mia", "reassignTo": "max"});
    story.refused("gus", "manage_organization", over, "exceeds_own_rights");
    // An undoing gives nothing either.
    story.given("ana", "update_team_members", json!({"team": "@keys", "add": ["mia"]}));
    let gone = story.does(
        "ana",
        "update_team_members",
        json!({"team": "@keys", "remove": ["mia"]}),
    );
    let undo = json!({"actionId": gone["actionId"]});
    story.refused("max", "undo_action", undo, "exceeds_own_rights");
    check("roles_other_doors", &story.end());
}
