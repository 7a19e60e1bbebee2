//! Random histories: whatever is done, in whatever order, and undone, the sums agree with the ledger.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::books::agree;
use super::{bare, euro};
use crate::story::Story;

/// One thing that somebody tries; the numbers choose among what there is.
#[derive(Debug, Clone)]
enum Try {
    Receive(u8, u8, u32, u32),
    Issue(u8, u8, u32, bool),
    Transfer(u8, u8, u32, bool),
    Arrive(u8),
    Adjust(u8, u8, i32),
    Revalue(u8, u32),
    Count(u8, Vec<u32>),
    Reserve(u8, u32, bool),
    Release(u8),
    Reverse(u8),
    Undo(u8),
    Wait(u8),
}

fn tries() -> impl Strategy<Value = Try> {
    let (item, place, qty) = (0..4_u8, 0..3_u8, 1..3000_u32);
    prop_oneof![
        4 => (item.clone(), place.clone(), qty.clone(), 0..900_u32).prop_map(|(a, b, c, d)| Try::Receive(a, b, c, d)),
        4 => (item.clone(), place.clone(), qty.clone(), any::<bool>()).prop_map(|(a, b, c, d)| Try::Issue(a, b, c, d)),
        3 => (item.clone(), place.clone(), qty.clone(), any::<bool>()).prop_map(|(a, b, c, d)| Try::Transfer(a, b, c, d)),
        1 => any::<u8>().prop_map(Try::Arrive),
        2 => (item.clone(), place.clone(), -500..900_i32).prop_map(|(a, b, c)| Try::Adjust(a, b, c)),
        1 => (item.clone(), 1..900_u32).prop_map(|(a, b)| Try::Revalue(a, b)),
        1 => (place, prop::collection::vec(0..2000_u32, 6)).prop_map(|(a, b)| Try::Count(a, b)),
        2 => (item, qty, any::<bool>()).prop_map(|(a, b, c)| Try::Reserve(a, b, c)),
        1 => any::<u8>().prop_map(Try::Release),
        2 => any::<u8>().prop_map(Try::Reverse),
        3 => any::<u8>().prop_map(Try::Undo),
        1 => (1..200_u8).prop_map(Try::Wait),
    ]
}

/// What a history has brought about so far.
struct History {
    story: Story,
    actions: Vec<Value>,
    movements: Vec<Value>,
    transit: Vec<(Value, Value)>,
    reservations: Vec<Value>,
    serial: u32,
}

const ITEMS: [&str; 4] = ["BOLT", "MILK", "DRILL", "WIRE"];
const PLACES: [&str; 3] = ["WH", "BIN", "SHOP"];

fn pick<T>(all: &[T], at: u8) -> Option<&T> {
    all.get(usize::from(at) % all.len().max(1))
}

