//! `adjust_stock`: putting the books right, and taking movements back.

use std::collections::BTreeSet;

use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::book::{Book, Worth};
use super::entity::{LocationKind, StockItem, StockLocation};
use super::ledger::{LotStatus, Movement, MovementKind};
use super::lines::{self, LotCode, MoneyArgs, at_line, draft};
use super::process::{self, Process};
use super::{places, reverse, units};
use crate::kernel::arg::{Dec, In, List, Str, WriteArgs};
use crate::kernel::{Plan, Ref, Rejection, View, text};
use crate::{args, choice};

choice! {
    /// Why the books are put right.
    pub enum Cause {
        /// Broken.
        Damage = "damage",
        /// Gone.
        Loss = "loss",
        /// Turned up.
        Found = "found",
        /// Too old.
        Expiry = "expiry",
        /// Taken to be looked at.
        Sample = "sample",
        /// The books were wrong.
        DataFix = "data_fix",
        /// Worth something else.
        Revaluation = "revaluation",
    }
}

choice! {
    /// What may be said of a lot.
    pub enum LotWord {
        /// It may be issued.
        Available = "available",
        /// Not before somebody looked at it.
        Quarantine = "quarantine",
        /// It may not.
        Blocked = "blocked",
    }
}

args! {
    /// One line of an adjustment.
    pub struct AdjustLine {
        item: Ref<StockItem>,
        /// Signed, in base units; 0 where only the lot's status or the cost changes.
        delta: Dec,
        lot: Option<LotCode>,
        lot_status: Option<LotWord>,
        cause: Cause,
        /// Of one base unit, with the cause revaluation.
        new_unit_cost: Option<MoneyArgs>,
    }
}

args! {
    /// Arguments of `adjust_stock`.
    pub struct AdjustStock {
        /// Give lines with `at`, or reverse.
        lines: Option<List<AdjustLine, 1, 100>>,
        /// Where; for lines.
        at: Option<Ref<StockLocation>>,
        /// Movements to take back.
        reverse: Option<List<Ref<Movement>, 1, 100>>,
        /// What happened.
        note: Str<3, 2000>,
        /// The approval, beyond the limit.
        process: Option<Process>,
        write: In<WriteArgs>,
    }
}

/// `adjust_stock`.
pub fn adjust(args: AdjustStock, view: &View<'_>) -> Result<Plan, Rejection> {
    let mut book = Book::new(view)?;
    let mut plan = Plan::new("Adjust stock");
    let shown = match (&args.lines, &args.reverse) {
        (Some(given), None) => {
            let at = args
                .at
                .as_ref()
                .ok_or_else(|| Rejection::argument("at", "is required with lines"))?;
            let at = places::real(view, at)?;
            plan.summary = format!("Adjust {} at {}", text::count(given.len(), "line"), at.code);
            let other = places::of_the(&mut book, &mut plan, LocationKind::Adjustment)?;
            let mut shown = Vec::new();
            for (place, line) in given.iter().enumerate() {
                shown.push(one(&mut book, line, (at.id, other), &args.note).map_err(at_line(place))?);
            }
            shown
        }
        (None, Some(movements)) => {
            plan.summary = format!("Take back {}", text::count(movements.len(), "movement"));
            let rows = movements
                .iter()
                .map(|one| view.resolve(one))
                .collect::<Result<Vec<_>, _>>()?;
            rows.into_iter()
                .map(|row| reverse::reverse(&mut book, row, Some(&args.note)))
                .collect::<Result<Vec<_>, _>>()?
        }
        _ => {
            return Err(Rejection::argument(
                "lines",
                "or reverse must be given: exactly one of the two",
            ));
        }
    };
    let value: Decimal = book.moves.iter().map(|(_, movement)| movement.value.abs()).sum();
    let limit = view.organization()?.settings.stock.approval_above;
    let approved = all_approved(view, &book, args.process.as_ref())?;
    plan.detail("lines", shown);
    plan.detail("value", json!({"total": value.normalize(), "approvalAbove": limit}));
    if let Some(limit) = limit.filter(|limit| value > *limit && !approved) {
        let message = format!(
            "this moves a value of {}, and more than {limit} needs an approval",
            value.normalize()
        );
        return Err(process::required(
            "stock-adjustment",
            message,
            json!({"value": value.normalize(), "limit": limit}),
        ));
    }
    if book.moves.is_empty() && book.lots.is_empty() {
        plan.changes.clear();
        return Ok(plan);
    }
    lines::finish(&mut plan, book, "stock.adjusted")?;
    Ok(plan)
}

