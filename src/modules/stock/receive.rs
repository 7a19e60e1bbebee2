//! `receive_stock`.

use std::sync::Arc;

use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::book::{Book, Kept, Worth};
use super::entity::{ItemStatus, LocationKind, StockItem, StockLocation, Tracking, Valuation};
use super::guard::levels;
use super::ledger::{Lot, LotStatus, MovementKind};
use super::lines::{self, LotCode, MoneyArgs, at_line, draft};
use super::reservations::holding;
use super::units::{self, Uom};
use super::{expiring, guard, places, valuation};
use crate::args;
use crate::kernel::arg::{Date, Dec, In, List, Str, Ts, WriteArgs};
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};

args! {
    /// One line of a receipt.
    pub struct ReceiptLine {
        item: Ref<StockItem>,
        /// More than 0.
        qty: Dec,
        /// The base unit where left out.
        uom: Option<Uom>,
        /// For tracked items.
        lot: Option<LotCode>,
        /// The lot's last good day.
        expiry: Option<Date>,
        /// Of one base unit.
        unit_cost: Option<MoneyArgs>,
        /// What one unit of that currency is in the organisation's.
        rate: Option<Dec>,
    }
}

args! {
    /// Arguments of `receive_stock`.
    pub struct ReceiveStock {
        lines: List<ReceiptLine, 1, 100>,
        /// Where the goods go.
        to: Ref<StockLocation>,
        /// A location of kind supplier.
        from: Option<Ref<StockLocation>>,
        /// Whether the lots must be looked at before they are issued.
        quarantine: bool = false,
        reference: Option<Str<1, 200>>,
        /// The budget commitment that pays for it.
        commitment: Option<Ref<super::budgets::BudgetEntry>>,
        /// When, if not now.
        effective_at: Option<Ts>,
        write: In<WriteArgs>,
    }
}

/// `receive_stock`.
pub fn receive(args: ReceiveStock, view: &View<'_>) -> Result<Plan, Rejection> {
    let to = places::real(view, &args.to)?;
    let at = places::effective(view, args.effective_at)?;
    let mut plan = Plan::new(format!(
        "Receive {} at {}",
        text::count(args.lines.len(), "line"),
        to.code
    ));
    let mut book = Book::new(view)?;
    let from = match &args.from {
        Some(from) => places::of_kind(view, from, &[LocationKind::Supplier])?.id,
        None => places::of_the(&mut book, &mut plan, LocationKind::Supplier)?,
    };
    let mut shown = Vec::new();
    for (place, line) in args.lines.iter().enumerate() {
        let ends = Ends { from, to: to.id, at };
        let line = one(&mut plan, &mut book, &args, line, ends).map_err(at_line(place))?;
        shown.push(line);
    }
    let worth: Decimal = book
        .moves
        .iter()
        .map(|(_, movement)| movement.value + movement.variance)
        .sum();
    plan.detail("lines", shown);
    plan.detail("value", worth.normalize());
    plan.detail("satisfies", satisfied(&book));
    if let Some(commitment) = &args.commitment {
        let reference = args.reference.as_ref().map(|text| text.0.clone());
        super::budgets::received(&mut plan, view, commitment, worth, reference)?;
    }
    lines::finish(&mut plan, book, "stock.received")?;
    Ok(plan)
}

/// From where, to where and when.
#[derive(Clone, Copy)]
struct Ends {
    from: Id<StockLocation>,
    to: Id<StockLocation>,
    at: jiff::Timestamp,
}

fn one(
    plan: &mut Plan,
    book: &mut Book<'_, '_>,
    args: &ReceiveStock,
    line: &ReceiptLine,
    ends: Ends,
) -> Result<Value, Rejection> {
    let view = book.view;
    let item = view.resolve(&line.item)?;
    if item.status == ItemStatus::Discontinued {
        plan.warn(format!("{} is discontinued", item.sku));
    }
    places::not_before_count(view, item, ends.to, ends.at)?;
    let qty = units::positive(item, line.qty, line.uom.as_ref())?;
    let paid = cost(view, item, line)?;
    let (lot, is_new) = receipt_lot(book, args, line, item, ends.from, paid)?;
    if item.tracking == Tracking::Serial {
        one_piece(book, item, lot, qty)?;
    }
    let mut movement = draft(MovementKind::Receipt, item.id, qty, ends.from, ends.to, ends.at);
    movement.lot = lot;
    movement.reference = args.reference.as_ref().map(|text| text.0.clone());
    let worth = paid.map_or(Worth::Known, Worth::Paid);
    let posted = book.post(item, movement, worth)?;
    let lot = lot
        .and_then(|lot| book.lot(lot))
        .map(|lot| json!({"code": lot.code, "expiry": lot.expiry, "new": is_new}));
    Ok(json!({
        "item": item.sku, "qty": qty, "uom": item.uom, "lot": lot,
        "onHand": lines::change(book, (item.id, ends.to, posted.lot)),
        "averageCost": lines::cost_change(book, item.id, ends.to), "value": posted.value, "variance": posted.variance,
    }))
}

