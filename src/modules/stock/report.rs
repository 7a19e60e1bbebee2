//! `get_stock_report`: eight ways of looking at the whole of it.

use std::sync::Arc;

use jiff::Timestamp;
use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::entity::{StockItem, StockLocation};
use super::places::tree;
use super::{moved, outlook};
use crate::kernel::arg::{In, PageArgs, Str, Ts};
use crate::kernel::listing::{Item, Listing};
use crate::kernel::{Ref, Rejection, Row, View};
use crate::{args, choice};

choice! {
    /// What a report is of.
    pub enum Report {
        /// What stock is worth, against the ledger.
        Valuation = "valuation",
        /// The ledger.
        Movements = "movements",
        /// What is to be ordered.
        Reorder = "reorder",
        /// How long goods have been there.
        Ageing = "ageing",
        /// Which lots end soon.
        Expiring = "expiring",
        /// How often stock was used up.
        Turnover = "turnover",
        /// What counts found.
        Variance = "variance",
        /// What is promised.
        Reservations = "reservations",
    }
}

args! {
    /// Arguments of `get_stock_report`.
    pub struct GetStockReport {
        report: Report,
        item: Option<Ref<StockItem>>,
        /// Here and in it.
        location: Option<Ref<StockLocation>>,
        category: Option<Str<1, 100>>,
        /// 30 days ago where left out.
        from: Option<Ts>,
        /// Now where left out; for expiring, 30 days ahead.
        to: Option<Ts>,
        /// For valuation.
        as_of: Option<Ts>,
        page: In<PageArgs>,
    }
}

/// What a report is asked about.
pub struct Scope {
    /// This item only.
    pub item: Option<Id<StockItem>>,
    /// These locations only.
    pub at: Option<Vec<Id<StockLocation>>>,
    /// This category only.
    pub category: Option<String>,
    /// From this hour.
    pub from: Timestamp,
    /// To this hour.
    pub to: Timestamp,
    /// As the ledger stood then.
    pub as_of: Option<Timestamp>,
}

impl Scope {
    /// The items it is about.
    pub fn items<'v, 'a>(&'v self, view: &'v View<'a>) -> Vec<&'a Arc<Row<StockItem>>> {
        let fits = |row: &&Arc<Row<StockItem>>| {
            self.category
                .as_ref()
                .is_none_or(|of| row.category.as_ref() == Some(of))
        };
        match self.item {
            Some(item) => view.get(item).into_iter().filter(fits).collect(),
            None => view.rows::<StockItem>().filter(fits).collect(),
        }
    }

    /// Whether it is about a location.
    pub fn covers(&self, location: Id<StockLocation>) -> bool {
        self.at.as_ref().is_none_or(|at| at.contains(&location))
    }
}

/// A report: rows, the columns shown, the order, the totals and how they were found.
pub struct Made {
    /// Its rows; each has an `id`.
    pub rows: Vec<Item>,
    /// What is shown of them.
    pub columns: &'static [&'static str],
    /// Their order.
    pub sort: &'static str,
    /// What they add up to.
    pub totals: Value,
    /// How it was found, in a sentence.
    pub method: &'static str,
}

/// `get_stock_report`.
pub fn report(args: GetStockReport, view: &View<'_>) -> Result<Value, Rejection> {
    let ahead = args.report == Report::Expiring;
    let days = |count: i64| jiff::SignedDuration::from_hours(24 * count);
    let later = |at: Timestamp, by: jiff::SignedDuration| at.checked_add(by).unwrap_or(at);
    let scope = Scope {
        item: args
            .item
            .as_ref()
            .map(|item| view.resolve(item))
            .transpose()?
            .map(|row| row.id),
        at: args
            .location
            .as_ref()
            .map(|at| view.resolve(at))
            .transpose()?
            .map(|row| tree(view, row.id)),
        category: args.category.as_ref().map(|text| text.0.clone()),
        from: args.from.map_or_else(|| later(view.now, days(-30)), |at| at.0),
        to: args
            .to
            .map_or_else(|| if ahead { later(view.now, days(30)) } else { view.now }, |at| at.0),
        as_of: args.as_of.map(|at| at.0),
    };
    let made = match args.report {
        Report::Valuation => return moved::valuation(view, &scope, &args.page),
        Report::Movements => moved::movements(view, &scope),
        Report::Turnover => moved::turnover(view, &scope),
        Report::Variance => moved::variance(view, &scope),
        Report::Reorder => outlook::reorder(view, &scope),
        Report::Ageing => outlook::ageing(view, &scope),
        Report::Expiring => outlook::expiring(view, &scope),
        Report::Reservations => outlook::reservations(view, &scope),
    };
    let list = Listing::new(view, &args.page, made.columns, made.sort);
    Ok(reported(list.answer(made.rows)?, args.report, made.totals, made.method))
}

/// A list as a report.
pub fn reported(mut answer: Value, report: Report, totals: Value, method: &str) -> Value {
    if let Value::Object(members) = &mut answer {
        members.insert("report".to_owned(), json!(report));
        members.insert("totals".to_owned(), totals);
        members.insert("method".to_owned(), method.into());
    }
    answer
}

/// A sum as it is shown.
pub fn total(values: impl Iterator<Item = Decimal>) -> Decimal {
    values.sum::<Decimal>().normalize()
}
