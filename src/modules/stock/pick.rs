//! Which lots an issue takes, and why.

use std::sync::Arc;

use projections::Id;
use rust_decimal::Decimal;
use serde_json::json;

use super::book::Book;
use super::entity::{StockItem, StockLocation, Tracking};
use super::guard::{self, code, levels};
use super::ledger::{Lot, LotStatus};
use super::lines::{self, LotCode};
use crate::choice;
use crate::kernel::{Rejection, Row, View};

choice! {
    /// Which lots go first.
    pub enum Pick {
        /// The one that expires first.
        Fefo = "fefo",
        /// The one that came first.
        Fifo = "fifo",
        /// The one that is named.
        Given = "given",
    }
}

/// A part of a line, from one lot.
pub struct Part {
    /// The lot; `None` for items without.
    pub lot: Option<Id<Lot>>,
    /// How much.
    pub qty: Decimal,
    /// Why this lot.
    pub why: &'static str,
}

/// What is to be taken.
pub struct Wanted<'w> {
    /// The item.
    pub item: &'w Arc<Row<StockItem>>,
    /// How much.
    pub qty: Decimal,
    /// From where.
    pub from: Id<StockLocation>,
    /// The lot that was named.
    pub lot: Option<&'w LotCode>,
    /// Which lots go first.
    pub pick: Pick,
}

/// The parts of a line. The book holds what the lines before it took.
pub fn parts(book: &mut Book<'_, '_>, wanted: &Wanted<'_>) -> Result<Vec<Part>, Rejection> {
    let (view, item) = (book.view, wanted.item);
    let whole = |lot, why| {
        vec![Part {
            lot,
            qty: wanted.qty,
            why,
        }]
    };
    if item.tracking == Tracking::None {
        lines::lot(view, item, wanted.lot)?;
        return Ok(whole(None, "not tracked"));
    }
    if let Some(code) = wanted.lot {
        let lot = lines::known_lot(view, item, code)?;
        issuable(view, item, lot)?;
        return Ok(whole(Some(lot.id), "named"));
    }
    if wanted.pick == Pick::Given {
        return Err(lines::lot_required(item));
    }
    in_turn(book, wanted)
}

/// Refuses a lot that may not be issued, but to those who may override it.
pub fn issuable(view: &View<'_>, item: &StockItem, lot: &Row<Lot>) -> Result<(), Rejection> {
    let status = lot.status_on(view.today());
    if status == LotStatus::Available || view.rights.allow("stock.override") {
        return Ok(());
    }
    Err(Rejection::new(
        "lot_not_issuable",
        format!("lot {} of {} is {status}", lot.code, item.sku),
    )
    .field("lot")
    .current(json!({"lot": lot.code, "status": status, "expiry": lot.expiry, "override": "stock.override"}))
    .hint("take another lot, release this one with adjust_stock, or have a holder of stock.override do it"))
}

fn in_turn(book: &mut Book<'_, '_>, wanted: &Wanted<'_>) -> Result<Vec<Part>, Rejection> {
    let (view, item) = (book.view, wanted.item);
    let mut lots: Vec<&Arc<Row<Lot>>> = levels(view, item.id)
        .into_iter()
        .filter(|level| level.location == wanted.from)
        .filter_map(|level| view.get(level.lot?))
        .filter(|lot| lot.status_on(view.today()) == LotStatus::Available)
        .collect();
    if wanted.pick == Pick::Fefo {
        lots.sort_by_key(|lot| (lot.expiry.is_none(), lot.expiry, lot.id));
    } else {
        lots.sort_by_key(|lot| lot.id);
    }
    let why = if wanted.pick == Pick::Fefo {
        "expires first"
    } else {
        "came first"
    };
    let (mut left, mut parts) = (wanted.qty, Vec::new());
    for lot in lots {
        let cell = (item.id, wanted.from, Some(lot.id));
        let there = book.cell(cell).after.on_hand;
        let free = there.min(guard::after(book, item.id).free(cell)).max(Decimal::ZERO);
        let qty = free.min(left);
        if qty > Decimal::ZERO {
            parts.push(Part {
                lot: Some(lot.id),
                qty,
                why,
            });
            left -= qty;
        }
    }
    if left.is_zero() {
        return Ok(parts);
    }
    let here = levels(view, item.id)
        .into_iter()
        .filter(|level| level.location == wanted.from);
    let on_hand: Decimal = here.map(|level| level.on_hand).sum();
    let cell = (item.id, wanted.from, None);
    let mut no = guard::insufficient(view, item, cell, on_hand, wanted.qty - left);
    let held_back: Vec<String> = levels(view, item.id)
        .into_iter()
        .filter(|level| level.location == wanted.from && level.on_hand > Decimal::ZERO)
        .filter_map(|level| view.get(level.lot?))
        .filter(|lot| lot.status_on(view.today()) != LotStatus::Available)
        .map(|lot| format!("{} is {}", lot.code, lot.status_on(view.today())))
        .collect();
    if !held_back.is_empty() {
        no.message = format!(
            "{}; at {} {}",
            no.message,
            code(view, wanted.from),
            held_back.join(", ")
        );
    }
    Err(no)
}
