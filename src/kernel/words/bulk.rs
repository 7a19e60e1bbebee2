//! The index of many rows at once, for a start: postings are sorted once instead of finding their place one by one, and
//! words that a row said only for a while are never put in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Dictionary, Known, WordIndex, Words, posting};

/// An index under construction.
#[derive(Default)]
pub struct Bulk {
    orgs: BTreeMap<Arc<str>, BTreeMap<String, Known>>,
    all: Vec<u64>,
    titles: Vec<u64>,
    next: u32,
}

impl Bulk {
    /// Adds a row; each place once.
    pub fn add(&mut self, org: &str, place: u32, says: &Words<'_>) {
        if !self.orgs.contains_key(org) {
            self.orgs.insert(Arc::from(org), BTreeMap::new());
        }
        let Some(dictionary) = self.orgs.get_mut(org) else {
            return;
        };
        for (word, title) in says.split() {
            let next = self.next;
            let known = dictionary.entry(word).or_insert(Known { number: next, rows: 0 });
            known.rows += 1;
            self.next = self.next.max(known.number + 1);
            self.all.push(posting(known.number, place));
            if title {
                self.titles.push(posting(known.number, place));
            }
        }
    }

    /// The index.
    pub fn done(mut self) -> WordIndex {
        self.all.sort_unstable();
        self.titles.sort_unstable();
        let dictionary = |words: BTreeMap<String, Known>| -> Dictionary {
            let shared = words.into_iter().map(|(word, known)| (Arc::from(word), known));
            shared.collect()
        };
        let orgs = self.orgs.into_iter().map(|(org, words)| (org, dictionary(words)));
        WordIndex {
            orgs: orgs.collect(),
            all: self.all.into_iter().collect(),
            titles: self.titles.into_iter().collect(),
            next: self.next,
        }
    }
}
