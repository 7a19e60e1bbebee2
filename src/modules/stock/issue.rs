//! `issue_stock`.

use std::sync::Arc;

use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::book::{Book, Worth};
use super::entity::{LocationKind, StockItem, StockLocation};
use super::guard::{code, now};
use super::ledger::MovementKind;
use super::lines::{self, LotCode, at_line, draft};
use super::pick::{Pick, Wanted, parts};
use super::places;
use super::reservations::{Reservation, ReservationStatus};
use super::units::{self, Uom};
use crate::args;
use crate::kernel::arg::{Dec, In, List, Str, Ts, WriteArgs};
use crate::kernel::{AnyRef, Plan, Ref, Rejection, Row, View, text};

args! {
    /// One line of an issue.
    pub struct IssueLine {
        item: Ref<StockItem>,
        /// More than 0.
        qty: Dec,
        /// The base unit where left out.
        uom: Option<Uom>,
        lot: Option<LotCode>,
        /// The promise that it keeps.
        reservation: Option<Ref<Reservation>>,
    }
}

args! {
    /// Arguments of `issue_stock`.
    pub struct IssueStock {
        lines: List<IssueLine, 1, 100>,
        from: Ref<StockLocation>,
        /// A location of kind customer or scrap; the customer's where left out.
        to: Option<Ref<StockLocation>>,
        /// What it is used for.
        for_ref: Option<AnyRef>,
        reference: Option<Str<1, 200>>,
        /// Which lots go first.
        pick: Pick = Pick::Fefo,
        /// When, if not now.
        effective_at: Option<Ts>,
        write: In<WriteArgs>,
    }
}

/// `issue_stock`.
pub fn issue(args: IssueStock, view: &View<'_>) -> Result<Plan, Rejection> {
    let from = places::real(view, &args.from)?;
    if !from.pickable {
        return Err(Rejection::argument(
            "from",
            format!("must be a place to pick from; {} is not", from.code),
        ));
    }
    let at = places::effective(view, args.effective_at)?;
    let mut plan = Plan::new(format!(
        "Issue {} from {}",
        text::count(args.lines.len(), "line"),
        from.code
    ));
    let mut book = Book::new(view)?;
    let to = match &args.to {
        Some(to) => places::of_kind(view, to, &[LocationKind::Customer, LocationKind::Scrap])?.id,
        None => places::of_the(&mut book, &mut plan, LocationKind::Customer)?,
    };
    let subject = args
        .for_ref
        .as_ref()
        .map(|thing| view.resolve_any(thing, &[]))
        .transpose()?;
    let goods = Goods {
        from: from.id,
        to,
        at,
        pick: args.pick,
        reference: args.reference.map(|text| text.0),
        subject: subject.map(|label| label.id),
    };
    let mut shown = Vec::new();
    for (place, line) in args.lines.iter().enumerate() {
        shown.push(one(&mut book, &goods, line).map_err(at_line(place))?);
    }
    let cost: Decimal = book.moves.iter().map(|(_, movement)| movement.value).sum();
    let fulfilled: Vec<Value> = book
        .holds
        .iter()
        .map(|(id, kept)| json!({"reservation": id.to_string(), "left": kept.after.remaining(), "status": kept.after.status}))
        .collect();
    plan.summary = summary(view, &book, &from.code);
    plan.detail("lines", shown);
    plan.detail("costTakenOut", cost.normalize());
    plan.detail("reservationsFulfilled", fulfilled);
    lines::finish(&mut plan, book, "stock.issued")?;
    Ok(plan)
}

/// What all lines share.
struct Goods {
    from: Id<StockLocation>,
    to: Id<StockLocation>,
    at: jiff::Timestamp,
    pick: Pick,
    reference: Option<String>,
    subject: Option<String>,
}

