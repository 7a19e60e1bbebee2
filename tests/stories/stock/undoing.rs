//! Undoing: movements are never edited, a counter-entry takes them back.

use serde_json::json;

use super::{euro, ground, item, receive, receive_lot};
use crate::story::check;

#[test]
fn what_moved_is_taken_back_by_counter_entries() {
    let mut story = ground("Undoing movements");
    receive(&mut story, "BOLT", "10", "1", "WH");
    let held = story.given("ana", "reserve_stock", json!({"item": "BOLT", "qty": "4"}));
    let line = json!({"item": "BOLT", "qty": "4", "reservation": held["id"]});
    let issued = story.does("ana", "issue_stock", json!({"lines": [line], "from": "WH"}));
    receive(&mut story, "BOLT", "6", "3", "WH");
    assert_eq!(item(&mut story, "BOLT")["value"], "24");
    let undone = story.does("ana", "undo_action", json!({"actionId": issued["actionId"]}));
    let bolt = item(&mut story, "BOLT");
    assert_eq!(
        (&bolt["onHand"], &bolt["reserved"], &bolt["value"]),
        (&json!("16"), &json!("4"), &json!("28"))
    );
    story.refused(
        "ana",
        "undo_action",
        json!({"actionId": issued["actionId"]}),
        "already_undone",
    );
    story.given("ana", "undo_action", json!({"actionId": undone["actionId"]}));
    assert_eq!(item(&mut story, "BOLT")["onHand"], "12");
    check("stock_undo", &story.end());
}

#[test]
fn what_is_no_longer_there_cannot_be_taken_back() {
    let mut story = ground("Undoing what is used up");
    let line = json!({"item": "BOLT", "qty": "10", "unitCost": {"amount": "1", "currency": "EUR"}});
    let came = story.does("ana", "receive_stock", json!({"lines": [line], "to": "WH"}));
    story.given(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "BOLT", "qty": "4"}], "from": "WH"}),
    );
    story.refused(
        "ana",
        "undo_action",
        json!({"actionId": came["actionId"]}),
        "insufficient_stock",
    );
    receive_lot(&mut story, "MILK", "4", "M1", None);
    let blocked = json!({"at": "WH", "note": "smells", "lines": [{"item": "MILK", "delta": "-1", "lot": "M1", "lotStatus": "blocked", "cause": "sample"}]});
    let done = story.does("ana", "adjust_stock", blocked);
    assert_eq!(item(&mut story, "MILK")["available"], "0");
    story.does("ana", "undo_action", json!({"actionId": done["actionId"]}));
    assert_eq!(item(&mut story, "MILK")["available"], "4");
    let rename = story.does("ana", "save_stock_item", json!({"item": "BOLT", "name": "Bolt"}));
    story.given("ana", "undo_action", json!({"actionId": rename["actionId"]}));
    assert_eq!(item(&mut story, "BOLT")["name"], "Bolt M8");
    check("stock_undo_used_up", &story.end());
}

#[test]
fn a_revaluation_is_taken_back_as_far_as_the_goods_are_still_there() {
    let mut story = ground("Undoing what goods are worth");
    let market = |cost: &str| {
        let line = json!({"item": "WIRE", "delta": "0", "cause": "revaluation", "newUnitCost": euro(cost)});
        json!({"at": "WH", "note": "market", "lines": [line]})
    };
    receive(&mut story, "WIRE", "10", "2", "WH");
    let dearer = story.does("ana", "adjust_stock", market("3"));
    story.given(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "WIRE", "qty": "6"}], "from": "WH"}),
    );
    let undone = story.does("ana", "undo_action", json!({"actionId": dearer["actionId"]}));
    assert_eq!(item(&mut story, "WIRE")["value"], "8", "four are left, worth two each");
    // And with that undone, what it took back is there again, and no more.
    story.given("ana", "undo_action", json!({"actionId": undone["actionId"]}));
    assert_eq!(item(&mut story, "WIRE")["value"], "12");
    // Of what is gone altogether nothing is taken back.
    let dearest = story.does("ana", "adjust_stock", market("9"));
    story.given(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "WIRE", "qty": "4"}], "from": "WH"}),
    );
    story.given("ana", "undo_action", json!({"actionId": dearest["actionId"]}));
    assert_eq!(item(&mut story, "WIRE")["value"], "0");
    check("stock_undo_revaluation", &story.end());
}
