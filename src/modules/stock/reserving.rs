//! `reserve_stock`.

use std::sync::Arc;

use jiff::Timestamp;
use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::entity::{StockItem, StockLocation};
use super::guard::{self, promised};
use super::lines::{self, LotCode};
use super::reservations::{Reservation, ReservationStatus, holding};
use super::units::{self, Uom};
use super::{places, reorder};
use crate::kernel::arg::{Dec, In, Ts, UpdateArgs};
use crate::kernel::{AnyRef, Plan, Ref, Rejection, Row, View};
use crate::modules::live;
use crate::modules::projects::{Lifecycle, Project};
use crate::modules::tasks::Task;
use crate::{args, choice};

choice! {
    /// What to do with a promise.
    pub enum ReserveOp {
        /// Make one.
        Reserve = "reserve",
        /// Make it another.
        Change = "change",
        /// Give it up.
        Release = "release",
    }
}

args! {
    /// Arguments of `reserve_stock`.
    pub struct ReserveStock {
        op: ReserveOp = ReserveOp::Reserve,
        /// The promise; for change and release.
        reservation: Option<Ref<Reservation>>,
        item: Option<Ref<StockItem>>,
        /// More than 0.
        qty: Option<Dec>,
        /// The base unit where left out.
        uom: Option<Uom>,
        /// Anywhere where left out.
        location: Option<Ref<StockLocation>>,
        lot: Option<LotCode>,
        /// What it is for.
        for_ref: Option<AnyRef>,
        /// Until when.
        expires_at: Option<Ts>,
        /// Whether less will do.
        partial: bool = false,
        write: In<UpdateArgs>,
    }
}

/// `reserve_stock`.
pub fn reserve(args: ReserveStock, view: &View<'_>) -> Result<Plan, Rejection> {
    if let Some(Ts(end)) = args.expires_at.filter(|end| end.0 <= view.now) {
        return Err(Rejection::argument(
            "expiresAt",
            format!("must lie ahead of now; {end} has passed"),
        ));
    }
    match args.op {
        ReserveOp::Reserve => fresh(&args, view),
        ReserveOp::Change => change(&args, view),
        ReserveOp::Release => release(&args, view),
    }
}

fn known<'a>(args: &ReserveStock, view: &View<'a>) -> Result<&'a Arc<Row<Reservation>>, Rejection> {
    let given = args.reservation.as_ref();
    let row = view.resolve(given.ok_or_else(|| Rejection::argument("reservation", "is required"))?)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let status = row.status_at(view.now);
    if status == ReservationStatus::Active {
        return Ok(row);
    }
    Err(Rejection::new("not_active", format!("this reservation is {status}"))
        .field("reservation")
        .current(promised(view, row))
        .hint("reserve anew"))
}

fn fresh(args: &ReserveStock, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.reservation.is_some() {
        return Err(Rejection::argument(
            "reservation",
            "must be left out to reserve; op: change changes it",
        ));
    }
    let item = args
        .item
        .as_ref()
        .ok_or_else(|| Rejection::argument("item", "is required"))?;
    let item = view.resolve(item)?;
    let qty = args.qty.ok_or_else(|| Rejection::argument("qty", "is required"))?;
    let qty = units::positive(item, qty, args.uom.as_ref())?;
    let location = args
        .location
        .as_ref()
        .map(|at| places::real(view, at))
        .transpose()?
        .map(|row| row.id);
    let lot = args
        .lot
        .as_ref()
        .map(|code| lines::lot(view, item, Some(code)))
        .transpose()?
        .flatten();
    let want = Reservation {
        item: item.id,
        qty,
        fulfilled: Decimal::ZERO,
        location,
        lot: lot.map(|row| row.id),
        for_ref: subject(args, view)?,
        owner: view.caller.member,
        expires_at: args.expires_at.map(|end| end.0),
        status: ReservationStatus::Active,
    };
    let id = view.new_id::<Reservation>();
    let mut plan = Plan::new("");
    let want = fitting(&mut plan, view, item, want, None, args.partial)?;
    plan.summary = format!("Reserve {} {}{}", want.qty, item.sku, until(want.expires_at));
    plan.result = json!({"id": id.to_string(), "item": item.sku, "qty": want.qty, "expiresAt": want.expires_at});
    plan.create("stock.reserved", id, want)?;
    Ok(plan)
}

fn until(end: Option<Timestamp>) -> String {
    end.map_or_else(String::new, |end| format!(" until {end}"))
}

fn change(args: &ReserveStock, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = known(args, view)?;
    let item = view.need(row.item)?;
    if let Some(other) = &args.item
        && view.resolve(other)?.id != item.id
    {
        return Err(Rejection::argument(
            "item",
            "cannot be changed; release it and reserve the other item",
        ));
    }
    let mut want = row.entity.clone();
    if let Some(qty) = args.qty {
        want.qty = units::positive(item, qty, args.uom.as_ref())?;
    }
    if want.qty <= want.fulfilled {
        let rule = format!("must be more than the {} that were issued", want.fulfilled);
        return Err(Rejection::argument("qty", rule));
    }
    if let Some(at) = &args.location {
        want.location = Some(places::real(view, at)?.id);
    }
    if let Some(code) = &args.lot {
        want.lot = lines::lot(view, item, Some(code))?.map(|lot| lot.id);
    }
    if args.for_ref.is_some() {
        want.for_ref = subject(args, view)?;
    }
    want.expires_at = args.expires_at.map(|end| end.0).or(want.expires_at);
    let mut plan = Plan::new("");
    let want = fitting(&mut plan, view, item, want, Some(row), args.partial)?;
    plan.summary = format!(
        "Change the reservation of {} to {}{}",
        item.sku,
        want.qty,
        until(want.expires_at)
    );
    plan.result = json!({"id": row.id.to_string(), "item": item.sku, "qty": want.qty, "expiresAt": want.expires_at});
    plan.edit("stock.reserved", row, |reservation| *reservation = want)?;
    Ok(plan)
}