fn one(book: &mut Book<'_, '_>, goods: &Goods, line: &IssueLine) -> Result<Value, Rejection> {
    let view = book.view;
    let item = view.resolve(&line.item)?;
    places::not_before_count(view, item, goods.from, goods.at)?;
    let qty = units::positive(item, line.qty, line.uom.as_ref())?;
    let before = now(view, item.id)?;
    let named = line.lot.clone();
    let reservation = line.reservation.as_ref().map(|of| view.resolve(of)).transpose()?;
    let mut lot = named;
    if let Some(row) = reservation {
        let own = row.lot.and_then(|id| view.get(id)).map(|lot| lot.code.clone());
        lot = lot.or_else(|| own.map(crate::kernel::arg::Str));
        keep(book, goods, item, row, qty, lot.as_ref())?;
    }
    let wanted = Wanted {
        item,
        qty,
        from: goods.from,
        lot: lot.as_ref(),
        pick: goods.pick,
    };
    let mut picked = Vec::new();
    for part in parts(book, &wanted)? {
        let mut movement = draft(MovementKind::Issue, item.id, part.qty, goods.from, goods.to, goods.at);
        movement.lot = part.lot;
        movement.reference.clone_from(&goods.reference);
        movement.for_ref.clone_from(&goods.subject);
        movement.reservation = reservation.map(|row| row.id);
        let posted = book.post(item, movement, Worth::Known)?;
        let lot = part.lot.and_then(|lot| book.lot(lot));
        picked.push(json!({
            "lot": lot.as_ref().map(|lot| lot.code.clone()), "expiry": lot.and_then(|lot| lot.expiry), "qty": part.qty,
            "why": part.why, "onHand": lines::change(book, (item.id, goods.from, part.lot)), "value": posted.value,
        }));
    }
    let after = super::guard::after(book, item.id);
    Ok(json!({
        "item": item.sku, "qty": qty, "picked": picked,
        "available": {"before": before.usable() - before.reserved(), "after": after.usable() - after.reserved()},
    }))
}

/// Takes what is issued off the promise; refused where the promise is another one.
fn keep(
    book: &mut Book<'_, '_>,
    goods: &Goods,
    item: &Arc<Row<StockItem>>,
    row: &Arc<Row<Reservation>>,
    qty: Decimal,
    lot: Option<&LotCode>,
) -> Result<(), Rejection> {
    let view = book.view;
    let row = view.need(row.id)?;
    let held = book.held(row);
    let status = held.status_at(view.now);
    let named = lot
        .map(|code| lines::known_lot(view, item, code))
        .transpose()?
        .map(|lot| lot.id);
    let why = if held.item != item.id {
        Some("it is of another item".to_owned())
    } else if status != ReservationStatus::Active {
        Some(format!("it is {status}"))
    } else if held.location.is_some_and(|at| at != goods.from) {
        Some(format!(
            "it is of goods at {}",
            held.location.map(|at| code(view, at)).unwrap_or_default()
        ))
    } else if held.lot.is_some_and(|of| named.is_some_and(|lot| lot != of)) {
        Some("it is of another lot".to_owned())
    } else if qty > held.remaining() {
        Some(format!("{} of it is left", held.remaining()))
    } else {
        None
    };
    if let Some(why) = why {
        return Err(Rejection::new(
            "reservation_mismatch",
            format!("this line does not fit its reservation: {why}"),
        )
        .field("reservation")
        .current(super::guard::promised(view, row))
        .hint("correct the line, or issue the rest in a line of its own"));
    }
    let kept = &mut book.hold(row).after;
    kept.fulfilled += qty;
    if kept.remaining().is_zero() {
        kept.status = ReservationStatus::Fulfilled;
    }
    Ok(())
}

/// "Issue 11 SKU1 (5 of L1, 6 of L2) from WH".
fn summary(view: &View<'_>, book: &Book<'_, '_>, from: &str) -> String {
    let mut parts: Vec<String> = book
        .moves
        .iter()
        .take(5)
        .map(|(_, movement)| {
            let sku = view.get(movement.item).map(|row| row.sku.clone()).unwrap_or_default();
            let lot = movement
                .lot
                .and_then(|lot| book.lot(lot))
                .map(|lot| format!(" of lot {}", lot.code));
            format!("{} {sku}{}", movement.qty, lot.unwrap_or_default())
        })
        .collect();
    if book.moves.len() > 5 {
        parts.push(format!("and {} more", book.moves.len() - 5));
    }
    format!("Issue {} from {from}", parts.join(", "))
}