/// What one unit was paid, in the organisation's currency; `None` where the set cost says it.
fn cost(view: &View<'_>, item: &StockItem, line: &ReceiptLine) -> Result<Option<Decimal>, Rejection> {
    match &line.unit_cost {
        Some(money) => lines::own_currency(view, money, line.rate).map(Some),
        None if item.valuation == Valuation::Standard => Ok(None),
        None => Err(Rejection::new(
            "cost_required",
            format!(
                "{} is valued at {}, and this line has no cost",
                item.sku, item.valuation
            ),
        )
        .field("unitCost")
        .hint("say in unitCost what one base unit cost; 0 for goods that cost nothing")),
    }
}

/// The lot of a line, made where it is new.
fn receipt_lot(
    book: &mut Book<'_, '_>,
    args: &ReceiveStock,
    line: &ReceiptLine,
    item: &Arc<Row<StockItem>>,
    supplier: Id<StockLocation>,
    paid: Option<Decimal>,
) -> Result<(Option<Id<Lot>>, bool), Rejection> {
    let view = book.view;
    let code = match (item.tracking, &line.lot) {
        (Tracking::None, Some(_)) => return Err(lines::no_lots(item)),
        (Tracking::None, None) if args.quarantine => {
            let rule = format!("needs lots, and {} is not tracked", item.sku);
            return Err(Rejection::argument("quarantine", rule));
        }
        (Tracking::None, None) => return Ok((None, false)),
        (_, None) => return Err(lines::lot_required(item)),
        (_, Some(code)) => code,
    };
    let folded = text::fold(code);
    let fresh = book
        .lots
        .iter()
        .find(|(_, kept)| kept.row.is_none() && kept.after.item == item.id && text::fold(&kept.after.code) == folded);
    if let Some((id, _)) = fresh {
        return Ok((Some(*id), true));
    }
    if let Some(row) = lines::find_lot(view, item.id, code) {
        if line.expiry.is_some_and(|day| row.expiry != Some(day.0)) {
            let said = row.expiry.map_or_else(|| "no day".to_owned(), |day| day.to_string());
            return Err(Rejection::argument(
                "expiry",
                format!("must be that of the lot {}: {said}", row.code),
            ));
        }
        if args.quarantine && row.status == LotStatus::Available {
            book.change_lot(row).status = LotStatus::Quarantine;
        }
        return Ok((Some(row.id), false));
    }
    let keeps = item
        .shelf_life_days
        .and_then(|days| view.today().checked_add(jiff::Span::new().try_days(days).ok()?).ok());
    let id = view.new_id::<Lot>();
    let expiry = line.expiry.map(|day| day.0).or(keeps);
    let after = Lot {
        item: item.id,
        code: code.0.clone(),
        expiry,
        ends_at: expiry.and_then(|day| expiring::over(view, day)),
        supplier: Some(supplier),
        status: if args.quarantine {
            LotStatus::Quarantine
        } else {
            LotStatus::Available
        },
        unit_cost: valuation::known_cost(item, None)
            .filter(|_| paid.is_none())
            .or(paid)
            .unwrap_or_default(),
    };
    book.lots.insert(id, Kept { row: None, after });
    Ok((Some(id), true))
}

/// A serial is one piece, and it is in one place.
fn one_piece(
    book: &mut Book<'_, '_>,
    item: &Row<StockItem>,
    lot: Option<Id<Lot>>,
    qty: Decimal,
) -> Result<(), Rejection> {
    let wrong = |message: String| Rejection::new("serial_quantity", message).field("qty");
    if qty != Decimal::ONE {
        return Err(wrong(format!(
            "{} is tracked by serial: one line is one piece, not {qty}",
            item.sku
        ))
        .hint("give a line of quantity 1 for each serial number"));
    }
    let view = book.view;
    let stored = levels(view, item.id).into_iter().map(|row| &row.entity);
    let booked = book.cells.values().map(|kept| &kept.after);
    let here = stored.chain(booked).find(|level| {
        level.lot == lot && lot.is_some() && level.on_hand > Decimal::ZERO && !book.kind(level.location).is_virtual()
    });
    match here {
        Some(level) => {
            let at = guard::code(view, level.location);
            Err(wrong(format!("this piece of {} is at {at} already", item.sku)).hint("check the serial number"))
        }
        None => Ok(()),
    }
}

/// The promises that a receipt can keep, and the points it lifts stock above, in words.
fn satisfied(book: &Book<'_, '_>) -> Value {
    let view = book.view;
    let mut items: Vec<Id<StockItem>> = book.moves.iter().map(|(_, movement)| movement.item).collect();
    items.sort();
    items.dedup();
    let waiting = items.into_iter().flat_map(|item| holding(view, item)).take(20);
    waiting.map(|row| guard::promised(view, row)).collect()
}
