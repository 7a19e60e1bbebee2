//! What a table's rows say: keeping the word index, and asking it.

use std::ops::Range;
use std::sync::Arc;

use projections::Id;

use super::recent::Recent;
use super::{Row, Table};
use crate::kernel::entity::Entity;
use crate::kernel::words::{Bulk, Known, Part, Term, WordIndex, Words};

/// From so many rows on, both halves are read at once.
const APART: usize = 10_000;

impl<E: Entity> Table<E> {
    /// A whole word, where rows of an organisation say it.
    pub fn known(&self, org: &str, word: &str) -> Option<Known> {
        self.words().known(org, word)
    }

    /// The rows of an organisation that say all terms in one part, newest first; `from` leaves out rows newer than it, and
    /// `counts` all that do not count.
    pub fn search<'a, C: Fn(&Arc<Row<E>>) -> bool>(
        &'a self,
        org: &str,
        terms: &[Term],
        part: Part,
        from: Option<Id<E>>,
        counts: C,
    ) -> impl Iterator<Item = &'a Arc<Row<E>>> + use<'a, C, E> {
        let from = from.and_then(|id| self.places.range(..=id).next_back().map(|(_, place)| *place));
        let at = |place| self.at(place).is_some_and(&counts);
        let hits = self.words().hits(org, terms, part, from, &at);
        hits.filter_map(|place| self.at(place)).filter(move |row| counts(row))
    }

    /// The newest rows that say all of these words in their title, among so many places at most: for what must not take longer
    /// because there is much.
    pub fn glance<'a>(&'a self, words: &[Known], places: usize) -> impl Iterator<Item = &'a Arc<Row<E>>> + use<'a, E> {
        let hits = self.words().titled(words);
        hits.within(places).filter_map(|place| self.at(place))
    }

    /// Whether a beginning stands for more words of rows that count than are looked at.
    pub fn is_broad(&self, org: &str, term: &Term, counts: impl Fn(&Arc<Row<E>>) -> bool) -> bool {
        let at = |place| self.at(place).is_some_and(&counts);
        self.words().is_broad(org, term, &at)
    }

    fn at(&self, place: u32) -> Option<&Arc<Row<E>>> {
        self.placed.get(usize::try_from(place).ok()?)?.as_ref()
    }

    pub(super) fn reword(&mut self, before: Option<&Arc<Row<E>>>, after: Option<&Arc<Row<E>>>) {
        let Some(row) = after.or(before) else { return };
        let new = said(after);
        let place = match self.places.get(&row.id) {
            Some(place) => *place,
            None if new == Words::default() => return,
            None => {
                let place = u32::try_from(self.placed.len()).unwrap_or(u32::MAX);
                self.placed.push_back(None);
                self.places.insert(row.id, place);
                place
            }
        };
        if self.is_indexed {
            self.words.change(&row.org, place, &said(before), &new);
        } else {
            self.asked.take();
        }
        if let Ok(at) = usize::try_from(place) {
            self.placed.set(at, after.cloned());
        }
    }

    /// Leaves the words, and the order of changes, alone until [`Table::index_words`]: for a start, which changes many rows and answers nobody.
    pub(super) fn defer_words(&mut self) {
        self.is_indexed = false;
    }

    /// Makes what all rows say and when they changed, if that was left for later.
    pub(super) fn make_words(&self) {
        self.words();
        self.recent();
    }

    /// Keeps both with every change from now on.
    pub(super) fn index_words(&mut self) {
        if self.is_indexed {
            return;
        }
        self.words = self.asked.take().unwrap_or_else(|| self.bulk());
        self.recent = self.ordered.take().unwrap_or_else(|| Recent::of(self.rows.values()));
        self.is_indexed = true;
    }

    fn bulk(&self) -> WordIndex {
        let part = |places: Range<usize>| {
            let mut bulk = Bulk::default();
            let first = u32::try_from(places.start).unwrap_or(u32::MAX);
            for (place, row) in (first..).zip(self.placed.focus().narrow(places)) {
                if let Some(row) = row {
                    bulk.add(&row.org, place, &said(Some(row)));
                }
            }
            bulk
        };
        let all = self.placed.len();
        if all < APART {
            return part(0..all).done();
        }
        let (mut first, second) = std::thread::scope(|scope| {
            let second = scope.spawn(|| part(all / 2..all));
            let first = part(0..all / 2);
            (
                first,
                second.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause)),
            )
        });
        first.append(second);
        first.done()
    }

    /// The index; a table that keeps none makes it here, once until its rows change.
    fn words(&self) -> &WordIndex {
        if self.is_indexed {
            &self.words
        } else {
            self.asked.get_or_init(|| self.bulk())
        }
    }

    /// A row that comes back is new again: a checkpoint, which has no deleted rows, could not know where it stood. Until
    /// then its place is remembered, so that a page whose last row was deleted goes on where it stopped.
    pub(super) fn forget_place(&mut self, id: Id<E>) {
        self.places.remove(&id);
    }

    /// Takes the place that a checkpoint kept, before the row itself is put. False where another row has it, or the row
    /// has one.
    pub(super) fn take_place(&mut self, id: Id<E>, place: u32) -> bool {
        let at = usize::try_from(place).unwrap_or(usize::MAX);
        while self.placed.len() <= at {
            self.placed.push_back(None);
        }
        self.placed.get(at).is_some_and(Option::is_none) && self.places.insert(id, place).is_none()
    }

    pub(super) fn place_of(&self, id: Id<E>) -> Option<u32> {
        self.places.get(&id).copied()
    }
}

fn said<E: Entity>(row: Option<&Arc<Row<E>>>) -> Words<'_> {
    let mut words = Words::default();
    if let Some(row) = row.filter(|row| row.is_alive()) {
        row.entity.words(&mut words);
    }
    words
}
