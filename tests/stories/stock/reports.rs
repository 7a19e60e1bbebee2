//! Lists and reports.

use serde_json::json;

use super::{ground, receive, receive_lot};
use crate::story::check;

#[test]
fn stock_is_listed_and_reported() {
    let mut story = ground("Looking at stock");
    let rule = json!([{"location": "WH", "min": "5", "max": "48", "multiple": "10", "leadTimeDays": 4}]);
    story.given("ana", "save_stock_item", json!({"item": "BOLT", "reorder": rule}));
    receive(&mut story, "BOLT", "10", "1", "WH");
    receive(&mut story, "BOLT", "2", "1.3", "BIN");
    receive(&mut story, "WIRE", "3", "2", "SHOP");
    receive(&mut story, "WIRE", "3", "3", "SHOP");
    receive_lot(&mut story, "MILK", "4", "M1", Some("2026-03-20"));
    story.given("ana", "reserve_stock", json!({"item": "WIRE", "qty": "1"}));
    story.wait(60 * 24).given(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "BOLT", "qty": "8"}], "from": "WH"}),
    );
    story.given(
        "ana",
        "issue_stock",
        json!({"lines": [{"item": "WIRE", "qty": "4"}], "from": "SHOP"}),
    );
    for args in [
        json!({}),
        json!({"limit": 2, "count": "exact"}),
        json!({"below": "min"}),
        json!({"below": "zero", "fields": ["sku"]}),
        json!({"location": "SHOP", "sort": "-value"}),
        json!({"q": "mil", "expiringBefore": "2026-04-01"}),
        json!({"groupBy": "location"}),
        json!({"groupBy": "lot"}),
        json!({"groupBy": "category"}),
    ] {
        story.when("ana", "list_stock_items", args);
    }
    let first = story.call("ana", "list_stock_items", json!({"limit": 3})).unwrap();
    let next = json!({"limit": 3, "cursor": first["page"]["nextCursor"]});
    let second = story.call("ana", "list_stock_items", next).unwrap();
    let skus = |page: &serde_json::Value| {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["sku"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        [skus(&first), skus(&second)].concat(),
        ["BOLT", "DRILL", "MILK", "WIRE"]
    );
    for expand in ["movements", "reservations", "layers", "reorder"] {
        story.when(
            "ana",
            "get_stock_item",
            json!({"item": "WIRE", "fields": ["sku"], "expand": [expand]}),
        );
    }
    let yesterday = story.when(
        "ana",
        "get_stock_item",
        json!({"item": "BOLT", "asOf": "2026-03-02T12:00:00Z"}),
    );
    assert_eq!(
        (&yesterday["item"]["onHand"], &yesterday["item"]["value"]),
        (&json!("12"), &json!("12.6"))
    );
    for report in [
        "valuation",
        "movements",
        "reorder",
        "ageing",
        "expiring",
        "turnover",
        "variance",
        "reservations",
    ] {
        story.when("ana", "get_stock_report", json!({"report": report}));
    }
    let books = story
        .call("ana", "get_stock_report", json!({"report": "valuation"}))
        .unwrap();
    assert_eq!(books["totals"]["difference"], "0");
    check("stock_reports", &story.end());
}

/// Every place comes once, however the report is put in order and cut into pages.
#[test]
fn the_report_of_values_goes_on_page_by_page() {
    let mut story = ground("Values by the page");
    receive(&mut story, "BOLT", "10", "1", "WH");
    receive(&mut story, "BOLT", "2", "1.3", "BIN");
    receive(&mut story, "BOLT", "4", "1.1", "SHOP");
    receive(&mut story, "WIRE", "3", "2", "SHOP");
    for sort in ["item", "-item", "id", "-value"] {
        let asked = |more: serde_json::Value| {
            let mut args = json!({"report": "valuation", "sort": sort});
            args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            args
        };
        let whole = story.call("ana", "get_stock_report", asked(json!({}))).unwrap();
        let whole = whole["items"].as_array().unwrap().clone();
        assert_eq!(whole.len(), 4, "{sort}");
        let (mut pages, mut cursor) = (Vec::new(), json!(null));
        for _ in 0..4 {
            let mut more = json!({"limit": 1, "count": "exact"});
            if cursor.is_string() {
                more["cursor"] = cursor;
            }
            let page = story.call("ana", "get_stock_report", asked(more)).unwrap();
            assert_eq!(page["page"]["total"], 4);
            pages.extend(page["items"].as_array().unwrap().clone());
            cursor = page["page"]["nextCursor"].clone();
        }
        assert_eq!(pages, whole, "{sort}");
        assert!(cursor.is_null(), "{sort}");
    }
    let wrong = json!({"report": "valuation", "sort": "colour"});
    let no = story.call("ana", "get_stock_report", wrong).unwrap_err();
    assert_eq!(
        (no.code.as_ref(), no.field.as_deref()),
        ("validation_failed", Some("sort"))
    );
    let _ = story.end();
}
