//! What goods are worth. Every rounding of the module is done here, in [`rounded`].

use projections::Id;
use rust_decimal::{Decimal, RoundingStrategy};

use super::entity::{StockItem, Valuation};
use super::ledger::{Layer, Movement, StockCost};
use crate::kernel::Rejection;

/// Decimal places of the cost of one unit.
pub const COST_PLACES: u32 = 6;

/// The one place of rounding: half to even.
pub fn rounded(exact: Decimal, places: u32) -> Decimal {
    exact
        .round_dp_with_strategy(places, RoundingStrategy::MidpointNearestEven)
        .normalize()
}

/// Decimal places of a currency's amounts (ISO 4217).
pub fn places(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// The largest quantity or value that is kept.
fn largest() -> Decimal {
    Decimal::from(1_000_000_000_000_000_i64)
}

fn within(exact: Option<Decimal>) -> Result<Decimal, Rejection> {
    exact
        .filter(|number| number.abs() <= largest())
        .ok_or_else(|| Rejection::new("limit_exceeded", "an amount is larger than 1000000000000000"))
}

/// A product, refused where it is too large to keep.
pub fn product(a: Decimal, b: Decimal) -> Result<Decimal, Rejection> {
    within(a.checked_mul(b))
}

/// A sum, refused where it is too large to keep.
pub fn sum(a: Decimal, b: Decimal) -> Result<Decimal, Rejection> {
    within(a.checked_add(b)).map(|sum| sum.normalize())
}

/// The cost of one unit.
pub fn per_unit(value: Decimal, quantity: Decimal) -> Decimal {
    rounded(value.checked_div(quantity).unwrap_or_default(), COST_PLACES).abs()
}

/// Shares a value out by quantities, at a currency's places; the last share takes what rounding left.
pub fn shares(value: Decimal, quantities: &[Decimal], places: u32) -> Vec<Decimal> {
    let whole: Decimal = quantities.iter().sum();
    let mut left = value;
    let last = quantities.len().saturating_sub(1);
    let share = |(place, quantity): (usize, &Decimal)| {
        let exact = value.checked_mul(*quantity).and_then(|part| part.checked_div(whole));
        let share = if place == last {
            left
        } else {
            rounded(exact.unwrap_or_default(), places)
        };
        left -= share;
        share.normalize()
    };
    quantities.iter().enumerate().map(share).collect()
}

impl StockCost {
    /// Takes goods in that are worth `value`, and nothing else: values are conserved.
    pub fn put(
        &mut self,
        how: Valuation,
        movement: Id<Movement>,
        qty: Decimal,
        value: Decimal,
    ) -> Result<(), Rejection> {
        let (before, total) = (self.quantity, sum(self.value, value)?);
        let quantity = sum(before, qty)?;
        let average = match how {
            Valuation::Standard => self.average,
            _ if quantity <= Decimal::ZERO => unless_zero(self.average, per_unit(value, qty)),
            Valuation::MovingAverage if before > Decimal::ZERO => {
                per_unit(sum(product(before, self.average)?, value)?, quantity)
            }
            _ => per_unit(total, quantity),
        };
        if how == Valuation::Fifo && quantity > Decimal::ZERO {
            let fresh = before >= Decimal::ZERO;
            self.layers.push(Layer {
                movement,
                qty: if fresh { qty } else { quantity },
                value: if fresh { value } else { total },
            });
        }
        (self.quantity, self.value, self.average) = (quantity, total, average);
        Ok(())
    }

    /// Puts goods back where they were taken from: first in line again.
    pub fn put_back(
        &mut self,
        how: Valuation,
        movement: Id<Movement>,
        qty: Decimal,
        value: Decimal,
    ) -> Result<(), Rejection> {
        self.put(how, movement, qty, value)?;
        if how == Valuation::Fifo {
            let by = usize::from(!self.layers.is_empty());
            self.layers.rotate_right(by);
        }
        Ok(())
    }

    /// Takes goods out; gives what they are worth. Whoever empties it takes what rounding left.
    pub fn take(&mut self, how: Valuation, qty: Decimal, places: u32) -> Result<Decimal, Rejection> {
        let exact = match how {
            Valuation::Fifo => self.oldest(qty, places)?,
            Valuation::MovingAverage | Valuation::Standard => product(qty, self.average)?,
        };
        let value = self.bounded(qty, rounded(exact, places));
        self.taken(how, qty, value)
    }

    /// Takes goods out that came in worth `value`, as far as that is still there.
    pub fn take_back(
        &mut self,
        how: Valuation,
        origin: Id<Movement>,
        (qty, value): (Decimal, Decimal),
        places: u32,
    ) -> Result<Decimal, Rejection> {
        if how == Valuation::Fifo {
            let at = self.layers.iter().position(|layer| layer.movement == origin);
            if let Some(layers) = at.and_then(|at| self.layers.get_mut(..=at)) {
                layers.rotate_right(1);
            }
            return self.take(how, qty, places);
        }
        if how == Valuation::Standard {
            return self.take(how, qty, places);
        }
        let is_there = value <= self.value;
        let value = if is_there {
            self.bounded(qty, value)
        } else {
            self.bounded(qty, rounded(product(qty, self.average)?, places))
        };
        let taken = self.taken(how, qty, value)?;
        if self.quantity > Decimal::ZERO {
            self.average = per_unit(self.value, self.quantity);
        }
        Ok(taken)
    }

    fn bounded(&self, qty: Decimal, value: Decimal) -> Decimal {
        if qty == self.quantity {
            self.value
        } else if qty < self.quantity && self.value >= Decimal::ZERO {
            value.min(self.value)
        } else {
            value
        }
    }

    fn taken(&mut self, how: Valuation, qty: Decimal, value: Decimal) -> Result<Decimal, Rejection> {
        self.quantity = sum(self.quantity, -qty)?;
        self.value = sum(self.value, -value)?;
        if how == Valuation::Fifo && self.quantity > Decimal::ZERO {
            self.average = per_unit(self.value, self.quantity);
        }
        Ok(value)
    }

    /// Consumes layers, the oldest first; what no layer covers costs the average.
    fn oldest(&mut self, qty: Decimal, places: u32) -> Result<Decimal, Rejection> {
        let (mut left, mut value) = (qty, Decimal::ZERO);
        while let Some(layer) = self.layers.first_mut().filter(|_| left > Decimal::ZERO) {
            if layer.qty <= left {
                left -= layer.qty;
                value += layer.value;
                self.layers.remove(0);
            } else {
                let part = rounded(
                    product(layer.value, left)?.checked_div(layer.qty).unwrap_or_default(),
                    places,
                );
                (layer.qty, layer.value) = (sum(layer.qty, -left)?, sum(layer.value, -part)?);
                value += part;
                left = Decimal::ZERO;
            }
        }
        sum(value, product(left, self.average)?)
    }

    /// Makes one unit worth something else; gives the difference in value.
    pub fn revalue(&mut self, unit_cost: Decimal, places: u32) -> Result<Decimal, Rejection> {
        let value = rounded(product(self.quantity, unit_cost)?, places);
        let difference = sum(value, -self.value)?;
        let quantities: Vec<Decimal> = self.layers.iter().map(|layer| layer.qty).collect();
        for (layer, value) in self.layers.iter_mut().zip(shares(value, &quantities, places)) {
            layer.value = value;
        }
        (self.value, self.average) = (value, unit_cost);
        Ok(difference)
    }

    /// Takes back a revaluation of `of` units by `-difference`, as far as those are still there: what went since took its share
    /// with it. Gives for how many, and by how much the value changes.
    pub fn correct(&mut self, difference: Decimal, of: Decimal, places: u32) -> Result<(Decimal, Decimal), Rejection> {
        let is_there =
            !of.is_zero() && !self.quantity.is_zero() && of.is_sign_negative() == self.quantity.is_sign_negative();
        let left = match is_there {
            false => Decimal::ZERO,
            true if self.quantity.abs() < of.abs() => self.quantity,
            true => of,
        };
        let share = product(difference, left)?.checked_div(of).unwrap_or_default();
        let mut share = if left == of { difference } else { rounded(share, places) };
        if left > Decimal::ZERO {
            share = share.max(-self.value);
        }
        self.value = sum(self.value, share)?;
        let quantities: Vec<Decimal> = self.layers.iter().map(|layer| layer.qty).collect();
        for (layer, value) in self.layers.iter_mut().zip(shares(self.value, &quantities, places)) {
            layer.value = value;
        }
        if self.quantity > Decimal::ZERO {
            self.average = per_unit(self.value, self.quantity);
        }
        Ok((left, share.normalize()))
    }
}

fn unless_zero(known: Decimal, other: Decimal) -> Decimal {
    if known.is_zero() { other } else { known }
}

/// The cost of one unit of an item, where nothing else says it.
pub fn known_cost(item: &StockItem, cost: Option<&StockCost>) -> Option<Decimal> {
    let set = item.standard_cost.as_ref().map(|money| money.amount);
    let average = cost.map(|cost| cost.average).filter(|average| !average.is_zero());
    if item.valuation == Valuation::Standard {
        set
    } else {
        average.or(set)
    }
}