/// Whether every item that moves is approved.
fn all_approved(view: &View<'_>, book: &Book<'_, '_>, process: Option<&Process>) -> Result<bool, Rejection> {
    let items: BTreeSet<_> = book.moves.iter().map(|(_, movement)| movement.item).collect();
    for item in items {
        if !process::approved_item(view, process, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn one(
    book: &mut Book<'_, '_>,
    line: &AdjustLine,
    (at, other): (Id<StockLocation>, Id<StockLocation>),
    note: &Str<3, 2000>,
) -> Result<Value, Rejection> {
    let view = book.view;
    let item = view.resolve(&line.item)?;
    let delta = units::base(item, line.delta, None)?;
    let is_revaluation = line.cause == Cause::Revaluation;
    if is_revaluation != line.new_unit_cost.is_some() {
        return Err(Rejection::argument(
            "newUnitCost",
            "goes with the cause revaluation, and with no other",
        ));
    }
    if delta.is_zero() && line.lot_status.is_none() && !is_revaluation {
        return Err(Rejection::argument("delta", "must not be 0 where nothing else changes"));
    }
    if is_revaluation && !delta.is_zero() {
        return Err(Rejection::argument(
            "delta",
            "must be 0 with the cause revaluation; adjust the quantity in a line of its own",
        ));
    }
    let lot = match &line.lot {
        None if is_revaluation => None,
        code => lines::lot(view, item, code.as_ref())?,
    };
    if let Some(word) = line.lot_status {
        let row = lot.ok_or_else(|| Rejection::argument("lotStatus", "needs a lot"))?;
        book.change_lot(row).status = match word {
            LotWord::Available => LotStatus::Available,
            LotWord::Quarantine => LotStatus::Quarantine,
            LotWord::Blocked => LotStatus::Blocked,
        };
    }
    let cell = (item.id, at, lot.map(|lot| lot.id));
    let (from, to) = if is_revaluation {
        (at, at)
    } else if delta > Decimal::ZERO {
        (other, at)
    } else {
        (at, other)
    };
    let mut movement = draft(MovementKind::Adjustment, item.id, delta.abs(), from, to, view.now);
    movement.lot = lot.map(|lot| lot.id);
    movement.cause = Some(line.cause.word().to_owned());
    movement.note = Some(note.0.clone());
    let value = if let Some(money) = &line.new_unit_cost {
        revalue(book, item, movement, money)?
    } else if delta.is_zero() {
        Decimal::ZERO
    } else {
        let posted = book.post(item, movement, Worth::Known)?;
        if to == at { posted.value } else { -posted.value }
    };
    Ok(json!({
        "item": item.sku, "lot": lot.map(|lot| lot.code.clone()), "delta": delta, "cause": line.cause, "value": value,
        "onHand": lines::change(book, cell), "averageCost": lines::cost_change(book, item.id, at), "lotStatus": line.lot_status,
    }))
}

fn revalue(
    book: &mut Book<'_, '_>,
    item: &StockItem,
    movement: Movement,
    money: &MoneyArgs,
) -> Result<Decimal, Rejection> {
    if item.valuation == super::entity::Valuation::Standard {
        let rule = format!(
            "cannot be set at one place: {} has a set cost; change standardCost with save_stock_item",
            item.sku
        );
        return Err(Rejection::argument("newUnitCost", rule));
    }
    let each = lines::own_currency(book.view, money, None)?;
    if book.cost(movement.item, movement.to).after.quantity <= Decimal::ZERO {
        return Err(Rejection::argument(
            "newUnitCost",
            format!("needs goods: no {} is there", item.sku),
        ));
    }
    book.revalue(movement, each).map(|posted| posted.value)
}
