//! The word index of a table: which rows say which words, kept with every change; cloning shares structure.
//!
//! Rows that say a word in their title stand in a second, smaller set as well, so that the best hits come first without
//! looking at the others.

mod bulk;
mod hits;
mod postings;

use std::borrow::Cow;
use std::sync::Arc;

use imbl::OrdMap;

use crate::kernel::text;

pub use bulk::Bulk;
pub use hits::{Hits, Part};

use postings::Postings;

/// Longer words are told apart by their beginning only, in characters.
const WORD_MAX: usize = 32;
/// How many words a beginning may stand for; what comes after them in the alphabet is not looked at.
pub const EXPANDED_MAX: usize = 512;

/// What an entity says, collected for the word index.
#[derive(Debug, Default, PartialEq)]
pub struct Words<'a> {
    parts: Vec<(bool, Cow<'a, str>)>,
}

impl<'a> Words<'a> {
    /// What it is called: key, title, name. Counts more than the rest.
    pub fn title(&mut self, text: impl Into<Cow<'a, str>>) {
        self.parts.push((true, text.into()));
    }

    /// What else it says.
    pub fn body(&mut self, text: impl Into<Cow<'a, str>>) {
        self.parts.push((false, text.into()));
    }

    /// The same, as it is compared.
    fn folded(&self) -> Folded {
        let parts = self.parts.iter();
        Folded(parts.map(|(title, part)| (*title, text::fold(part))).collect())
    }
}

/// What an entity says, folded.
struct Folded(Vec<(bool, String)>);

impl Folded {
    /// Each word once, in order, and whether the title has it.
    fn split(&self) -> Vec<(&str, bool)> {
        let parts = self.0.iter();
        let words = parts.flat_map(|(title, part)| split(part).map(|word| (word, *title)));
        let mut words: Vec<(&str, bool)> = words.collect();
        // Of the same word, the one of the title comes first and stays.
        words.sort_unstable_by_key(|(word, title)| (*word, !title));
        words.dedup_by_key(|(word, _)| *word);
        words
    }
}

/// The words of a text in order, folded: runs of letters and digits.
pub fn tokens(given: &str) -> Vec<String> {
    split(&text::fold(given)).map(ToOwned::to_owned).collect()
}

fn split(folded: &str) -> impl Iterator<Item = &str> {
    let words = folded.split(|letter: char| !letter.is_alphanumeric());
    let cut = |word: &'_ str| word.char_indices().nth(WORD_MAX).map_or(word.len(), |(at, _)| at);
    let words = words.filter(|word| !word.is_empty());
    words.map(move |word| word.get(..cut(word)).unwrap_or(word))
}

/// One word that is looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The word, folded.
    pub word: String,
    /// Whether words that begin with it count too.
    pub prefix: bool,
}

/// A word that rows of an organisation say.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    number: u32,
    /// In how many of them it is, whoever may see them: for ordering, never for telling.
    pub rows: u32,
}

type Dictionary = OrdMap<Arc<str>, Known>;

/// The index. Places are given by the table, in the order in which rows came to be.
#[derive(Clone, Debug, Default)]
pub struct WordIndex {
    orgs: OrdMap<Arc<str>, Dictionary>,
    all: Postings,
    titles: Postings,
    next: u32,
}

impl WordIndex {
    /// Takes a row from what it said to what it says now.
    pub fn change(&mut self, org: &str, place: u32, before: &Words<'_>, after: &Words<'_>) {
        if before == after {
            return;
        }
        let (before, after) = (before.folded(), after.folded());
        let (before, after) = (before.split(), after.split());
        let lacks = |all: &[(&str, bool)], one: &(&str, bool)| all.binary_search(one).is_err();
        for (word, title) in before.iter().filter(|one| lacks(&after, one)) {
            self.remove(org, word, place, *title);
        }
        for (word, title) in after.iter().filter(|one| lacks(&before, one)) {
            self.insert(org, word, place, *title);
        }
    }

