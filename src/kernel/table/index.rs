//! The keys that rows are found by: sorted per organisation and index, so that only keys of one index are ever compared.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use projections::Id;

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
    pub(super) fn change(&mut self, before: Option<&Row<E>>, after: Option<&Row<E>>) {
        let Some(row) = after.or(before) else { return };
        let (org, id) = (row.org.clone(), row.id);
        let (old, new) = (keys_of(before), keys_of(after));
        for ((org, old), new) in [(org.as_str(), &old.list), (NOBODY, &old.global)]
            .into_iter()
            .zip([&new.list, &new.global])
        {
            for (index, key) in old.iter().filter(|key| !new.contains(key)) {
                self.remove(org, index, key, id);
            }
            for (index, key) in new.iter().filter(|key| !old.contains(key)) {
                self.insert(org, index, key, id);
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

fn keys_of<E: Entity>(row: Option<&Row<E>>) -> Keys {
    let mut keys = Keys::default();
    if let Some(row) = row {
        row.entity.keys(&mut keys);
    }
    keys
}
