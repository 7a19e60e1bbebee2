//! Alerts about money and goods: a budget that was overrun, a count that differs from the books.

use serde_json::json;

use crate::story::watching::Guard;
use crate::story::{Story, check};

#[test]
fn a_budget_that_is_overrun_raises_an_alert() {
    let mut story = Story::new("A budget is overrun");
    let mut guard = Guard::default();
    let made = story.given(
        "ana",
        "save_budget",
        json!({"name": "Ops", "from": "2026-01-01", "to": "2026-12-31", "control": "warn",
            "lines": [{"category": "Tools", "allocated": "1000"}, {"category": "Travel", "allocated": "500"}]}),
    );
    story.given("ana", "save_budget", json!({"budget": made["id"], "op": "approve"}));
    let tools =
        |amount: &str| json!({"budget": "Ops", "line": "Tools", "amount": {"amount": amount, "currency": "EUR"}});
    story.given("ana", "commit_budget", tools("1000"));
    assert_eq!(guard.looks(&mut story), 0, "all of it is not more than it");
    story.does("ana", "commit_budget", tools("1"));
    assert_eq!(guard.looks(&mut story), 1);
    assert_eq!(guard.looks(&mut story), 0, "the same evidence counts once");
    let travel = json!({"budget": "Ops", "line": "Travel", "amount": {"amount": "5", "currency": "EUR"}});
    story.given("ana", "commit_budget", travel);
    assert_eq!(guard.looks(&mut story), 0, "another line has enough");
    story.wait(11);
    story.given("ana", "commit_budget", tools("2"));
    assert_eq!(guard.looks(&mut story), 1, "it goes on");
    let alerts = story.alerts();
    assert_eq!(
        (alerts.len(), alerts[0].0.as_str(), alerts[0].2),
        (1, "budget_overrun", 2)
    );
    story.when("ana", "list_audit_alerts", json!({"kind": "budget_overrun"}));
    check("audit_budget_overrun", &story.end());
}

#[test]
fn a_count_far_from_the_books_raises_an_alert() {
    let mut story = Story::new("A count differs");
    let mut guard = Guard::default();
    for (code, kind) in [("WH", "warehouse"), ("SUP", "supplier")] {
        story.given("ana", "save_stock_location", json!({"code": code, "kind": kind}));
    }
    story.given(
        "ana",
        "save_stock_item",
        json!({"sku": "BOLT", "name": "Bolt", "uom": "pcs"}),
    );
    let line = json!({"item": "BOLT", "qty": "100", "unitCost": {"amount": "1", "currency": "EUR"}});
    story.given("ana", "receive_stock", json!({"lines": [line], "to": "WH"}));
    let count = |story: &mut Story, found: &str| {
        let open = story.given(
            "ana",
            "count_stock",
            json!({"op": "open", "locations": ["WH"], "mode": "full"}),
        );
        let session = open["result"]["id"]
            .as_str()
            .or(open["id"].as_str())
            .unwrap()
            .to_owned();
        let lines = json!([{"item": "BOLT", "location": "WH", "counted": found}]);
        story.given(
            "ana",
            "count_stock",
            json!({"op": "record", "session": session, "lines": lines}),
        );
        story.given("ana", "count_stock", json!({"op": "post", "session": session}));
    };
    count(&mut story, "90");
    assert_eq!(guard.looks(&mut story), 0, "ten in a hundred are let pass");
    count(&mut story, "80");
    assert_eq!(guard.looks(&mut story), 1, "ten in ninety are not");
    assert_eq!(Guard::default().looks(&mut story), 0, "also for one who begins anew");
    let alerts = story.alerts();
    assert_eq!((alerts.len(), alerts[0].0.as_str()), (1, "stock_variance"));
    story.when("ana", "list_audit_alerts", json!({"kind": "stock_variance"}));
    check("audit_stock_variance", &story.end());
}
