//! Answers: lists with honest pages, single things with chosen fields (catalogue section 0.5).

mod order;
mod rows;
mod walked;

pub use rows::Key;
pub use walked::{LOOKED_AT_MAX, Walk};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::kernel::arg::groups::Count;
use crate::kernel::arg::{PageArgs, ReadArgs};
use crate::kernel::json::object;
use crate::kernel::{Rejection, View, text};
use order::Order;

/// Answers longer than this are cut between items, with a notice.
pub const ANSWER_BYTES_MAX: usize = 24 * 1024;
/// A cursor dies when the journal has moved on by so many records.
const CURSOR_RECORDS_MAX: u64 = 1_000_000;

/// A row of a list before it is shown: everything it has, the identifier included.
pub type Item = Map<String, Value>;

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// The position of the first page.
    p: u64,
    /// The sort key of the last row sent.
    k: Value,
    /// The identifier of the last row sent.
    i: String,
    /// What the list was sorted by.
    s: String,
}

/// A list under construction: rows, the columns shown by default, and the order without `sort`.
pub struct Listing<'a> {
    view: &'a View<'a>,
    page: &'a PageArgs,
    columns: &'a [&'a str],
    default_sort: &'a str,
    notices: Vec<String>,
    late: &'a [&'a str],
    fill: Option<&'a Fill<'a>>,
}

/// Adds to a row what is costly to find.
type Fill<'a> = dyn Fn(&mut Item) -> Result<(), Rejection> + 'a;

impl<'a> Listing<'a> {
    /// A list whose rows show `columns` by default and are ordered by `default_sort` (`-` in front for descending).
    pub fn new(view: &'a View<'a>, page: &'a PageArgs, columns: &'a [&'a str], default_sort: &'a str) -> Self {
        Self {
            view,
            page,
            columns,
            default_sort,
            notices: Vec::new(),
            late: &[],
            fill: None,
        }
    }

    /// Columns that are found only for the rows that are shown, unless the list is sorted by one of them.
    #[must_use]
    pub fn filled(mut self, columns: &'a [&'a str], fill: &'a Fill<'a>) -> Self {
        (self.late, self.fill) = (columns, Some(fill));
        self
    }

    /// Adds a notice.
    #[must_use]
    pub fn notice(mut self, notice: impl Into<String>) -> Self {
        self.notices.push(notice.into());
        self
    }

    /// The answer. Every item needs an `id`.
    pub fn answer(self, mut items: Vec<Item>) -> Result<Value, Rejection> {
        let (sort, cursor) = (self.sort().to_owned(), self.begun()?);
        let total = items.len();
        let before = self.late.contains(&sort.trim_start_matches('-'));
        if before {
            self.fill(&mut items)?;
        }
        let mut rows = self.sorted(items, &sort, cursor.as_ref())?;
        let has_more = rows.len() > self.page.limit.size();
        rows.truncate(self.page.limit.size());
        if !before {
            self.fill(&mut rows)?;
        }
        let rows = rows.into_iter().map(|row| (key(&row, &sort), row)).collect();
        self.paged(rows, has_more, || total, cursor, sort)
    }

    /// Where the list goes on, if it was begun before.
    fn begun(&self) -> Result<Option<Cursor>, Rejection> {
        let text = self.page.cursor.as_deref();
        text.map(|text| self.cursor(text, self.sort())).transpose()
    }

