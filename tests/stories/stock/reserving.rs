//! Promises: made, changed, released, and over by the hour alone.

use serde_json::json;

use super::{ground, item, receive};
use crate::story::check;

#[test]
fn goods_are_promised_until_an_hour() {
    let mut story = ground("Reserving");
    receive(&mut story, "BOLT", "10", "1", "WH");
    story.given("ana", "create_project", json!({"name": "Ops", "key": "OPS"}));
    story.given("ana", "create_task", json!({"project": "OPS", "title": "Fix the door"}));
    let first = json!({"item": "BOLT", "qty": "6", "forRef": "OPS-1", "expiresAt": "2026-03-02T10:00:00Z"});
    let held = story.does("ana", "reserve_stock", first)["result"].clone();
    story.refused(
        "ana",
        "reserve_stock",
        json!({"item": "BOLT", "qty": "5"}),
        "insufficient_available",
    );
    let part = story.does(
        "ana",
        "reserve_stock",
        json!({"item": "BOLT", "qty": "5", "partial": true}),
    );
    assert_eq!(part["result"]["qty"], "4");
    story.refused(
        "ana",
        "reserve_stock",
        json!({"op": "change", "reservation": held["id"], "qty": "7"}),
        "insufficient_available",
    );
    story.does(
        "ana",
        "reserve_stock",
        json!({"op": "change", "reservation": held["id"], "qty": "5"}),
    );
    story.refused(
        "ana",
        "reserve_stock",
        json!({"item": "BOLT", "qty": "1", "expiresAt": "2026-03-01T10:00:00Z"}),
        "validation_failed",
    );
    assert_eq!(item(&mut story, "BOLT")["available"], "1");
    story.wait(61);
    assert_eq!(item(&mut story, "BOLT")["available"], "6", "its hour has passed");
    assert_eq!(
        story.reacts(),
        ["schedule.fired", "stock.reservation_expired"],
        "said once"
    );
    assert_eq!(item(&mut story, "BOLT")["available"], "6");
    story.refused(
        "ana",
        "reserve_stock",
        json!({"op": "release", "reservation": held["id"]}),
        "not_active",
    );
    story.does(
        "ana",
        "reserve_stock",
        json!({"op": "release", "reservation": part["result"]["id"]}),
    );
    assert_eq!(item(&mut story, "BOLT")["available"], "10");
    story.given("ana", "delete_task", json!({"task": "OPS-1"}));
    story.given("ana", "create_task", json!({"project": "OPS", "title": "Paint it"}));
    story.given("ana", "move_task", json!({"task": "OPS-2", "to": "Cancelled"}));
    story.refused(
        "ana",
        "reserve_stock",
        json!({"item": "BOLT", "qty": "1", "forRef": "OPS-2"}),
        "subject_closed",
    );
    story.stale(
        "ana",
        "reserve_stock",
        json!({"item": "BOLT", "qty": "12", "partial": true}),
        |story| {
            receive(story, "BOLT", "1", "2", "WH");
        },
    );
    check("stock_reserving", &story.end());
}
