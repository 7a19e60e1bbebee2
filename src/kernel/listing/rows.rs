//! Lists of rows, of which there may be many: they are put in order by what they are sorted by, and only those of the page
//! are made into items.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use projections::Id;
use serde_json::Value;

use super::{Item, Listing};
use crate::kernel::entity::Entity;
use crate::kernel::table::Row;
use crate::kernel::{Rejection, text};

/// What a row is sorted by; what has nothing comes last, whichever way.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// A moment.
    At(Timestamp),
    /// A day.
    Day(Date),
    /// A text, folded.
    Text(String),
    /// Nothing.
    Nothing,
}

impl Key {
    /// A text as it is compared.
    pub fn text(text: &str) -> Self {
        Self::Text(text::fold(text))
    }

    /// What a shown value is sorted by, as this kind of key.
    fn like(&self, value: &Value) -> Self {
        match (self, value.as_str()) {
            (_, None) => Self::Nothing,
            (Self::Text(_), Some(shown)) => Self::text(shown),
            (Self::Day(_), Some(shown)) => shown.parse().map_or_else(|_| Self::text(shown), Self::Day),
            (_, Some(shown)) => shown.parse().map_or_else(|_| Self::text(shown), Self::At),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::At(_) => 0,
            Self::Day(_) => 1,
            Self::Text(_) => 2,
            Self::Nothing => 3,
        }
    }

    fn compare(&self, other: &Self, is_descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Nothing, Self::Nothing) => Ordering::Equal,
            (Self::Nothing, _) => return Ordering::Greater,
            (_, Self::Nothing) => return Ordering::Less,
            (Self::At(one), Self::At(two)) => one.cmp(two),
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            (Self::Day(one), Self::Day(two)) => one.cmp(two),
            // One list has keys of one kind; a cursor of another makes no difference that counts.
            (one, two) => one.rank().cmp(&two.rank()),
        };
        if is_descending { order.reverse() } else { order }
    }
}

impl Listing<'_> {
    /// What the list is sorted by.
    pub fn sort(&self) -> &str {
        self.page.sort.as_deref().unwrap_or(self.default_sort)
    }

    /// Where a list that is sorted by a moment goes on.
    ///
    /// # Errors
    /// As the cursor cannot be understood.
    pub fn after<E: Entity>(&self) -> Result<Option<(Timestamp, Id<E>)>, Rejection> {
        let Some(cursor) = self.begun()? else { return Ok(None) };
        let at = cursor.k.as_str().and_then(|at| at.parse().ok());
        let place = at.zip(cursor.i.parse().ok());
        place
            .map(Some)
            .ok_or_else(|| Rejection::argument("cursor", "is not a cursor of this list; start again without it"))
    }

    /// The answer. `key` says what a row is sorted by, and `None` for fields that only an item tells; then all become items.
    ///
    /// # Errors
    /// As the page cannot be understood.
    pub fn rows<E: Entity>(
        self,
        rows: &[&Arc<Row<E>>],
        key: impl Fn(&Row<E>, &str) -> Option<Key>,
        show: impl Fn(&Row<E>) -> Item,
    ) -> Result<Value, Rejection> {
        let id = (|row: &&Arc<Row<E>>| row.id, |row: &&Arc<Row<E>>| row.id.to_string());
        self.things(rows, id, |row, field| key(row, field), |row| show(row))
    }

    /// The same for things of any kind; `id` gives what tells two apart, ordered as its text is, and that text.
    ///
    /// # Errors
    /// As the page cannot be understood.
    pub fn things<R, I: Ord>(
        self,
        things: &[R],
        (id, name): (impl Fn(&R) -> I, impl Fn(&R) -> String),
        key: impl Fn(&R, &str) -> Option<Key>,
        show: impl Fn(&R) -> Item,
    ) -> Result<Value, Rejection> {
        let sort = self.sort().to_owned();
        let (field, is_descending) = (sort.trim_start_matches('-'), sort.starts_with('-'));
        let placed: Option<Vec<(Key, &R)>> = things.iter().map(|thing| Some((key(thing, field)?, thing))).collect();
        let Some(mut placed) = placed else {
            return self.answer(things.iter().map(show).collect());
        };
        let order = |one: &(Key, &R), two: &(Key, &R)| {
            let keys = one.0.compare(&two.0, is_descending);
            keys.then_with(|| id(one.1).cmp(&id(two.1)))
        };
        let cursor = self.begun()?;
        if let Some(cursor) = &cursor {
            placed.retain(|(key, thing)| {
                let keys = key.compare(&key.like(&cursor.k), is_descending);
                keys.then_with(|| name(thing).cmp(&cursor.i)).is_gt()
            });
        }
        let limit = self.page.limit.size();
        let has_more = placed.len() > limit;
        if has_more {
            placed.select_nth_unstable_by(limit, order);
            placed.truncate(limit);
        }
        placed.sort_unstable_by(order);
        let items = placed.iter().map(|(_, thing)| show(thing));
        let items = items.map(|item| (super::key(&item, &sort), item)).collect();
        self.paged(items, has_more, || things.len(), cursor, sort.clone())
    }
}
