//! `get_stock_item`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::counts::{CountMode, CountSession, CountStatus};
use super::entity::{StockItem, StockLocation};
use super::guard::{code, promised};
use super::ledger::{Lot, Movement, ReorderState, StockCost, cost_key};
use super::reservations::{Reservation, ReservationStatus};
use super::shown::{by_place, is_real, row};
use super::valuation::per_unit;
use super::{counting, reorder, reverse};
use crate::args;
use crate::kernel::arg::{In, ReadArgs, Ts};
use crate::kernel::{Ref, Rejection, Row, View, listing};

args! {
    /// Arguments of `get_stock_item`.
    pub struct GetStockItem {
        item: Ref<StockItem>,
        /// By when goods moved.
        as_of: Option<Ts>,
        read: In<ReadArgs>,
    }
}

/// Most movements that one answer shows.
const MOVEMENTS_MAX: usize = 50;

/// `get_stock_item`.
pub fn get(args: GetStockItem, view: &View<'_>) -> Result<Value, Rejection> {
    let item = view.resolve(&args.item)?;
    let mut shown = row(view, item, None);
    for (name, value) in serde_json::to_value(&item.entity)
        .ok()
        .and_then(|value| value.as_object().cloned())
        .unwrap_or_default()
    {
        shown.entry(name).or_insert(value);
    }
    shown.remove("reorder");
    match args.as_of {
        None => {
            shown.insert("levels".to_owned(), by_place(view, item)?.into());
        }
        Some(Ts(at)) => {
            for current in ["reserved", "available", "inTransit"] {
                shown.remove(current);
            }
            let (levels, on_hand, value) = then(view, item, at);
            shown.insert("levels".to_owned(), levels.into());
            shown.insert("onHand".to_owned(), json!(on_hand));
            shown.insert("value".to_owned(), json!(value));
            shown.insert("levelsAsOf".to_owned(), json!(at));
        }
    }
    let parts = ["movements", "reservations", "layers", "reorder", "counts"];
    listing::item(view, &args.read, shown, &parts, |part| {
        Ok(Some(match part {
            "movements" => movements(view, item, args.as_of.map(|at| at.0)),
            "reservations" => reservations(view, item),
            "layers" => layers(view, item),
            "reorder" => rules(view, item),
            "counts" => counts(view, item),
            _ => return Ok(None),
        }))
    })
}

/// An item's movements in the order they happened.
pub fn ledger<'a>(view: &View<'a>, item: Id<StockItem>, until: Option<Timestamp>) -> Vec<&'a Arc<Row<Movement>>> {
    let mut moves: Vec<_> = view
        .find::<Movement>("item", &item.to_string())
        .filter(|row| until.is_none_or(|until| row.effective_at <= until))
        .collect();
    moves.sort_by_key(|row| (row.effective_at, row.records.first().copied(), row.line));
    moves
}

/// A location, and the lot there.
type Place = (Id<StockLocation>, Option<Id<Lot>>);

/// Levels, quantity and value at an hour, added up from the ledger.
fn then(view: &View<'_>, item: &Row<StockItem>, at: Timestamp) -> (Vec<Value>, Decimal, Decimal) {
    let mut cells: BTreeMap<Place, (Decimal, Decimal)> = BTreeMap::new();
    for movement in ledger(view, item.id, Some(at)) {
        let mut ends = vec![movement.from, movement.to];
        ends.dedup();
        for end in ends.into_iter().filter(|end| is_real(view, *end)) {
            let cell = cells.entry((end, movement.lot)).or_default();
            cell.0 += if movement.is_revaluation() {
                Decimal::ZERO
            } else {
                movement.quantity_at(end)
            };
            cell.1 += movement.value_at(end);
        }
    }
    let on_hand: Decimal = cells.values().map(|(qty, _)| qty).sum();
    let value: Decimal = cells.values().map(|(_, value)| value).sum();
    let levels = cells
        .iter()
        .filter(|(_, (qty, _))| !qty.is_zero())
        .map(|((location, lot), (qty, _))| {
            let lot = lot.and_then(|lot| view.get(lot)).map(|lot| lot.code.clone());
            json!({"location": code(view, *location), "lot": lot, "onHand": qty.normalize()})
        });
    (levels.collect(), on_hand.normalize(), value.normalize())
}

/// One movement as shown.
pub fn movement(view: &View<'_>, row: &Row<Movement>) -> Value {
    json!({
        "id": row.id.to_string(), "at": row.effective_at, "kind": row.kind, "qty": row.qty,
        "lot": row.lot.and_then(|lot| view.get(lot)).map(|lot| lot.code.clone()),
        "from": code(view, row.from), "to": code(view, row.to), "unitCost": row.unit_cost, "value": row.value,
        "variance": row.variance, "reference": row.reference, "cause": row.cause, "reversed": reverse::is_reversed(view, row.id),
        "inTransitTo": row.bound_for.filter(|_| !reverse::is_received(view, row.id)).map(|at| code(view, at)),
    })
}

