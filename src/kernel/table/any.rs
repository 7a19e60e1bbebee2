//! Tables whose kind is only known at run time: what the fold, checkpoints and look-ups by word go through.

use std::any::Any;

use projections::Digest;
use projections::record::Changed;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Misfit, Place, Row, Table, Unlike};
use crate::kernel::entity::Entity;
use crate::kernel::schedule::Due;

/// A short description of a row of any kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label {
    /// The kind of entity.
    pub kind: &'static str,
    /// Its identifier.
    pub id: String,
    /// Its human key, handle or slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its name or title.
    pub label: String,
    /// Its version.
    pub version: u64,
}

/// Describes a row.
pub fn label<E: Entity>(row: &Row<E>) -> Label {
    Label {
        kind: E::KIND,
        id: row.id.to_string(),
        key: row.entity.key(),
        label: row.entity.label(),
        version: row.version,
    }
}

/// A table whose kind is only known at run time.
pub trait AnyTable: Send + Sync + std::fmt::Debug {
    /// Applies one recorded change.
    fn apply(&mut self, place: Place<'_>, change: &Changed<'_>) -> Result<(), Misfit>;
    /// A copy that shares structure.
    fn share(&self) -> Box<dyn AnyTable>;
    /// Adds every row's canonical bytes to a digest.
    fn digest(&self, into: &mut Sha256) -> Result<(), serde_json::Error>;
    /// One row and its place as JSON text, for a checkpoint.
    fn keep(&self, id: &str) -> Option<Result<String, serde_json::Error>>;
    /// Every row as [`AnyTable::keep`] gives it, with its identifier, oldest first.
    fn keep_all(&self) -> Box<dyn Iterator<Item = (String, Result<String, serde_json::Error>)> + '_>;
    /// Makes something of what [`AnyTable::keep`] gave.
    fn understand(&self, text: &str) -> Result<Box<dyn Any + Send>, Unlike>;
    /// Puts back what [`AnyTable::understand`] made; with the identifier of a row that cannot be.
    fn put_back(&mut self, row: Box<dyn Any + Send>) -> Result<(), (String, Unlike)>;
    /// Leaves the word index alone until [`AnyTable::index_words`].
    fn defer_words(&mut self);
    /// Makes keys, sums and hours, if they were left for later.
    fn make_keys(&self);
    /// Makes the word index and the order of changes, if they were left for later.
    fn make_words(&self);
    /// Puts rows that were put back into as little room as they need.
    fn settle(&mut self);
    /// Keeps the word index and the order of changes with every change from now on.
    fn index_words(&mut self);
    /// Describes a row of an organisation.
    fn describe(&self, org: &str, id: &str) -> Option<Label>;
    /// The rows of an organisation that people call `name` (folded).
    fn named(&self, org: &str, name: &str) -> Vec<Label>;
    /// All names in an organisation with the row each belongs to.
    fn names(&self, org: &str, most: usize) -> Vec<(String, Label)>;
    /// The rows that belong to `owner`.
    fn owned(&self, org: &str, owner: &str) -> Vec<Label>;
    /// The identifiers of the rows under a key of an index.
    fn under(&self, org: &str, index: &'static str, key: &str) -> Vec<String>;
    /// The organisation of a row.
    fn org_of(&self, id: &str) -> Option<String>;
    /// What a row lies in, by identifier.
    fn lies_in(&self, id: &str) -> Option<String>;
    /// The hours that rows wait for, the next first.
    fn timers(&self) -> Box<dyn Iterator<Item = Due> + '_>;
    /// The records that changed a row.
    fn records(&self, id: &str) -> Vec<u64>;
    /// A row's fields as JSON.
    fn fields(&self, id: &str) -> Option<serde_json::Value>;
    /// The fields of a new row as JSON.
    fn blank(&self) -> serde_json::Value;
    /// How many rows there are.
    fn count(&self) -> usize;
    /// The word of its kind.
    fn word(&self) -> &'static str;
    /// Fields that do not count for a digest, nor for an undo.
    fn decoration(&self) -> &'static [&'static str];
    /// For the typed view.
    fn as_any(&self) -> &dyn Any;
}

