//! `list_stock_items`.

use std::collections::BTreeMap;
use std::sync::Arc;

use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::entity::{ItemStatus, StockItem, StockLocation};
use super::guard::{code, levels};
use super::ledger::{Lot, StockCost, StockLevel};
use super::places::tree;
use super::reorder;
use super::shown::{self, is_real, row, totals};
use crate::kernel::arg::{Date, In, PageArgs, Str};
use crate::kernel::listing::{Item, Listing};
use crate::kernel::tool::object;
use crate::kernel::{Ref, Rejection, Row, View, text};
use crate::{args, choice};

choice! {
    /// Which items are short.
    pub enum Below {
        /// At or below a reorder point.
        Min = "min",
        /// None there, or less.
        Zero = "zero",
        /// None free, or less.
        AvailableZero = "available_zero",
    }
}

choice! {
    /// What a row stands for.
    pub enum GroupBy {
        /// An item.
        None = "none",
        /// A location; empty ones too.
        Location = "location",
        /// A lot.
        Lot = "lot",
        /// A category.
        Category = "category",
    }
}

args! {
    /// Arguments of `list_stock_items`.
    pub struct ListStockItems {
        /// Words in sku or name.
        q: Option<Str<1, 100>>,
        category: Option<Str<1, 100>>,
        /// Here and in it.
        location: Option<Ref<StockLocation>>,
        status: Option<ItemStatus>,
        below: Option<Below>,
        /// Lots that end before.
        expiring_before: Option<Date>,
        lot: Option<Str<1, 64>>,
        group_by: Option<GroupBy>,
        page: In<PageArgs>,
    }
}

/// What a listed item shows.
pub const COLUMNS: [&str; 9] = [
    "id",
    "sku",
    "name",
    "uom",
    "onHand",
    "reserved",
    "available",
    "value",
    "status",
];

/// What is looked for.
struct Filter<'f> {
    args: &'f ListStockItems,
    words: Option<String>,
    lot: Option<String>,
    at: Option<Vec<Id<StockLocation>>>,
}

/// `list_stock_items`.
pub fn list(args: ListStockItems, view: &View<'_>) -> Result<Value, Rejection> {
    let at = args.location.as_ref().map(|at| view.resolve(at)).transpose()?;
    let filter = Filter {
        args: &args,
        words: args.q.as_ref().map(|q| text::fold(q)),
        lot: args.lot.as_ref().map(|lot| text::fold(lot)),
        at: at.map(|row| tree(view, row.id)),
    };
    match args.group_by {
        Some(GroupBy::Location) => by_location(view, &filter),
        Some(GroupBy::Lot) => by_lot(view, &filter),
        Some(GroupBy::Category) => by_category(view, &filter),
        Some(GroupBy::None) | None => by_item(view, &filter),
    }
}

fn fits(view: &View<'_>, filter: &Filter<'_>, item: &Row<StockItem>) -> bool {
    let args = filter.args;
    let words = |words: &String| {
        text::fold(&item.sku).contains(words.as_str()) || text::fold(&item.name).contains(words.as_str())
    };
    args.status.is_none_or(|status| status == item.status)
        && args
            .category
            .as_ref()
            .is_none_or(|category| item.category.as_deref() == Some(category))
        && filter.words.as_ref().is_none_or(words)
        && filter.at.as_ref().is_none_or(|at| is_at(view, item.id, at))
        && filter.lot.as_ref().is_none_or(|lot| {
            view.find::<Lot>("item", &item.id.to_string())
                .any(|row| text::fold(&row.code) == *lot)
        })
        && args.expiring_before.is_none_or(|day| expires(view, item.id, day.0))
        && args.below.is_none_or(|below| is_below(view, filter, item, below))
}

fn is_at(view: &View<'_>, item: Id<StockItem>, at: &[Id<StockLocation>]) -> bool {
    levels(view, item)
        .iter()
        .any(|level| at.contains(&level.location) && !level.on_hand.is_zero())
}

fn expires(view: &View<'_>, item: Id<StockItem>, before: jiff::civil::Date) -> bool {
    levels(view, item).iter().any(|level| {
        let day = level.lot.and_then(|lot| view.get(lot)).and_then(|lot| lot.expiry);
        level.on_hand > Decimal::ZERO && is_real(view, level.location) && day.is_some_and(|day| day < before)
    })
}

fn is_below(view: &View<'_>, filter: &Filter<'_>, item: &Row<StockItem>, below: Below) -> bool {
    let at = filter.at.as_deref();
    match below {
        Below::Zero => totals(view, item.id, at).on_hand <= Decimal::ZERO,
        Below::AvailableZero => totals(view, item.id, at).available <= Decimal::ZERO,
        Below::Min => item
            .reorder
            .iter()
            .filter(|rule| at.is_none_or(|at| at.contains(&rule.location)))
            .any(|rule| reorder::on_hand(view, None, item.id, rule) <= rule.min),
    }
}

