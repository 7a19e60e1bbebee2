//! What rows add up to under a key, kept with every change: a ledger is not added up anew for every question.

use std::sync::Arc;

use imbl::OrdMap;
use rust_decimal::Decimal;

use super::Row;
use crate::kernel::entity::{Entity, Keys};

type Sorted = OrdMap<Arc<str>, Decimal>;

/// The sums of a table. Cloning shares structure.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    orgs: OrdMap<(Arc<str>, &'static str), Sorted>,
}

impl Sums {
    /// A sum; zero where nothing adds to it.
    pub(super) fn of(&self, org: &str, index: &'static str, key: &str) -> Decimal {
        let sorted = self.orgs.get(&(Arc::from(org), index));
        sorted.and_then(|sorted| sorted.get(key)).copied().unwrap_or_default()
    }

    /// Takes away what a row added, and adds what it adds now.
    pub(super) fn change<E: Entity>(&mut self, before: Option<&Row<E>>, after: Option<&Row<E>>) {
        for (row, sign) in [(before, Decimal::NEGATIVE_ONE), (after, Decimal::ONE)] {
            let Some(row) = row else { continue };
            let mut keys = Keys::default();
            row.entity.keys(&mut keys);
            for (index, key, amount) in keys.sums.iter().filter(|(.., amount)| !amount.is_zero()) {
                self.add(&row.org, index, key, *amount * sign);
            }
        }
    }

    fn add(&mut self, org: &str, index: &'static str, key: &str, amount: Decimal) {
        let sorted = self.orgs.entry((Arc::from(org), index)).or_default();
        let sum = sorted.get(key).copied().unwrap_or_default() + amount;
        if sum.is_zero() {
            sorted.remove(key);
        } else {
            sorted.insert(Arc::from(key), sum);
        }
    }
}
