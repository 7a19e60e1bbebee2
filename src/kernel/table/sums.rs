//! What rows add up to under a key, kept with every change: a ledger is not added up anew for every question.

use std::sync::Arc;

use imbl::OrdMap;
use rust_decimal::Decimal;

use crate::kernel::entity::Keys;

type Sorted = OrdMap<Arc<str>, Decimal>;

/// The sums of a table. Cloning shares structure.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    orgs: OrdMap<Arc<str>, OrdMap<&'static str, Sorted>>,
}

impl Sums {
    /// Every sum that is not zero, by its key.
    pub(super) fn all<'a>(
        &'a self,
        org: &str,
        index: &'static str,
    ) -> impl Iterator<Item = (&'a str, Decimal)> + use<'a> {
        let sorted = self.orgs.get(org).and_then(|indexes| indexes.get(index));
        let sums = sorted.into_iter().flatten();
        sums.map(|(key, sum)| (key.as_ref(), *sum))
    }

    /// Takes away what a row of an organisation added, and adds what it adds now.
    pub(super) fn change(&mut self, org: &str, old: &Keys, new: &Keys) {
        for (keys, is_added) in [(old, false), (new, true)] {
            for (index, key, amount) in keys.sums.iter().filter(|(.., amount)| !amount.is_zero()) {
                self.add(org, index, key, if is_added { *amount } else { -*amount });
            }
        }
    }

    fn add(&mut self, org: &str, index: &'static str, key: &str, amount: Decimal) {
        if !self.orgs.contains_key(org) {
            self.orgs.insert(Arc::from(org), OrdMap::new());
        }
        let Some(indexes) = self.orgs.get_mut(org) else { return };
        let sorted = indexes.entry(index).or_default();
        // What cannot be counted is not of a decider's making; it must not stop the fold.
        let sum = sorted.get(key).copied().unwrap_or_default().saturating_add(amount);
        if sum.is_zero() {
            sorted.remove(key);
        } else {
            sorted.insert(Arc::from(key), sum);
        }
    }
}
