//! Reports of what has been: values, movements, turnover, variances.

use std::collections::BTreeMap;

use jiff::Timestamp;
use projections::Id;
use rust_decimal::Decimal;
use serde_json::json;

use super::counts::{CountSession, CountStatus};
use super::entity::{StockItem, StockLocation};
use super::get::{self, ledger};
use super::guard::code;
use super::ledger::{Movement, MovementKind, StockCost, cost_key};
use super::report::{Late, Made, Scope, total};
use super::shown::is_real;
use super::valuation::per_unit;
use crate::kernel::tool::object;
use crate::kernel::{Rejection, Row, View};

/// Where stock is: what is there, what it is worth as kept, and what its movements add up to.
struct Place<'a> {
    id: String,
    item: &'a Row<StockItem>,
    location: Id<StockLocation>,
    quantity: Decimal,
    kept: Decimal,
    ledger: Decimal,
}

/// The places as they stand; the ledger's side is the sum that is kept with every movement. Where the ledger
/// has something and nothing is kept, that is a place too: it is what the report is there to find.
fn now<'a>(view: &View<'a>, scope: &Scope) -> Vec<Place<'a>> {
    let items: BTreeMap<_, _> = scope.items(view).into_iter().map(|item| (item.id, item)).collect();
    let place = |id: String, item: Id<StockItem>, location| {
        let item: &'a Row<StockItem> = items.get(&item).filter(|_| scope.covers(location))?;
        Some(Place {
            id,
            item,
            location,
            quantity: Decimal::ZERO,
            kept: Decimal::ZERO,
            ledger: Decimal::ZERO,
        })
    };
    let kept = view.rows::<StockCost>().filter_map(|cost| {
        let place = place(cost_key(cost.item, cost.location), cost.item, cost.location)?;
        Some(Place {
            quantity: cost.quantity,
            kept: cost.value,
            ..place
        })
    });
    let mut places: Vec<Place<'a>> = kept.collect();
    places.sort_unstable_by(|one, two| one.id.cmp(&two.id));
    let locations = view.rows::<StockLocation>();
    let unreal: Vec<String> = locations
        .filter(|location| location.kind.is_virtual())
        .map(|location| location.id.to_string())
        .collect();
    let (mut lost, mut at) = (Vec::new(), 0);
    // Both sides are in order, so that they are walked along together.
    for (id, ledger) in view.sums::<Movement>("value") {
        let behind = places.get(at..).unwrap_or_default();
        at += behind.iter().take_while(|place| place.id.as_str() < id).count();
        if let Some(place) = places.get_mut(at).filter(|place| place.id == id) {
            place.ledger = ledger;
            continue;
        }
        let cell = id.split_once('|').filter(|(_, at)| !unreal.iter().any(|one| one == at));
        let cell = cell.and_then(|(item, at)| Some((item.parse().ok()?, at.parse().ok()?)));
        let real = cell.filter(|(_, location)| is_real(view, *location));
        let found = real.and_then(|(item, location)| place(id.to_owned(), item, location));
        lost.extend(found.map(|place| Place { ledger, ..place }));
    }
    places.extend(lost);
    places
}

/// The places as the movements until an hour make them: an hour of the past is told by the ledger alone.
fn then<'a>(view: &View<'a>, scope: &Scope, at: Timestamp) -> Vec<Place<'a>> {
    let mut all = Vec::new();
    for item in scope.items(view) {
        let mut places: BTreeMap<Id<StockLocation>, (Decimal, Decimal)> = BTreeMap::new();
        for movement in ledger(view, item.id, Some(at)) {
            let mut ends = vec![movement.from, movement.to];
            ends.dedup();
            for end in ends.into_iter().filter(|end| scope.covers(*end) && is_real(view, *end)) {
                let sums = places.entry(end).or_default();
                sums.0 += if movement.is_revaluation() {
                    Decimal::ZERO
                } else {
                    movement.quantity_at(end)
                };
                sums.1 += movement.value_at(end);
            }
        }
        all.extend(places.into_iter().map(|(location, (quantity, ledger))| Place {
            id: cost_key(item.id, location),
            item,
            location,
            quantity,
            kept: ledger,
            ledger,
        }));
    }
    all
}

