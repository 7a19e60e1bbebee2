//! What the lines of several tools share: items, lots, money, and what previews and results say of movements.

use std::sync::Arc;

use jiff::Timestamp;
use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::book::{Book, Cell};
use super::entity::{Money, StockItem, StockLocation, Tracking};
use super::guard::code;
use super::ledger::{Lot, Movement, MovementKind, lot_key};
use super::valuation::{COST_PLACES, product, rounded};
use crate::args;
use crate::kernel::arg::{Dec, Str};
use crate::kernel::{Plan, Ref, Rejection, Row, View};

/// The argument of a lot's number.
pub type LotCode = Str<1, 64>;

args! {
    /// An amount in a currency.
    pub struct MoneyArgs {
        amount: Dec,
        /// ISO 4217.
        currency: Str<3, 3>,
    }
}

impl MoneyArgs {
    /// As it is kept.
    pub fn money(&self) -> Money {
        Money {
            amount: self.amount.0.normalize(),
            currency: self.currency.0.to_uppercase(),
        }
    }
}

/// Says which line a "no" is about.
pub fn at_line(place: usize) -> impl Fn(Rejection) -> Rejection {
    move |mut no| {
        let field = no.field.take().unwrap_or_default();
        no.field = Some(if field.is_empty() || field.starts_with("lines") {
            format!("lines[{place}]")
        } else {
            format!("lines[{place}].{field}")
        });
        for fault in &mut no.faults {
            fault.path = format!("lines[{place}].{}", fault.path);
        }
        no
    }
}

/// The cost of one unit in the organisation's currency.
pub fn own_currency(view: &View<'_>, money: &MoneyArgs, rate: Option<Dec>) -> Result<Decimal, Rejection> {
    let (own, given) = (&view.organization()?.currency, money.money());
    if given.amount < Decimal::ZERO {
        return Err(Rejection::argument("unitCost", "must not be less than 0"));
    }
    match rate {
        Some(Dec(rate)) if rate <= Decimal::ZERO => Err(Rejection::argument("rate", "must be more than 0")),
        Some(Dec(rate)) => Ok(rounded(product(given.amount, rate)?, COST_PLACES)),
        None if given.currency == *own => Ok(given.amount),
        None => Err(Rejection::new(
            "rate_required",
            format!("the books are kept in {own}, and this is in {}", given.currency),
        )
        .field("rate")
        .hint(format!(
            "say in rate how many {own} one {} is; the server looks up none",
            given.currency
        ))),
    }
}

/// The lot a line names; refused where the item has none, or has them and none is named.
pub fn lot<'a>(
    view: &View<'a>,
    item: &Row<StockItem>,
    code: Option<&LotCode>,
) -> Result<Option<&'a Arc<Row<Lot>>>, Rejection> {
    match (item.tracking, code) {
        (Tracking::None, None) => Ok(None),
        (Tracking::None, Some(_)) => Err(no_lots(item)),
        (_, None) => Err(lot_required(item)),
        (_, Some(code)) => known_lot(view, item, code).map(Some),
    }
}

/// A lot of an item by its number or identifier.
pub fn known_lot<'a>(view: &View<'a>, item: &Row<StockItem>, code: &LotCode) -> Result<&'a Arc<Row<Lot>>, Rejection> {
    if let Some(row) = find_lot(view, item.id, code) {
        return Ok(row);
    }
    view.resolve_among(&Ref::<Lot>::new(code, "lot"), |row| row.item == item.id)
}

/// A lot of an item by its number.
pub fn find_lot<'a>(view: &View<'a>, item: Id<StockItem>, code: &str) -> Option<&'a Arc<Row<Lot>>> {
    view.find::<Lot>("code", &lot_key(item, code)).next()
}

/// The "no" for a lot of an item that has none.
pub fn no_lots(item: &StockItem) -> Rejection {
    Rejection::argument("lot", format!("must be left out: {} is not tracked by lot", item.sku))
}

/// The "no" where a lot must be named.
pub fn lot_required(item: &StockItem) -> Rejection {
    let message = format!("{} is tracked by {}, and no lot is named", item.sku, item.tracking);
    Rejection::new("lot_required", message)
        .field("lot")
        .hint("name the lot, or the serial number of the piece")
}

/// A movement to be posted.
pub fn draft(
    kind: MovementKind,
    item: Id<StockItem>,
    qty: Decimal,
    from: Id<StockLocation>,
    to: Id<StockLocation>,
    at: Timestamp,
) -> Movement {
    Movement {
        kind,
        item,
        qty,
        from,
        to,
        effective_at: at,
        ..Movement::default()
    }
}

/// How a cell stands before and after.
pub fn change(book: &Book<'_, '_>, cell: Cell) -> Value {
    let Some(kept) = book.cells.get(&cell) else {
        return Value::Null;
    };
    let before = kept.row.map(|row| row.on_hand).unwrap_or_default();
    json!({"before": before.normalize(), "after": kept.after.on_hand})
}

/// What a unit of an item costs at a location, before and after.
pub fn cost_change(book: &Book<'_, '_>, item: Id<StockItem>, location: Id<StockLocation>) -> Value {
    let Some(kept) = book.costs.get(&(item, location)) else {
        return Value::Null;
    };
    json!({"before": kept.row.map(|row| row.average), "after": kept.after.average})
}

/// The movements and levels of a book, as the receipt gives them.
pub fn result(book: &Book<'_, '_>) -> Value {
    let view = book.view;
    let name = |location| match code(view, location) {
        empty if empty.is_empty() => book.kind(location).word().to_uppercase(),
        code => code,
    };
    let sku = |item| view.get(item).map(|row: &Arc<Row<StockItem>>| row.sku.clone());
    let movement = |(id, movement): &(Id<Movement>, Movement)| {
        json!({
            "id": id.to_string(), "kind": movement.kind, "item": sku(movement.item), "qty": movement.qty,
            "lot": movement.lot.and_then(|lot| book.lot(lot)).map(|lot| lot.code),
            "from": name(movement.from), "to": name(movement.to), "unitCost": movement.unit_cost, "value": movement.value,
        })
    };
    let levels = book.cells.iter().filter(|((_, at, _), _)| !book.kind(*at).is_virtual());
    let levels: Vec<Value> = levels
        .map(|((item, at, lot), kept)| {
            json!({"item": sku(*item), "location": name(*at), "lot": lot.and_then(|lot| book.lot(lot)).map(|lot| lot.code), "onHand": kept.after.on_hand})
        })
        .collect();
    json!({"movements": book.moves.iter().map(movement).collect::<Vec<_>>(), "levels": levels})
}

/// Finishes a plan of movements: what they may not do, reorder points, the changes.
pub fn finish(plan: &mut Plan, book: Book<'_, '_>, event: &'static str) -> Result<(), Rejection> {
    super::guard::check(&book)?;
    plan.result = result(&book);
    let mut later = Plan::new("");
    let alerts = super::reorder::pass(&mut later, &book)?;
    plan.detail("reorder", alerts);
    book.plan(plan, event)?;
    plan.changes.extend(later.changes);
    Ok(())
}
