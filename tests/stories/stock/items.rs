//! Items and locations: saved, refused, frozen, revalued.

use serde_json::json;

use super::{euro, ground, item, receive};
use crate::story::check;

#[test]
fn an_item_is_created_changed_and_frozen() {
    let mut story = ground("Stock items");
    story.does(
        "ana",
        "save_stock_item",
        json!({"sku": "NUT", "name": "Nut", "uom": "pcs", "reorder": [{"location": "WH", "min": "5", "max": "50", "multiple": "10", "leadTimeDays": 3}]}),
    );
    story.refused(
        "ana",
        "save_stock_item",
        json!({"sku": "bolt", "name": "Other", "uom": "pcs"}),
        "sku_taken",
    );
    story.refused("ana", "save_stock_item", json!({"sku": "NEW"}), "validation_failed");
    let rule = json!([{"location": "WH", "min": "5", "max": "4"}]);
    story.refused(
        "ana",
        "save_stock_item",
        json!({"item": "BOLT", "reorder": rule}),
        "min_above_max",
    );
    for (args, field) in [
        (json!({"item": "DRILL", "standardCost": null}), "standardCost"),
        (json!({"item": "MILK", "allowNegative": true}), "allowNegative"),
        (
            json!({"item": "BOLT", "altUoms": [{"uom": "PCS", "factor": "2"}]}),
            "altUoms",
        ),
    ] {
        let no = story.refused("ana", "save_stock_item", args, "validation_failed");
        assert_eq!(no["field"], field);
    }
    story.refused(
        "ana",
        "save_stock_item",
        json!({"item": "BOLT", "customFields": {}}),
        "not_available_yet",
    );
    story.given("ana", "save_stock_item", json!({"item": "BOLT", "uom": "piece"}));
    receive(&mut story, "BOLT", "10", "0.5", "WH");
    for (field, value) in [
        ("uom", json!("pcs")),
        ("tracking", json!("lot")),
        ("valuation", json!("fifo")),
    ] {
        let mut args = json!({"item": "BOLT"});
        args[field] = value;
        let no = story.refused("ana", "save_stock_item", args, "frozen_field");
        assert_eq!(no["field"], field);
    }
    let noop = story
        .call("ana", "save_stock_item", json!({"item": "BOLT", "name": "Bolt M8"}))
        .unwrap();
    assert_eq!(noop["status"], "noop");
    let meanwhile = json!({"item": "BOLT", "name": "Bolt M8 zinc"});
    story.stale(
        "ana",
        "save_stock_item",
        json!({"item": "BOLT", "name": "Bolt"}),
        |story| {
            story.given("ana", "save_stock_item", meanwhile);
        },
    );
    check("stock_items", &story.end());
}

#[test]
fn a_new_set_cost_revalues_and_a_new_rule_fires_at_once() {
    let mut story = ground("A new set cost, a new reorder rule");
    let lines = json!([{"item": "DRILL", "qty": "1", "lot": "D1", "unitCost": euro("53")}, {"item": "DRILL", "qty": "1", "lot": "D2"}]);
    story.given("ana", "receive_stock", json!({"lines": lines, "to": "WH"}));
    assert_eq!(item(&mut story, "DRILL")["value"], "100");
    let done = story.does(
        "ana",
        "save_stock_item",
        json!({"item": "DRILL", "standardCost": euro("60")}),
    );
    assert_eq!(item(&mut story, "DRILL")["value"], "120");
    story.given("ana", "undo_action", json!({"actionId": done["actionId"]}));
    assert_eq!(item(&mut story, "DRILL")["value"], "100");
    assert_eq!(item(&mut story, "DRILL")["standardCost"]["amount"], "50");
    let rule = json!([{"location": "WH", "min": "3", "max": "9"}]);
    let fired = story.does("ana", "save_stock_item", json!({"item": "DRILL", "reorder": rule}));
    assert!(fired.to_string().contains("stock.reorder_point_reached"), "{fired}");
    story.given("ana", "reserve_stock", json!({"item": "DRILL", "qty": "1"}));
    let ends = story.when(
        "ana",
        "save_stock_item",
        json!({"item": "DRILL", "status": "discontinued"}),
    );
    assert_eq!(ends["preview"]["details"]["openReservations"][0]["qty"], "1");
    check("stock_items_revalued", &story.end());
}

#[test]
fn a_location_is_created_moved_and_closed() {
    let mut story = ground("Stock locations");
    story.does(
        "ana",
        "save_stock_location",
        json!({"code": "ZONE", "kind": "zone", "parent": "WH"}),
    );
    story.refused(
        "ana",
        "save_stock_location",
        json!({"code": "bin"}),
        "validation_failed",
    );
    story.refused(
        "ana",
        "save_stock_location",
        json!({"location": "WH", "parent": "ZONE"}),
        "cycle",
    );
    receive(&mut story, "BOLT", "10", "0.5", "BIN");
    story.refused(
        "ana",
        "save_stock_location",
        json!({"location": "BIN", "kind": "zone"}),
        "kind_frozen",
    );
    story.refused(
        "ana",
        "save_stock_location",
        json!({"location": "WH", "active": false}),
        "not_empty",
    );
    let mut parent = "ZONE".to_owned();
    for depth in 3..=6 {
        let code = format!("D{depth}");
        story.given(
            "ana",
            "save_stock_location",
            json!({"code": code, "kind": "bin", "parent": parent}),
        );
        parent = code;
    }
    story.refused(
        "ana",
        "save_stock_location",
        json!({"code": "D7", "parent": "D6"}),
        "validation_failed",
    );
    let closed = story.does(
        "ana",
        "save_stock_location",
        json!({"location": "SHOP", "active": false}),
    );
    assert_eq!(closed["status"], "succeeded");
    let line = json!([{"item": "BOLT", "qty": "1", "unitCost": euro("1")}]);
    story.refused(
        "ana",
        "receive_stock",
        json!({"lines": line, "to": "SHOP"}),
        "validation_failed",
    );
    story.stale(
        "ana",
        "save_stock_location",
        json!({"location": "ZONE", "name": "Zone"}),
        |story| {
            story.given("ana", "save_stock_location", json!({"location": "ZONE", "name": "Z"}));
        },
    );
    check("stock_locations", &story.end());
}