fn release(args: &ReserveStock, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = known(args, view)?;
    let item = view.need(row.item)?;
    let mut plan = Plan::new(format!("Release the reservation of {} {}", row.remaining(), item.sku));
    let sums = guard::now(view, item.id)?;
    let free = sums.usable() - sums.reserved();
    plan.detail("available", json!({"before": free, "after": free + row.remaining()}));
    plan.detail("competing", competing(view, item.id, Some(row.id)));
    plan.result = json!({"id": row.id.to_string(), "status": ReservationStatus::Released});
    plan.edit("stock.reservation_released", row, |reservation| {
        reservation.status = ReservationStatus::Released;
    })?;
    Ok(plan)
}

/// What it is for; refused where that is over.
fn subject(args: &ReserveStock, view: &View<'_>) -> Result<Option<String>, Rejection> {
    let Some(reference) = &args.for_ref else {
        return Ok(None);
    };
    let found = view.resolve_any(reference, &[])?;
    let called = found.key.clone().unwrap_or_else(|| found.label.clone());
    let closed = match found.kind {
        "task" => found
            .id
            .parse::<Id<Task>>()
            .ok()
            .and_then(|id| view.get(id))
            .is_none_or(|task| {
                let ended = view.get(task.state).is_some_and(|state| state.category.is_final());
                ended || task.deleted_at.is_some() || !live::in_use(view, task.project)
            }),
        "project" => found
            .id
            .parse::<Id<Project>>()
            .ok()
            .and_then(|id| view.get(id))
            .is_none_or(|project| project.lifecycle != Lifecycle::Active),
        _ => false,
    };
    if closed {
        return Err(
            Rejection::new("subject_closed", format!("{} {called} is closed", found.kind))
                .field("forRef")
                .hint("reserve for something that is still open"),
        );
    }
    Ok(Some(found.id))
}

/// The promise as far as it can be kept; refused where it cannot.
fn fitting(
    plan: &mut Plan,
    view: &View<'_>,
    item: &Arc<Row<StockItem>>,
    mut want: Reservation,
    own: Option<&Row<Reservation>>,
    partial: bool,
) -> Result<Reservation, Rejection> {
    let free = free_for(view, &want, own)?;
    let wanted = want.remaining();
    plan.detail(
        "available",
        json!({"before": free, "after": (free - wanted).max(Decimal::ZERO)}),
    );
    plan.detail("competing", competing(view, item.id, own.map(|row| row.id)));
    plan.detail("expected", expected(view, item));
    if wanted <= free {
        return Ok(want);
    }
    if partial && free > Decimal::ZERO {
        plan.warn(format!("only {free} of {wanted} are free"));
        want.qty = (want.fulfilled + free).normalize();
        return Ok(want);
    }
    Err(Rejection::new(
        "insufficient_available",
        format!("{wanted} of {} are wanted and {free} are free", item.sku),
    )
    .field("qty")
    .current(json!({"available": free, "competing": competing(view, item.id, own.map(|row| row.id)), "expected": expected(view, item)}))
    .hint("reserve less, say partial: true, or wait for what is expected"))
}

/// What is free for a promise, its own part included.
fn free_for(view: &View<'_>, want: &Reservation, own: Option<&Row<Reservation>>) -> Result<Decimal, Rejection> {
    let mut book = super::book::Book::new(view)?;
    if let Some(row) = own.and_then(|row| view.get(row.id)) {
        book.hold(row).after.status = ReservationStatus::Released;
    }
    let sums = guard::after(&book, want.item);
    Ok(sums
        .room(want.item, want.location, want.lot)
        .max(Decimal::ZERO)
        .normalize())
}

fn competing(view: &View<'_>, item: Id<StockItem>, own: Option<Id<Reservation>>) -> Vec<Value> {
    let others = holding(view, item).filter(|row| Some(row.id) != own);
    others.take(20).map(|row| promised(view, row)).collect()
}

/// What is on its way: transfers in transit, and the lead time where the reorder point was reached.
fn expected(view: &View<'_>, item: &Row<StockItem>) -> Value {
    let transit = guard::levels(view, item.id)
        .into_iter()
        .filter(|level| level.in_transit > Decimal::ZERO);
    let transit: Vec<Value> = transit
        .map(|level| json!({"location": guard::code(view, level.location), "qty": level.in_transit}))
        .collect();
    let orders: Vec<Value> = item
        .reorder
        .iter()
        .filter(|rule| reorder::on_hand(view, None, item.id, rule) <= rule.min)
        .map(|rule| {
            let days = rule.lead_time_days.unwrap_or_default();
            let earliest = jiff::Span::new()
                .try_days(days)
                .ok()
                .and_then(|span| view.today().checked_add(span).ok());
            json!({"location": guard::code(view, rule.location), "ifOrderedToday": earliest})
        })
        .collect();
    json!({"inTransit": transit, "reorder": orders})
}

/// Whether a promise holds and is bound to one of some locations.
pub fn is_pinned(view: &View<'_>, held: &Reservation, places: &[Id<StockLocation>]) -> bool {
    held.status_at(view.now) == ReservationStatus::Active && held.location.is_some_and(|at| places.contains(&at))
}
