//! A week of a company, told to the end: people and an agent, goods, a blind count, a purchase that two must approve and
//! that nobody approves before the morning, a rule that assigns, a bulk move that is taken back. The server is killed
//! twice; what it said holds, and the journal alone makes the same state again.

mod house;

use std::sync::Arc;

use journal::Log as _;
use orkestra::kernel::{Engine, State};
use serde_json::{Value, json};

use self::house::House;
use crate::full::owner;
use crate::story::{self, decided_again};

async fn people(house: &House) {
    let asked: Vec<Value> = [("mia", "manager"), ("max", "manager"), ("joe", "member")]
        .iter()
        .map(|(name, role)| json!({"email": format!("{name}@example.com"), "role": role}))
        .collect();
    let invited = house
        .does(
            "ana",
            "manage_organization",
            json!({"op": "invite_members", "invites": asked}),
        )
        .await;
    let ana = owner(&house.handle);
    for one in invited["result"]["invited"].as_array().unwrap() {
        let member = one["member"].as_str().unwrap().parse().unwrap();
        house.handle.join(&ana, member).await.unwrap();
    }
    let bot = json!({"op": "invite_members", "invites": [{"email": "bot", "kind": "agent", "sponsor": "mia", "role": "agent_worker"}]});
    house.does("ana", "manage_organization", bot).await;
    house
        .does(
            "ana",
            "create_team",
            json!({"name": "Store", "lead": "mia", "members": ["mia", "joe", "bot"]}),
        )
        .await;
}

async fn ground(house: &House) {
    house
        .does("mia", "create_project", json!({"name": "Ops", "key": "OPS"}))
        .await;
    let add: Vec<Value> = ["joe", "max", "bot"]
        .iter()
        .map(|member| json!({"member": member}))
        .collect();
    house
        .does("mia", "update_project_members", json!({"project": "OPS", "add": add}))
        .await;
    let limits = json!({"stock": {"countVariancePercent": "5"}});
    house
        .does(
            "ana",
            "manage_organization",
            json!({"op": "update_settings", "settings": limits}),
        )
        .await;
    house
        .does("mia", "save_stock_location", json!({"code": "WH", "kind": "warehouse"}))
        .await;
    house
        .does(
            "mia",
            "save_stock_item",
            json!({"sku": "BOLT", "name": "Bolt", "uom": "pcs"}),
        )
        .await;
    let purchase = json!({
        "key": "purchase", "name": "Purchase", "publish": true, "variables": {"amount": {"type": "number", "required": true}},
        "steps": [{
            "id": "two", "kind": "approval", "assignees": {"members": ["max", "mia"]}, "approval": {"mode": "quorum", "quorum": 2},
            "deadline": "4h", "onTimeout": "escalate", "escalateTo": {"members": ["ana"]},
        }],
    });
    house.does("mia", "save_process_definition", purchase).await;
    let count = json!({
        "key": "stock-count", "name": "Count", "subject": "stock", "publish": true,
        "steps": [{"id": "boss", "kind": "approval", "assignees": {"roles": ["manager"]}, "approval": {"mode": "any"}}],
    });
    house.does("mia", "save_process_definition", count).await;
    let rule = json!({
        "name": "Urgent goes to joe", "project": "OPS", "trigger": {"kind": "event", "eventTypes": ["task.created"], "filter": "task.priority == 'urgent'"},
        "actions": [{"kind": "assign_task", "params": {"assignees": {"add": ["@joe"]}}}],
    });
    house.does("ana", "create_automation_rule", rule).await;
}

/// A yes in a process.
fn yes(process: &Value) -> Value {
    json!({"process": process, "act": "approve"})
}

/// Monday: the house is set up, goods come in, work is written down.
async fn monday(house: &House) {
    people(house).await;
    ground(house).await;
    house.at("2026-03-02T10:00:00Z").await;
    let goods =
        json!({"to": "WH", "lines": [{"item": "BOLT", "qty": "100", "unitCost": {"amount": "2", "currency": "EUR"}}]});
    house.does("joe", "receive_stock", goods).await;
    for (title, priority) in [
        ("Sweep", "low"),
        ("Label shelves", "medium"),
        ("Order gloves", "medium"),
        ("Mend the gate", "urgent"),
    ] {
        house
            .does(
                "bot",
                "create_task",
                json!({"project": "OPS", "title": title, "priority": priority}),
            )
            .await;
    }
    let gate = json!({"task": "OPS-4"});
    house
        .until("the rule assigns joe", "get_task", gate.clone(), |task| {
            task["item"]["assignees"].to_string().contains("joe")
        })
        .await;
    house
        .does("bot", "move_task", json!({"task": "OPS-4", "to": "To do"}))
        .await;
}

