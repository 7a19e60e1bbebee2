//! Organisations: founding, settings, members in and out, ownership, closing.

use orkestra::kernel::Plan;
use orkestra::modules::organizations::invitation;
use serde_json::{Value, json};

use crate::story::{Story, check};

fn manage(op: &str, more: Value) -> Value {
    let mut args = more;
    args["op"] = json!(op);
    args
}

#[test]
fn who_is_here_and_what_holds() {
    let mut story = Story::new("Looking at an organisation");
    story.human("bea", "member");
    story.agent("bot", "agent_worker", "bea");
    story.when("ana", "list_organizations", json!({}));
    story.when("bea", "get_organization", json!({"expand": ["usage", "limits"]}));
    let found = story.when("ana", "list_organization_members", json!({"kind": "agent"}));
    assert_eq!(found["items"][0]["handle"], "@bot");
    let found = story
        .call("ana", "list_organization_members", json!({"role": "owner"}))
        .unwrap();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    story.refused("ana", "list_organization_members", json!({"team": "Red"}), "not_found");
    story.refused(
        "ana",
        "get_organization",
        json!({"organization": "Somebody else's"}),
        "not_found",
    );
    check("organizations_reads", &story.end());
}

#[test]
fn founding_another() {
    let mut story = Story::new("Founding another organisation");
    story.agent("bot", "admin", "ana");
    let args = json!({"name": "Second Home", "timezone": "Europe/Madrid", "currency": "EUR"});
    story.refused("bot", "create_organization", args.clone(), "agent_not_allowed");
    story.refused(
        "ana",
        "create_organization",
        json!({"name": "X2", "timezone": "Mars/Base", "currency": "EUR"}),
        "validation_failed",
    );
    let receipt = story.does("ana", "create_organization", args.clone());
    assert_eq!(receipt["result"]["slug"], "second-home");
    let no = story.refused("ana", "create_organization", args.clone(), "slug_taken");
    assert_eq!(no["allowed"][0], "second-home-2");
    let other = json!({"name": "Third", "slug": "third", "timezone": "UTC", "currency": "EUR"});
    story.stale("ana", "create_organization", other.clone(), |story| {
        let mut twin = other.clone();
        twin["clientKey"] = json!("twin");
        story.given("ana", "create_organization", twin);
    });
    // The other one stays unseen: the token speaks for one organisation.
    let seen = story.call("ana", "list_organizations", json!({})).unwrap();
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    check("organizations_founding", &story.end());
}

#[test]
fn settings_and_what_they_change() {
    let mut story = Story::new("Settings");
    story.human("bea", "member");
    story.agent("bot", "agent_worker", "bea");
    let strict = json!({"confirmPolicy": {"destructive": "human"}, "agentPolicy": {"deniedTools": ["create_project"]}, "slug": "acme-2"});
    story.does(
        "ana",
        "manage_organization",
        manage("update_settings", json!({"settings": strict})),
    );
    story.refused("bot", "create_project", json!({"name": "Skunk"}), "policy_denied");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given("bot", "create_task", json!({"project": "OPS", "title": "Old"}));
    let pending = story.call("bot", "delete_task", json!({"task": "OPS-1"})).unwrap();
    assert_eq!(pending["approvers"]["policy"], "human", "{pending}");
    for (settings, why) in [
        (json!({"retentionDays": 5}), "too short"),
        (json!({"confirmPolicy": {"nonsense": "human"}}), "no such kind"),
        (json!({"surprise": 1}), "unknown"),
        (json!({"weekStart": "friday"}), "no week begins then"),
    ] {
        let args = manage("update_settings", json!({"settings": settings}));
        let no = story.refused("ana", "manage_organization", args, "validation_failed");
        assert!(no["message"].as_str().unwrap().starts_with("`settings`"), "{why}: {no}");
    }
    story.refused(
        "ana",
        "manage_organization",
        manage("update_settings", json!({"member": "bea"})),
        "validation_failed",
    );
    story.refused(
        "bea",
        "manage_organization",
        manage("close", json!({"confirmName": "Acme"})),
        "forbidden",
    );
    let name = |name: &str| manage("update_settings", json!({"settings": {"name": name}}));
    story.stale("ana", "manage_organization", name("Acme One"), |story| {
        story.given("ana", "manage_organization", name("Acme Two"));
    });
    check("organizations_settings", &story.end());
}

#[test]
fn people_and_programs_come_in() {
    let mut story = Story::new("Invitations");
    let invites = json!([
        {"email": "Carla@Example.com"},
        {"email": "builder", "kind": "agent", "sponsor": "@ana"},
    ]);
    let receipt = story.does(
        "ana",
        "manage_organization",
        manage("invite_members", json!({"invites": invites})),
    );
    let invitation_id = receipt["result"]["invited"][0]["invitation"]
        .as_str()
        .unwrap()
        .to_owned();
    let one = |invite: Value| manage("invite_members", json!({"invites": [invite]}));
    story.refused(
        "ana",
        "manage_organization",
        one(json!({"email": "carla@example.com"})),
        "already_member",
    );
    story.refused(
        "ana",
        "manage_organization",
        one(json!({"email": "x", "kind": "service"})),
        "sponsor_required",
    );
    story.refused(
        "ana",
        "manage_organization",
        one(json!({"email": "x", "kind": "agent", "sponsor": "ana", "role": "owner"})),
        "owner_must_be_human",
    );
    let twice = json!([{"email": "eva@example.com"}, {"email": "EVA@example.com"}]);
    let twice = manage("invite_members", json!({"invites": twice}));
    story.refused("ana", "manage_organization", twice, "validation_failed");
    let guests = |yes: bool| manage("update_settings", json!({"settings": {"guestAccess": yes}}));
    story.given("ana", "manage_organization", guests(false));
    let guest = json!({"email": "gus@example.com", "role": "guest"});
    story.refused("ana", "manage_organization", one(guest.clone()), "policy_denied");
    story.given("ana", "manage_organization", guests(true));
    story.given("ana", "manage_organization", one(guest));
    story.refused(
        "ana",
        "manage_organization",
        one(json!({"email": "no address"})),
        "validation_failed",
    );
    story.given(
        "ana",
        "manage_organization",
        manage(
            "update_settings",
            json!({"settings": {"allowedEmailDomains": ["example.com"]}}),
        ),
    );
    story.refused(
        "ana",
        "manage_organization",
        one(json!({"email": "dan@evil.example"})),
        "domain_not_allowed",
    );
    let revoke = manage("revoke_invitation", json!({"invitation": invitation_id}));
    story.does("ana", "manage_organization", revoke.clone());
    story.refused("ana", "manage_organization", revoke, "not_found");
    // Whose invitation is gone can be asked again, and is the same member.
    let again = story.given("ana", "manage_organization", one(json!({"email": "carla@example.com"})));
    assert_eq!(again["invited"][0]["handle"], "@carla");
    check("organizations_invitations", &story.end());
}

