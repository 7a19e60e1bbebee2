//! `transfer_stock`.

use std::sync::Arc;

use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::book::{Book, Worth};
use super::entity::{LocationKind, StockItem, StockLocation};
use super::ledger::{Lot, Movement, MovementKind};
use super::lines::{self, LotCode, at_line, draft};
use super::pick::{Pick, Wanted, parts};
use super::reservations::{Reservation, holding};
use super::units::{self, Uom};
use super::{guard, places, reverse};
use crate::args;
use crate::kernel::arg::{Dec, In, List, Ts, WriteArgs};
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};

args! {
    /// One line of a transfer.
    pub struct TransferLine {
        item: Ref<StockItem>,
        /// More than 0.
        qty: Dec,
        /// The base unit where left out.
        uom: Option<Uom>,
        /// First-expiring lots where left out.
        lot: Option<LotCode>,
    }
}

args! {
    /// Arguments of `transfer_stock`.
    pub struct TransferStock {
        lines: List<TransferLine, 1, 100>,
        from: Ref<StockLocation>,
        to: Ref<StockLocation>,
        /// Whether it is on the way until it is received.
        via_transit: bool = false,
        /// The transfer in transit that arrives; the line repeats it.
        receive_transfer: Option<Ref<Movement>>,
        /// Whether promises of goods at `from` may move along; else they block.
        keep_reservations: bool = true,
        /// When, if not now.
        effective_at: Option<Ts>,
        write: In<WriteArgs>,
    }
}

/// `transfer_stock`.
pub fn transfer(args: TransferStock, view: &View<'_>) -> Result<Plan, Rejection> {
    let (from, to) = (places::real(view, &args.from)?, places::real(view, &args.to)?);
    if from.id == to.id {
        return Err(
            Rejection::new("same_location", format!("from and to are both {}", from.code))
                .field("to")
                .hint("name another location"),
        );
    }
    let at = places::effective(view, args.effective_at)?;
    let summary = format!(
        "Transfer {} from {} to {}",
        text::count(args.lines.len(), "line"),
        from.code,
        to.code
    );
    let mut plan = Plan::new(summary);
    let mut book = Book::new(view)?;
    if let Some(transfer) = &args.receive_transfer {
        if args.via_transit {
            return Err(Rejection::argument(
                "viaTransit",
                "must be left out where receiveTransfer is given",
            ));
        }
        arrive(&mut plan, &mut book, &args, transfer, (from, to), at)?;
        lines::finish(&mut plan, book, "stock.transferred")?;
        return Ok(plan);
    }
    let next = if args.via_transit {
        places::of_the(&mut book, &mut plan, LocationKind::Transit)?
    } else {
        to.id
    };
    let way = Way {
        from: from.id,
        next,
        to: to.id,
        at,
        keep: args.keep_reservations,
    };
    let mut shown = Vec::new();
    for (place, line) in args.lines.iter().enumerate() {
        shown.push(one(&mut book, &way, line).map_err(at_line(place))?);
    }
    let along: Vec<Value> = book
        .holds
        .iter()
        .map(|(id, kept)| json!({"reservation": id.to_string(), "qty": kept.after.remaining()}))
        .collect();
    plan.detail("lines", shown);
    plan.detail("reservationsMoved", along);
    plan.detail("inTransitLeftOpen", args.via_transit);
    lines::finish(&mut plan, book, "stock.transferred")?;
    Ok(plan)
}

/// Where a transfer goes, by which place, and when.
struct Way {
    from: Id<StockLocation>,
    next: Id<StockLocation>,
    to: Id<StockLocation>,
    at: jiff::Timestamp,
    keep: bool,
}

fn one(book: &mut Book<'_, '_>, way: &Way, line: &TransferLine) -> Result<Value, Rejection> {
    let view = book.view;
    let item = view.resolve(&line.item)?;
    for end in [way.from, way.to] {
        places::not_before_count(view, item, end, way.at)?;
    }
    let qty = units::positive(item, line.qty, line.uom.as_ref())?;
    // A lot that may not be issued may still be carried elsewhere.
    let named = lines_lot(view, item, line.lot.as_ref())?;
    let chosen: Vec<(Option<Id<Lot>>, Decimal)> = match (named, item.tracking) {
        (None, super::entity::Tracking::None) => vec![(None, qty)],
        (Some(lot), _) => vec![(Some(lot), qty)],
        (None, _) => {
            let wanted = Wanted {
                item,
                qty,
                from: way.from,
                lot: None,
                pick: Pick::Fefo,
            };
            parts(book, &wanted)?
                .into_iter()
                .map(|part| (part.lot, part.qty))
                .collect()
        }
    };
    let mut moved = Vec::new();
    for (lot, qty) in chosen {
        take_along(book, way, item, lot, qty)?;
        let mut movement = draft(MovementKind::Transfer, item.id, qty, way.from, way.next, way.at);
        movement.lot = lot;
        if way.next != way.to {
            movement.bound_for = Some(way.to);
            book.cell((item.id, way.to, lot)).after.in_transit += qty;
        }
        let posted = book.post(item, movement, Worth::Known)?;
        moved.push(json!({
            "lot": lot.and_then(|lot| book.lot(lot)).map(|lot| lot.code), "qty": qty, "value": posted.value,
            "from": lines::change(book, (item.id, way.from, lot)), "to": lines::change(book, (item.id, way.next, lot)),
        }));
    }
    Ok(json!({"item": item.sku, "qty": qty, "moved": moved}))
}