    /// The answer with the items of a page in their order, each after what it is sorted by.
    fn paged(
        mut self,
        rows: Vec<(Value, Item)>,
        has_more: bool,
        total: impl FnOnce() -> usize,
        cursor: Option<Cursor>,
        sort: String,
    ) -> Result<Value, Rejection> {
        let (keys, rows): (Vec<Value>, Vec<Item>) = rows.into_iter().unzip();
        let (shown, sent, cut) = self.cut(&rows)?;
        let has_more = has_more || cut;
        let last = rows.get(sent.wrapping_sub(1)).zip(keys.get(sent.wrapping_sub(1)));
        let next = last.filter(|_| has_more).map(|(last, key)| {
            encode(&Cursor {
                p: cursor.as_ref().map_or(self.view.state.position, |cursor| cursor.p),
                k: key.clone(),
                i: id(last),
                s: sort,
            })
        });
        if cut {
            let left = text::count(rows.len() - sent, "item");
            self.notices.push(format!(
                "the answer was cut at {ANSWER_BYTES_MAX} bytes: {left} of this page left out; go on with page.nextCursor, or ask for fewer fields"
            ));
        }
        let mut page = json!({"nextCursor": next, "hasMore": has_more});
        if let (Value::Object(members), Some(Count::Exact)) = (&mut page, self.page.count) {
            members.insert("total".to_owned(), total().into());
        }
        Ok(finish(
            self.view,
            object([("items", shown.into()), ("page", page)]),
            self.notices,
        ))
    }

    /// The answer where the hits come in their order already, the best first, and are not made into items before they are
    /// shown. `open` begins after the place and identifier of the last hit that was sent; `total` counts when asked to.
    pub fn ranked<H, I: Iterator<Item = H>>(
        self,
        open: impl FnOnce(Option<(Value, String)>) -> I,
        total: impl FnOnce() -> usize,
        show: impl Fn(&H) -> (Value, Item),
    ) -> Result<Value, Rejection> {
        let sort = self.default_sort.to_owned();
        let text = self.page.cursor.as_deref();
        let cursor = text.map(|text| self.cursor(text, &sort)).transpose()?;
        let limit = self.page.limit.size();
        let hits = open(cursor.as_ref().map(|cursor| (cursor.k.clone(), cursor.i.clone())));
        let mut rows: Vec<(Value, Item)> = hits.take(limit + 1).map(|hit| show(&hit)).collect();
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        self.paged(rows, has_more, total, cursor, sort)
    }

    fn fill(&self, rows: &mut [Item]) -> Result<(), Rejection> {
        let Some(fill) = self.fill else { return Ok(()) };
        rows.iter_mut().try_for_each(fill)
    }

    /// The items of a page and one more, in order.
    fn sorted(&self, mut items: Vec<Item>, sort: &str, cursor: Option<&Cursor>) -> Result<Vec<Item>, Rejection> {
        let field = sort.trim_start_matches('-');
        let known = items.first().is_none_or(|item| item.contains_key(field));
        if !known && self.page.sort.is_some() {
            let names: Vec<&str> = items
                .first()
                .map(|item| item.keys().map(String::as_str).collect())
                .unwrap_or_default();
            let rule = format!("cannot sort by `{field}`; it may be one of {}", names.join(", "));
            return Err(Rejection::argument("sort", rule).allowed(names));
        }
        let is_descending = sort.starts_with('-');
        let after = |(key, id): &(Order, String)| {
            cursor.is_none_or(|cursor| {
                let keys = key.compare(&Order::of(Some(&cursor.k)), is_descending);
                keys.then_with(|| id.cmp(&cursor.i)).is_gt()
            })
        };
        let placed = items
            .drain(..)
            .map(|item| ((Order::of(item.get(field)), id(&item)), item));
        let mut placed: Vec<((Order, String), Item)> = placed.filter(|(place, _)| after(place)).collect();
        let order = |((one, one_id), _): &((Order, String), Item), ((two, two_id), _): &((Order, String), Item)| {
            one.compare(two, is_descending).then_with(|| one_id.cmp(two_id))
        };
        // One more than is shown tells that there is more.
        let most = self.page.limit.size() + 1;
        if placed.len() > most {
            placed.select_nth_unstable_by(most, order);
            placed.truncate(most);
        }
        placed.sort_unstable_by(order);
        items.extend(placed.into_iter().map(|(_, item)| item));
        Ok(items)
    }

