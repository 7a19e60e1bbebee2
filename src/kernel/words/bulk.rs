//! The index of many rows at once, for a start: the places of a word are written one after the other instead of finding
//! theirs one by one, and words that a row said only for a while are never put in.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use projections::packed;

use super::postings::Postings;
use super::{Dictionary, Known, WordIndex, Words};

/// Words in the order in which they came, with their numbers.
type Growing = IndexMap<Box<str>, u32>;

/// Where a word is said.
#[derive(Default)]
struct Said {
    all: Vec<u32>,
    titles: Vec<u32>,
}

/// An index under construction.
#[derive(Default)]
pub struct Bulk {
    orgs: BTreeMap<Arc<str>, Growing>,
    /// By the number of the word.
    said: Vec<Said>,
}

impl Bulk {
    /// Adds a row; each place once, in order.
    pub fn add(&mut self, org: &str, place: u32, says: &Words<'_>) {
        if !self.orgs.contains_key(org) {
            self.orgs.insert(Arc::from(org), Growing::new());
        }
        let Some(dictionary) = self.orgs.get_mut(org) else {
            return;
        };
        for (word, title) in says.folded().split() {
            if let Some(said) = said_of(&mut self.said, dictionary, word) {
                said.all.push(place);
                said.titles.extend(title.then_some(place));
            }
        }
    }

    /// Adds what was found in later places.
    pub fn append(&mut self, mut later: Self) {
        for (org, words) in std::mem::take(&mut later.orgs) {
            let dictionary = self.orgs.entry(org).or_default();
            for (word, number) in words {
                let found = usize::try_from(number).ok().and_then(|at| later.said.get_mut(at));
                let Some(found) = found.map(std::mem::take) else {
                    continue;
                };
                if let Some(said) = said_of(&mut self.said, dictionary, &word) {
                    said.all.extend(found.all);
                    said.titles.extend(found.titles);
                }
            }
        }
    }

    /// The index.
    pub fn done(mut self) -> WordIndex {
        let said = &self.said;
        let known = |number: u32| {
            let rows = usize::try_from(number).ok().and_then(|at| said.get(at));
            let rows = rows.and_then(|said| u32::try_from(said.all.len()).ok());
            Known {
                number,
                rows: rows.unwrap_or(u32::MAX),
            }
        };
        let dictionary = |words: Growing| -> Dictionary {
            let mut words: Vec<(Arc<str>, Known)> = words
                .into_iter()
                .map(|(word, number)| (Arc::from(word), known(number)))
                .collect();
            words.sort_unstable_by(|(one, _), (two, _)| one.cmp(two));
            packed::map(words)
        };
        let orgs = std::mem::take(&mut self.orgs).into_iter();
        let orgs = orgs.map(|(org, words)| (org, dictionary(words))).collect();
        let titles = self.said.iter_mut().map(|said| std::mem::take(&mut said.titles));
        let titles = Postings::of((0..).zip(titles));
        WordIndex {
            orgs,
            titles,
            next: u32::try_from(self.said.len()).unwrap_or(u32::MAX),
            all: Postings::of((0..).zip(self.said.into_iter().map(|said| said.all))),
        }
    }
}

fn said_of<'s>(all: &'s mut Vec<Said>, dictionary: &mut Growing, word: &str) -> Option<&'s mut Said> {
    let known = dictionary.get(word).and_then(|number| usize::try_from(*number).ok());
    let at = known.unwrap_or_else(|| {
        dictionary.insert(Box::from(word), u32::try_from(all.len()).unwrap_or(u32::MAX));
        all.push(Said::default());
        all.len() - 1
    });
    all.get_mut(at)
}
