//! The ledger: movements that are never changed, and what they add up to per lot and place.

use jiff::Timestamp;
use jiff::civil::Date;
use projections::Id;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::counts::CountSession;
use super::entity::{StockItem, StockLocation};
use super::reservations::Reservation;
use crate::kernel::schedule::Timers;
use crate::kernel::{Describe, Keys};
use crate::{choice, entity};

choice! {
    /// Whether a lot may be issued.
    #[derive(Default)]
    pub enum LotStatus {
        /// It may.
        #[default]
        Available = "available",
        /// Not before somebody looked at it.
        Quarantine = "quarantine",
        /// It may not.
        Blocked = "blocked",
        /// Its day has passed.
        Expired = "expired",
    }
}

entity! {
    /// A batch of an item, or one piece of it.
    pub struct Lot("lot", "lot") {
        /// The item.
        item: Id<StockItem>,
        /// Its number; unique per item, case aside.
        code: String,
        /// The last day it is good.
        expiry: Option<Date>,
        /// When that day is over where the organisation is.
        ends_at: Option<Timestamp>,
        /// Where it came from.
        supplier: Option<Id<StockLocation>>,
        /// Whether it may be issued. A lot whose day has passed is expired, whatever stands here.
        status: LotStatus,
        /// What one unit of it cost when it first came in.
        unit_cost: Decimal,
    }
}

impl Describe for Lot {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.code);
        keys.key("item", self.item);
        keys.key("code", lot_key(self.item, &self.code));
        if let Some(expiry) = self.expiry {
            keys.key("expiry", expiry);
        }
        keys.of(self.item);
    }
    fn label(&self) -> String {
        self.code.clone()
    }
    fn timers(&self, timers: &mut Timers) {
        if let (LotStatus::Available, Some(end)) = (self.status, self.ends_at) {
            timers.at(end, "expiry");
        }
    }
}

impl Lot {
    /// Its status on a day.
    pub fn status_on(&self, today: Date) -> LotStatus {
        if self.status == LotStatus::Available && self.expiry.is_some_and(|day| day < today) {
            LotStatus::Expired
        } else {
            self.status
        }
    }
}

/// The key a lot is found by.
pub fn lot_key(item: Id<StockItem>, code: &str) -> String {
    format!("{item}|{}", crate::kernel::text::fold(code))
}

choice! {
    /// Why goods moved.
    #[derive(Default)]
    pub enum MovementKind {
        /// They came in.
        #[default]
        Receipt = "receipt",
        /// They went out.
        Issue = "issue",
        /// They went from one place to another.
        Transfer = "transfer",
        /// The books were put right.
        Adjustment = "adjustment",
        /// A count found another quantity.
        Count = "count",
        /// An earlier movement was taken back.
        Reversal = "reversal",
    }
}

entity! {
    /// One movement: it takes from one location and gives to another. Never changed.
    pub struct Movement("movement", "mov") {
        /// Why.
        kind: MovementKind,
        /// What.
        item: Id<StockItem>,
        /// Of which lot.
        lot: Option<Id<Lot>>,
        /// How much, in base units, more than zero.
        qty: Decimal,
        /// From where. A revaluation moves nothing: it goes from a location to itself.
        from: Id<StockLocation>,
        /// To where.
        to: Id<StockLocation>,
        /// The cost of one unit, at 6 decimals.
        unit_cost: Decimal,
        /// What it is worth, in the organisation's currency; signed for a revaluation.
        value: Decimal,
        /// What was paid beyond the set cost, posted apart.
        variance: Decimal,
        /// What it belongs to, in words.
        reference: Option<String>,
        /// What it was for.
        for_ref: Option<String>,
        /// Why it was adjusted.
        cause: Option<String>,
        /// What was said about it.
        note: Option<String>,
        /// When it happened.
        effective_at: Timestamp,
        /// Its place among the movements of the same action.
        line: u32,
        /// The movement that it takes back.
        reverses: Option<Id<Movement>>,
        /// The transfer in transit that it brings to its end.
        receives: Option<Id<Movement>>,
        /// Where a transfer in transit is bound for.
        bound_for: Option<Id<StockLocation>>,
        /// The reservation that it consumed.
        reservation: Option<Id<Reservation>>,
        /// The count that found it.
        session: Option<Id<CountSession>>,
    }
}

