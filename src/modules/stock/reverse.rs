//! Taking movements back: a counter-entry, never an edit.

use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::book::{Book, Worth};
use super::counts::CountSession;
use super::entity::LocationKind;
use super::guard::code;
use super::ledger::{Movement, MovementKind, cost_key};
use super::lines::draft;
use super::reservations::ReservationStatus;
use crate::kernel::{Rejection, Row, View};

/// Whether a movement was taken back, and that not taken back in its turn.
pub fn is_reversed(view: &View<'_>, id: Id<Movement>) -> bool {
    counter(view, id).is_some()
}

/// The movement that took this one back.
pub fn counter<'a>(view: &View<'a>, id: Id<Movement>) -> Option<&'a Arc<Row<Movement>>> {
    view.find::<Movement>("reverses", &id.to_string())
        .find(|row| !is_reversed(view, row.id))
}

/// Whether a transfer in transit has arrived.
pub fn is_received(view: &View<'_>, id: Id<Movement>) -> bool {
    view.find::<Movement>("receives", &id.to_string())
        .any(|row| !is_reversed(view, row.id))
}

/// Posts the counter-entry of a movement; gives what the preview says of it.
pub fn reverse<'a>(
    book: &mut Book<'_, 'a>,
    row: &'a Arc<Row<Movement>>,
    note: Option<&str>,
) -> Result<Value, Rejection> {
    let view = book.view;
    if let Some(by) = counter(view, row.id) {
        let message = format!("{} was taken back already", row.label_of(view));
        return Err(Rejection::new("already_reversed", message)
            .field("reverse")
            .current(json!({"movement": row.id.to_string(), "reversedBy": by.id.to_string()}))
            .hint("leave it out; to have it again, book it anew"));
    }
    let transit = Transit::of(view, row);
    transit.check(view, row)?;
    not_counted_since(view, row)?;
    let item = view.need(row.item)?;
    let mut movement = draft(MovementKind::Reversal, row.item, row.qty, row.to, row.from, view.now);
    movement.lot = row.lot;
    movement.reverses = Some(row.id);
    movement.reservation = row.reservation;
    movement.reference.clone_from(&row.reference);
    movement.for_ref.clone_from(&row.for_ref);
    movement.note = note.map(ToOwned::to_owned);
    let touched = later(view, row);
    let posted = if row.is_revaluation() {
        book.correct(movement, -row.value)?
    } else {
        transit.turn(book);
        book.post(item, movement, Worth::Again(row.id, row.value))?
    };
    give_back(book, row)?;
    let sku = &item.sku;
    Ok(json!({
        "movement": row.id.to_string(), "kind": row.kind, "item": sku, "qty": row.qty, "value": row.value,
        "valueTakenBack": posted.value, "from": code(view, row.to), "to": code(view, row.from), "laterMovementsTouched": touched,
    }))
}

/// What a movement took off a promise is promised again; what the counter-entry of one gave back is taken again.
fn give_back(book: &mut Book<'_, '_>, row: &Row<Movement>) -> Result<(), Rejection> {
    let Some(reservation) = row.reservation.and_then(|id| book.view.get(id)) else {
        return Ok(());
    };
    let depth = depth(book.view, row);
    let kept = &mut book.hold(reservation).after;
    let is_retaken = !depth.is_multiple_of(2);
    if is_retaken {
        if kept.remaining() < row.qty {
            let message = format!("{} of its reservation are left", kept.remaining().normalize());
            return Err(Rejection::new("reservation_mismatch", message)
                .field("reverse")
                .hint("issue the goods anew"));
        }
        kept.fulfilled += row.qty;
    } else {
        kept.fulfilled -= row.qty;
    }
    kept.status = match kept.status {
        ReservationStatus::Fulfilled if !kept.remaining().is_zero() => ReservationStatus::Active,
        ReservationStatus::Active if kept.remaining().is_zero() => ReservationStatus::Fulfilled,
        status => status,
    };
    Ok(())
}

/// What a chain of counter-entries means for goods in transit: the movement at its beginning, and whether that is in effect.
struct Transit<'a> {
    origin: &'a Arc<Row<Movement>>,
    in_effect: bool,
}

impl<'a> Transit<'a> {
    fn of(view: &View<'a>, row: &'a Arc<Row<Movement>>) -> Self {
        let mut origin = row;
        while let Some(before) = origin.reverses.and_then(|id| view.get(id)) {
            origin = before;
        }
        Self {
            origin,
            in_effect: depth(view, row).is_multiple_of(2),
        }
    }

    /// Refuses to take back what has arrived, and to have something arrive twice.
    fn check(&self, view: &View<'_>, row: &Row<Movement>) -> Result<(), Rejection> {
        let gone = |sent| is_received(view, sent) || is_reversed(view, sent);
        let refused = if self.in_effect {
            self.origin.bound_for.is_some() && is_received(view, self.origin.id)
        } else {
            self.origin.receives.is_some_and(gone)
        };
        if !refused {
            return Ok(());
        }
        let message = format!("{} has arrived, or is on the way no more", row.label_of(view));
        Err(Rejection::new("already_reversed", message)
            .field("reverse")
            .hint("take what followed it back first"))
    }

    /// Turns what it says of goods on the way round.
    fn turn(&self, book: &mut Book<'_, '_>) {
        let origin = self.origin;
        let qty = if self.in_effect { -origin.qty } else { origin.qty };
        if let Some(to) = origin.bound_for {
            book.cell((origin.item, to, origin.lot)).after.in_transit += qty;
        }
        if origin.receives.is_some() {
            book.cell((origin.item, origin.to, origin.lot)).after.in_transit -= qty;
        }
    }
}

/// How many movements stand behind it that it takes back, one after the other.
fn depth(view: &View<'_>, row: &Movement) -> usize {
    let before = row.reverses.and_then(|id| view.get(id));
    before.map_or(0, |before| 1 + depth(view, before))
}

/// Refuses where a count since has taken the movement into account.
fn not_counted_since(view: &View<'_>, row: &Row<Movement>) -> Result<(), Rejection> {
    for location in [row.from, row.to] {
        let counts = view.find::<CountSession>("posted", &cost_key(row.item, location));
        let after = |count: &&Arc<Row<CountSession>>| {
            Some(count.id) != row.session && count.posted_at.is_some_and(|posted| posted > row.created_at)
        };
        if let Some(count) = counts.filter(after).max_by_key(|count| count.posted_at) {
            let message = format!("{} was counted since {}", code(view, location), row.label_of(view));
            return Err(Rejection::new("later_count_posted", message)
                .field("reverse")
                .current(json!({"session": count.id.to_string(), "postedAt": count.posted_at}))
                .hint("the count has put the books right; adjust what is still wrong with a line of its own"));
        }
    }
    Ok(())
}

/// The movements since then whose cost rests on this one.
fn later(view: &View<'_>, row: &Row<Movement>) -> Vec<Value> {
    let places: Vec<_> = [row.from, row.to]
        .into_iter()
        .filter(|at| view.get(*at).is_none_or(|place| !LocationKind::is_virtual(place.kind)))
        .collect();
    let position = |row: &Row<Movement>| row.records.first().copied().unwrap_or_default();
    view.find::<Movement>("item", &row.item.to_string())
        .filter(|other| position(other) > position(row) && places.iter().any(|at| other.from == *at || other.to == *at))
        .take(20)
        .map(|other| json!({"movement": other.id.to_string(), "kind": other.kind, "qty": other.qty, "value": other.value}))
        .collect()
}
