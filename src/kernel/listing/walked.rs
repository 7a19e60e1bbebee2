//! Lists made of records: walked in their order, one page at a time, until a page is full or enough was looked at.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::{ANSWER_BYTES_MAX, Cursor, Item, Listing, encode, finish};
use crate::kernel::arg::groups::Count;
use crate::kernel::json::object;
use crate::kernel::past::Hits;
use crate::kernel::{Rejection, text};

/// Most records that one call looks at; a page that is not full by then says where to go on.
pub const LOOKED_AT_MAX: usize = 2_000;

/// Makes the items of a record.
type Show<'w> = dyn Fn(u64, &str) -> Result<Vec<Item>, Rejection> + 'w;

/// What a list of records is made of.
pub struct Walk<'w> {
    /// Among which positions.
    pub range: RangeInclusive<u64>,
    /// The records among some positions, the newest first where that is said.
    pub hits: &'w dyn Fn(RangeInclusive<u64>, bool) -> Hits<'w>,
    /// The items of one record, in the order of its events.
    pub show: &'w Show<'w>,
    /// Takes an item into the one before it; false where it stands for itself.
    pub merge: &'w dyn Fn(&mut Item, &Item) -> bool,
}

/// Where an item stands: the record, and which of the record's items.
type Place = (u64, usize);

/// Items so far, each with the place of the last one that went into it.
#[derive(Default)]
struct Page {
    rows: Vec<Item>,
    places: Vec<Place>,
    /// Where looking ended although there may be more.
    left: Option<Place>,
    looked_at: usize,
}

impl Walk<'_> {
    fn page(&self, newest_first: bool, after: Option<Place>, most: usize) -> Result<Page, Rejection> {
        let (mut page, range) = (Page::default(), self.from(after, newest_first));
        for hit in (self.hits)(range, newest_first) {
            let (seq, text) = hit?;
            page.looked_at += 1;
            let items = (self.show)(seq, &text)?.into_iter().enumerate();
            let mut items: Vec<(Place, Item)> = items.map(|(at, item)| ((seq, at), item)).collect();
            if newest_first {
                items.reverse();
            }
            for (place, item) in items {
                if is_sent(place, after, newest_first) {
                    continue;
                }
                let merged = page.rows.last_mut().is_some_and(|last| (self.merge)(last, &item));
                if merged {
                    page.places.pop();
                } else if page.rows.len() == most {
                    page.left = page.places.last().copied();
                    return Ok(page);
                } else {
                    page.rows.push(item);
                }
                page.places.push(place);
            }
            if page.looked_at == LOOKED_AT_MAX {
                page.left = Some((seq, if newest_first { 0 } else { usize::MAX }));
                return Ok(page);
            }
        }
        Ok(page)
    }

    /// How many items there are, as far as one call looks, and whether there may be more. Only the last item is kept.
    fn count(&self, newest_first: bool) -> Result<(usize, bool), Rejection> {
        let (mut total, mut looked_at, mut last): (usize, usize, Option<Item>) = (0, 0, None);
        for hit in (self.hits)(self.from(None, newest_first), newest_first) {
            let (seq, text) = hit?;
            looked_at += 1;
            let mut items = (self.show)(seq, &text)?;
            if newest_first {
                items.reverse();
            }
            for item in items {
                if !last.as_mut().is_some_and(|last| (self.merge)(last, &item)) {
                    total += 1;
                    last = Some(item);
                }
            }
            if looked_at == LOOKED_AT_MAX {
                return Ok((total, true));
            }
        }
        Ok((total, false))
    }

    fn from(&self, after: Option<Place>, newest_first: bool) -> RangeInclusive<u64> {
        let (first, last) = self.range.clone().into_inner();
        match after {
            None => first..=last,
            Some((seq, _)) if newest_first => first..=last.min(seq),
            Some((seq, _)) => first.max(seq)..=last,
        }
    }
}

fn is_sent(place: Place, after: Option<Place>, newest_first: bool) -> bool {
    after.is_some_and(|after| if newest_first { place >= after } else { place <= after })
}

impl Listing<'_> {
    /// The answer where items are records, or what stands in them, in their order: `at` or `-at`. What it says depends on
    /// the records up to the state's position alone.
    ///
    /// # Errors
    /// As the records cannot be read, or the page cannot be understood.
    pub fn walked(mut self, walk: &Walk<'_>) -> Result<Value, Rejection> {
        let sort = self.page.sort.as_deref().unwrap_or(self.default_sort).to_owned();
        if !["at", "-at"].contains(&sort.as_str()) {
            let rule = format!("cannot sort by `{sort}`: records stand in the order of time");
            return Err(Rejection::argument("sort", rule).allowed(["at", "-at"]));
        }
        let newest_first = sort == "-at";
        let given = self.page.cursor.as_deref();
        let given = given.map(|text| self.cursor(text, &sort)).transpose()?;
        let begun = given.as_ref().map_or(self.view.state.position, |cursor| cursor.p);
        let after = given.as_ref().map(place).transpose()?;
        let (first, last) = walk.range.clone().into_inner();
        let walk = Walk {
            // What came after the first page does not move the others.
            range: first..=last.min(begun),
            hits: walk.hits,
            show: walk.show,
            merge: walk.merge,
        };
        let mut page = walk.page(newest_first, after, self.page.limit.size())?;
        self.fill(&mut page.rows)?;
        let (shown, sent, cut) = self.cut(&page.rows)?;
        let left = if cut {
            self.notices.push(format!(
                "the answer was cut at {ANSWER_BYTES_MAX} bytes: {} of this page left out; go on with page.nextCursor, or ask for fewer fields",
                text::count(page.rows.len() - sent, "item")
            ));
            page.places.get(sent.wrapping_sub(1)).copied()
        } else {
            if page.looked_at == LOOKED_AT_MAX && page.left.is_some() {
                self.notices.push(format!(
                    "{LOOKED_AT_MAX} records were looked at; go on with page.nextCursor, or narrow the search"
                ));
            }
            page.left
        };
        let next = left.map(|(seq, at)| {
            encode(&Cursor {
                p: begun,
                k: seq.into(),
                i: at.to_string(),
                s: sort.clone(),
            })
        });
        let mut said = json!({"nextCursor": next, "hasMore": next.is_some()});
        if let (Value::Object(members), Some(Count::Exact)) = (&mut said, self.page.count) {
            let (total, is_cut) = walk.count(newest_first)?;
            members.insert("total".to_owned(), total.into());
            if is_cut {
                self.notices
                    .push(format!("total counts what is in the first {LOOKED_AT_MAX} records"));
            }
        }
        Ok(finish(
            self.view,
            object([("items", shown.into()), ("page", said)]),
            self.notices,
        ))
    }
}

fn place(cursor: &Cursor) -> Result<Place, Rejection> {
    let place = cursor.k.as_u64().zip(cursor.i.parse().ok());
    place.ok_or_else(|| Rejection::argument("cursor", "is not a cursor of this list; start again without it"))
}