impl Describe for Movement {
    fn keys(&self, keys: &mut Keys) {
        keys.key("item", self.item);
        if let Some(reverses) = self.reverses {
            keys.key("reverses", reverses);
        }
        if let Some(receives) = self.receives {
            keys.key("receives", receives);
        }
        keys.of(self.item);
        keys.adds("value", cost_key(self.item, self.to), self.value_at(self.to));
        if self.from != self.to {
            keys.adds("value", cost_key(self.item, self.from), self.value_at(self.from));
        }
    }
    fn label(&self) -> String {
        format!("{} of {}", self.kind, self.qty)
    }
}

impl Movement {
    /// Whether it only changes what goods are worth.
    pub fn is_revaluation(&self) -> bool {
        self.from == self.to
    }

    /// What it adds to the quantity at a location.
    pub fn quantity_at(&self, location: Id<StockLocation>) -> Decimal {
        let gives = if self.to == location { self.qty } else { Decimal::ZERO };
        let takes = if self.from == location { self.qty } else { Decimal::ZERO };
        gives - takes
    }

    /// What it adds to the value at a location.
    pub fn value_at(&self, location: Id<StockLocation>) -> Decimal {
        match (self.from == location, self.to == location) {
            (true, false) => -self.value,
            (_, true) => self.value,
            (false, false) => Decimal::ZERO,
        }
    }
}

entity! {
    /// How much of an item (of a lot of it) is at a location: what the movements add up to.
    pub struct StockLevel("stockLevel", "lvl") {
        /// The item.
        item: Id<StockItem>,
        /// Where.
        location: Id<StockLocation>,
        /// Of which lot.
        lot: Option<Id<Lot>>,
        /// What is there.
        on_hand: Decimal,
        /// What is on the way here.
        in_transit: Decimal,
    }
}

impl Describe for StockLevel {
    fn keys(&self, keys: &mut Keys) {
        keys.key("item", self.item);
        keys.key("location", self.location);
        keys.key("cell", cell_key(self.item, self.location, self.lot));
    }
    fn label(&self) -> String {
        format!("level {}", self.on_hand)
    }
}

/// The key a level is found by.
pub fn cell_key(item: Id<StockItem>, location: Id<StockLocation>, lot: Option<Id<Lot>>) -> String {
    let lot = lot.map(|lot| lot.to_string()).unwrap_or_default();
    format!("{item}|{location}|{lot}")
}

/// Goods that came in together at one cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// The movement that brought them.
    pub movement: Id<Movement>,
    /// How much of them is left.
    pub qty: Decimal,
    /// What is left is worth.
    pub value: Decimal,
}

entity! {
    /// What an item is worth at a location.
    pub struct StockCost("stockCost", "csp") {
        /// The item.
        item: Id<StockItem>,
        /// Where.
        location: Id<StockLocation>,
        /// How much of it is there, all lots together.
        quantity: Decimal,
        /// What that is worth.
        value: Decimal,
        /// The cost of one unit, at 6 decimals.
        average: Decimal,
        /// What is left of each receipt, the oldest first; for items valued so.
        layers: Vec<Layer>,
    }
}

impl Describe for StockCost {
    fn keys(&self, keys: &mut Keys) {
        keys.key("item", self.item);
        keys.key("cell", cost_key(self.item, self.location));
    }
    fn label(&self) -> String {
        format!("cost {}", self.average)
    }
}

/// The key a cost is found by.
pub fn cost_key(item: Id<StockItem>, location: Id<StockLocation>) -> String {
    format!("{item}|{location}")
}

entity! {
    /// Whether an item is at or below its reorder point at a location.
    pub struct ReorderState("reorderState", "rop") {
        /// The item.
        item: Id<StockItem>,
        /// Where.
        location: Id<StockLocation>,
        /// Whether the point was reached and is not above it again.
        reached: bool,
        /// How much there was when it was reached.
        on_hand: Decimal,
        /// The point.
        min: Decimal,
    }
}

impl Describe for ReorderState {
    fn keys(&self, keys: &mut Keys) {
        keys.key("cell", cost_key(self.item, self.location));
    }
    fn label(&self) -> String {
        format!("reorder point {}", self.min)
    }
}
