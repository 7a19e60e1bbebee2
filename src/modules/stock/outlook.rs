//! Reports of what is ahead: orders, ages, ends of lots, promises.

use rust_decimal::Decimal;
use serde_json::json;

use super::entity::ReorderRule;
use super::guard::{code, levels};
use super::ledger::{Lot, Movement, ReorderState, cost_key};
use super::report::{Made, Scope, total};
use super::reservations::holding;
use super::shown::is_real;
use super::valuation::{per_unit, product};
use super::{guard, reorder as points};
use crate::kernel::tool::object;
use crate::kernel::{Row, View};
use crate::modules::workflows::moves;

/// What is to be ordered: as much as lifts stock to its maximum, in whole multiples.
pub fn reorder(view: &View<'_>, scope: &Scope) -> Made {
    let mut rows = Vec::new();
    for item in scope.items(view) {
        for rule in item.reorder.iter().filter(|rule| scope.covers(rule.location)) {
            let there = points::on_hand(view, None, item.id, rule);
            if there > rule.min {
                continue;
            }
            let state = view
                .find::<ReorderState>("cell", &cost_key(item.id, rule.location))
                .next();
            let since = state.filter(|state| state.reached).map(|state| state.updated_at);
            let needed = day(since.unwrap_or(view.now));
            let lead = rule.lead_time_days.unwrap_or_default();
            rows.push(object(json!({
                "id": format!("{}|{}", item.id, rule.location), "item": item.sku, "name": item.name, "location": code(view, rule.location),
                "onHand": there, "min": rule.min, "max": rule.max, "suggestedQuantity": suggested(rule, there), "uom": item.uom,
                "supplier": null, "leadTimeDays": rule.lead_time_days, "reachedAt": since,
                "latestOrderDate": needed.max(view.today()), "expectedIfOrderedToday": days_ahead(view, lead),
            })));
        }
    }
    Made {
        totals: json!({"lines": rows.len()}),
        rows,
        columns: &[
            "id",
            "item",
            "location",
            "onHand",
            "min",
            "max",
            "suggestedQuantity",
            "uom",
            "supplier",
            "latestOrderDate",
        ],
        sort: "item",
        method: "what is missing to max, rounded up to whole multiples, where stock is at or below min; the latest day to order is the day that the point is found to be reached",
    }
}

fn day(at: jiff::Timestamp) -> jiff::civil::Date {
    jiff::tz::TimeZone::UTC.to_datetime(at).date()
}

fn days_ahead(view: &View<'_>, days: i64) -> Option<jiff::civil::Date> {
    view.today().checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

fn suggested(rule: &ReorderRule, there: Decimal) -> Decimal {
    let missing = (rule.max - there).max(Decimal::ZERO);
    let multiples = rule
        .multiple
        .map(|multiple| (missing.checked_div(multiple).unwrap_or_default().ceil(), multiple));
    let whole = multiples.map(|(count, multiple)| product(count, multiple).unwrap_or(missing));
    whole.unwrap_or(missing).normalize()
}

/// How long goods have been there: by the age of the newest receipts that what is there can still be of.
pub fn ageing(view: &View<'_>, scope: &Scope) -> Made {
    let mut rows = Vec::new();
    let mut sums = [Decimal::ZERO; 4];
    for item in scope.items(view) {
        let here = levels(view, item.id)
            .into_iter()
            .filter(|level| scope.covers(level.location) && is_real(view, level.location));
        let on_hand: Decimal = here.map(|level| level.on_hand).sum();
        if on_hand <= Decimal::ZERO {
            continue;
        }
        let each = per_unit(super::shown::value(view, item.id, scope.at.as_deref()), on_hand);
        let mut left = on_hand;
        let mut ages = [Decimal::ZERO; 4];
        let mut came: Vec<&std::sync::Arc<Row<Movement>>> = view
            .find::<Movement>("item", &item.id.to_string())
            .filter(|row| !is_real(view, row.from) && is_real(view, row.to) && row.reverses.is_none())
            .collect();
        came.sort_by_key(|row| std::cmp::Reverse(row.effective_at));
        for row in came {
            let part = row.qty.min(left);
            left -= part;
            let days = view.now.duration_since(row.effective_at).as_hours() / 24;
            let bucket = usize::from(days > 30) + usize::from(days > 90) + usize::from(days > 180);
            if let Some(sum) = ages.get_mut(bucket) {
                *sum += part;
            }
        }
        if let Some(oldest) = ages.last_mut() {
            *oldest += left;
        }
        for (sum, part) in sums.iter_mut().zip(ages) {
            *sum += product(part, each).unwrap_or_default();
        }
        let [fresh, month, quarter, old] = ages.map(|part| part.normalize());
        rows.push(object(json!({
            "id": item.id.to_string(), "item": item.sku, "name": item.name, "onHand": on_hand.normalize(),
            "to30Days": fresh, "to90Days": month, "to180Days": quarter, "older": old,
        })));
    }
    let [fresh, month, quarter, old] = sums.map(|sum| super::valuation::rounded(sum, 2));
    Made {
        rows,
        columns: &["id", "item", "onHand", "to30Days", "to90Days", "to180Days", "older"],
        sort: "item",
        totals: json!({"valueTo30Days": fresh, "valueTo90Days": month, "valueTo180Days": quarter, "valueOlder": old}),
        method: "what is there is taken to be of the newest receipts; values at the present cost",
    }
}

/// Lots with goods left that end in the period, and those that have ended.
pub fn expiring(view: &View<'_>, scope: &Scope) -> Made {
    let until = day(scope.to);
    let mut rows = Vec::new();
    for item in scope.items(view) {
        for lot in view.find::<Lot>("item", &item.id.to_string()) {
            let Some(day) = lot.expiry.filter(|day| *day <= until) else {
                continue;
            };
            let here = levels(view, item.id)
                .into_iter()
                .filter(|level| level.lot == Some(lot.id));
            let here = here.filter(|level| scope.covers(level.location) && is_real(view, level.location));
            let on_hand = total(here.map(|level| level.on_hand));
            if on_hand > Decimal::ZERO {
                rows.push(object(json!({
                    "id": lot.id.to_string(), "item": item.sku, "lot": lot.code, "expiry": day, "status": lot.status_on(view.today()),
                    "onHand": on_hand, "uom": item.uom,
                })));
            }
        }
    }
    Made {
        totals: json!({"lots": rows.len(), "until": until}),
        rows,
        columns: &["id", "item", "lot", "expiry", "status", "onHand", "uom"],
        sort: "expiry",
        method: "lots with goods left whose last day is on or before the end of the period",
    }
}

/// The promises that hold.
pub fn reservations(view: &View<'_>, scope: &Scope) -> Made {
    let mut rows = Vec::new();
    for item in scope.items(view) {
        for row in holding(view, item.id).filter(|row| row.location.is_none_or(|at| scope.covers(at))) {
            let mut shown = object(guard::promised(view, row));
            shown.insert("id".to_owned(), row.id.to_string().into());
            shown.insert("item".to_owned(), item.sku.clone().into());
            shown.insert("owner".to_owned(), moves::who(view, row.owner).into());
            rows.push(shown);
        }
    }
    Made {
        totals: json!({"reservations": rows.len()}),
        rows,
        columns: &["id", "item", "qty", "owner", "location", "for", "expiresAt"],
        sort: "expiresAt",
        method: "reservations that are active now",
    }
}
