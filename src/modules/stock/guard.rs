//! What a plan's movements may not do: take more than is there, or what is promised to others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::book::{Book, Cell};
use super::entity::{StockItem, StockLocation};
use super::ledger::{Lot, LotStatus, StockLevel};
use super::reservations::{Reservation, holding};
use crate::kernel::{Rejection, Row, View};
use crate::modules::workflows::moves;

/// Whether what is in a cell can be promised and picked: the place is for picking, the lot may be issued.
pub fn is_usable(view: &View<'_>, location: Id<StockLocation>, lot: Option<&Lot>) -> bool {
    let place = view
        .get(location)
        .is_some_and(|row| row.pickable && row.active && !row.kind.is_virtual());
    place && lot.is_none_or(|lot| lot.status_on(view.today()) == LotStatus::Available)
}

/// The levels of an item as they stand.
pub fn levels<'a>(view: &View<'a>, item: Id<StockItem>) -> Vec<&'a Arc<Row<StockLevel>>> {
    view.find::<StockLevel>("item", &item.to_string()).collect()
}

/// What an item's levels and promises add up to, at one side of the plan.
#[derive(Default)]
pub struct Sums {
    /// Usable, per cell.
    cells: BTreeMap<Cell, Decimal>,
    /// Promised: to a cell, to a location, to the item.
    pinned: BTreeMap<Cell, Decimal>,
    located: BTreeMap<Id<StockLocation>, Decimal>,
    anywhere: BTreeMap<Option<Id<Lot>>, Decimal>,
}

impl Sums {
    /// What is usable of the item, everywhere.
    pub fn usable(&self) -> Decimal {
        self.cells.values().sum()
    }

    /// What is promised of it.
    pub fn reserved(&self) -> Decimal {
        let pinned: Decimal = self.pinned.values().sum();
        let located: Decimal = self.located.values().sum();
        let anywhere: Decimal = self.anywhere.values().sum();
        pinned + located + anywhere
    }

    fn hold(&mut self, reservation: &Reservation, now: jiff::Timestamp) {
        let held = reservation.held_at(now);
        let place = match (reservation.location, reservation.lot) {
            (Some(at), Some(lot)) => self.pinned.entry((reservation.item, at, Some(lot))).or_default(),
            (Some(at), None) => self.located.entry(at).or_default(),
            (None, lot) => self.anywhere.entry(lot).or_default(),
        };
        *place += held;
    }

    /// What is free at a location, but for promises that are not bound to it.
    fn here(&self, location: Id<StockLocation>) -> Decimal {
        let there: Decimal = self
            .cells
            .iter()
            .filter(|((_, at, _), _)| *at == location)
            .map(|(_, there)| there)
            .sum();
        let pinned: Decimal = self
            .pinned
            .iter()
            .filter(|((_, at, _), _)| *at == location)
            .map(|(_, held)| held)
            .sum();
        there - pinned - self.located.get(&location).copied().unwrap_or_default()
    }

    /// What is free of a lot, but for promises that are not bound to it.
    fn of_lot(&self, lot: Option<Id<Lot>>) -> Decimal {
        let there: Decimal = self
            .cells
            .iter()
            .filter(|((_, _, of), _)| *of == lot)
            .map(|(_, there)| there)
            .sum();
        let pinned: Decimal = self
            .pinned
            .iter()
            .filter(|((_, _, of), _)| *of == lot)
            .map(|(_, held)| held)
            .sum();
        there - pinned - self.anywhere.get(&lot).copied().unwrap_or_default()
    }

    /// What is free in a cell, at its location, of its lot and of the item: the least of them.
    pub fn free(&self, cell: Cell) -> Decimal {
        let (_, location, lot) = cell;
        let own =
            self.cells.get(&cell).copied().unwrap_or_default() - self.pinned.get(&cell).copied().unwrap_or_default();
        let least = own.min(self.here(location)).min(self.usable() - self.reserved());
        if lot.is_some() {
            least.min(self.of_lot(lot))
        } else {
            least
        }
    }

    /// What a promise may be made of: anywhere or at a location, of any lot or of one.
    pub fn room(&self, item: Id<StockItem>, location: Option<Id<StockLocation>>, lot: Option<Id<Lot>>) -> Decimal {
        let whole = self.usable() - self.reserved();
        match (location, lot) {
            (None, None) => whole,
            (Some(at), None) => whole.min(self.here(at)),
            (None, lot) => whole.min(self.of_lot(lot)),
            (Some(at), lot) => self.free((item, at, lot)),
        }
    }
}

