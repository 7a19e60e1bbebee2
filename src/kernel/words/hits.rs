//! Walking through postings: several words of one term side by side, several terms in step.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::postings::{Postings, Run};

/// Where all words have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// In the title.
    Title,
    /// Anywhere, but not all in the title.
    Rest,
}

/// The places of any of a term's words, in order.
enum Either<'a> {
    /// Of the only one.
    One(Run<'a>, Option<u32>),
    Any(Vec<Run<'a>>, BinaryHeap<Reverse<(u32, usize)>>),
}

impl<'a> Either<'a> {
    fn new(set: &'a Postings, words: &[u32], from: u32) -> Self {
        if let [word] = words {
            let mut run = Run::new(set, *word, from);
            let head = run.seek(from);
            return Self::One(run, head);
        }
        let mut runs: Vec<Run<'_>> = words.iter().map(|word| Run::new(set, *word, from)).collect();
        let mut heads = BinaryHeap::new();
        for (at, run) in runs.iter_mut().enumerate() {
            heads.extend(run.seek(from).map(|place| Reverse((place, at))));
        }
        Self::Any(runs, heads)
    }

    /// The first place at or after one; it stays where it is when that is here.
    fn seek(&mut self, from: u32) -> Option<u32> {
        let (runs, heads) = match self {
            Self::One(run, head) => {
                if head.is_some_and(|place| place < from) {
                    *head = run.seek(from);
                }
                return *head;
            }
            Self::Any(runs, heads) => (runs, heads),
        };
        loop {
            let Reverse((place, at)) = *heads.peek()?;
            if place >= from {
                return Some(place);
            }
            heads.pop();
            if let Some(next) = runs.get_mut(at).and_then(|run| run.seek(from)) {
                heads.push(Reverse((next, at)));
            }
        }
    }
}

/// The places where all terms are, in order.
struct Every<'a> {
    terms: Vec<Either<'a>>,
    /// How many more places are looked at.
    left: usize,
}

impl<'a> Every<'a> {
    fn new(set: &'a Postings, terms: &[Vec<u32>], from: u32) -> Self {
        Self {
            terms: terms.iter().map(|words| Either::new(set, words, from)).collect(),
            left: usize::MAX,
        }
    }

    fn seek(&mut self, from: u32) -> Option<u32> {
        let mut wanted = from;
        'again: loop {
            self.left = self.left.checked_sub(1)?;
            for term in &mut self.terms {
                let place = term.seek(wanted)?;
                if place > wanted {
                    wanted = place;
                    continue 'again;
                }
            }
            return (!self.terms.is_empty()).then_some(wanted);
        }
    }
}

/// Rows that say all words, newest first, as places.
pub struct Hits<'a> {
    every: Every<'a>,
    but: Option<Every<'a>>,
    next: Option<u32>,
}

impl<'a> Hits<'a> {
    pub(super) fn new(
        all: &'a Postings,
        titles: &'a Postings,
        terms: &[Vec<u32>],
        part: Part,
        from: Option<u32>,
    ) -> Self {
        let from = from.map_or(0, |place| u32::MAX - place);
        let rest = part == Part::Rest;
        Self {
            every: Every::new(if rest { all } else { titles }, terms, from),
            but: rest.then(|| Every::new(titles, terms, from)),
            next: Some(from),
        }
    }
}

impl Hits<'_> {
    /// Looks at so many places at most, whether or not all words are there.
    #[must_use]
    pub fn within(mut self, places: usize) -> Self {
        self.every.left = places;
        self
    }
}

impl Iterator for Hits<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        loop {
            let place = self.every.seek(self.next?)?;
            self.next = place.checked_add(1);
            let titled = self.but.as_mut().is_some_and(|but| but.seek(place) == Some(place));
            if !titled {
                return Some(u32::MAX - place);
            }
        }
    }
}
