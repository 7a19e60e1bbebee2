//! The schedule: which hours are waited for. It is read off the entities, in order, and kept nowhere else; so it is durable,
//! the same after every replay, and never says anything that the state does not.

use imbl::OrdSet;
use jiff::Timestamp;
use projections::Id;

use crate::kernel::entity::Entity;
use crate::kernel::table::Row;

/// The hours that one entity waits for, collected while it is put into its table.
#[derive(Debug, Default)]
pub struct Timers {
    list: Vec<(Timestamp, &'static str)>,
}

impl Timers {
    /// Waits for an hour, for something that has a name.
    pub fn at(&mut self, hour: Timestamp, name: &'static str) {
        self.list.push((hour, name));
    }
}

/// An hour that a thing waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The hour.
    pub at: Timestamp,
    /// The kind of thing.
    pub kind: &'static str,
    /// The thing.
    pub id: String,
    /// Which of its timers.
    pub timer: &'static str,
}

/// The timers of a table's rows, the next first.
#[derive(Clone, Debug)]
pub struct Waiting<E>(OrdSet<(Timestamp, Id<E>, &'static str)>);

impl<E> Default for Waiting<E> {
    fn default() -> Self {
        Self(OrdSet::new())
    }
}

impl<E: Entity> Waiting<E> {
    /// Takes a row from the hours it waited for to those it waits for.
    pub(super) fn change(&mut self, before: Option<&Row<E>>, after: Option<&Row<E>>) {
        for (row, is_new) in [(before, false), (after, true)] {
            let Some(row) = row else { continue };
            let mut timers = Timers::default();
            row.entity.timers(&mut timers);
            for (at, name) in timers.list {
                if is_new {
                    self.0.insert((at, row.id, name));
                } else {
                    self.0.remove(&(at, row.id, name));
                }
            }
        }
    }

    /// All of them, the next first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Due> + '_ {
        self.0.iter().map(|(at, id, timer)| Due {
            at: *at,
            kind: E::KIND,
            id: id.to_string(),
            timer,
        })
    }
}
