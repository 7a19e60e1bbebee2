//! What follows from a table's rows and is kept with every change: the keys they are found by, what they add up to, and the
//! hours they wait for.

use std::sync::OnceLock;

use projections::packed;

use super::index::{Gathered, KeyIndex};
use super::sums::Sums;
use super::{Row, Table};
use crate::kernel::entity::{Entity, Keys};
use crate::kernel::schedule::Waiting;

/// Keys, sums and hours. Cloning shares structure.
#[derive(Clone, Debug)]
pub(super) struct Derived<E> {
    pub(super) keys: KeyIndex<E>,
    pub(super) sums: Sums,
    pub(super) waiting: Waiting<E>,
}

impl<E> Default for Derived<E> {
    fn default() -> Self {
        Self {
            keys: KeyIndex::default(),
            sums: Sums::default(),
            waiting: Waiting::default(),
        }
    }
}

impl<E: Entity> Table<E> {
    /// Takes a row from what followed from it to what follows now.
    pub(super) fn derive(&mut self, before: Option<&Row<E>>, after: Option<&Row<E>>) {
        let (Some(derived), Some(row)) = (self.derived.get_mut(), after.or(before)) else {
            return;
        };
        let (old, new) = (keys_of(before), keys_of(after));
        derived.keys.change(row, &old, &new);
        derived.sums.change(&row.org, &old, &new);
        derived.waiting.change(before, after);
    }

    /// Leaves keys, sums and hours until somebody asks: many rows are put back one after the other.
    pub(super) fn underive(&mut self) {
        if self.derived.get().is_some() {
            self.derived = OnceLock::new();
        }
    }

    pub(super) fn derived(&self) -> &Derived<E> {
        self.derived.get_or_init(|| {
            let (mut keys, mut derived) = (Gathered::default(), Derived::default());
            for row in self.rows.values() {
                let new = keys_of(Some(row));
                keys.add(row, &new);
                derived.sums.change(&row.org, &Keys::default(), &new);
                derived.waiting.change(None, Some(row));
            }
            derived.keys = keys.done();
            derived
        })
    }

    /// Puts rows that came in order into as little room as they need.
    pub(super) fn settle(&mut self) {
        self.rows = packed::map(std::mem::take(&mut self.rows).into_iter().collect());
        self.places = packed::map(std::mem::take(&mut self.places).into_iter().collect());
    }
}

fn keys_of<E: Entity>(row: Option<&Row<E>>) -> Keys {
    let mut keys = Keys::default();
    if let Some(row) = row {
        row.entity.keys(&mut keys);
    }
    keys
}
