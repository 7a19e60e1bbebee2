//! Posting a count: the books follow what was found.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::book::Book;
use super::counting::{follow, shown};
use super::counts::{CountLine, CountSession, CountStatus};
use super::ledger::{StockCost, cost_key};
use super::{lines, process, reorder};
use crate::kernel::identity::StockSettings;
use crate::kernel::{Plan, Rejection, Row, View, text};

/// Plans the movements of a count.
pub fn post(view: &View<'_>, row: &Row<CountSession>, approved: bool) -> Result<Plan, Rejection> {
    let missing: Vec<&CountLine> = row.lines.iter().filter(|line| line.counted.is_none()).collect();
    if !missing.is_empty() {
        let first: Vec<Value> = missing.iter().take(20).map(|line| shown(view, line, true)).collect();
        return Err(Rejection::new(
            "lines_missing",
            format!("{} not counted yet", text::count(missing.len(), "line")),
        )
        .field("session")
        .current(json!({"missing": missing.len(), "first": first}))
        .hint("record them first; what is not there is counted as 0"));
    }
    let limits = &view.organization()?.settings.stock;
    let variances: Vec<&CountLine> = row
        .lines
        .iter()
        .filter(|line| line.variance().is_some_and(|by| !by.is_zero()))
        .collect();
    let above: Vec<Value> = variances
        .iter()
        .filter(|line| is_above(view, line, limits))
        .map(|line| told(view, line))
        .collect();
    if !above.is_empty() && !approved {
        let message = format!(
            "{} above the limit and must be approved first",
            text::count(above.len(), "variance")
        );
        let current =
            json!({"lines": above, "percent": limits.count_variance_percent, "value": limits.count_variance_value});
        return Err(process::required("stock-count", message, current));
    }
    let mut plan = Plan::new(format!(
        "Post the {} with {}",
        row.label_of(),
        text::count(variances.len(), "variance")
    ));
    plan.detail(
        "variances",
        variances.iter().map(|line| told(view, line)).collect::<Vec<_>>(),
    );
    plan.detail("aboveTheLimit", above);
    let mut book = Book::new(view)?;
    if !variances.is_empty() {
        follow(&mut book, &mut plan, row)?;
    }
    for (item, ..) in book.cells.keys() {
        let sums = super::guard::after(&book, *item);
        if sums.reserved() > sums.usable() {
            let sku = view.get(*item).map(|row| row.sku.clone()).unwrap_or_default();
            plan.warn(format!(
                "{} of {sku} are promised, and {} will be there",
                sums.reserved().normalize(),
                sums.usable().normalize()
            ));
        }
    }
    let mut result = lines::result(&book);
    if let Value::Object(members) = &mut result {
        members.insert("id".to_owned(), row.id.to_string().into());
        members.insert("status".to_owned(), json!(CountStatus::Posted));
    }
    plan.result = result;
    let mut alerts = Plan::new("");
    let reached = reorder::pass(&mut alerts, &book)?;
    plan.detail("reorder", reached);
    let now = view.now;
    plan.edit("stock.count_posted", row, |count| {
        count.status = CountStatus::Posted;
        count.posted_at = Some(now);
    })?;
    book.plan(&mut plan, "stock.count_posted")?;
    plan.changes.extend(alerts.changes);
    Ok(plan)
}

/// What a line's variance is worth.
fn worth(view: &View<'_>, line: &CountLine) -> Decimal {
    let cost = view
        .find::<StockCost>("cell", &cost_key(line.item, line.location))
        .next();
    let item = view.get(line.item);
    let each = item.and_then(|item| super::valuation::known_cost(item, cost.map(|row| &row.entity)));
    let exact = super::valuation::product(line.variance().unwrap_or_default(), each.unwrap_or_default());
    let currency = view.organization().map(|org| org.currency.clone()).unwrap_or_default();
    super::valuation::rounded(exact.unwrap_or_default(), super::valuation::places(&currency))
}

fn is_above(view: &View<'_>, line: &CountLine, limits: &StockSettings) -> bool {
    let variance = line.variance().unwrap_or_default().abs();
    let of_value = limits
        .count_variance_value
        .is_some_and(|limit| worth(view, line).abs() > limit);
    let of_percent = limits.count_variance_percent.is_some_and(|limit| {
        let allowed = super::valuation::product(line.expected().abs(), limit).unwrap_or_default();
        variance * Decimal::ONE_HUNDRED > allowed
    });
    of_value || of_percent
}

fn told(view: &View<'_>, line: &CountLine) -> Value {
    let mut told = shown(view, line, false);
    if let Value::Object(members) = &mut told {
        members.insert("value".to_owned(), json!(worth(view, line)));
    }
    told
}
