//! Confirming: single use, the same plan or nothing, in time, by the right person.

use std::collections::BTreeSet;
use std::sync::Arc;

use orkestra::kernel::engine::NewToken;
use orkestra::kernel::identity::{ConfirmPolicy, Member, Role, Token};
use orkestra::kernel::tool::Run;
use orkestra::kernel::{Caller, Engine, Plan, State, policy};
use projections::{Actor, Digest, Id};
use serde_json::json;

use crate::story::{Story, check, key};

#[test]
fn a_stale_preview_never_executes() {
    let mut story = Story::new("A stale preview");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    let pending = story.when("ana", "update_project", json!({"project": "OPS", "name": "Operations"}));
    story.given(
        "ana",
        "update_project",
        json!({"project": "OPS", "name": "Something else"}),
    );
    let stale = story.confirm("ana", &pending);
    assert_eq!(stale["error"]["code"], "preview_stale");
    let project = story.call("ana", "get_project", json!({"project": "OPS"})).unwrap();
    assert_eq!(project["item"]["name"], "Something else");
    let fresh = stale["error"]["current"].clone();
    assert_eq!(story.confirm("ana", &fresh)["status"], "succeeded");
    check("confirming_stale", &story.end());
}

#[test]
fn confirming_twice_gives_the_same_receipt_and_proposing_twice_the_same_action() {
    let mut story = Story::new("Twice");
    let args = json!({"name": "Ops", "key": "OPS"});
    let one = story.call("ana", "create_project", args.clone()).unwrap();
    let two = story.call("ana", "create_project", args.clone()).unwrap();
    assert_eq!(
        (&one["actionId"], &one["confirmToken"]),
        (&two["actionId"], &two["confirmToken"])
    );
    let twin = story
        .call(
            "ana",
            "create_project",
            json!({"name": "Ops", "key": "OPS", "clientKey": "second"}),
        )
        .unwrap();
    assert_ne!(one["actionId"], twin["actionId"]);
    let first = story.confirm("ana", &one);
    for _ in 0..100 {
        let again = story
            .call(
                "ana",
                "confirm_action",
                json!({"actionId": one["actionId"], "confirmToken": one["confirmToken"]}),
            )
            .unwrap();
        assert_eq!(
            (&again["result"], &again["asOf"], &again["versions"]),
            (&first["result"], &first["asOf"], &first["versions"])
        );
        assert_eq!(again["alreadyConfirmed"], true);
    }
    let confirmed = story
        .records
        .0
        .iter()
        .filter(|text| text.contains("action.confirmed"))
        .count();
    assert_eq!(confirmed, 1);
    let _ = story.end();
}