/// What stock is worth per item and location: as it is kept, and as the ledger adds up to.
pub fn valuation<'a>(view: &View<'a>, scope: &Scope) -> Result<Made<'a>, Rejection> {
    let mut places = scope.as_of.map_or_else(|| now(view, scope), |at| then(view, scope, at));
    places.sort_by(|one, two| one.id.cmp(&two.id));
    let kept: Decimal = places.iter().map(|place| place.kept).sum();
    let booked: Decimal = places.iter().map(|place| place.ledger).sum();
    let rows = places
        .iter()
        .map(|place| object(json!({"id": place.id, "item": place.item.sku})));
    let rows = rows.collect();
    let whole = move |view: &View<'_>, id: &str| {
        let at = places.binary_search_by(|place| place.id.as_str().cmp(id)).ok()?;
        let place = places.get(at)?;
        let (quantity, value) = (place.quantity, place.kept);
        Some(json!({
            "name": place.item.name, "location": code(view, place.location),
            "quantity": quantity.normalize(), "averageCost": per_unit(value, quantity), "value": value.normalize(),
            "ledger": place.ledger.normalize(), "difference": (value - place.ledger).normalize(), "method": place.item.valuation,
        }))
    };
    Ok(Made {
        rows,
        late: Some(Late {
            columns: &[
                "name",
                "location",
                "quantity",
                "averageCost",
                "value",
                "ledger",
                "difference",
                "method",
            ],
            of: Box::new(whole),
        }),
        columns: &[
            "id",
            "item",
            "location",
            "quantity",
            "averageCost",
            "value",
            "ledger",
            "difference",
            "method",
        ],
        sort: "item",
        totals: json!({
            "value": kept.normalize(), "ledger": booked.normalize(), "difference": (kept - booked).normalize(),
            "currency": view.organization()?.currency,
        }),
        method: "values as kept with each movement, against the sum of all movements; the difference must be 0",
    })
}

