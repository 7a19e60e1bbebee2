//! Counting: open, record, post, cancel; what the blind may not see; what needs an approval.

use serde_json::{Value, json};

use super::{ground, item, receive, receive_lot};
use crate::story::{Story, check};

fn record(session: &Value, lines: &[(&str, &str, &str)]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(item, at, counted)| json!({"item": item, "location": at, "counted": counted}))
        .collect();
    json!({"op": "record", "session": session["id"], "lines": lines})
}

fn counted(title: &str) -> Story {
    let mut story = ground(title);
    receive(&mut story, "BOLT", "10", "1", "WH");
    receive(&mut story, "WIRE", "20", "2", "WH");
    receive(&mut story, "BOLT", "7", "1", "SHOP");
    story
}

#[test]
fn a_count_takes_movements_into_account_and_the_books_follow() {
    let mut story = counted("A count");
    let open = story.does(
        "ana",
        "count_stock",
        json!({"op": "open", "locations": ["WH"], "mode": "full"}),
    );
    let session = open["result"].clone();
    let again = json!({"op": "open", "locations": ["WH"], "items": ["BOLT"]});
    story.refused("ana", "count_stock", again, "overlapping_session");
    story.given(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "BOLT", "qty": "4"}], "from": "WH"}),
    );
    story.does("ana", "count_stock", record(&session, &[("BOLT", "WH", "5")]));
    story.refused(
        "ana",
        "count_stock",
        record(&session, &[("BOLT", "SHOP", "5")]),
        "unknown_line",
    );
    story.refused(
        "ana",
        "count_stock",
        record(&session, &[("BOLT", "WH", "6")]),
        "validation_failed",
    );
    let post = json!({"op": "post", "session": session["id"]});
    story.refused("ana", "count_stock", post.clone(), "lines_missing");
    // What moves after the counting is no part of the variance.
    story.given(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "BOLT", "qty": "1"}], "from": "WH"}),
    );
    let mut found = record(&session, &[("WIRE", "WH", "20.5"), ("DRILL", "WH", "0")]);
    found["lines"][1]["lot"] = json!("D9");
    story.refused("ana", "count_stock", found, "unknown_line");
    story.given("ana", "count_stock", record(&session, &[("WIRE", "WH", "20.5")]));
    story.does("ana", "count_stock", post.clone());
    assert_eq!(item(&mut story, "WIRE")["onHand"], "20.5");
    let bolt = item(&mut story, "BOLT");
    assert_eq!(bolt["levels"][1]["onHand"], "4");
    story.refused("ana", "count_stock", post, "session_closed");
    let early = json!({"lines": [{"item": "BOLT", "qty": "1"}], "from": "WH", "effectiveAt": "2026-03-02T08:00:00Z"});
    story.wait(1).refused("ana", "issue_stock", early, "period_closed");
    story.when("ana", "get_stock_report", json!({"report": "variance"}));
    check("stock_count", &story.end());
}

#[test]
fn who_counts_blind_does_not_see_the_books() {
    let mut story = counted("A blind count");
    story.human("mo", "member");
    let open = story.does(
        "ana",
        "count_stock",
        json!({"op": "open", "locations": ["WH"], "items": ["BOLT"], "mode": "blind"}),
    );
    let session = open["result"].clone();
    let said = story.when("mo", "count_stock", record(&session, &[("BOLT", "WH", "3")]));
    let told = said["preview"]["details"].to_string();
    assert!(!told.contains("variance") && !told.contains("expected"), "{told}");
    story.confirm("mo", &said);
    let shown = story
        .call("mo", "get_stock_item", json!({"item": "BOLT", "expand": ["counts"]}))
        .unwrap();
    assert!(!shown["item"]["counts"].to_string().contains("expected"), "{shown}");
    story.given(
        "ana",
        "manage_organization",
        json!({"op": "update_settings", "settings": {"stock": {"countVariancePercent": "10"}}}),
    );
    let post = json!({"op": "post", "session": session["id"]});
    story.refused("ana", "count_stock", post.clone(), "approval_required");
    let mut again = record(&session, &[("BOLT", "WH", "9")]);
    again["recount"] = json!(true);
    story.given("mo", "count_stock", again);
    story.stale("ana", "count_stock", post.clone(), |story| {
        receive(story, "BOLT", "5", "2", "WH");
    });
    story.does("ana", "count_stock", json!({"op": "cancel", "session": session["id"]}));
    story.refused("ana", "count_stock", post, "session_closed");
    check("stock_count_blind", &story.end());
}

#[test]
fn a_lot_that_turns_up_is_counted() {
    let mut story = ground("A lot that turns up");
    receive_lot(&mut story, "MILK", "4", "M1", Some("2026-04-01"));
    receive_lot(&mut story, "MILK", "4", "M2", Some("2026-04-01"));
    let moved = json!({"lines": [{"item": "MILK", "qty": "4", "lot": "M2"}], "from": "WH", "to": "SHOP"});
    story.given("ana", "transfer_stock", moved);
    let session = story.given(
        "ana",
        "count_stock",
        json!({"op": "open", "locations": ["WH"], "mode": "full"}),
    );
    let lines = json!([{"item": "MILK", "location": "WH", "lot": "M1", "counted": "4"}, {"item": "MILK", "location": "WH", "lot": "M2", "counted": "1", "reason": "left behind"}]);
    story.given(
        "ana",
        "count_stock",
        json!({"op": "record", "session": session["id"], "lines": lines}),
    );
    story.does("ana", "count_stock", json!({"op": "post", "session": session["id"]}));
    assert_eq!(item(&mut story, "MILK")["onHand"], "9");
    check("stock_count_found", &story.end());
}