impl<E: Entity> AnyTable for Table<E> {
    fn apply(&mut self, place: Place<'_>, change: &Changed<'_>) -> Result<(), Misfit> {
        self.changed(place, change).map_err(|why| Misfit {
            seq: place.seq,
            kind: E::KIND.to_owned(),
            id: change.id.to_string(),
            why,
        })
    }

    fn share(&self) -> Box<dyn AnyTable> {
        Box::new(self.clone())
    }

    fn digest(&self, into: &mut Sha256) -> Result<(), serde_json::Error> {
        for row in self.rows.values() {
            into.update(Digest::of(serde_json::to_string(row.as_ref())?.as_bytes()).bytes());
        }
        Ok(())
    }

    fn keep(&self, id: &str) -> Option<Result<String, serde_json::Error>> {
        self.by_text(id).map(|row| self.kept(row))
    }

    fn keep_all(&self) -> Box<dyn Iterator<Item = (String, Result<String, serde_json::Error>)> + '_> {
        Box::new(self.rows.values().map(|row| (row.id.to_string(), self.kept(row))))
    }

    fn understand(&self, text: &str) -> Result<Box<dyn Any + Send>, Unlike> {
        Ok(Box::new(Self::found(text)?))
    }

    fn put_back(&mut self, row: Box<dyn Any + Send>) -> Result<(), (String, Unlike)> {
        let found = row.downcast().map_err(|_| (String::new(), Unlike::Kind(E::KIND)))?;
        self.put_found(*found)
    }

    fn defer_words(&mut self) {
        Self::defer_words(self);
    }

    fn make_keys(&self) {
        self.derived();
    }

    fn make_words(&self) {
        Self::make_words(self);
    }

    fn settle(&mut self) {
        Self::settle(self);
    }

    fn index_words(&mut self) {
        Self::index_words(self);
    }

    fn describe(&self, org: &str, id: &str) -> Option<Label> {
        self.by_text(id).filter(|row| row.org == org).map(|row| label(row))
    }

    fn named(&self, org: &str, name: &str) -> Vec<Label> {
        self.find(org, crate::kernel::entity::NAMES, name)
            .filter(|row| row.is_alive())
            .map(|row| label(row))
            .collect()
    }

    fn names(&self, org: &str, most: usize) -> Vec<(String, Label)> {
        self.keys(org, crate::kernel::entity::NAMES)
            .filter(|(_, row)| row.is_alive())
            .take(most)
            .map(|(name, row)| (name.to_owned(), label(row)))
            .collect()
    }

    fn owned(&self, org: &str, owner: &str) -> Vec<Label> {
        self.find(org, crate::kernel::entity::OWNER, owner)
            .map(|row| label(row))
            .collect()
    }

    fn under(&self, org: &str, index: &'static str, key: &str) -> Vec<String> {
        self.find(org, index, key).map(|row| row.id.to_string()).collect()
    }

    fn lies_in(&self, id: &str) -> Option<String> {
        self.by_text(id)?.entity.lies_in()
    }

    fn org_of(&self, id: &str) -> Option<String> {
        self.by_text(id).map(|row| row.org.clone())
    }

    fn timers(&self) -> Box<dyn Iterator<Item = Due> + '_> {
        Box::new(self.derived().waiting.iter())
    }

    fn records(&self, id: &str) -> Vec<u64> {
        self.by_text(id).map(|row| row.records.clone()).unwrap_or_default()
    }

    fn fields(&self, id: &str) -> Option<serde_json::Value> {
        self.by_text(id).and_then(|row| serde_json::to_value(&row.entity).ok())
    }

    fn blank(&self) -> serde_json::Value {
        serde_json::to_value(E::default()).unwrap_or_default()
    }

    fn count(&self) -> usize {
        self.rows.len()
    }

    fn word(&self) -> &'static str {
        E::KIND
    }

    fn decoration(&self) -> &'static [&'static str] {
        E::DECORATION
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