#[test]
fn tokens_of_others_and_late_tokens_are_refused() {
    let mut story = Story::new("Wrong and late tokens");
    story.human("ben", "member");
    story.found("rival", "Rival", "eve");
    let pending = story.when("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    let other = story
        .call("ana", "create_project", json!({"name": "Ops 2", "key": "OPX"}))
        .unwrap();
    for (who, token, code) in [
        ("ben", &pending["confirmToken"], "not_found"),
        ("eve", &pending["confirmToken"], "not_found"),
        ("ana", &other["confirmToken"], "token_invalid"),
        ("ana", &serde_json::Value::Null, "token_invalid"),
    ] {
        let no = story.when(
            who,
            "confirm_action",
            json!({"actionId": pending["actionId"], "confirmToken": token}),
        );
        assert_eq!(no["error"]["code"], code, "{who}");
    }
    story.wait(15);
    assert_eq!(story.confirm("ana", &pending)["error"]["code"], "token_expired");
    // The clock may go back; the offer stays over.
    story.wait(-20);
    assert_eq!(story.confirm("ana", &pending)["error"]["code"], "not_pending");
    assert_eq!(
        story.call("ana", "list_projects", json!({})).unwrap()["items"],
        json!([])
    );
    check("confirming_tokens", &story.end());
}

#[test]
fn a_proposer_who_was_suspended_cannot_confirm() {
    let mut story = Story::new("Suspended in between");
    let ben = story.human("ben", "member");
    let pending = story
        .call("ben", "create_project", json!({"name": "Ops", "key": "OPS"}))
        .unwrap();
    let row = story
        .engine
        .state()
        .table::<Member>()
        .unwrap()
        .get(ben)
        .unwrap()
        .clone();
    let mut plan = Plan::new("Suspend");
    plan.edit("member.suspended", &row, |member| {
        member.status = orkestra::kernel::identity::MemberStatus::Suspended;
    })
    .unwrap();
    let text = story
        .engine
        .operate(Actor::system(), row.org.clone(), &plan, story.now)
        .unwrap();
    story.records.0.push(text);
    let no = story.confirm("ben", &pending);
    assert_eq!(no["error"]["code"], "forbidden");
    check("confirming_suspended", &story.end());
}

/// Changes a member as an operator would.
fn change(story: &mut Story, id: Id<Member>, edit: impl FnOnce(&mut Member)) {
    story
        .operate(|view| {
            let mut plan = Plan::new("Change a member");
            plan.edit("member.changed", view.need(id)?, edit)?;
            Ok(plan)
        })
        .unwrap();
}

/// Security test 24: what a proposer may do counts when it is confirmed, not when it was proposed.
#[test]
fn a_role_that_was_taken_away_confirms_nothing() {
    let mut story = Story::new("A role taken away in between");
    let ben = story.human("ben", "member");
    let org = story.caller("ben").org;
    let pending = story
        .call("ben", "create_project", json!({"name": "Ops", "key": "OPS"}))
        .unwrap();
    let had = {
        let state = story.engine.state();
        state.table::<Member>().unwrap().get(ben).unwrap().roles.clone()
    };
    let guest: Vec<Id<Role>> = {
        let roles = story.engine.state().table::<Role>().unwrap();
        roles.find(&org, "name", "guest").map(|row| row.id).collect()
    };
    assert_eq!(guest.len(), 1);
    change(&mut story, ben, |member| member.roles = guest);
    assert_eq!(story.confirm("ben", &pending)["error"]["code"], "forbidden");
    assert!(!story.records.0.iter().any(|text| text.contains("action.confirmed")));
    // It was refused, not lost: with the role it can be confirmed again.
    change(&mut story, ben, |member| member.roles = had);
    assert_eq!(story.confirm("ben", &pending)["status"], "succeeded");
    check("confirming_role", &story.end());
}

/// Security test 23: an action whose policy this version does not know (a later one wrote it) is confirmed by nobody.
#[test]
fn a_policy_that_cannot_be_told_denies() {
    let mut story = Story::new("An unknown policy");
    story.human("ben", "admin");
    let args = json!({"name": "Ops", "key": "OPS"});
    let pending = story.call("ana", "create_project", args.clone()).unwrap();
    let registry = Arc::clone(story.engine.registry());
    let mut again = Engine::new(registry.clone(), State::new(&registry.kinds()), key());
    for (seq, text) in (1..).zip(&mut story.records.0) {
        *text = text.replace("\"policy\":\"self\"", "\"policy\":\"quorum\"");
        again.absorb(seq, text).unwrap();
    }
    story.engine = again;
    assert_eq!(story.confirm("ana", &pending)["error"]["code"], "policy_error");
    assert_eq!(story.confirm("ben", &pending)["error"]["code"], "not_found");
    assert_eq!(
        story.when("ana", "create_project", args)["error"]["code"],
        "policy_error",
        "nor is its token shown again"
    );
    let journal = story.records.0.concat();
    assert!(journal.contains("confirm.refused") && !journal.contains("action.confirmed"));
    assert!(journal.contains("\"code\":\"policy_error\""));
    story.when("ana", "cancel_action", json!({"actionId": pending["actionId"]}));
    // Nor is there a policy where the organisation or the token is not there to ask.
    let (mut caller, tool) = (story.caller("ana"), registry.tool("create_project").unwrap());
    let code = |caller: &Caller| policy::confirm_policy(story.engine.state(), caller, tool).map_err(|no| no.code);
    assert!(code(&caller).is_ok());
    caller.token = Some(Id::default());
    assert_eq!(code(&caller).unwrap_err(), "policy_error");
    (caller.token, caller.org) = (None, "org_nowhere".to_owned());
    assert_eq!(code(&caller).unwrap_err(), "policy_error");
    // The word that was altered is found by deciding again.
    check("confirming_unknown_policy", &story.end_with(1));
}

/// What `get_me` and `get_organization` say of each tool, under its name or else its kind, is what it is proposed under.
#[test]
fn who_confirms_what_is_told() {
    let mut story = Story::new("Who confirms what");
    let registry = Arc::clone(story.engine.registry());
    let plain = story.caller("ana");
    let strict = Caller {
        token: Some(strict_token(&mut story)),
        ..plain.clone()
    };
    let rules = json!({"default": "human", "write": "self", "destructive": "dual", "create_label": "human", "delete_task": "self",
        "undo_action": "human"});
    for rules in [None, Some(rules)] {
        let with_rules = rules.is_some();
        if let Some(rules) = rules {
            let settings = json!({"op": "update_settings", "settings": {"confirmPolicy": rules}});
            story.does("ana", "manage_organization", settings);
        }
        for caller in [&plain, &strict] {
            let told = policy::in_force(story.engine.state(), caller, &registry).unwrap();
            let mut by_name = BTreeSet::new();
            for tool in registry
                .tools()
                .iter()
                .filter(|tool| matches!(tool.run, Run::Decide(_)))
            {
                let asked = policy::confirm_policy(story.engine.state(), caller, tool).unwrap();
                let said = told.get(tool.name).unwrap_or(&told[tool.kind.word()]);
                assert_eq!(*said, asked.word(), "{}: {told:?}", tool.name);
                by_name.extend(told.get_key_value(tool.name).map(|(name, _)| *name));
            }
            // Only those that differ from their kind; a token that asks for a human levels what asks for less.
            let delete_task = by_name.contains("delete_task");
            assert_eq!((by_name.is_empty(), delete_task), (!with_rules, with_rules), "{told:?}");
            assert_eq!(
                by_name.contains("undo_action"),
                with_rules && caller.token.is_none(),
                "{told:?}"
            );
        }
        let told = json!(policy::in_force(story.engine.state(), &plain, &registry).unwrap());
        let me = story.call("ana", "get_me", json!({})).unwrap();
        assert_eq!(me["item"]["confirmPolicy"], told);
        let organization = story.call("ana", "get_organization", json!({})).unwrap();
        assert_eq!(organization["item"]["confirmPolicy"], told);
    }
    check("confirming_told", &story.end());
}

/// A token of ana that asks for a human whatever the organisation asks for.
fn strict_token(story: &mut Story) -> Id<Token> {
    let caller = story.caller("ana");
    let new = NewToken {
        name: "strict".to_owned(),
        member: caller.member,
        hash: Digest::of(b"strict"),
        prefix: "ork_test_strict".to_owned(),
        profile: None,
        scopes: vec!["*".to_owned()],
        read_only: false,
        confirm: ConfirmPolicy::Human,
        elicit: false,
        expires_at: None,
    };
    let made = story.engine.create_token(Actor::system(), &caller.org, new, story.now);
    let (id, text) = made.unwrap();
    story.records.0.push(text);
    id
}