fn by_item(view: &View<'_>, filter: &Filter<'_>) -> Result<Value, Rejection> {
    let page = &filter.args.page;
    let at = filter.at.as_deref();
    let listing = Listing::new(view, page, &COLUMNS, "sku");
    if page.sort.as_deref().is_some_and(|sort| sort != "sku") {
        let found = view.rows::<StockItem>().filter(|item| fits(view, filter, item));
        return listing.answer(found.map(|item| row(view, item, at)).collect());
    }
    // In the order of the index, so that only the rows of the page are summed up.
    let all = || {
        let keys = view.keys::<StockItem>("sku");
        keys.filter(|(_, item)| fits(view, filter, item))
    };
    listing.ranked(
        |cursor| {
            let after = cursor.and_then(|(sku, id)| Some((sku.as_str()?.to_owned(), id)));
            all().skip_while(move |(key, item)| {
                let sent = |(sku, id): &(String, String)| (*key, item.id.to_string()) <= (sku.as_str(), id.clone());
                after.as_ref().is_some_and(sent)
            })
        },
        || all().count(),
        |(key, item)| (Value::from(*key), row(view, item, at)),
    )
}

fn by_location(view: &View<'_>, filter: &Filter<'_>) -> Result<Value, Rejection> {
    let is_any = is_unfiltered(filter);
    let show = |place: &Arc<Row<StockLocation>>| -> Item {
        let here = view.find::<StockLevel>("location", &place.id.to_string());
        let mut items: Vec<Id<StockItem>> = here
            .filter(|level| !level.on_hand.is_zero())
            .map(|level| level.item)
            .collect();
        items.sort();
        items.dedup();
        items.retain(|item| is_any || view.get(*item).is_some_and(|item| fits(view, filter, item)));
        let value: Decimal = items
            .iter()
            .map(|item| shown::value(view, *item, Some(&[place.id])))
            .sum();
        object(json!({
            "id": place.id.to_string(), "code": place.code, "name": place.name, "kind": place.kind, "pickable": place.pickable,
            "active": place.active, "parent": place.parent.map(|parent| code(view, parent)), "items": items.len(), "value": value.normalize(),
        }))
    };
    let within = |place: &&Arc<Row<StockLocation>>| filter.at.as_ref().is_none_or(|at| at.contains(&place.id));
    let rows = view.rows::<StockLocation>().filter(within).map(show).collect();
    let columns = ["id", "code", "name", "kind", "parent", "active", "items", "value"];
    Listing::new(view, &filter.args.page, &columns, "code").answer(rows)
}

fn is_unfiltered(filter: &Filter<'_>) -> bool {
    let args = filter.args;
    filter.words.is_none()
        && filter.lot.is_none()
        && args.category.is_none()
        && args.status.is_none()
        && args.below.is_none()
        && args.expiring_before.is_none()
}

fn by_lot(view: &View<'_>, filter: &Filter<'_>) -> Result<Value, Rejection> {
    let mut rows: Vec<Item> = Vec::new();
    for lot in view.rows::<Lot>() {
        if filter.lot.as_ref().is_some_and(|code| text::fold(&lot.code) != *code) {
            continue;
        }
        if filter
            .args
            .expiring_before
            .is_some_and(|day| lot.expiry.is_none_or(|expiry| expiry >= day.0))
        {
            continue;
        }
        let Some(item) = view.get(lot.item).filter(|item| fits(view, filter, item)) else {
            continue;
        };
        let here = levels(view, lot.item)
            .into_iter()
            .filter(|level| level.lot == Some(lot.id) && is_real(view, level.location));
        let here = here.filter(|level| filter.at.as_ref().is_none_or(|at| at.contains(&level.location)));
        let on_hand: Decimal = here.map(|level| level.on_hand).sum();
        rows.push(object(json!({
            "id": lot.id.to_string(), "lot": lot.code, "item": item.sku, "name": item.name, "uom": item.uom, "expiry": lot.expiry,
            "status": lot.status_on(view.today()), "onHand": on_hand.normalize(), "unitCost": lot.unit_cost,
        })));
    }
    let columns = ["id", "lot", "item", "expiry", "status", "onHand", "uom"];
    Listing::new(view, &filter.args.page, &columns, "expiry").answer(rows)
}

fn by_category(view: &View<'_>, filter: &Filter<'_>) -> Result<Value, Rejection> {
    let mut sums: BTreeMap<String, (usize, Decimal)> = BTreeMap::new();
    for item in view.rows::<StockItem>().filter(|item| fits(view, filter, item)) {
        let costs = view.find::<StockCost>("item", &item.id.to_string());
        let here = costs.filter(|cost| filter.at.as_ref().is_none_or(|at| at.contains(&cost.location)));
        let entry = sums.entry(item.category.clone().unwrap_or_default()).or_default();
        entry.0 += 1;
        entry.1 += here.map(|cost| cost.value).sum::<Decimal>();
    }
    let rows = sums.into_iter().map(|(category, (items, value))| {
        object(json!({"id": category, "category": category, "items": items, "value": value.normalize()}))
    });
    Listing::new(
        view,
        &filter.args.page,
        &["id", "category", "items", "value"],
        "category",
    )
    .answer(rows.collect())
}
