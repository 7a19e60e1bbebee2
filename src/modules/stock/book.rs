//! The book of one plan: movements are posted into it, and what they change is planned once, at the end.
//!
//! Every movement of the module goes through [`Book::post`], so that levels, costs and the ledger cannot drift apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use projections::Id;
use rust_decimal::Decimal;

use super::entity::{LocationKind, StockItem, StockLocation, Valuation};
use super::ledger::{Lot, Movement, MovementKind, StockCost, StockLevel, cell_key, cost_key};
use super::reservations::Reservation;
use super::valuation::{self, per_unit, rounded, sum};
use crate::kernel::entity::Entity;
use crate::kernel::{Plan, Rejection, Row, View};

/// One lot of an item at one location.
pub type Cell = (Id<StockItem>, Id<StockLocation>, Option<Id<Lot>>);

/// A row as it stands and as it will be.
#[derive(Debug)]
pub struct Kept<'a, E> {
    /// As it stands; `None` for a new one.
    pub row: Option<&'a Arc<Row<E>>>,
    /// As it will be.
    pub after: E,
}

impl<'a, E: Entity> Kept<'a, E> {
    fn of(row: Option<&'a Arc<Row<E>>>, blank: impl FnOnce() -> E) -> Self {
        let after = row.map_or_else(blank, |row| row.entity.clone());
        Self { row, after }
    }

    fn plan(self, plan: &mut Plan, view: &View<'_>, event: &'static str) -> Result<(), Rejection> {
        match self.row {
            Some(row) => plan.edit(event, row, |entity| *entity = self.after).map(|_| ()),
            None => plan.create(event, view.new_id(), self.after),
        }
    }
}

/// What the goods of a movement are worth.
#[derive(Clone, Copy, Debug)]
pub enum Worth {
    /// What the place they are taken from says, or what is known of the place they come to.
    Known,
    /// What was paid for one unit.
    Paid(Decimal),
    /// What an earlier movement, which this one takes back, was worth.
    Again(Id<Movement>, Decimal),
}

/// The movements of one plan and what they change.
pub struct Book<'v, 'a> {
    /// What is decided on.
    pub view: &'v View<'a>,
    /// Decimal places of the organisation's currency.
    pub places: u32,
    /// Quantities, per item, location and lot.
    pub cells: BTreeMap<Cell, Kept<'a, StockLevel>>,
    /// Values, per item and location.
    pub costs: BTreeMap<(Id<StockItem>, Id<StockLocation>), Kept<'a, StockCost>>,
    /// Reservations that it consumes or takes along.
    pub holds: BTreeMap<Id<Reservation>, Kept<'a, Reservation>>,
    /// The movements, in order.
    pub moves: Vec<(Id<Movement>, Movement)>,
    /// What changes about lots that are new or differ.
    pub lots: BTreeMap<Id<Lot>, Kept<'a, Lot>>,
    /// Virtual locations that this plan makes.
    pub made: BTreeMap<LocationKind, Id<StockLocation>>,
}

impl<'v, 'a> Book<'v, 'a> {
    /// An empty one.
    pub fn new(view: &'v View<'a>) -> Result<Self, Rejection> {
        Ok(Self {
            view,
            places: valuation::places(&view.organization()?.currency),
            cells: BTreeMap::new(),
            costs: BTreeMap::new(),
            holds: BTreeMap::new(),
            moves: Vec::new(),
            lots: BTreeMap::new(),
            made: BTreeMap::new(),
        })
    }

    /// What a location is; those that this plan makes included.
    pub fn kind(&self, location: Id<StockLocation>) -> LocationKind {
        let made = self.made.iter().find(|(_, id)| **id == location).map(|(kind, _)| *kind);
        made.or_else(|| self.view.get(location).map(|row| row.kind))
            .unwrap_or_default()
    }

