//! A table: all entities of one kind in persistent maps, with the keys they are found by.

mod any;
mod derived;
mod index;
mod kept;
mod recent;
mod said;
mod sums;

pub use any::{AnyTable, Label, label};
pub use kept::Unlike;

use std::sync::{Arc, OnceLock};

use imbl::{OrdMap, Vector};
use jiff::Timestamp;
use projections::record::Changed;
use projections::{Id, Op};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::kernel::entity::Entity;
use crate::kernel::words::WordIndex;

use derived::Derived;
use recent::Recent;

/// Positions of past changes that a row remembers, newest last.
const HISTORY_MAX: usize = 200;

/// One entity and what the kernel knows about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound = "E: Entity")]
pub struct Row<E> {
    /// Its identifier.
    pub id: Id<E>,
    /// The organisation it belongs to.
    pub org: String,
    /// How often it was changed, its creation included.
    pub version: u64,
    /// When it came to be.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The records that changed it, oldest first; at most 200, the newest.
    pub records: Vec<u64>,
    /// The entity.
    pub entity: E,
}

impl<E> std::ops::Deref for Row<E> {
    type Target = E;
    fn deref(&self) -> &E {
        &self.entity
    }
}

/// Why a recorded change does not fit the state.
#[derive(Debug, Error)]
#[error("record {seq}: {kind} {id}: {why}")]
pub struct Misfit {
    /// The record.
    pub seq: u64,
    /// The kind of entity.
    pub kind: String,
    /// The entity.
    pub id: String,
    /// What is wrong.
    pub why: String,
}

/// Where a change stands in the journal.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The record.
    pub seq: u64,
    /// Its hour.
    pub at: Timestamp,
    /// Its organisation.
    pub org: &'a str,
}

/// All entities of one kind. Cloning shares structure.
#[derive(Clone, Debug)]
pub struct Table<E> {
    rows: OrdMap<Id<E>, Arc<Row<E>>>,
    /// Keys, sums and hours. A table that was put together from kept rows makes them at once, when it is first asked.
    derived: OnceLock<Derived<E>>,
    words: WordIndex,
    recent: Recent<E>,
    /// Whether `words` and `recent` are kept with every change; else they are made later.
    is_indexed: bool,
    /// The index of a table that keeps none, made when it is first asked.
    asked: OnceLock<WordIndex>,
    /// The order of changes of such a table.
    ordered: OnceLock<Recent<E>>,
    /// Where each row stands in `placed`, for the word index; only rows that say something have a place.
    places: OrdMap<Id<E>, u32>,
    placed: Vector<Option<Arc<Row<E>>>>,
}

impl<E> Default for Table<E> {
    fn default() -> Self {
        Self {
            rows: OrdMap::new(),
            derived: OnceLock::from(Derived::default()),
            words: WordIndex::default(),
            recent: Recent::default(),
            is_indexed: true,
            asked: OnceLock::new(),
            ordered: OnceLock::new(),
            places: OrdMap::new(),
            placed: Vector::new(),
        }
    }
}

impl<E: Entity> Table<E> {
    /// One row.
    pub fn get(&self, id: Id<E>) -> Option<&Arc<Row<E>>> {
        self.rows.get(&id)
    }

    /// Every row, oldest identifier first.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &Arc<Row<E>>> {
        self.rows.values()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows of an organisation under one key of an index.
    pub fn find<'a>(
        &'a self,
        org: &str,
        index: &'static str,
        key: &str,
    ) -> impl Iterator<Item = &'a Arc<Row<E>>> + use<'a, E> {
        let found = self.derived().keys.find(org, index, key);
        found.filter_map(|id| self.rows.get(&id))
    }

    /// What the rows of an organisation add up to under each key of an index, where that is not zero.
    pub fn sums<'a>(&'a self, org: &str, index: &'static str) -> impl Iterator<Item = (&'a str, Decimal)> + use<'a, E> {
        self.derived().sums.all(org, index)
    }

    /// The keys of an index in an organisation, in order, with their rows.
    pub fn keys<'a>(
        &'a self,
        org: &str,
        index: &'static str,
    ) -> impl Iterator<Item = (&'a str, &'a Arc<Row<E>>)> + use<'a, E> {
        let all = self.derived().keys.all(org, index);
        all.filter_map(|(key, id)| self.rows.get(&id).map(|row| (key, row)))
    }

    fn by_text(&self, id: &str) -> Option<&Arc<Row<E>>> {
        self.rows.get(&id.parse::<Id<E>>().ok()?)
    }

    fn put(&mut self, row: Row<E>) {
        let row = Arc::new(row);
        let before = self.rows.insert(row.id, Arc::clone(&row));
        self.derive(before.as_deref(), Some(&row));
        self.reorder(before.as_deref(), Some(&row));
        self.reword(before.as_ref(), Some(&row));
    }

    fn remove(&mut self, id: Id<E>) {
        let before = self.rows.remove(&id);
        self.derive(before.as_deref(), None);
        self.reorder(before.as_deref(), None);
        self.reword(before.as_ref(), None);
    }

    fn changed(&mut self, place: Place<'_>, change: &Changed<'_>) -> Result<(), String> {
        let id: Id<E> = change
            .id
            .parse()
            .map_err(|cause: projections::id::NotAnId| cause.to_string())?;
        let before = self.rows.get(&id).map(|row| Row::clone(row));
        if change.op == Op::Create {
            self.forget_place(id);
        }
        match (change.op, &before) {
            (Op::Create, Some(_)) => return Err("it exists already".to_owned()),
            (Op::Update | Op::Delete, None) => return Err("it does not exist".to_owned()),
            _ => {}
        }
        let mut row = before.unwrap_or_else(|| Row {
            id,
            org: change.org.as_deref().unwrap_or(place.org).to_owned(),
            version: change.version.saturating_sub(1),
            created_at: place.at,
            updated_at: place.at,
            records: Vec::new(),
            entity: E::default(),
        });
        if row.version + 1 != change.version {
            return Err(format!("version {} does not follow {}", change.version, row.version));
        }
        if change.op == Op::Delete {
            self.remove(id);
            return Ok(());
        }
        for (name, field) in &change.fields {
            match row.entity.set(name, field.to) {
                Ok(true) => {}
                Ok(false) => return Err(format!("it has no field `{name}`")),
                Err(cause) => return Err(format!("`{name}`: {cause}")),
            }
        }
        row.version = change.version;
        row.updated_at = place.at;
        if row.records.last() != Some(&place.seq) {
            let surplus = (row.records.len() + 1).saturating_sub(HISTORY_MAX);
            row.records.drain(..surplus);
            row.records.push(place.seq);
        }
        self.put(row);
        Ok(())
    }
}