impl History {
    /// Proposes and confirms; a "no" changes nothing and is as good an end as any.
    fn dare(&mut self, tool: &str, args: Value) -> Option<Value> {
        let pending = match self.story.alone("ana", tool, args.clone()) {
            Ok(pending) => pending,
            Err(no) => {
                assert!(
                    !["unavailable", "validation_failed"].contains(&no.code.as_ref()),
                    "{tool} {args}: {no:?}"
                );
                return None;
            }
        };
        if pending["status"] != "pending" {
            return None;
        }
        let confirm = json!({"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]});
        let done = self.story.alone("ana", "confirm_action", confirm).unwrap();
        assert_eq!(done["status"], "succeeded", "{tool} {args}: {done}");
        self.actions.push(done["actionId"].clone());
        let moved = done["result"]["movements"].as_array().cloned().unwrap_or_default();
        self.movements.extend(moved.iter().map(|one| one["id"].clone()));
        Some(done["result"].clone())
    }

    fn quantity(item: &str, qty: u32) -> String {
        match item {
            "DRILL" => "1".to_owned(),
            "BOLT" => (qty % 50 + 1).to_string(),
            "MILK" => format!("{}.{:02}", qty % 30, qty % 97 + 1),
            _ => format!("{}.{:03}", qty % 30, qty % 997 + 1),
        }
    }

    fn step(&mut self, what: &Try) {
        match *what {
            Try::Receive(item, place, qty, cost) => {
                let (item, to) = (ITEMS[usize::from(item)], PLACES[usize::from(place)]);
                let cost = euro(&format!("{}.{:03}", cost / 100, cost % 1000));
                let mut line = json!({"item": item, "qty": Self::quantity(item, qty), "unitCost": cost});
                if item == "MILK" {
                    let ends = [json!("2026-04-01"), json!("2026-05-01"), json!("2026-03-02")];
                    line["lot"] = json!(format!("L{}", qty % 3));
                    line["expiry"] = ends[(qty % 3) as usize].clone();
                } else if item == "DRILL" {
                    self.serial += 1;
                    line["lot"] = json!(format!("S{}", self.serial));
                }
                self.dare("receive_stock", json!({"lines": [line], "to": to}));
            }
            Try::Issue(item, place, qty, kept) => {
                let item = ITEMS[usize::from(item)];
                let mut line = json!({"item": item, "qty": Self::quantity(item, qty)});
                if let Some(reservation) = pick(&self.reservations, place).filter(|_| kept) {
                    line["reservation"] = reservation.clone();
                }
                self.dare(
                    "issue_stock",
                    json!({"lines": [line, {"item": "BOLT", "qty": "1"}], "from": PLACES[usize::from(place)]}),
                );
            }
            Try::Transfer(item, place, qty, transit) => {
                let (item, place) = (ITEMS[usize::from(item)], usize::from(place));
                let (from, to) = (PLACES[place], PLACES[(place + 1) % 3]);
                let args = json!({"lines": [{"item": item, "qty": Self::quantity(item, qty)}], "from": from, "to": to, "viaTransit": transit});
                if let Some(done) = self.dare("transfer_stock", args).filter(|_| transit) {
                    for one in done["movements"].as_array().unwrap() {
                        let args = json!({"lines": [{"item": item, "qty": one["qty"]}], "from": from, "to": to});
                        self.transit.push((one["id"].clone(), args));
                    }
                }
            }
            Try::Arrive(at) => {
                if let Some((id, mut args)) = pick(&self.transit, at).cloned() {
                    args["receiveTransfer"] = id;
                    self.dare("transfer_stock", args);
                }
            }
            Try::Adjust(item, place, delta) => {
                // Tracked items need a lot; the third of them is as good as any.
                let item = if item == 0 { "BOLT" } else { "WIRE" };
                let delta = if delta == 0 { 1 } else { delta / 10 + delta.signum() };
                let line = json!({"item": item, "delta": delta.to_string(), "cause": "data_fix"});
                self.dare(
                    "adjust_stock",
                    json!({"lines": [line], "at": PLACES[usize::from(place)], "note": "found so"}),
                );
            }
            Try::Revalue(item, cost) => self.revalue(item, cost),
            Try::Count(place, ref found) => self.count(PLACES[usize::from(place)], found),
            Try::Reserve(item, qty, anywhere) => {
                let item = ITEMS[usize::from(item)];
                let mut args = json!({"item": item, "qty": Self::quantity(item, qty), "partial": true});
                if !anywhere {
                    args["location"] = json!("WH");
                    args["expiresAt"] = json!(self.story.now + jiff::SignedDuration::from_mins(90));
                }
                if let Some(done) = self.dare("reserve_stock", args) {
                    self.reservations.push(done["id"].clone());
                }
            }
            Try::Release(at) => {
                if let Some(id) = pick(&self.reservations, at).cloned() {
                    self.dare("reserve_stock", json!({"op": "release", "reservation": id}));
                }
            }
            Try::Reverse(at) => {
                if let Some(id) = pick(&self.movements, at).cloned() {
                    self.dare("adjust_stock", json!({"reverse": [id], "note": "was not so"}));
                }
            }
            Try::Undo(at) => {
                if let Some(id) = pick(&self.actions, at).cloned() {
                    self.dare("undo_action", json!({"actionId": id}));
                }
            }
            Try::Wait(minutes) => {
                self.story.wait(i64::from(minutes));
            }
        }
    }

    fn revalue(&mut self, item: u8, cost: u32) {
        let cost = euro(&format!("{}.{:02}", cost / 100, cost % 100));
        if item.is_multiple_of(2) {
            self.dare("save_stock_item", json!({"item": "DRILL", "standardCost": cost}));
        } else if self.has("WIRE", "WH") {
            let line = json!({"item": "WIRE", "delta": "0", "cause": "revaluation", "newUnitCost": cost});
            self.dare("adjust_stock", json!({"lines": [line], "at": "WH", "note": "market"}));
        }
    }

    fn has(&mut self, item: &str, place: &str) -> bool {
        let shown = self
            .story
            .alone("ana", "get_stock_item", json!({"item": item}))
            .unwrap();
        let levels = shown["item"]["levels"].as_array().unwrap().clone();
        levels
            .iter()
            .any(|level| level["location"] == place && level["onHand"] != "0")
    }

    fn count(&mut self, place: &str, found: &[u32]) {
        let Some(session) = self.dare(
            "count_stock",
            json!({"op": "open", "locations": [place], "mode": "full"}),
        ) else {
            return;
        };
        let mut lines = Vec::new();
        for (item, counted) in ["BOLT", "WIRE"].into_iter().zip(found) {
            lines.push(json!({"item": item, "location": place, "counted": (counted / 10).to_string()}));
        }
        self.dare(
            "count_stock",
            json!({"op": "record", "session": session["id"], "lines": lines}),
        );
        if self
            .dare("count_stock", json!({"op": "post", "session": session["id"]}))
            .is_none()
        {
            self.dare("count_stock", json!({"op": "cancel", "session": session["id"]}));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_sums_always_agree_with_the_ledger(history in prop::collection::vec(tries(), 1..60)) {
        let mut story = Story::new("A random history");
        bare(&mut story);
        let mut all = History { story, actions: vec![], movements: vec![], transit: vec![], reservations: vec![], serial: 0 };
        for what in &history {
            all.step(what);
            agree(all.story.engine.state());
        }
        let books = all.story.alone("ana", "get_stock_report", json!({"report": "valuation"})).unwrap();
        prop_assert_eq!(&books["totals"]["difference"], "0");
        let _ = all.story.end();
    }
}
