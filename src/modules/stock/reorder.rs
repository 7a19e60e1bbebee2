//! Reorder points: each fires once when stock falls to it, and again only after stock was above it.

use std::collections::BTreeSet;

use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::book::Book;
use super::entity::{ItemStatus, ReorderRule, StockItem};
use super::guard::{code, levels};
use super::ledger::{ReorderState, cost_key};
use super::places::tree;
use crate::kernel::{Plan, Rejection, Row, View};

/// Plans what the book's movements do to reorder points. Gives those that are reached, and those that are above again.
pub fn pass(plan: &mut Plan, book: &Book<'_, '_>) -> Result<Value, Rejection> {
    let view = book.view;
    let items: BTreeSet<Id<StockItem>> = book.cells.keys().map(|(item, ..)| *item).collect();
    let (mut reached, mut cleared) = (Vec::new(), Vec::new());
    for item in items {
        let row = view.need(item)?;
        for rule in &row.reorder {
            let (before, after) = (on_hand(view, None, item, rule), on_hand(view, Some(book), item, rule));
            let shown = json!({"item": row.sku, "location": code(view, rule.location), "min": rule.min, "before": before, "after": after});
            if after <= rule.min && after < before {
                if fire(plan, view, row, rule, after)? {
                    reached.push(shown);
                }
            } else if after > rule.min && rearm(plan, view, item, rule)? {
                cleared.push(shown);
            }
        }
    }
    Ok(json!({"reached": reached, "cleared": cleared}))
}

/// How much of an item is at a rule's location and in what stands in it.
pub fn on_hand(view: &View<'_>, book: Option<&Book<'_, '_>>, item: Id<StockItem>, rule: &ReorderRule) -> Decimal {
    let places = tree(view, rule.location);
    let booked = |cell| {
        book.and_then(|book| book.cells.get(&cell))
            .map(|kept| kept.after.on_hand)
    };
    let mut sum = Decimal::ZERO;
    for level in levels(view, item)
        .iter()
        .filter(|level| places.contains(&level.location))
    {
        sum += booked((item, level.location, level.lot)).unwrap_or(level.on_hand);
    }
    let fresh = book.into_iter().flat_map(|book| &book.cells);
    let fresh = fresh.filter(|((of, at, _), kept)| *of == item && kept.row.is_none() && places.contains(at));
    (sum + fresh.map(|(_, kept)| kept.after.on_hand).sum::<Decimal>()).normalize()
}

/// Plans that a reorder point is reached, unless it is known. True where it was not.
pub fn fire(
    plan: &mut Plan,
    view: &View<'_>,
    item: &Row<StockItem>,
    rule: &ReorderRule,
    on_hand: Decimal,
) -> Result<bool, Rejection> {
    if item.status == ItemStatus::Discontinued {
        return Ok(false);
    }
    let known = view
        .find::<ReorderState>("cell", &cost_key(item.id, rule.location))
        .next();
    let state = ReorderState {
        item: item.id,
        location: rule.location,
        reached: true,
        on_hand,
        min: rule.min,
    };
    match known {
        Some(row) if row.reached => Ok(false),
        Some(row) => plan.edit("stock.reorder_point_reached", row, |known| *known = state),
        None => plan
            .create("stock.reorder_point_reached", view.new_id(), state)
            .map(|()| true),
    }
}

/// Plans that stock is above a reorder point again. True where it was not.
pub fn rearm(plan: &mut Plan, view: &View<'_>, item: Id<StockItem>, rule: &ReorderRule) -> Result<bool, Rejection> {
    let known = view.find::<ReorderState>("cell", &cost_key(item, rule.location)).next();
    match known.filter(|row| row.reached) {
        Some(row) => plan.edit("stock.reorder_point_cleared", row, |state| state.reached = false),
        None => Ok(false),
    }
}
