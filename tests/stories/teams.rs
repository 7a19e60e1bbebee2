//! Teams: groups in one another, with leads, roles and work.

use serde_json::{Value, json};

use crate::story::{Story, check};

/// `ana` owns, `max` is a manager, `mia` and `joe` are members, `bot` an agent.
fn ground(title: &str) -> Story {
    let mut story = Story::new(title);
    for (name, role) in [
        ("max", "manager"),
        ("mia", "member"),
        ("joe", "member"),
        ("gus", "guest"),
    ] {
        story.human(name, role);
    }
    story.agent("bot", "agent_worker", "max");
    story
}

fn names(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().unwrap().iter();
    items.map(|item| item["handle"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_team_is_made_changed_and_deleted() {
    let mut story = ground("A team");
    let made = json!({"name": "Night shift", "lead": "mia", "members": ["mia", "bot"], "description": "After six"});
    story.does("max", "create_team", made);
    story.does(
        "max",
        "create_team",
        json!({"name": "Door", "parent": "@night-shift", "members": ["joe"]}),
    );
    story.does(
        "max",
        "update_team_members",
        json!({"team": "@door", "add": ["gus"], "remove": ["joe"]}),
    );
    story.does(
        "max",
        "update_team",
        json!({"team": "@door", "handle": "gate", "name": "Gate", "lead": "joe"}),
    );
    story.when("mia", "list_teams", json!({}));
    story.when(
        "mia",
        "get_team",
        json!({"team": "Night shift", "expand": ["members", "children", "roles", "projects", "usage"]}),
    );
    let listed = story
        .call("mia", "list_organization_members", json!({"team": "@night-shift"}))
        .unwrap();
    assert_eq!(names(&listed), ["@bot", "@gus", "@mia"]);
    let gone = story.does("max", "delete_team", json!({"team": "@gate"}));
    story.given("max", "undo_action", json!({"actionId": gone["actionId"]}));
    let listed = story
        .call("mia", "list_teams", json!({"parent": "@night-shift"}))
        .unwrap();
    assert_eq!(names(&listed), ["@gate"]);
    check("teams_life", &story.end());
}

#[test]
fn what_teams_refuse() {
    let mut story = ground("What teams refuse");
    let mut above: Option<&str> = None;
    for name in ["one", "two", "three", "four", "five"] {
        story.given("ana", "create_team", json!({"name": name}));
        if let Some(parent) = above {
            story.given("ana", "update_team", json!({"team": name, "parent": parent}));
        }
        above = Some(name);
    }
    for (who, tool, args, code) in [
        ("ana", "create_team", json!({"name": "One"}), "handle_taken"),
        (
            "ana",
            "create_team",
            json!({"name": "x", "handle": "mia"}),
            "handle_taken",
        ),
        (
            "ana",
            "create_team",
            json!({"name": "x", "handle": "Not one"}),
            "validation_failed",
        ),
        (
            "ana",
            "create_team",
            json!({"name": "x", "lead": "bot"}),
            "lead_must_be_human",
        ),
        (
            "ana",
            "create_team",
            json!({"name": "x", "parent": "five"}),
            "limit_exceeded",
        ),
        ("ana", "update_team", json!({"team": "one", "parent": "five"}), "cycle"),
        ("ana", "update_team", json!({"team": "one", "parent": "one"}), "cycle"),
        (
            "ana",
            "update_team",
            json!({"team": "one", "handle": "two"}),
            "handle_taken",
        ),
        (
            "ana",
            "update_team",
            json!({"team": "one", "lead": "bot"}),
            "lead_must_be_human",
        ),
        (
            "ana",
            "update_team",
            json!({"team": "one", "expectedVersion": 7}),
            "version_conflict",
        ),
        (
            "ana",
            "update_team_members",
            json!({"team": "one", "add": ["mia"], "remove": ["mia"]}),
            "validation_failed",
        ),
        (
            "ana",
            "update_team_members",
            json!({"team": "one", "remove": ["mia"]}),
            "validation_failed",
        ),
        ("ana", "delete_team", json!({"team": "one"}), "has_children"),
        (
            "ana",
            "delete_team",
            json!({"team": "five", "replaceWith": "five"}),
            "validation_failed",
        ),
        ("mia", "create_team", json!({"name": "mine"}), "forbidden"),
    ] {
        story.refused(who, tool, args, code);
    }
    story.given(
        "ana",
        "assign_role",
        json!({"subject": "@five", "role": "agent_reader"}),
    );
    story.refused("ana", "delete_team", json!({"team": "five"}), "in_use");
    story.does("ana", "delete_team", json!({"team": "five", "replaceWith": "four"}));
    check("teams_refuse", &story.end());
}

#[test]
fn offers_about_teams_go_stale() {
    let mut story = ground("Stale offers about teams");
    story.given("ana", "create_team", json!({"name": "Red"}));
    story.stale("ana", "create_team", json!({"name": "Blue"}), |story| {
        story.given("ana", "create_team", json!({"name": "blue"}));
    });
    story.stale("ana", "update_team", json!({"team": "Red", "name": "Rot"}), |story| {
        story.given("ana", "update_team", json!({"team": "Red", "name": "Rojo"}));
    });
    story.stale(
        "ana",
        "update_team_members",
        json!({"team": "Rojo", "add": ["mia"]}),
        |story| {
            story.given("ana", "update_team_members", json!({"team": "Rojo", "add": ["joe"]}));
        },
    );
    story.stale("ana", "delete_team", json!({"team": "Rojo"}), |story| {
        story.given("ana", "assign_role", json!({"subject": "Rojo", "role": "agent_reader"}));
    });
    check("teams_stale", &story.end());
}

#[test]
fn who_is_in_a_team_holds_what_it_and_those_above_it_hold() {
    let mut story = ground("Roles of a team");
    story.given(
        "ana",
        "create_project",
        json!({"name": "Ops", "key": "OPS", "visibility": "private"}),
    );
    story.given("ana", "create_team", json!({"name": "Crew"}));
    story.given(
        "ana",
        "create_team",
        json!({"name": "Night", "parent": "Crew", "members": ["joe"], "visibility": "closed"}),
    );
    story.refused("joe", "get_project", json!({"project": "OPS"}), "not_found");
    let grant = json!({"subject": "Crew", "role": "manager", "scope": "project", "scopeRef": "OPS"});
    story.does("ana", "assign_role", grant);
    story.call("joe", "get_project", json!({"project": "OPS"})).unwrap();
    story.refused("mia", "get_project", json!({"project": "OPS"}), "not_found");
    story.when(
        "ana",
        "check_permission",
        json!({"subject": "joe", "tool": "update_project", "entity": "OPS"}),
    );
    story.when(
        "ana",
        "update_team_members",
        json!({"team": "Night", "remove": ["joe"], "add": ["mia"]}),
    );
    // A closed team is there for its members, and for who may see all of them.
    story.call("joe", "get_team", json!({"team": "Night"})).unwrap();
    story.call("max", "get_team", json!({"team": "Night"})).unwrap();
    story.refused("mia", "get_team", json!({"team": "Night"}), "not_found");
    story.when(
        "ana",
        "get_team",
        json!({"team": "Crew", "expand": ["projects", "roles"]}),
    );
    check("teams_roles", &story.end());
}

#[test]
fn a_lead_manages_the_team_and_those_under_it() {
    let mut story = ground("A team of one's own");
    story.given("ana", "create_team", json!({"name": "Crew"}));
    story.given("ana", "create_team", json!({"name": "Night", "parent": "Crew"}));
    story.given("ana", "create_team", json!({"name": "Other"}));
    story.given(
        "ana",
        "create_role",
        json!({"name": "foreman", "permissions": ["teams.read", "teams.write"]}),
    );
    story.given(
        "ana",
        "assign_role",
        json!({"subject": "mia", "role": "foreman", "scope": "team", "scopeRef": "Crew"}),
    );
    story.given("mia", "update_team_members", json!({"team": "Crew", "add": ["joe"]}));
    story.given("mia", "update_team_members", json!({"team": "Night", "add": ["joe"]}));
    story.refused(
        "mia",
        "update_team_members",
        json!({"team": "Other", "add": ["joe"]}),
        "forbidden",
    );
    story.refused("mia", "create_team", json!({"name": "New"}), "forbidden");
    story.given("mia", "create_team", json!({"name": "New", "parent": "Night"}));
    check("teams_lead", &story.end());
}

#[test]
fn what_a_team_has_to_do_is_compared_with_its_time() {
    let mut story = ground("Work of a team");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given("ana", "create_team", json!({"name": "Crew", "members": ["mia", "joe"]}));
    let people = json!({"project": "OPS", "add": [{"member": "mia"}, {"member": "joe"}]});
    story.given("ana", "update_project_members", people);
    for (title, who, estimate) in [
        ("A", Some("mia"), Some("30")),
        ("B", Some("mia"), Some("14.5")),
        ("C", Some("joe"), None),
        ("D", None, Some("5")),
    ] {
        let mut args = json!({"project": "OPS", "title": title});
        if let Some(who) = who {
            args["assignees"] = json!([who]);
        }
        if let Some(estimate) = estimate {
            args["estimate"] = json!(estimate);
        }
        story.given("ana", "create_task", args);
    }
    let work = story.when("ana", "get_team_workload", json!({"team": "Crew"}));
    assert_eq!(work["item"]["people"][0]["over"], "4.5", "{work}");
    story.when(
        "ana",
        "get_team_workload",
        json!({"team": "Crew", "unit": "tasks", "from": "2026-03-07", "to": "2026-03-08"}),
    );
    story.refused(
        "ana",
        "get_team_workload",
        json!({"from": "2026-03-07", "to": "2026-03-01"}),
        "validation_failed",
    );
    check("teams_work", &story.end());
}
