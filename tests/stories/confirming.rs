//! Confirming: single use, the same plan or nothing, in time, by the right person.

use orkestra::kernel::Plan;
use orkestra::kernel::identity::Member;
use projections::Actor;
use serde_json::json;

use crate::story::{Story, check};

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
