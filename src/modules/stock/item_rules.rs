//! What changing an item brings with it: what is fixed, what is worth something else, which reorder points fire.

use std::sync::Arc;

use serde_json::{Value, json};

use super::book::Book;
use super::entity::{ReorderRule, StockItem, Valuation};
use super::guard::code;
use super::ledger::{Movement, MovementKind, StockCost};
use super::lines::draft;
use super::reorder;
use crate::kernel::{Plan, Rejection, Row, View};

/// Refuses a change of what is fixed after the first movement.
pub fn frozen(view: &View<'_>, row: &Row<StockItem>, after: &StockItem) -> Result<(), Rejection> {
    let fixed = [
        ("uom", row.uom != after.uom),
        ("tracking", row.tracking != after.tracking),
        ("valuation", row.valuation != after.valuation),
        ("precision", after.precision < row.precision),
    ];
    let Some((field, _)) = fixed.into_iter().find(|(_, changes)| *changes) else {
        return Ok(());
    };
    let moves = view.find::<Movement>("item", &row.id.to_string());
    let Some(first) = moves.min_by_key(|movement| (movement.records.first().copied(), movement.line)) else {
        return Ok(());
    };
    let message = format!(
        "the {field} of {} is fixed since its first movement at {}",
        row.sku, first.effective_at
    );
    Err(Rejection::new("frozen_field", message)
        .field(field)
        .current(json!({"field": field, "since": first.id.to_string(), "at": first.effective_at}))
        .hint("make another item, and move the stock to it with adjust_stock"))
}

/// A new set cost makes what is there worth something else.
pub fn revalue(
    plan: &mut Plan,
    view: &View<'_>,
    row: &Arc<Row<StockItem>>,
    after: &StockItem,
) -> Result<(), Rejection> {
    let (Some(set), true) = (&after.standard_cost, row.standard_cost != after.standard_cost) else {
        return Ok(());
    };
    if after.valuation != Valuation::Standard {
        return Ok(());
    }
    let mut book = Book::new(view)?;
    let mut shown = Vec::new();
    for cost in view.find::<StockCost>("item", &row.id.to_string()) {
        if cost.quantity.is_zero() {
            continue;
        }
        let mut movement = draft(
            MovementKind::Adjustment,
            row.id,
            cost.quantity,
            cost.location,
            cost.location,
            view.now,
        );
        movement.cause = Some("revaluation".to_owned());
        let posted = book.revalue(movement, set.amount)?;
        shown.push(
            json!({"location": code(view, cost.location), "quantity": cost.quantity, "revaluation": posted.value}),
        );
    }
    plan.detail("revaluation", shown);
    book.plan(plan, "stock.revalued")
}

/// New reorder rules fire at once where stock is down there already; those that are gone say nothing any more.
pub fn rules(
    plan: &mut Plan,
    view: &View<'_>,
    row: &Row<StockItem>,
    old: &[ReorderRule],
    new: &[ReorderRule],
) -> Result<(), Rejection> {
    let mut shown: Vec<Value> = Vec::new();
    for rule in new.iter().filter(|rule| !old.contains(rule)) {
        let there = reorder::on_hand(view, None, row.id, rule);
        let fires = there <= rule.min;
        if fires {
            reorder::fire(plan, view, row, rule, there)?;
        } else {
            reorder::rearm(plan, view, row.id, rule)?;
        }
        shown.push(json!({"location": code(view, rule.location), "onHand": there, "firesAtOnce": fires}));
    }
    for rule in old
        .iter()
        .filter(|rule| !new.iter().any(|other| other.location == rule.location))
    {
        reorder::rearm(plan, view, row.id, rule)?;
    }
    if !shown.is_empty() {
        plan.detail("reorder", shown);
    }
    Ok(())
}