/// The movements of the period.
pub fn movements(view: &View<'_>, scope: &Scope) -> Made<'static> {
    let mut rows = Vec::new();
    let mut values: BTreeMap<&'static str, Decimal> = BTreeMap::new();
    for item in scope.items(view) {
        for row in ledger(view, item.id, Some(scope.to)) {
            if row.effective_at < scope.from || !(scope.covers(row.from) || scope.covers(row.to)) {
                continue;
            }
            *values.entry(row.kind.word()).or_default() += row.value;
            let mut shown = object(get::movement(view, row));
            shown.insert("item".to_owned(), item.sku.clone().into());
            shown.insert("note".to_owned(), json!(row.note));
            rows.push(shown);
        }
    }
    Made {
        rows,
        late: None,
        columns: &[
            "id",
            "at",
            "kind",
            "item",
            "lot",
            "qty",
            "from",
            "to",
            "unitCost",
            "value",
            "reference",
            "reversed",
        ],
        sort: "-at",
        totals: json!({"from": scope.from, "to": scope.to, "valuePerKind": values}),
        method: "every movement whose hour lies in the period",
    }
}

/// How often the stock of an item was used up in the period.
pub fn turnover(view: &View<'_>, scope: &Scope) -> Made<'static> {
    let mut rows = Vec::new();
    let mut issued_all = Decimal::ZERO;
    for item in scope.items(view) {
        let moves = ledger(view, item.id, Some(scope.to));
        let at = |until: Timestamp| -> Decimal {
            let here = moves.iter().filter(|row| row.effective_at <= until);
            here.map(|row| worth(view, scope, row)).sum()
        };
        let (opening, closing) = (at(scope.from), at(scope.to));
        let within = moves.iter().filter(|row| row.effective_at > scope.from);
        let outgoing = within.filter(|row| {
            goes_out(view, row)
                && scope.covers(if row.kind == MovementKind::Reversal {
                    row.to
                } else {
                    row.from
                })
        });
        let issued: Decimal = outgoing
            .map(|row| {
                if row.kind == MovementKind::Reversal {
                    -row.value
                } else {
                    row.value
                }
            })
            .sum();
        issued_all += issued;
        let average = (opening + closing) / Decimal::TWO;
        let turns = (average > Decimal::ZERO).then(|| per_unit(issued, average));
        rows.push(object(json!({
            "id": item.id.to_string(), "item": item.sku, "name": item.name, "issuedValue": issued.normalize(), "opening": opening.normalize(),
            "closing": closing.normalize(), "averageValue": average.normalize(), "turnover": turns,
        })));
    }
    Made {
        rows,
        late: None,
        columns: &[
            "id",
            "item",
            "issuedValue",
            "opening",
            "closing",
            "averageValue",
            "turnover",
        ],
        sort: "item",
        totals: json!({"from": scope.from, "to": scope.to, "issuedValue": issued_all.normalize()}),
        method: "value issued in the period, over the mean of its value at the beginning and at the end",
    }
}

/// An issue, or the counter-entry of one.
fn goes_out(view: &View<'_>, row: &Movement) -> bool {
    let of = row.reverses.and_then(|id| view.get(id)).map(|row| row.kind);
    row.kind == MovementKind::Issue || of == Some(MovementKind::Issue)
}

fn worth(view: &View<'_>, scope: &Scope, row: &Movement) -> Decimal {
    let mut ends = vec![row.from, row.to];
    ends.dedup();
    let ends = ends.into_iter().filter(|end| scope.covers(*end) && is_real(view, *end));
    ends.map(|end| row.value_at(end)).sum()
}

/// What posted counts of the period found.
pub fn variance(view: &View<'_>, scope: &Scope) -> Made<'static> {
    let mut rows = Vec::new();
    let items: Vec<_> = scope.items(view).iter().map(|row| row.id).collect();
    for session in view
        .rows::<CountSession>()
        .filter(|row| row.status == CountStatus::Posted)
    {
        let Some(at) = session.posted_at.filter(|at| (scope.from..=scope.to).contains(at)) else {
            continue;
        };
        for (place, line) in session.lines.iter().enumerate() {
            if !items.contains(&line.item) || !scope.covers(line.location) {
                continue;
            }
            let moves = view.find::<Movement>("item", &line.item.to_string());
            let posted = moves.filter(|row| row.session == Some(session.id) && row.lot == line.lot);
            let posted = posted.filter(|row| row.from == line.location || row.to == line.location);
            let value = total(posted.map(|row| row.value_at(line.location)));
            let sku = view.get(line.item).map(|row| row.sku.clone());
            rows.push(object(json!({
                "id": format!("{}|{place}", session.id), "session": session.id.to_string(), "postedAt": at, "item": sku,
                "location": code(view, line.location), "lot": line.lot.and_then(|lot| view.get(lot)).map(|lot| lot.code.clone()),
                "expected": line.expected().normalize(), "counted": line.counted, "variance": line.variance(), "value": value, "reason": line.reason,
            })));
        }
    }
    let differs = |row: &&crate::kernel::listing::Item| row.get("variance").is_some_and(|by| by != "0");
    let wrong = rows.iter().filter(differs).count();
    let value: Decimal = rows
        .iter()
        .filter_map(|row| row.get("value")?.as_str()?.parse::<Decimal>().ok())
        .sum();
    Made {
        totals: json!({"lines": rows.len(), "withVariance": wrong, "value": value.normalize()}),
        rows,
        late: None,
        columns: &[
            "id", "postedAt", "item", "location", "lot", "expected", "counted", "variance", "value", "reason",
        ],
        sort: "-postedAt",
        method: "what was counted, less what the books said at the snapshot and what moved until it was counted",
    }
}
