//! The rows of each organisation by when they last changed, so that the newest are found without looking at all.

use std::cmp::Reverse;
use std::ops::Bound;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;
use projections::{Id, packed};

use super::{Row, Table};
use crate::kernel::entity::Entity;

/// What came last comes first; of what changed together, the smaller identifier.
type Order<E> = OrdSet<Place<E>>;

/// When a row last changed, and which it is.
type Place<E> = (Reverse<Timestamp>, Id<E>);

/// The order. Cloning shares structure.
#[derive(Clone, Debug)]
pub(super) struct Recent<E> {
    orgs: OrdMap<Arc<str>, Order<E>>,
}

impl<E> Default for Recent<E> {
    fn default() -> Self {
        Self { orgs: OrdMap::new() }
    }
}

fn place<E>(row: &Row<E>) -> Place<E> {
    (Reverse(row.updated_at), row.id)
}

impl<E: Entity> Recent<E> {
    /// The order of many rows at once.
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a Arc<Row<E>>>) -> Self {
        let mut places: Vec<(&str, Place<E>)> = rows.map(|row| (row.org.as_str(), place(row))).collect();
        places.sort_unstable();
        let orgs = places.chunk_by(|(one, _), (two, _)| one == two);
        let orgs = orgs.filter_map(|places| {
            let (org, _) = places.first()?;
            let order: Order<E> = packed::set(places.iter().map(|(_, place)| *place).collect());
            Some((Arc::from(*org), order))
        });
        Self { orgs: orgs.collect() }
    }

    /// Takes a row from where it stood to where it stands.
    pub(super) fn change(&mut self, before: Option<&Row<E>>, after: Option<&Row<E>>) {
        let Some(row) = after.or(before) else { return };
        if !self.orgs.contains_key(row.org.as_str()) {
            self.orgs.insert(Arc::from(row.org.as_str()), Order::new());
        }
        let Some(order) = self.orgs.get_mut(row.org.as_str()) else {
            return;
        };
        if let Some(before) = before {
            order.remove(&place(before));
        }
        if let Some(after) = after {
            order.insert(place(after));
        }
    }
}

impl<E: Entity> Table<E> {
    /// The rows of an organisation, what changed last first; `after` leaves out those up to and with that place.
    pub fn newest<'a>(
        &'a self,
        org: &str,
        after: Option<(Timestamp, Id<E>)>,
    ) -> impl Iterator<Item = &'a Arc<Row<E>>> + use<'a, E> {
        let from = after.map_or(Bound::Unbounded, |(at, id)| Bound::Excluded((Reverse(at), id)));
        let order = self.recent().orgs.get(org).into_iter();
        let places = order.flat_map(move |order| order.range((from, Bound::Unbounded)));
        places.filter_map(|(_, id)| self.rows.get(id))
    }

    /// The order; a table that keeps none makes it here, once until its rows change.
    pub(super) fn recent(&self) -> &Recent<E> {
        if self.is_indexed {
            &self.recent
        } else {
            self.ordered.get_or_init(|| Recent::of(self.rows.values()))
        }
    }

    pub(super) fn reorder(&mut self, before: Option<&Row<E>>, after: Option<&Row<E>>) {
        if self.is_indexed {
            self.recent.change(before, after);
        } else {
            self.ordered.take();
        }
    }
}