/// The ledger, the newest last, with the balance after each movement and what one unit was worth then.
fn movements(view: &View<'_>, item: &Row<StockItem>, until: Option<Timestamp>) -> Value {
    let (mut balance, mut worth) = (Decimal::ZERO, Decimal::ZERO);
    let mut shown = Vec::new();
    for row in ledger(view, item.id, until) {
        let mut ends = vec![row.from, row.to];
        ends.dedup();
        for end in ends.into_iter().filter(|end| is_real(view, *end)) {
            balance += if row.is_revaluation() {
                Decimal::ZERO
            } else {
                row.quantity_at(end)
            };
            worth += row.value_at(end);
        }
        let mut line = movement(view, row);
        if let Value::Object(members) = &mut line {
            members.insert("balance".to_owned(), json!(balance.normalize()));
            members.insert("balanceValue".to_owned(), json!(worth.normalize()));
            members.insert(
                "average".to_owned(),
                json!((balance > Decimal::ZERO).then(|| per_unit(worth, balance))),
            );
        }
        shown.push(line);
    }
    let left_out = shown.len().saturating_sub(MOVEMENTS_MAX);
    let newest: Vec<Value> = shown.split_off(left_out);
    json!({"items": newest, "olderLeftOut": left_out, "all": "get_stock_report, report: movements"})
}

fn reservations(view: &View<'_>, item: &Row<StockItem>) -> Value {
    let all = view.find::<Reservation>("item", &item.id.to_string());
    let mut rows: Vec<_> = all.collect();
    rows.sort_by_key(|row| {
        (
            row.status_at(view.now) != ReservationStatus::Active,
            std::cmp::Reverse(row.id),
        )
    });
    let show = |row: &Arc<Row<Reservation>>| {
        let mut shown = promised(view, row);
        if let Value::Object(members) = &mut shown {
            members.insert("status".to_owned(), json!(row.status_at(view.now)));
            members.insert("fulfilled".to_owned(), json!(row.fulfilled));
        }
        shown
    };
    rows.into_iter().take(MOVEMENTS_MAX).map(show).collect()
}

fn layers(view: &View<'_>, item: &Row<StockItem>) -> Value {
    let costs = view.find::<StockCost>("item", &item.id.to_string());
    let show = |cost: &Arc<Row<StockCost>>| {
        let layers: Vec<Value> = cost
            .layers
            .iter()
            .map(|layer| {
                let at = view.get(layer.movement).map(|row| row.effective_at);
                json!({"movement": layer.movement.to_string(), "at": at, "qty": layer.qty, "value": layer.value, "unitCost": per_unit(layer.value, layer.qty)})
            })
            .collect();
        json!({"location": code(view, cost.location), "quantity": cost.quantity, "value": cost.value, "averageCost": cost.average, "layers": layers})
    };
    costs.map(show).collect()
}

fn rules(view: &View<'_>, item: &Row<StockItem>) -> Value {
    let show = |rule: &super::entity::ReorderRule| {
        let state = view
            .find::<ReorderState>("cell", &cost_key(item.id, rule.location))
            .next();
        json!({
            "location": code(view, rule.location), "min": rule.min, "max": rule.max, "multiple": rule.multiple,
            "leadTimeDays": rule.lead_time_days, "onHand": reorder::on_hand(view, None, item.id, rule),
            "reached": state.is_some_and(|state| state.reached), "since": state.filter(|state| state.reached).map(|state| state.updated_at),
        })
    };
    item.reorder.iter().map(show).collect()
}

fn counts(view: &View<'_>, item: &Row<StockItem>) -> Value {
    let sessions = view.find::<CountSession>("item", &item.id.to_string());
    let show = |session: &Arc<Row<CountSession>>| {
        // Those who count blind do not learn the books from here.
        let blind = session.mode == CountMode::Blind && session.status != CountStatus::Posted;
        let lines = session.lines.iter().filter(|line| line.item == item.id);
        let lines: Vec<Value> = lines.map(|line| counting::shown(view, line, blind)).collect();
        json!({"session": session.id.to_string(), "mode": session.mode, "status": session.status, "postedAt": session.posted_at, "lines": lines})
    };
    let mut rows: Vec<_> = sessions.collect();
    rows.reverse();
    rows.into_iter().take(20).map(show).collect()
}