#[test]
fn an_invitation_is_accepted_once_and_in_time() {
    let mut story = Story::new("Accepting");
    story.given(
        "ana",
        "manage_organization",
        manage(
            "invite_members",
            json!({"invites": [{"email": "carla@example.com"}, {"email": "dan@example.com"}]}),
        ),
    );
    let accept = |story: &mut Story, handle: &str| {
        let text = story.operate(|view| {
            let member = view.rows().find(
                |row: &&std::sync::Arc<orkestra::kernel::Row<orkestra::kernel::identity::Member>>| row.handle == handle,
            );
            let mut plan = Plan::new("Join");
            invitation::accept(&mut plan, view, member.unwrap()).map(|()| plan)
        });
        text.map_err(|no| no.code.to_string())
    };
    assert_eq!(accept(&mut story, "carla"), Ok(()));
    assert_eq!(accept(&mut story, "carla"), Err("not_invited".to_owned()));
    story.wait(15 * 24 * 60);
    assert_eq!(accept(&mut story, "dan"), Err("not_invited".to_owned()));
    let found = story
        .call("ana", "list_organization_members", json!({"status": "active"}))
        .unwrap();
    assert_eq!(found["items"].as_array().unwrap().len(), 2, "{found}");
    let _ = story.end();
}

#[test]
fn members_leave() {
    let mut story = Story::new("Leaving");
    let (_, _) = (story.human("bea", "member"), story.human("carl", "member"));
    story.agent("bot", "agent_worker", "bea");
    story.given(
        "ana",
        "create_project",
        json!({"name": "Ops", "key": "OPS", "lead": "bea"}),
    );
    story.given(
        "ana",
        "create_task",
        json!({"project": "OPS", "title": "Dig", "assignees": ["bea"]}),
    );
    let remove = manage("remove_member", json!({"member": "bea"}));
    let no = story.refused("ana", "manage_organization", remove, "reassignment_required");
    assert_eq!(no["current"]["openTasks"], 1);
    story.refused(
        "ana",
        "manage_organization",
        manage("remove_member", json!({"member": "ana"})),
        "last_owner",
    );
    story.does(
        "ana",
        "manage_organization",
        manage("suspend_member", json!({"member": "bea"})),
    );
    story.refused("bot", "get_task", json!({"task": "OPS-1"}), "forbidden");
    story.given(
        "ana",
        "manage_organization",
        manage("reactivate_member", json!({"member": "bea"})),
    );
    story.call("bot", "get_task", json!({"task": "OPS-1"})).unwrap();
    let remove = manage("remove_member", json!({"member": "bea", "reassignTo": "carl"}));
    story.stale("ana", "manage_organization", remove.clone(), |story| {
        story.given(
            "ana",
            "create_task",
            json!({"project": "OPS", "title": "More", "assignees": ["bea"]}),
        );
    });
    story.does("ana", "manage_organization", remove);
    let task = story.call("ana", "get_task", json!({"task": "OPS-1"})).unwrap();
    assert_eq!(task["item"]["assignees"], json!(["@carl"]), "{task}");
    let project = story.call("ana", "get_project", json!({"project": "OPS"})).unwrap();
    assert_eq!(project["item"]["lead"], "@carl");
    check("organizations_leaving", &story.end());
}

#[test]
fn another_owner_and_the_end() {
    let mut story = Story::new("Ownership and closing");
    story.human("bea", "member");
    story.agent("bot", "agent_worker", "bea");
    story.refused(
        "ana",
        "manage_organization",
        manage("transfer_ownership", json!({"newOwner": "bot"})),
        "owner_must_be_human",
    );
    story.does(
        "ana",
        "manage_organization",
        manage("transfer_ownership", json!({"newOwner": "bea"})),
    );
    story.refused(
        "bea",
        "manage_organization",
        manage("close", json!({"confirmName": "acme"})),
        "name_mismatch",
    );
    story.does(
        "bea",
        "manage_organization",
        manage("close", json!({"confirmName": "Acme"})),
    );
    story.refused("bea", "create_project", json!({"name": "Late"}), "organization_closed");
    story.refused(
        "bea",
        "manage_organization",
        manage("invite_members", json!({"invites": [{"email": "late@example.com"}]})),
        "organization_closed",
    );
    story.call("bea", "list_projects", json!({})).unwrap();
    story.does("bea", "manage_organization", manage("reopen", json!({})));
    story.given("bea", "create_project", json!({"name": "Again"}));
    check("organizations_ownership", &story.end());
}
