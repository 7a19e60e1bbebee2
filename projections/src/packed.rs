//! Ordered maps and sets made at once from what is sorted, with their leaves full.
//!
//! A tree that takes sorted keys one after the other splits each leaf in its middle and never comes back to the left half: it
//! ends half empty. Here every other key goes in first, which leaves the leaves half full, and the others after them fill them up.

use imbl::{OrdMap, OrdSet};

/// A map of sorted pairs with different keys. Any others make the same map as inserting them, only larger.
pub fn map<K: Ord + Clone, V: Clone>(sorted: Vec<(K, V)>) -> OrdMap<K, V> {
    let mut map = OrdMap::new();
    let mut between = Vec::with_capacity(sorted.len() / 2);
    let mut pairs = sorted.into_iter();
    while let Some((key, value)) = pairs.next() {
        map.insert(key, value);
        between.extend(pairs.next());
    }
    for (key, value) in between {
        map.insert(key, value);
    }
    map
}

/// A set of sorted, different keys. Any others make the same set as inserting them, only larger.
pub fn set<K: Ord + Clone>(sorted: Vec<K>) -> OrdSet<K> {
    let mut set = OrdSet::new();
    let mut between = Vec::with_capacity(sorted.len() / 2);
    let mut keys = sorted.into_iter();
    while let Some(key) = keys.next() {
        set.insert(key);
        between.extend(keys.next());
    }
    for key in between {
        set.insert(key);
    }
    set
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_what_inserting_makes(keys in proptest::collection::btree_set(0_u32..10_000, 0..600)) {
            let keys: Vec<u32> = keys.into_iter().collect();
            prop_assert_eq!(set(keys.clone()), keys.iter().copied().collect::<OrdSet<_>>());
            let pairs: Vec<(u32, u32)> = keys.iter().map(|key| (*key, key * 2)).collect();
            prop_assert_eq!(map(pairs.clone()), pairs.into_iter().collect::<OrdMap<_, _>>());
        }
    }
}
