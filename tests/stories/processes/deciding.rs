//! Votes: every mode, who may, for whom, and what is refused.

use serde_json::{Value, json};

use super::{act, ground, published, started, status};
use crate::story::{Story, check};

fn votes(story: &mut Story, id: &Value, given: &[(&str, &str)]) -> String {
    for (who, what) in given {
        story.given(who, "act_on_process", act(id, what));
    }
    status(story, id)
}

/// A definition, who said what, and where it stands then.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

#[test]
fn every_mode_ends_as_it_must() {
    let mut story = ground("The modes of an approval");
    let three = json!({"members": ["max", "mel", "joe"]});
    let modes = [
        ("any", json!({"mode": "any"})),
        ("all", json!({"mode": "all"})),
        ("two", json!({"mode": "quorum", "quorum": 2})),
        ("most", json!({"mode": "quorum", "percent": 60})),
        ("turn", json!({"mode": "sequential"})),
        ("veto", json!({"mode": "any", "vetoRoles": ["manager"]})),
        ("pair", json!({"mode": "any", "minDistinct": 2})),
    ];
    for (key, approval) in modes {
        published(&mut story, key, approval, three.clone());
    }
    let (yes, no, pass) = ("approve", "reject", "abstain");
    let cases: [Case<'_>; 17] = [
        ("any", &[("max", yes)], "approved"),
        ("any", &[("max", no), ("mel", no)], "running"),
        ("any", &[("max", no), ("mel", no), ("joe", no)], "rejected"),
        ("any", &[("max", pass), ("mel", pass), ("joe", pass)], "rejected"),
        ("all", &[("max", yes), ("mel", yes)], "running"),
        ("all", &[("max", yes), ("mel", yes), ("joe", yes)], "approved"),
        ("all", &[("max", yes), ("mel", pass), ("joe", yes)], "approved"),
        ("all", &[("mel", no)], "rejected"),
        ("two", &[("max", yes), ("joe", yes)], "approved"),
        ("two", &[("max", no), ("joe", no)], "rejected"),
        ("two", &[("max", no), ("joe", yes)], "running"),
        ("most", &[("max", yes), ("joe", yes)], "approved"),
        ("turn", &[("max", yes), ("mel", yes), ("joe", yes)], "approved"),
        ("turn", &[("max", no)], "rejected"),
        ("veto", &[("joe", no), ("max", yes)], "approved"),
        ("veto", &[("max", no)], "rejected"),
        ("pair", &[("max", yes), ("mel", yes)], "approved"),
    ];
    for (key, given, expected) in cases {
        let id = started(&mut story, "mia", key);
        assert_eq!(votes(&mut story, &id, given), expected, "{key} {given:?}");
    }
    let id = started(&mut story, "mia", "turn");
    story.refused("mel", "act_on_process", act(&id, "approve"), "not_eligible");
    let id = started(&mut story, "mia", "two");
    let shown = story.when("max", "act_on_process", act(&id, "approve"));
    assert_eq!(shown["preview"]["details"]["decides"], false);
    story.given("max", "act_on_process", act(&id, "approve"));
    let shown = story.when("joe", "act_on_process", act(&id, "approve"));
    assert_eq!(shown["preview"]["details"]["decides"], true);
    check("processes_modes", &story.end());
}