    fn insert(&mut self, org: &str, word: &str, place: u32, title: bool) {
        if !self.orgs.contains_key(org) {
            self.orgs.insert(Arc::from(org), Dictionary::new());
        }
        let Some(dictionary) = self.orgs.get_mut(org) else {
            return;
        };
        let number = if let Some(known) = dictionary.get_mut(word) {
            known.rows += 1;
            known.number
        } else {
            let number = self.next;
            self.next += 1;
            dictionary.insert(Arc::from(word), Known { number, rows: 1 });
            number
        };
        self.all.insert(number, place);
        if title {
            self.titles.insert(number, place);
        }
    }

    fn remove(&mut self, org: &str, word: &str, place: u32, title: bool) {
        let Some(dictionary) = self.orgs.get_mut(org) else {
            return;
        };
        let Some(known) = dictionary.get_mut(word) else { return };
        let number = known.number;
        known.rows = known.rows.saturating_sub(1);
        if known.rows == 0 {
            dictionary.remove(word);
        }
        self.all.remove(number, place);
        if title {
            self.titles.remove(number, place);
        }
    }

    /// Whether a beginning stands for more words than are looked at.
    pub fn is_broad(&self, org: &str, term: &Term, counts: &dyn Fn(u32) -> bool) -> bool {
        self.expand(org, term, counts).1
    }

    /// The words that a term stands for, and whether there are more than are looked at. Where there are many, only words of
    /// rows that count are taken: hidden ones must neither push others out nor be told of.
    fn expand(&self, org: &str, term: &Term, counts: &dyn Fn(u32) -> bool) -> (Vec<u32>, bool) {
        if !term.prefix {
            return (
                self.known(org, &term.word)
                    .map(|known| known.number)
                    .into_iter()
                    .collect(),
                false,
            );
        }
        let numbers = || self.beginning(org, &term.word).map(|known| known.number);
        let all: Vec<u32> = numbers().take(EXPANDED_MAX + 1).collect();
        if all.len() <= EXPANDED_MAX {
            return (all, false);
        }
        let said = |number: &u32| self.all.places(*number).any(counts);
        let mut some: Vec<u32> = numbers().filter(said).take(EXPANDED_MAX + 1).collect();
        let more = some.len() > EXPANDED_MAX;
        some.truncate(EXPANDED_MAX);
        (some, more)
    }

    fn beginning<'a>(&'a self, org: &str, beginning: &'a str) -> impl Iterator<Item = Known> + use<'a> {
        let from: Arc<str> = Arc::from(beginning);
        let words = self.orgs.get(org).into_iter();
        let words = words.flat_map(move |words| words.range(from.clone()..));
        let words = words.take_while(move |(word, _)| word.starts_with(beginning));
        words.map(|(_, known)| *known)
    }

    /// A whole word, where rows of an organisation say it.
    pub fn known(&self, org: &str, word: &str) -> Option<Known> {
        self.orgs.get(org)?.get(word).copied()
    }

    /// The places of the rows that say all of these words in their title, newest first.
    pub fn titled(&self, words: &[Known]) -> Hits<'_> {
        let meant: Vec<Vec<u32>> = words.iter().map(|known| vec![known.number]).collect();
        Hits::new(&self.all, &self.titles, &meant, Part::Title, None)
    }

    /// The places of the rows of an organisation that say all terms, newest first; `from` leaves out newer ones. Others than
    /// those that count may be among them.
    pub fn hits(
        &self,
        org: &str,
        terms: &[Term],
        part: Part,
        from: Option<u32>,
        counts: &dyn Fn(u32) -> bool,
    ) -> Hits<'_> {
        let meant: Vec<Vec<u32>> = terms.iter().map(|term| self.expand(org, term, counts).0).collect();
        Hits::new(&self.all, &self.titles, &meant, part, from)
    }
}

#[cfg(test)]
mod tests;
