//! What reads say of an item: quantities, promises, values.

use std::sync::Arc;

use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::entity::{StockItem, StockLocation};
use super::guard::{self, code, is_usable, levels};
use super::ledger::{LotStatus, StockCost, StockLevel};
use super::reservations::holding;
use super::valuation::{places, shares};
use crate::kernel::listing::Item;
use crate::kernel::tool::object;
use crate::kernel::{Rejection, Row, View};

/// What there is of an item, everywhere or at some locations.
#[derive(Debug, Default)]
pub struct Totals {
    /// What is there.
    pub on_hand: Decimal,
    /// What is promised of it.
    pub reserved: Decimal,
    /// What is free: less what may not be issued.
    pub available: Decimal,
    /// What is on its way.
    pub in_transit: Decimal,
}

/// Sums an item up, from its levels and the promises that hold now.
pub fn totals(view: &View<'_>, item: Id<StockItem>, at: Option<&[Id<StockLocation>]>) -> Totals {
    let mut totals = Totals::default();
    let within = |location: Id<StockLocation>| at.is_none_or(|at| at.contains(&location));
    for level in levels(view, item).into_iter().filter(|level| within(level.location)) {
        if !is_real(view, level.location) {
            continue;
        }
        totals.on_hand += level.on_hand;
        totals.in_transit += level.in_transit;
        if is_usable(
            view,
            level.location,
            level.lot.and_then(|lot| view.get(lot)).map(|lot| &lot.entity),
        ) {
            totals.available += level.on_hand;
        }
    }
    for row in holding(view, item).filter(|row| row.location.map_or(at.is_none(), within)) {
        totals.reserved += row.remaining();
    }
    totals.available -= totals.reserved;
    totals
}

/// Whether goods are really at a location.
pub fn is_real(view: &View<'_>, location: Id<StockLocation>) -> bool {
    view.get(location).is_some_and(|row| !row.kind.is_virtual())
}

/// What an item is worth, everywhere or at some locations.
pub fn value(view: &View<'_>, item: Id<StockItem>, at: Option<&[Id<StockLocation>]>) -> Decimal {
    let costs = view.find::<StockCost>("item", &item.to_string());
    let here = costs.filter(|cost| at.is_none_or(|at| at.contains(&cost.location)));
    here.map(|cost| cost.value).sum::<Decimal>().normalize()
}

/// An item of a list.
pub fn row(view: &View<'_>, item: &Row<StockItem>, at: Option<&[Id<StockLocation>]>) -> Item {
    let totals = totals(view, item.id, at);
    object(json!({
        "id": item.id.to_string(), "sku": item.sku, "name": item.name, "uom": item.uom, "category": item.category,
        "status": item.status, "tracking": item.tracking, "valuation": item.valuation,
        "onHand": totals.on_hand.normalize(), "reserved": totals.reserved.normalize(),
        "available": totals.available.normalize(), "inTransit": totals.in_transit.normalize(),
        "value": value(view, item.id, at), "version": item.version, "untrusted": true,
    }))
}

/// An item's levels by location and lot, each with its share of what the location's goods are worth.
pub fn by_place(view: &View<'_>, item: &Row<StockItem>) -> Result<Vec<Value>, Rejection> {
    let scale = places(&view.organization()?.currency);
    let mut rows: Vec<&Arc<Row<StockLevel>>> = levels(view, item.id);
    rows.retain(|level| is_real(view, level.location) && !(level.on_hand.is_zero() && level.in_transit.is_zero()));
    rows.sort_by_key(|level| (code(view, level.location), level.lot));
    let sums = guard::now(view, item.id)?;
    let mut shown = Vec::new();
    while let Some(first) = rows.first() {
        let location = first.location;
        let here: Vec<&Arc<Row<StockLevel>>> = rows.extract_if(.., |level| level.location == location).collect();
        let costs = view
            .find::<StockCost>("item", &item.id.to_string())
            .find(|cost| cost.location == location);
        let value = costs.map(|cost| cost.value).unwrap_or_default();
        let quantities: Vec<Decimal> = here.iter().map(|level| level.on_hand).collect();
        for (level, value) in here.iter().zip(shares(value, &quantities, scale)) {
            let lot = level.lot.and_then(|lot| view.get(lot));
            let status = lot.map(|lot| lot.status_on(view.today()));
            let free = sums.free((item.id, location, level.lot)).max(Decimal::ZERO);
            let available = if status.is_none_or(|status| status == LotStatus::Available) {
                free
            } else {
                Decimal::ZERO
            };
            shown.push(json!({
                "location": code(view, location), "lot": lot.map(|lot| lot.code.clone()), "expiry": lot.and_then(|lot| lot.expiry),
                "lotStatus": status, "onHand": level.on_hand, "available": available.normalize(), "inTransit": level.in_transit,
                "value": value, "averageCost": costs.map(|cost| cost.average),
            }));
        }
    }
    Ok(shown)
}