    /// One level.
    pub fn cell(&mut self, cell: Cell) -> &mut Kept<'a, StockLevel> {
        let view = self.view;
        self.cells.entry(cell).or_insert_with(|| {
            let (item, location, lot) = cell;
            let row = view.find::<StockLevel>("cell", &cell_key(item, location, lot)).next();
            Kept::of(row, || StockLevel {
                item,
                location,
                lot,
                ..StockLevel::default()
            })
        })
    }

    /// What an item is worth at a location.
    pub fn cost(&mut self, item: Id<StockItem>, location: Id<StockLocation>) -> &mut Kept<'a, StockCost> {
        let view = self.view;
        self.costs.entry((item, location)).or_insert_with(|| {
            let row = view.find::<StockCost>("cell", &cost_key(item, location)).next();
            Kept::of(row, || StockCost {
                item,
                location,
                ..StockCost::default()
            })
        })
    }

    /// A reservation.
    pub fn hold(&mut self, row: &'a Arc<Row<Reservation>>) -> &mut Kept<'a, Reservation> {
        let kept = || Kept::of(Some(row), Reservation::default);
        self.holds.entry(row.id).or_insert_with(kept)
    }

    /// How a reservation will stand.
    pub fn held(&self, row: &Row<Reservation>) -> Reservation {
        let kept = self.holds.get(&row.id).map(|kept| kept.after.clone());
        kept.unwrap_or_else(|| row.entity.clone())
    }

    /// A lot as it will be.
    pub fn lot(&self, id: Id<Lot>) -> Option<Lot> {
        let kept = self.lots.get(&id).map(|kept| kept.after.clone());
        kept.or_else(|| self.view.get(id).map(|row| row.entity.clone()))
    }

    /// A lot that is to be changed.
    pub fn change_lot(&mut self, row: &'a Arc<Row<Lot>>) -> &mut Lot {
        let kept = self.lots.entry(row.id);
        &mut kept.or_insert_with(|| Kept::of(Some(row), Lot::default)).after
    }

    /// Posts a movement: quantities on both sides, values where something really is. Gives the movement as it will be.
    pub fn post(&mut self, item: &StockItem, mut movement: Movement, worth: Worth) -> Result<Movement, Rejection> {
        let id = self.view.new_id::<Movement>();
        let (from, to, qty) = (movement.from, movement.to, movement.qty.normalize());
        movement.qty = qty;
        movement.line = u32::try_from(self.moves.len()).unwrap_or(u32::MAX);
        if let (Valuation::Standard, Some(set)) = (item.valuation, &item.standard_cost) {
            for end in [from, to]
                .into_iter()
                .filter(|end| !self.kind(*end).is_virtual())
                .collect::<Vec<_>>()
            {
                self.cost(movement.item, end).after.average = set.amount;
            }
        }
        let taken = match worth {
            _ if self.kind(from).is_virtual() => None,
            Worth::Again(origin, value) => {
                let places = self.places;
                let cost = &mut self.cost(movement.item, from).after;
                Some(cost.take_back(item.valuation, origin, (qty, value), places)?)
            }
            _ => {
                let places = self.places;
                Some(self.cost(movement.item, from).after.take(item.valuation, qty, places)?)
            }
        };
        let (value, variance) = match (taken, worth) {
            (Some(value), _) | (None, Worth::Again(_, value)) => (value, Decimal::ZERO),
            (None, worth) => self.brought(item, &movement, worth)?,
        };
        movement.value = value;
        movement.variance = variance;
        movement.unit_cost = per_unit(value, qty);
        if !self.kind(to).is_virtual() {
            let cost = &mut self.cost(movement.item, to).after;
            if matches!(worth, Worth::Again(..)) {
                cost.put_back(item.valuation, id, qty, value)?;
            } else {
                cost.put(item.valuation, id, qty, value)?;
            }
        }
        for (location, delta) in [(from, -qty), (to, qty)] {
            let level = &mut self.cell((movement.item, location, movement.lot)).after;
            level.on_hand = sum(level.on_hand, delta)?;
        }
        self.moves.push((id, movement.clone()));
        Ok(movement)
    }

    /// What goods are worth that come from where nothing really is, and what was paid beyond that.
    fn brought(
        &mut self,
        item: &StockItem,
        movement: &Movement,
        worth: Worth,
    ) -> Result<(Decimal, Decimal), Rejection> {
        let places = self.places;
        let known = valuation::known_cost(item, Some(&self.cost(movement.item, movement.to).after));
        let each = match worth {
            Worth::Paid(each) => each,
            _ => known.unwrap_or_default(),
        };
        let paid = rounded(valuation::product(movement.qty, each)?, places);
        if item.valuation != Valuation::Standard {
            return Ok((paid, Decimal::ZERO));
        }
        let set = rounded(valuation::product(movement.qty, known.unwrap_or_default())?, places);
        Ok((set, sum(paid, -set)?))
    }

    /// Posts a revaluation: nothing moves, one unit is worth something else.
    pub fn revalue(&mut self, mut movement: Movement, unit_cost: Decimal) -> Result<Movement, Rejection> {
        let places = self.places;
        let cost = &mut self.cost(movement.item, movement.to).after;
        movement.qty = cost.quantity;
        movement.unit_cost = unit_cost;
        movement.value = cost.revalue(unit_cost, places)?;
        Ok(self.note(movement))
    }

    /// Takes a revaluation back, as far as what it was of is still there.
    pub fn correct(&mut self, mut movement: Movement, difference: Decimal) -> Result<Movement, Rejection> {
        let places = self.places;
        let cost = &mut self.cost(movement.item, movement.to).after;
        (movement.qty, movement.value) = cost.correct(difference, movement.qty, places)?;
        movement.unit_cost = cost.average;
        Ok(self.note(movement))
    }

    fn note(&mut self, mut movement: Movement) -> Movement {
        movement.line = u32::try_from(self.moves.len()).unwrap_or(u32::MAX);
        movement.kind = match movement.reverses {
            Some(_) => MovementKind::Reversal,
            None => MovementKind::Adjustment,
        };
        self.moves.push((self.view.new_id(), movement.clone()));
        movement
    }

    /// Plans everything: lots, movements, then what they add up to.
    pub fn plan(self, plan: &mut Plan, event: &'static str) -> Result<(), Rejection> {
        let view = self.view;
        for (id, kept) in self.lots {
            match kept.row {
                Some(_) => kept.plan(plan, view, event)?,
                None => plan.create(event, id, kept.after)?,
            }
        }
        for (id, movement) in self.moves {
            let event = if movement.is_revaluation() {
                "stock.revalued"
            } else {
                event
            };
            plan.create(event, id, movement)?;
        }
        // What was only looked at is not written down.
        let is_blank = |level: &StockLevel| level.on_hand.is_zero() && level.in_transit.is_zero();
        for kept in self.cells.into_values() {
            if kept.row.is_none() && is_blank(&kept.after) {
                continue;
            }
            kept.plan(plan, view, "stock.level_changed")?;
        }
        for kept in self.costs.into_values() {
            if kept.row.is_none() && kept.after.quantity.is_zero() && kept.after.average.is_zero() {
                continue;
            }
            kept.plan(plan, view, "stock.cost_changed")?;
        }
        for kept in self.holds.into_values() {
            let event = match (kept.row, kept.after.fulfilled) {
                (Some(row), fulfilled) if fulfilled > row.fulfilled => "stock.reservation_fulfilled",
                _ => "stock.reserved",
            };
            kept.plan(plan, view, event)?;
        }
        Ok(())
    }
}