#[test]
fn what_deciding_refuses() {
    let mut story = ground("What deciding refuses");
    published(
        &mut story,
        "boss",
        json!({"allowDelegation": false}),
        json!({"members": ["max", "mel"]}),
    );
    let id = started(&mut story, "mia", "boss");
    story.given("max", "act_on_process", act(&id, "approve"));
    let silent = json!({"process": id, "act": "reject"});
    let other = json!({"process": id, "act": "approve", "step": "other"});
    let over = json!({"process": id, "act": "delegate", "delegateTo": "joe"});
    for (who, args, code) in [
        ("joe", act(&id, "approve"), "not_eligible"),
        ("mia", act(&id, "approve"), "self_approval"),
        ("bot", act(&id, "approve"), "agent_not_allowed"),
        ("max", act(&id, "approve"), "already_decided"),
        ("mel", silent, "note_required"),
        ("mel", over, "delegation_refused"),
        ("mel", other, "step_closed"),
        ("mel", act(&id, "complete"), "step_closed"),
        ("mel", act(&id, "retry"), "step_closed"),
        ("mel", act(&id, "escalate"), "not_eligible"),
        ("joe", act(&id, "cancel"), "not_eligible"),
        ("joe", act(&id, "comment"), "not_eligible"),
    ] {
        story.refused(who, "act_on_process", args, code);
    }
    story.does(
        "mia",
        "act_on_process",
        json!({"process": id, "act": "cancel", "note": "found one"}),
    );
    story.refused("mel", "act_on_process", act(&id, "approve"), "step_closed");
    check("processes_act_refuse", &story.end());
}

#[test]
fn nobody_decides_on_their_own_request_not_even_through_an_agent() {
    let mut story = ground("One's own request");
    let who = json!({"members": ["max", "mia", "bot"]});
    published(&mut story, "p", json!({"mode": "any", "allowAgents": true}), who);
    // mia asks: neither she nor her agent counts.
    let id = started(&mut story, "mia", "p");
    let open = story.call("mia", "get_process", json!({"process": id})).unwrap();
    assert_eq!(open["item"]["active"]["mayAct"], json!(["@max"]), "{open}");
    // Her agent asks: a human may decide on what an agent of theirs wants.
    let id = started(&mut story, "bot", "p");
    let open = story.call("mia", "get_process", json!({"process": id})).unwrap();
    assert_eq!(open["item"]["active"]["mayAct"], json!(["@max", "@mia"]), "{open}");
    let _ = story.end();
}

#[test]
fn a_vote_is_handed_over_twice_at_most_and_never_in_a_circle() {
    let mut story = ground("Handing over");
    published(
        &mut story,
        "p",
        json!({"mode": "all", "minDistinct": 2}),
        json!({"members": ["max", "mel"]}),
    );
    let id = started(&mut story, "mia", "p");
    let to = |whom: &str| json!({"process": id, "act": "delegate", "delegateTo": whom});
    story.refused("max", "act_on_process", to("mia"), "delegation_refused");
    story.refused("max", "act_on_process", to("bot"), "delegation_refused");
    story.does("max", "act_on_process", to("joe"));
    story.refused("joe", "act_on_process", to("max"), "delegation_refused");
    story.refused("max", "act_on_process", act(&id, "approve"), "not_eligible");
    story.given("joe", "act_on_process", to("ana"));
    story.refused("ana", "act_on_process", to("mel"), "delegation_refused");
    story.given("ana", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "running");
    story.given("mel", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "approved");
    // Who speaks for two is one person: two are needed, and one would be left.
    let id = started(&mut story, "mia", "p");
    let to = json!({"process": id, "act": "delegate", "delegateTo": "mel"});
    story.refused("max", "act_on_process", to, "delegation_refused");
    story.given("max", "act_on_process", act(&id, "approve"));
    story.given("mel", "act_on_process", act(&id, "approve"));
    assert_eq!(status(&mut story, &id), "approved");
    check("processes_delegation", &story.end());
}

#[test]
fn a_rule_that_names_too_many_is_warned_of() {
    let mut story = ground("Too many");
    for number in 0..51 {
        story.human(&format!("p{number}"), "member");
    }
    let everybody = json!({"expression": "member.kind == 'human'"});
    let steps = json!([{"id": "boss", "kind": "approval", "assignees": everybody}]);
    let args = json!({"key": "p", "subject": "none", "steps": steps, "publish": true});
    let pending = story.call("ana", "save_process_definition", args).unwrap();
    let warned = pending["preview"]["warnings"].to_string();
    assert!(warned.contains("asks the first 50"), "{warned}");
    let today = &pending["preview"]["details"]["today"][0]["wouldDecideToday"];
    assert_eq!(today.as_array().unwrap().len(), 50);
    let _ = story.end();
}
