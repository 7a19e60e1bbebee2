//! Receiving, issuing, transferring and adjusting.

use serde_json::json;

use super::{euro, ground, item, receive, receive_lot};
use crate::story::check;

#[test]
fn goods_are_received() {
    let mut story = ground("Receiving");
    receive(&mut story, "BOLT", "100", "0.10", "WH");
    let line = json!({"item": "BOLT", "qty": "2", "uom": "box", "unitCost": euro("0.13")});
    story.does(
        "ana",
        "receive_stock",
        json!({"lines": [line], "to": "WH", "from": "SUP", "reference": "PO-1"}),
    );
    assert_eq!(item(&mut story, "BOLT")["value"], "36");
    let dollars = json!({"amount": "1", "currency": "USD"});
    let mut wrong = |line: serde_json::Value, code: &str| {
        story.refused("ana", "receive_stock", json!({"lines": [line], "to": "WH"}), code);
    };
    wrong(
        json!({"item": "MILK", "qty": "1", "unitCost": euro("1")}),
        "lot_required",
    );
    wrong(
        json!({"item": "BOLT", "qty": "1", "unitCost": euro("1"), "lot": "L"}),
        "validation_failed",
    );
    wrong(json!({"item": "DRILL", "qty": "2", "lot": "D1"}), "serial_quantity");
    wrong(json!({"item": "BOLT", "qty": "1"}), "cost_required");
    wrong(
        json!({"item": "BOLT", "qty": "1", "uom": "kg", "unitCost": euro("1")}),
        "uom_not_convertible",
    );
    wrong(
        json!({"item": "BOLT", "qty": "0.001", "uom": "box", "unitCost": euro("1")}),
        "uom_not_convertible",
    );
    wrong(
        json!({"item": "BOLT", "qty": "1", "unitCost": dollars}),
        "rate_required",
    );
    wrong(
        json!({"item": "BOLT", "qty": "0", "unitCost": euro("1")}),
        "validation_failed",
    );
    wrong(
        json!({"item": "BOLT", "qty": "900000000000000", "uom": "box", "unitCost": euro("1")}),
        "limit_exceeded",
    );
    let line = json!([{"item": "BOLT", "qty": "1", "unitCost": dollars, "rate": "0.9"}]);
    story.given("ana", "receive_stock", json!({"lines": line, "to": "WH"}));
    let february = json!({"lines": line, "to": "WH", "effectiveAt": "2026-02-27T10:00:00Z"});
    story.refused("ana", "receive_stock", february.clone(), "period_closed");
    story.given(
        "ana",
        "manage_organization",
        json!({"op": "update_settings", "settings": {"stock": {"openFrom": "2026-02-01"}}}),
    );
    story.given("ana", "receive_stock", february);
    story.given(
        "ana",
        "receive_stock",
        json!({"lines": [{"item": "DRILL", "qty": "1", "lot": "D1"}], "to": "WH"}),
    );
    let again = json!({"lines": [{"item": "DRILL", "qty": "1", "lot": "d1"}], "to": "SHOP"});
    story.refused("ana", "receive_stock", again, "serial_quantity");
    let held = json!({"lines": [{"item": "MILK", "qty": "4.5", "lot": "M1", "unitCost": euro("1.2")}], "to": "WH", "quarantine": true});
    story.does("ana", "receive_stock", held);
    let line = json!([{"item": "BOLT", "qty": "1", "unitCost": euro("1")}]);
    story.stale("ana", "receive_stock", json!({"lines": line, "to": "WH"}), |story| {
        receive(story, "BOLT", "5", "2", "WH");
    });
    check("stock_receiving", &story.end());
}

#[test]
fn a_lot_is_over_its_date_when_the_day_is_over() {
    let mut story = ground("A lot over its date");
    receive_lot(&mut story, "MILK", "5", "SOON", Some("2026-03-02"));
    receive_lot(&mut story, "MILK", "5", "LATE", Some("2026-04-01"));
    let mut held = json!({"lines": [{"item": "MILK", "qty": "1", "lot": "HELD", "expiry": "2026-03-02", "unitCost": euro("1")}], "to": "WH"});
    held["quarantine"] = true.into();
    story.given("ana", "receive_stock", held);
    assert_eq!(story.reacts(), Vec::<String>::new(), "the day is not over");
    story.wait(24 * 60);
    assert_eq!(
        story.reacts(),
        ["schedule.fired", "stock.lot_expired"],
        "once, and not of what is held back"
    );
    let lots = json!({"groupBy": "lot"});
    let lots = story.call("ana", "list_stock_items", lots).unwrap();
    let status = |code: &str| {
        let rows = lots["items"].as_array().unwrap();
        rows.iter().find(|row| row["lot"] == code).unwrap()["status"].clone()
    };
    assert_eq!(
        (status("SOON"), status("HELD"), status("LATE")),
        ("expired".into(), "quarantine".into(), "available".into())
    );
    story.human("mo", "member");
    let taken = json!({"lines": [{"item": "MILK", "qty": "1", "lot": "SOON"}], "from": "WH"});
    story.refused("mo", "issue_stock", taken, "lot_not_issuable");
    check("stock_lot_expires", &story.end());
}