fn lines_lot(view: &View<'_>, item: &Row<StockItem>, code: Option<&LotCode>) -> Result<Option<Id<Lot>>, Rejection> {
    match code {
        None => Ok(None),
        Some(_) => Ok(lines::lot(view, item, code)?.map(|row| row.id)),
    }
}

/// Moves promises of the goods along where what is free does not suffice.
fn take_along(
    book: &mut Book<'_, '_>,
    way: &Way,
    item: &Row<StockItem>,
    lot: Option<Id<Lot>>,
    qty: Decimal,
) -> Result<(), Rejection> {
    let view = book.view;
    let on_hand = book.cell((item.id, way.from, lot)).after.on_hand;
    let pinned: Vec<&Arc<Row<Reservation>>> = holding(view, item.id)
        .filter(|row| book.held(row).location == Some(way.from) && (row.lot.is_none() || row.lot == lot))
        .collect();
    let promised: Decimal = pinned.iter().map(|row| book.held(row).remaining()).sum();
    let there: Decimal = if lot.is_some() && pinned.iter().any(|row| row.lot.is_none()) {
        let here = guard::levels(view, item.id)
            .into_iter()
            .filter(|level| level.location == way.from);
        let here = here.map(|level| (item.id, way.from, level.lot)).collect::<Vec<_>>();
        here.into_iter().map(|cell| book.cell(cell).after.on_hand).sum()
    } else {
        on_hand
    };
    let mut lacking = qty - (there - promised);
    let mut room = qty;
    for row in &pinned {
        let held = book.held(row).remaining();
        if lacking <= Decimal::ZERO || !way.keep {
            break;
        }
        if held <= room {
            book.hold(row).after.location = Some(way.to);
            room -= held;
            lacking -= held;
        }
    }
    if lacking <= Decimal::ZERO || on_hand < qty || pinned.is_empty() {
        return Ok(());
    }
    let place = guard::code(view, way.from);
    let by: Vec<Value> = pinned.iter().map(|row| guard::promised(view, row)).collect();
    Err(Rejection::new(
        "reserved_elsewhere",
        format!(
            "{} of {} at {place} is promised where it is",
            promised.normalize(),
            item.sku
        ),
    )
    .field("qty")
    .current(json!({"onHand": on_hand, "reservedBy": by}))
    .hint("transfer less, let whole reservations move along with keepReservations, or change them first"))
}

/// Brings a transfer in transit to its end.
fn arrive(
    plan: &mut Plan,
    book: &mut Book<'_, '_>,
    args: &TransferStock,
    transfer: &Ref<Movement>,
    (from, to): (&Row<StockLocation>, &Row<StockLocation>),
    at: jiff::Timestamp,
) -> Result<(), Rejection> {
    let view = book.view;
    let sent = view.resolve(transfer)?;
    if reverse::is_received(view, sent.id) || reverse::is_reversed(view, sent.id) {
        return Err(Rejection::new(
            "transfer_already_received",
            format!("{} is no longer on the way", sent.label_of(view)),
        )
        .field("receiveTransfer")
        .hint("list what is in transit with get_stock_item, expand: movements"));
    }
    let item = view.need(sent.item)?;
    let [line] = &*args.lines else {
        return Err(Rejection::argument("lines", "must be one line, that of the transfer"));
    };
    let same = sent.bound_for == Some(to.id)
        && sent.from == from.id
        && view.resolve(&line.item)?.id == item.id
        && units::positive(item, line.qty, line.uom.as_ref())? == sent.qty;
    if !same {
        let bound = sent.bound_for.map(|at| guard::code(view, at));
        let rule = format!("must be a transfer of this line from {} to {}", from.code, to.code);
        let no = Rejection::argument("receiveTransfer", rule);
        return Err(no.current(
            json!({"item": item.sku, "qty": sent.qty, "from": guard::code(view, sent.from), "boundFor": bound}),
        ));
    }
    let mut movement = draft(MovementKind::Transfer, item.id, sent.qty, sent.to, to.id, at);
    movement.lot = sent.lot;
    movement.receives = Some(sent.id);
    book.cell((item.id, to.id, sent.lot)).after.in_transit -= sent.qty;
    let posted = book.post(item, movement, Worth::Known)?;
    plan.summary = format!("Receive the transfer of {} {} at {}", sent.qty, item.sku, to.code);
    plan.detail(
        "lines",
        json!([{"item": item.sku, "qty": sent.qty, "to": lines::change(book, (item.id, to.id, sent.lot)), "value": posted.value}]),
    );
    plan.detail("inTransitLeftOpen", false);
    Ok(())
}

impl Movement {
    /// What it is called in a sentence.
    pub fn label_of(&self, view: &View<'_>) -> String {
        let sku = view.get(self.item).map(|row| row.sku.clone()).unwrap_or_default();
        format!("the {} of {} {sku}", self.kind, self.qty)
    }
}