/// How an item stands once the book is carried out (or as it is, for a book that is empty).
pub fn after(book: &Book<'_, '_>, item: Id<StockItem>) -> Sums {
    let view = book.view;
    let mut sums = Sums::default();
    let stored = levels(view, item).into_iter().map(|row| &row.entity);
    let booked = book
        .cells
        .iter()
        .filter(|((of, ..), _)| *of == item)
        .map(|(_, kept)| &kept.after);
    for level in stored.chain(booked) {
        let lot = level.lot.and_then(|lot| book.lot(lot));
        let there = if is_usable(view, level.location, lot.as_ref()) {
            level.on_hand
        } else {
            Decimal::ZERO
        };
        sums.cells.insert((item, level.location, level.lot), there);
    }
    for row in holding(view, item) {
        sums.hold(&book.held(row), view.now);
    }
    // One that this plan brings to life again.
    for (id, kept) in book.holds.iter().filter(|(_, kept)| kept.after.item == item) {
        if !holding(view, item).any(|row| row.id == *id) {
            sums.hold(&kept.after, view.now);
        }
    }
    sums
}

/// How an item stands now.
pub fn now(view: &View<'_>, item: Id<StockItem>) -> Result<Sums, Rejection> {
    Ok(after(&Book::new(view)?, item))
}

/// Refuses a book that takes below zero, or what is promised to others. What was wrong before and gets no worse may pass.
pub fn check(book: &Book<'_, '_>) -> Result<(), Rejection> {
    let items: BTreeSet<Id<StockItem>> = book.cells.keys().map(|(item, ..)| *item).collect();
    for item in items {
        let row = book.view.need(item)?;
        let (before, after) = (now(book.view, item)?, after(book, item));
        for (cell, kept) in book.cells.iter().filter(|((of, ..), _)| *of == item) {
            let (_, location, _) = *cell;
            let was = kept.row.map(|row| row.on_hand).unwrap_or_default();
            if book.kind(location).is_virtual() || kept.after.on_hand >= was {
                continue;
            }
            let (free, free_before) = (after.free(*cell), before.free(*cell));
            let below = kept.after.on_hand < Decimal::ZERO && !row.allow_negative;
            let promised = free < Decimal::ZERO && free < free_before && after.reserved() > Decimal::ZERO;
            if below || promised {
                return Err(insufficient(book.view, row, *cell, was, free_before));
            }
        }
    }
    Ok(())
}

/// The "no" where there is not enough: what is there, who has it promised, where else there is some.
pub fn insufficient(view: &View<'_>, item: &Row<StockItem>, cell: Cell, on_hand: Decimal, free: Decimal) -> Rejection {
    let (_, location, lot) = cell;
    let place = code(view, location);
    let lot = lot.and_then(|lot| view.get(lot)).map(|lot| lot.code.clone());
    let of = lot.as_ref().map(|lot| format!(" lot {lot}")).unwrap_or_default();
    let reserved: Vec<Value> = holding(view, item.id).map(|row| promised(view, row)).collect();
    let elsewhere: Vec<Value> = levels(view, item.id)
        .into_iter()
        .filter(|level| level.location != location && level.on_hand > Decimal::ZERO)
        .filter(|level| {
            is_usable(
                view,
                level.location,
                level.lot.and_then(|lot| view.get(lot)).map(|row| &row.entity),
            )
        })
        .map(|level| json!({"location": code(view, level.location), "onHand": level.on_hand}))
        .collect();
    let free = free.min(on_hand).max(Decimal::ZERO).normalize();
    Rejection::new(
        "insufficient_stock",
        format!("{}{of} at {place}: {} on hand, {free} of them free", item.sku, on_hand.normalize()),
    )
    .field("lines")
    .current(json!({"item": item.sku, "location": place, "lot": lot, "onHand": on_hand, "free": free, "reservedBy": reserved, "elsewhere": elsewhere}))
    .hint("take less, take it from elsewhere, name the reservation it is for, or receive more first")
}

/// A reservation in a few words.
pub fn promised(view: &View<'_>, row: &Row<Reservation>) -> Value {
    json!({
        "reservation": row.id.to_string(), "qty": row.remaining(), "owner": moves::who(view, row.owner),
        "location": row.location.map(|at| code(view, at)), "for": row.for_ref, "expiresAt": row.expires_at,
    })
}

/// The short name of a location.
pub fn code(view: &View<'_>, location: Id<StockLocation>) -> String {
    view.get(location).map_or_else(String::new, |row| row.code.clone())
}
