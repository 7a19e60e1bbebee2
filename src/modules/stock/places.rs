//! Locations: the tree they stand in, and the virtual ones on the other side of the ledger.

use std::sync::Arc;

use jiff::Timestamp;
use projections::Id;
use serde_json::json;

use super::book::Book;
use super::counts::CountSession;
use super::entity::{LocationKind, StockItem, StockLocation};
use super::ledger::cost_key;
use crate::kernel::arg::Ts;
use crate::kernel::{Plan, Ref, Rejection, Row, View};

/// A location and all that stand in it.
pub fn tree(view: &View<'_>, root: Id<StockLocation>) -> Vec<Id<StockLocation>> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(parent) = all.get(next).copied() {
        let inside = view.find::<StockLocation>("parent", &parent.to_string());
        let fresh: Vec<_> = inside.map(|row| row.id).filter(|id| !all.contains(id)).collect();
        all.extend(fresh);
        next += 1;
    }
    all
}

/// A location in use that goods can really be at.
pub fn real<'a>(view: &View<'a>, reference: &Ref<StockLocation>) -> Result<&'a Arc<Row<StockLocation>>, Rejection> {
    let row = in_use(view, reference)?;
    if row.kind.is_virtual() {
        let rule = format!(
            "must be a place that goods can be at; {} is of kind {}",
            row.code, row.kind
        );
        return Err(Rejection::argument(&reference.path, rule));
    }
    Ok(row)
}

/// A location in use.
pub fn in_use<'a>(view: &View<'a>, reference: &Ref<StockLocation>) -> Result<&'a Arc<Row<StockLocation>>, Rejection> {
    let row = view.resolve(reference)?;
    if !row.active {
        let rule = format!("must be in use; {} is closed", row.code);
        return Err(Rejection::argument(&reference.path, rule));
    }
    Ok(row)
}

/// A location in use of one of some kinds.
pub fn of_kind<'a>(
    view: &View<'a>,
    reference: &Ref<StockLocation>,
    kinds: &[LocationKind],
) -> Result<&'a Arc<Row<StockLocation>>, Rejection> {
    let row = in_use(view, reference)?;
    if kinds.contains(&row.kind) {
        return Ok(row);
    }
    let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
    let rule = format!(
        "must be of kind {}; {} is of kind {}",
        words.join(" or "),
        row.code,
        row.kind
    );
    Err(Rejection::argument(&reference.path, rule).allowed(words))
}

/// The virtual (or transit) location of a kind: the oldest in use, else one that this plan makes.
pub fn of_the(book: &mut Book<'_, '_>, plan: &mut Plan, kind: LocationKind) -> Result<Id<StockLocation>, Rejection> {
    let view = book.view;
    let known = view.find::<StockLocation>("kind", kind.word()).find(|row| row.active);
    if let Some(id) = known.map(|row| row.id).or_else(|| book.made.get(&kind).copied()) {
        return Ok(id);
    }
    let id = view.new_id::<StockLocation>();
    let code = free_code(view, &kind.word().to_uppercase());
    plan.create(
        "stock.location_saved",
        id,
        StockLocation {
            name: code.clone(),
            code,
            parent: None,
            kind,
            pickable: false,
            active: true,
        },
    )?;
    book.made.insert(kind, id);
    Ok(id)
}

fn free_code(view: &View<'_>, wanted: &str) -> String {
    let is_free = |code: &String| {
        view.find::<StockLocation>("code", &crate::kernel::text::fold(code))
            .next()
            .is_none()
    };
    let mut numbered = (1..).map(|number| {
        if number == 1 {
            wanted.to_owned()
        } else {
            format!("{wanted}-{number}")
        }
    });
    numbered.find(is_free).unwrap_or_else(|| wanted.to_owned())
}

/// When a movement happened: now, or an earlier hour inside the open period.
pub fn effective(view: &View<'_>, given: Option<Ts>) -> Result<Timestamp, Rejection> {
    let Some(Ts(at)) = given else { return Ok(view.now) };
    if at > view.now {
        return Err(Rejection::argument(
            "effectiveAt",
            format!("must not lie ahead of now, {}", view.now),
        ));
    }
    let open = open_from(view)?;
    let zone = zone(view)?;
    let day = zone.to_datetime(at).date();
    if day >= open {
        return Ok(at);
    }
    Err(Rejection::new(
        "period_closed",
        format!("{day} lies in a closed period; it is open from {open}"),
    )
    .field("effectiveAt")
    .current(json!({"openFrom": open}))
    .hint("book it on a day that is open; stock.openFrom in the organisation's settings says from when"))
}

fn zone(view: &View<'_>) -> Result<jiff::tz::TimeZone, Rejection> {
    let name = &view.organization()?.timezone;
    Ok(jiff::tz::TimeZone::get(name).unwrap_or(jiff::tz::TimeZone::UTC))
}

/// The first day that is open: what the settings say, else the first of the month.
pub fn open_from(view: &View<'_>) -> Result<jiff::civil::Date, Rejection> {
    let set = view.organization()?.settings.stock.open_from;
    Ok(set.unwrap_or(zone(view)?.to_datetime(view.now).date().first_of_month()))
}

/// Refuses a movement that would lie before a posted count of the same item and location.
pub fn not_before_count(
    view: &View<'_>,
    item: &Row<StockItem>,
    location: Id<StockLocation>,
    at: Timestamp,
) -> Result<(), Rejection> {
    if at >= view.now {
        return Ok(());
    }
    let counts = view.find::<CountSession>("posted", &cost_key(item.id, location));
    let Some(last) = counts
        .filter_map(|row| row.posted_at)
        .filter(|posted| *posted > at)
        .max()
    else {
        return Ok(());
    };
    let code = view.get(location).map(|row| row.code.clone()).unwrap_or_default();
    Err(Rejection::new(
        "period_closed",
        format!("{} at {code} was counted at {last}, after {at}", item.sku),
    )
    .field("effectiveAt")
    .current(json!({"countedAt": last}))
    .hint("book it after the count; the count has taken it into account already"))
}
