//! The keys that rows are found by: sorted per organisation and index, so that only keys of one index are ever compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use projections::{Id, packed};

use super::Row;
use crate::kernel::entity::{Entity, Keys};

/// Keys that are looked up before the organisation is known stand under this one.
const NOBODY: &str = "";

/// So many keys that came last are remembered: rows that come together often have the same, which then is kept once.
const LAST: usize = 4;

/// One index of an organisation.
#[derive(Clone, Debug)]
struct Sorted<E> {
    keys: OrdSet<(Arc<str>, Id<E>)>,
    last: [Option<Arc<str>>; LAST],
    next: usize,
}

impl<E> Default for Sorted<E> {
    fn default() -> Self {
        Self {
            keys: OrdSet::new(),
            last: [const { None }; LAST],
            next: 0,
        }
    }
}

impl<E> Sorted<E> {
    fn insert(&mut self, key: &str, id: Id<E>) {
        let known = self.last.iter().flatten().find(|last| last.as_ref() == key).cloned();
        let shared = known.unwrap_or_else(|| self.remember(key));
        self.keys.insert((shared, id));
    }

    fn remember(&mut self, key: &str) -> Arc<str> {
        let shared = Arc::from(key);
        if let Some(oldest) = self.last.get_mut(self.next) {
            *oldest = Some(Arc::clone(&shared));
        }
        self.next = (self.next + 1) % LAST;
        shared
    }
}

/// The keys of a table's rows. Cloning shares structure.
#[derive(Clone, Debug)]
pub(super) struct KeyIndex<E> {
    orgs: OrdMap<Arc<str>, OrdMap<&'static str, Sorted<E>>>,
}

impl<E> Default for KeyIndex<E> {
    fn default() -> Self {
        Self { orgs: OrdMap::new() }
    }
}

/// An index of an organisation under construction: the rows under each key, which come in order.
#[derive(Debug)]
struct Growing<E> {
    keys: BTreeMap<Arc<str>, Vec<Id<E>>>,
}

impl<E> Default for Growing<E> {
    fn default() -> Self {
        Self { keys: BTreeMap::new() }
    }
}

impl<E> Growing<E> {
    fn insert(&mut self, key: &str, id: Id<E>) {
        match self.keys.get_mut(key) {
            // A row may name a key twice.
            Some(rows) if rows.last() == Some(&id) => {}
            Some(rows) => rows.push(id),
            None => drop(self.keys.insert(Arc::from(key), vec![id])),
        }
    }

    fn done(self) -> Sorted<E> {
        let keys = self.keys.into_iter();
        let rows = keys.flat_map(|(key, rows)| rows.into_iter().map(move |id| (Arc::clone(&key), id)));
        Sorted {
            keys: packed::set(rows.collect()),
            ..Sorted::default()
        }
    }
}

/// Keys of many rows at once, which come by their identifiers.
#[derive(Debug)]
pub(super) struct Gathered<E> {
    orgs: BTreeMap<Arc<str>, BTreeMap<&'static str, Growing<E>>>,
}

impl<E> Default for Gathered<E> {
    fn default() -> Self {
        Self { orgs: BTreeMap::new() }
    }
}

impl<E: Entity> Gathered<E> {
    /// Takes the keys of the next row.
    pub(super) fn add(&mut self, row: &Row<E>, keys: &Keys) {
        for (org, list) in [(row.org.as_str(), &keys.list), (NOBODY, &keys.global)] {
            if !list.is_empty() && !self.orgs.contains_key(org) {
                self.orgs.insert(Arc::from(org), BTreeMap::new());
            }
            let Some(indexes) = self.orgs.get_mut(org) else {
                continue;
            };
            for (index, key) in list {
                indexes.entry(index).or_default().insert(key, row.id);
            }
        }
    }

    /// The index.
    pub(super) fn done(self) -> KeyIndex<E> {
        let done = |indexes: BTreeMap<&'static str, Growing<E>>| -> OrdMap<&'static str, Sorted<E>> {
            let indexes = indexes.into_iter();
            indexes.map(|(index, keys)| (index, keys.done())).collect()
        };
        let orgs = self.orgs.into_iter().map(|(org, indexes)| (org, done(indexes)));
        KeyIndex { orgs: orgs.collect() }
    }
}

impl<E: Entity> KeyIndex<E> {
    fn sorted(&self, org: &str, index: &str) -> Option<&Sorted<E>> {
        self.orgs.get(org)?.get(index)
    }

    /// The rows under one key.
    pub(super) fn find<'a>(&'a self, org: &str, index: &str, key: &str) -> impl Iterator<Item = Id<E>> + use<'a, E> {
        let sorted = self.sorted(org, index);
        let key: Arc<str> = Arc::from(key);
        sorted.into_iter().flat_map(move |sorted| {
            let range = (Arc::clone(&key), Id::from_bits(0))..=(Arc::clone(&key), Id::from_bits(u128::MAX));
            sorted.keys.range(range).map(|(_, id)| *id)
        })
    }

    /// Every key of an index with its row, in order.
    pub(super) fn all<'a>(&'a self, org: &str, index: &str) -> impl Iterator<Item = (&'a str, Id<E>)> + use<'a, E> {
        let sorted = self.sorted(org, index).into_iter();
        sorted
            .flat_map(|sorted| &sorted.keys)
            .map(|(key, id)| (key.as_ref(), *id))
    }

    /// Takes a row from the keys it had to those it has; keys that stay are not touched.
    pub(super) fn change(&mut self, row: &Row<E>, old: &Keys, new: &Keys) {
        for ((org, old), new) in [(row.org.as_str(), &old.list), (NOBODY, &old.global)]
            .into_iter()
            .zip([&new.list, &new.global])
        {
            for (index, key) in old.iter().filter(|key| !new.contains(key)) {
                self.remove(org, index, key, row.id);
            }
            for (index, key) in new.iter().filter(|key| !old.contains(key)) {
                self.insert(org, index, key, row.id);
            }
        }
    }

    fn insert(&mut self, org: &str, index: &'static str, key: &str, id: Id<E>) {
        if !self.orgs.contains_key(org) {
            self.orgs.insert(Arc::from(org), OrdMap::new());
        }
        if let Some(indexes) = self.orgs.get_mut(org) {
            indexes.entry(index).or_default().insert(key, id);
        }
    }

    fn remove(&mut self, org: &str, index: &'static str, key: &str, id: Id<E>) {
        let sorted = self.orgs.get_mut(org).and_then(|indexes| indexes.get_mut(index));
        if let Some(sorted) = sorted {
            sorted.keys.remove(&(Arc::from(key), id));
        }
    }
}