    fn cut(&self, rows: &[Item]) -> Result<(Vec<Value>, usize, bool), Rejection> {
        let (mut shown, mut bytes) = (Vec::new(), 0);
        for row in rows {
            let item = Value::Object(pick(row, self.page.fields.as_deref(), self.columns)?);
            bytes += item.to_string().len();
            if bytes > ANSWER_BYTES_MAX && !shown.is_empty() {
                let sent = shown.len();
                return Ok((shown, sent, true));
            }
            shown.push(item);
        }
        let sent = shown.len();
        Ok((shown, sent, false))
    }

    fn cursor(&self, text: &str, sort: &str) -> Result<Cursor, Rejection> {
        let bad = || Rejection::argument("cursor", "is not a cursor of this server; start again without it");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
        let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| bad())?;
        if cursor.s != sort {
            return Err(Rejection::argument(
                "cursor",
                format!("belongs to a list sorted by `{}`, not `{sort}`", cursor.s),
            ));
        }
        if self.view.state.position.saturating_sub(cursor.p) > CURSOR_RECORDS_MAX {
            return Err(
                Rejection::new("cursor_expired", "too much has happened since this list was begun")
                    .hint("start the list again without a cursor"),
            );
        }
        Ok(cursor)
    }
}

fn encode(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

fn key(item: &Item, sort: &str) -> Value {
    item.get(sort.trim_start_matches('-')).cloned().unwrap_or(Value::Null)
}

fn id(item: &Item) -> String {
    item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The chosen fields of an item; an unknown one is refused with what there is. The identifier is always there.
pub fn pick(
    item: &Item,
    fields: Option<&[crate::kernel::arg::Str<1, 60>]>,
    default: &[&str],
) -> Result<Item, Rejection> {
    let Some(fields) = fields.filter(|fields| !fields.is_empty()) else {
        return Ok(item
            .iter()
            .filter(|(name, _)| default.is_empty() || default.contains(&name.as_str()))
            .map(own)
            .collect());
    };
    if let Some(unknown) = fields.iter().find(|field| !item.contains_key(field.0.as_str())) {
        let names: Vec<&str> = item.keys().map(String::as_str).collect();
        return Err(Rejection::argument("fields", format!("there is no field `{}`", unknown.0)).allowed(names));
    }
    let wanted = |name: &str| name == "id" || fields.iter().any(|field| field.0 == name);
    Ok(item.iter().filter(|(name, _)| wanted(name)).map(own).collect())
}

fn own((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// The answer about one thing: chosen fields, and the named parts that were asked for. `parts` is called for each name of
/// `expand`; it gives `None` for a name it does not know.
pub fn item(
    view: &View<'_>,
    read: &ReadArgs,
    full: Item,
    known: &[&str],
    mut parts: impl FnMut(&str) -> Result<Option<Value>, Rejection>,
) -> Result<Value, Rejection> {
    let mut shown = match read.fields.as_deref().filter(|fields| !fields.is_empty()) {
        Some(fields) => pick(&full, Some(fields), &[])?,
        None => full,
    };
    for name in read.expand.iter().flat_map(|names| names.iter()) {
        if let Some(part) = parts(name)? {
            shown.insert(name.0.clone(), part);
        } else {
            let rule = format!("there is no part `{}`", name.0);
            return Err(Rejection::argument("expand", rule).allowed(known.to_vec()));
        }
    }
    Ok(finish(view, object([("item", shown.into())]), Vec::new()))
}

/// Adds what every answer carries: the position, what was resolved, notices.
pub fn finish(view: &View<'_>, mut answer: Value, notices: Vec<String>) -> Value {
    if let Value::Object(members) = &mut answer {
        members.insert("asOf".to_owned(), view.state.position.into());
        members.insert("notices".to_owned(), notices.into());
        let resolved = view.take_resolved();
        if !resolved.is_empty() {
            members.insert("resolved".to_owned(), resolved.into_iter().collect());
        }
    }
    answer
}