#[test]
fn goods_are_issued_first_expiring_first() {
    let mut story = ground("Issuing");
    story.human("mo", "member");
    story.given(
        "ana",
        "save_stock_item",
        json!({"item": "MILK", "reorder": [{"location": "WH", "min": "10", "max": "40"}]}),
    );
    receive_lot(&mut story, "MILK", "10", "LATE", Some("2026-04-01"));
    receive_lot(&mut story, "MILK", "5", "SOON", Some("2026-03-10"));
    receive_lot(&mut story, "MILK", "3", "GONE", Some("2026-03-01"));
    let issued = story.does(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "MILK", "qty": "8"}], "from": "WH", "reference": "order 7"}),
    );
    let moves = &issued["result"]["movements"];
    assert_eq!((&moves[0]["lot"], &moves[0]["qty"]), (&json!("SOON"), &json!("5")));
    assert_eq!((&moves[1]["lot"], &moves[1]["qty"]), (&json!("LATE"), &json!("3")));
    let more = story
        .call(
            "ana",
            "issue_stock",
            json!({"lines": [{"item": "MILK", "qty": "1"}], "from": "WH"}),
        )
        .unwrap();
    assert_eq!(
        more["preview"]["details"]["reorder"]["reached"],
        json!([]),
        "it fires once"
    );
    story.refused(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "MILK", "qty": "9"}], "from": "WH"}),
        "insufficient_stock",
    );
    let gone = json!({"lines": [{"item": "MILK", "qty": "1", "lot": "GONE"}], "from": "WH"});
    story.refused("mo", "issue_stock", gone.clone(), "lot_not_issuable");
    story.given("ana", "issue_stock", gone);
    let held = story.given("ana", "reserve_stock", json!({"item": "MILK", "qty": "6"}));
    story.refused(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "MILK", "qty": "2"}], "from": "WH"}),
        "insufficient_stock",
    );
    let of =
        |qty: &str, item: &str| json!({"lines": [{"item": item, "qty": qty, "reservation": held["id"]}], "from": "WH"});
    story.refused("ana", "issue_stock", of("7", "MILK"), "reservation_mismatch");
    receive(&mut story, "BOLT", "10", "1", "WH");
    story.refused("ana", "issue_stock", of("1", "BOLT"), "reservation_mismatch");
    let early = json!({"lines": [{"item": "BOLT", "qty": "1"}], "from": "WH", "effectiveAt": "2026-02-27T10:00:00Z"});
    story.refused("ana", "issue_stock", early, "period_closed");
    story.refused(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "BOLT", "qty": "1"}], "from": "SUP"}),
        "validation_failed",
    );
    story.does("ana", "issue_stock", of("6", "MILK"));
    story.refused("ana", "issue_stock", of("1", "MILK"), "reservation_mismatch");
    story.stale(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "BOLT", "qty": "4"}], "from": "WH"}),
        |story| {
            receive(story, "BOLT", "5", "2", "WH");
        },
    );
    check("stock_issuing", &story.end());
}

