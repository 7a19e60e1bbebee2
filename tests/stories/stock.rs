//! Stock: goods come in, move, are promised, counted and go out, and the ledger always agrees.

mod books;
mod budgets;
mod counting;
mod items;
mod moving;
mod property;
mod reports;
mod reserving;
mod undoing;

use serde_json::{Value, json};

use crate::story::Story;

/// A warehouse with a bin, a shop, a supplier; bolts (average), milk (lots), drills (serial, set cost), wire (layers).
fn ground(title: &str) -> Story {
    let mut story = Story::new(title);
    bare(&mut story);
    story
}

fn bare(story: &mut Story) {
    for (code, kind, parent) in [
        ("WH", "warehouse", None),
        ("BIN", "bin", Some("WH")),
        ("SHOP", "warehouse", None),
        ("SUP", "supplier", None),
    ] {
        let mut args = json!({"code": code, "kind": kind});
        if let Some(parent) = parent {
            args["parent"] = parent.into();
        }
        story.given("ana", "save_stock_location", args);
    }
    for args in [
        json!({"sku": "BOLT", "name": "Bolt M8", "uom": "pcs", "altUoms": [{"uom": "box", "factor": "100"}], "category": "hardware"}),
        json!({"sku": "MILK", "name": "Milk", "uom": "l", "precision": 2, "tracking": "lot", "shelfLifeDays": 10}),
        json!({"sku": "DRILL", "name": "Drill", "uom": "pcs", "tracking": "serial", "valuation": "standard",
            "standardCost": {"amount": "50", "currency": "EUR"}}),
        json!({"sku": "WIRE", "name": "Wire", "uom": "m", "precision": 3, "valuation": "fifo"}),
    ] {
        story.given("ana", "save_stock_item", args);
    }
}

fn euro(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// Receives goods at a cost.
fn receive(story: &mut Story, item: &str, qty: &str, cost: &str, to: &str) -> Value {
    let line = json!({"item": item, "qty": qty, "unitCost": euro(cost)});
    story.given("ana", "receive_stock", json!({"lines": [line], "to": to}))
}

/// Receives a lot at a cost of 1.
fn receive_lot(story: &mut Story, item: &str, qty: &str, lot: &str, expiry: Option<&str>) -> Value {
    let mut line = json!({"item": item, "qty": qty, "unitCost": euro("1"), "lot": lot});
    if let Some(day) = expiry {
        line["expiry"] = day.into();
    }
    story.given("ana", "receive_stock", json!({"lines": [line], "to": "WH"}))
}

/// The levels of an item, as `get_stock_item` gives them.
fn item(story: &mut Story, item: &str) -> Value {
    story.call("ana", "get_stock_item", json!({"item": item})).unwrap()["item"].clone()
}