/// Tuesday: a blind count finds less than there should be; the server is killed before it is approved.
async fn tuesday(house: House) -> House {
    house.at("2026-03-03T09:00:00Z").await;
    let open = json!({"op": "open", "locations": ["WH"], "mode": "blind"});
    let session = house.does("mia", "count_stock", open).await["result"]["id"].clone();
    let counted =
        json!({"op": "record", "session": session, "lines": [{"item": "BOLT", "location": "WH", "counted": "90"}]});
    house.does("joe", "count_stock", counted).await;
    let post = |process: Option<&Value>| {
        let mut args = json!({"op": "post", "session": session});
        if let Some(process) = process {
            args["process"] = process.clone();
        }
        args
    };
    assert_eq!(
        house.refused("mia", "count_stock", post(None)).await,
        "approval_required"
    );
    let asked = house
        .does(
            "mia",
            "start_process",
            json!({"definition": "stock-count", "subject": session}),
        )
        .await["result"]["id"]
        .clone();
    assert_eq!(
        house.refused("mia", "act_on_process", yes(&asked)).await,
        "self_approval"
    );
    let pending = house.ask("max", "act_on_process", yes(&asked)).await;
    let house = house.killed();
    // What was only offered can still be confirmed, with the same token.
    let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
    assert_eq!(house.ask("max", "confirm_action", confirm).await["status"], "succeeded");
    house.does("mia", "count_stock", post(Some(&asked))).await;
    let item = house.ask("joe", "get_stock_item", json!({"item": "BOLT"})).await;
    assert_eq!(item["item"]["onHand"], "90", "{item}");
    house
}

/// Wednesday afternoon: a purchase that two must approve. One does; the other is not there, and it gets late.
async fn a_purchase(house: House) -> House {
    house.at("2026-03-04T14:00:00Z").await;
    let bought = house
        .does(
            "joe",
            "start_process",
            json!({"definition": "purchase", "variables": {"amount": 900}}),
        )
        .await["result"]["id"]
        .clone();
    house.does("max", "act_on_process", yes(&bought)).await;
    let house = house.killed();
    house.at("2026-03-04T22:00:00Z").await;
    let seen = house.ask("joe", "get_process", json!({"process": bought})).await;
    assert_eq!(
        seen["item"]["active"]["mayAct"],
        json!(["@mia"]),
        "nothing is due in the night: {seen}"
    );
    // Thursday morning the deadline of four working hours passes, and it goes to ana too.
    house.at("2026-03-05T10:01:00Z").await;
    let process = json!({"process": bought});
    house
        .until("it is escalated", "get_process", process.clone(), |seen| {
            seen["item"]["active"]["mayAct"].to_string().contains("@ana")
        })
        .await;
    house.does("ana", "act_on_process", yes(&bought)).await;
    assert_eq!(
        house.ask("joe", "get_process", process).await["item"]["status"],
        "approved"
    );
    house
}

/// Friday: too many are moved at once, and it is taken back in one action.
async fn friday(house: &House) {
    house.at("2026-03-06T15:00:00Z").await;
    let all = json!({"query": "project = OPS and state = Backlog", "toState": "To do", "expectedCount": 3});
    let moved = house.does("bot", "bulk_move_tasks", all).await;
    let state = |task: Value| task["item"]["state"].clone();
    assert_eq!(
        state(house.ask("joe", "get_task", json!({"task": "OPS-1"})).await),
        "To do"
    );
    house
        .does("bot", "undo_action", json!({"actionId": moved["actionId"]}))
        .await;
    for key in ["OPS-1", "OPS-2", "OPS-3"] {
        assert_eq!(
            state(house.ask("joe", "get_task", json!({"task": key})).await),
            "Backlog"
        );
    }
}

/// The end of the week: the journal alone makes the same state, and every decision of it again.
fn ends(house: &House) {
    let (records, live) = (house.records(), house.handle.snapshot());
    let registry = Arc::new(orkestra::data::registry());
    let mut again = Engine::new(Arc::clone(&registry), State::new(&registry.kinds()), story::key());
    for (seq, text) in (1..).zip(&records.0).take(usize::try_from(live.position).unwrap()) {
        again.absorb(seq, text).unwrap();
    }
    assert_eq!(again.state().digest().unwrap(), live.digest().unwrap());
    let report = decided_again(registry, &records);
    assert_eq!((report.divergences, report.other_version), (0, 0), "{report:#?}");
    assert_eq!(house.journal.durable(), house.handle.snapshot().position);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_of_a_company() {
    let house = House::open("2026-03-02T08:00:00Z");
    monday(&house).await;
    let house = tuesday(house).await;
    let house = a_purchase(house).await;
    friday(&house).await;
    ends(&house);
}