#[test]
fn goods_are_transferred_at_once_and_in_transit() {
    let mut story = ground("Transferring");
    receive(&mut story, "BOLT", "10", "1", "WH");
    receive(&mut story, "BOLT", "10", "2", "SHOP");
    let to_shop = |qty: &str| json!({"lines": [{"item": "BOLT", "qty": qty}], "from": "WH", "to": "SHOP"});
    story.does("ana", "transfer_stock", to_shop("5"));
    assert_eq!(item(&mut story, "BOLT")["value"], "30");
    story.refused("ana", "transfer_stock", to_shop("6"), "insufficient_stock");
    let nowhere = json!({"lines": [{"item": "BOLT", "qty": "1"}], "from": "WH", "to": "WH"});
    story.refused("ana", "transfer_stock", nowhere, "same_location");
    let held = story.given(
        "ana",
        "reserve_stock",
        json!({"item": "BOLT", "qty": "4", "location": "WH"}),
    );
    let mut stays = to_shop("3");
    stays["keepReservations"] = json!(false);
    story.refused("ana", "transfer_stock", stays, "reserved_elsewhere");
    story.refused("ana", "transfer_stock", to_shop("3"), "reserved_elsewhere");
    let along = story.does("ana", "transfer_stock", to_shop("5"));
    assert_eq!(along["status"], "succeeded");
    story.given(
        "ana",
        "reserve_stock",
        json!({"op": "release", "reservation": held["id"]}),
    );
    let mut away = json!({"lines": [{"item": "BOLT", "qty": "8"}], "from": "SHOP", "to": "BIN", "viaTransit": true});
    let sent = story.does("ana", "transfer_stock", away.clone());
    let bolt = item(&mut story, "BOLT");
    assert_eq!(
        (&bolt["onHand"], &bolt["available"], &bolt["inTransit"]),
        (&json!("20"), &json!("12"), &json!("8"))
    );
    away["viaTransit"] = json!(false);
    away["receiveTransfer"] = sent["result"]["movements"][0]["id"].clone();
    let mut other = away.clone();
    other["to"] = json!("WH");
    story.refused("ana", "transfer_stock", other, "validation_failed");
    story.does("ana", "transfer_stock", away.clone());
    story.refused("ana", "transfer_stock", away, "transfer_already_received");
    let bolt = item(&mut story, "BOLT");
    assert_eq!((&bolt["available"], &bolt["value"]), (&json!("20"), &json!("30")));
    story.stale(
        "ana",
        "transfer_stock",
        json!({"lines": [{"item": "BOLT", "qty": "1"}], "from": "BIN", "to": "WH"}),
        |story| {
            receive(story, "BOLT", "5", "2", "WH");
        },
    );
    check("stock_transferring", &story.end());
}

#[test]
fn the_books_are_put_right() {
    let mut story = ground("Adjusting");
    story.human("mo", "member");
    let came = receive(&mut story, "BOLT", "10", "1", "WH");
    receive_lot(&mut story, "MILK", "4", "M1", Some("2026-04-01"));
    let broken = |delta: &str| json!({"at": "WH", "note": "fell off", "lines": [{"item": "BOLT", "delta": delta, "cause": "damage"}]});
    story.refused("mo", "adjust_stock", broken("-1"), "forbidden");
    let lost = story.does("ana", "adjust_stock", broken("-3"));
    story.refused("ana", "adjust_stock", broken("-8"), "insufficient_stock");
    story.given(
        "ana",
        "manage_organization",
        json!({"op": "update_settings", "settings": {"stock": {"approvalAbove": "5"}}}),
    );
    story.refused("ana", "adjust_stock", broken("-6"), "approval_required");
    let mut asked = broken("-6");
    asked["process"] = json!("pin_1");
    story.refused("ana", "adjust_stock", asked, "not_found");
    let worth = json!({"at": "WH", "note": "market", "lines": [{"item": "BOLT", "delta": "0", "cause": "revaluation", "newUnitCost": euro("1.5")}]});
    story.does("ana", "adjust_stock", worth);
    assert_eq!(item(&mut story, "BOLT")["value"], "10.5");
    let blocked = json!({"at": "WH", "note": "smells", "lines": [{"item": "MILK", "delta": "0", "lot": "M1", "lotStatus": "blocked", "cause": "sample"}]});
    story.does("ana", "adjust_stock", blocked);
    assert_eq!(item(&mut story, "MILK")["available"], "0");
    let back = json!({"note": "was not broken", "reverse": [lost["result"]["movements"][0]["id"]]});
    story.does("ana", "adjust_stock", back.clone());
    story.refused("ana", "adjust_stock", back, "already_reversed");
    let both = json!({"note": "???", "lines": [], "reverse": []});
    story.refused("ana", "adjust_stock", both, "validation_failed");
    let session = story.given(
        "ana",
        "count_stock",
        json!({"op": "open", "locations": ["WH"], "items": ["BOLT"]}),
    );
    story.given("ana", "count_stock", json!({"op": "record", "session": session["id"], "lines": [{"item": "BOLT", "location": "WH", "counted": "10"}]}));
    story
        .wait(1)
        .given("ana", "count_stock", json!({"op": "post", "session": session["id"]}));
    story.given(
        "ana",
        "manage_organization",
        json!({"op": "update_settings", "settings": {"stock": {}}}),
    );
    let first = json!({"note": "never came", "reverse": [came["movements"][0]["id"]]});
    story.refused("ana", "adjust_stock", first, "later_count_posted");
    story.stale("ana", "adjust_stock", broken("-1"), |story| {
        receive(story, "BOLT", "5", "2", "WH");
    });
    check("stock_adjusting", &story.end());
}
