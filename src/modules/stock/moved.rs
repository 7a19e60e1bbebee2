//! Reports of what has been: values, movements, turnover, variances.

use std::collections::BTreeMap;

use jiff::Timestamp;
use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::counts::{CountSession, CountStatus};
use super::entity::{StockItem, StockLocation};
use super::get::{self, ledger};
use super::guard::code;
use super::ledger::{Movement, MovementKind, StockCost, cost_key};
use super::report::{Made, Report, Scope, reported, total};
use super::shown::is_real;
use super::valuation::per_unit;
use crate::kernel::arg::PageArgs;
use crate::kernel::listing::{Key, Listing};
use crate::kernel::tool::object;
use crate::kernel::{Rejection, Row, View};

/// Where stock is: what is there, what it is worth as kept, and what its movements add up to.
struct Place<'a> {
    item: &'a Row<StockItem>,
    location: Id<StockLocation>,
    quantity: Decimal,
    kept: Decimal,
    ledger: Decimal,
}

/// What tells places apart, in the order of [`cost_key`].
type Cell = (Id<StockItem>, Id<StockLocation>);

impl Place<'_> {
    fn cell(&self) -> Cell {
        (self.item.id, self.location)
    }

    fn id(&self) -> String {
        cost_key(self.item.id, self.location)
    }
}

fn cell(key: &str) -> Option<Cell> {
    let (item, location) = key.split_once('|')?;
    Some((item.parse().ok()?, location.parse().ok()?))
}

/// The places as they stand; the ledger's side is the sum that is kept with every movement. Where the ledger
/// has something and nothing is kept, that is a place too: it is what the report is there to find.
fn now<'a>(view: &View<'a>, scope: &Scope) -> Vec<Place<'a>> {
    let items: BTreeMap<_, _> = scope.items(view).into_iter().map(|item| (item.id, item)).collect();
    let place = |(item, location): Cell, quantity, kept| {
        let item: &'a Row<StockItem> = items.get(&item).filter(|_| scope.covers(location))?;
        Some(Place {
            item,
            location,
            quantity,
            kept,
            ledger: Decimal::ZERO,
        })
    };
    let kept = view.rows::<StockCost>();
    let kept = kept.filter_map(|cost| place((cost.item, cost.location), cost.quantity, cost.value));
    let mut places: Vec<Place<'a>> = kept.collect();
    places.sort_unstable_by_key(Place::cell);
    let locations = view.rows::<StockLocation>();
    let locations = locations.filter(|location| location.kind.is_virtual());
    let unreal: Vec<Id<StockLocation>> = locations.map(|location| location.id).collect();
    let (mut lost, mut at) = (Vec::new(), 0);
    // Both sides are in order, so that they are walked along together.
    for (key, ledger) in view.sums::<Movement>("value") {
        let Some(cell) = cell(key) else { continue };
        let behind = places.get(at..).unwrap_or_default();
        at += behind.iter().take_while(|place| place.cell() < cell).count();
        if let Some(place) = places.get_mut(at).filter(|place| place.cell() == cell) {
            place.ledger = ledger;
        } else if !unreal.contains(&cell.1) && is_real(view, cell.1) {
            let found = place(cell, Decimal::ZERO, Decimal::ZERO);
            lost.extend(found.map(|place| Place { ledger, ..place }));
        }
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
pub fn valuation(view: &View<'_>, scope: &Scope, page: &PageArgs) -> Result<Value, Rejection> {
    const COLUMNS: [&str; 9] = [
        "id",
        "item",
        "location",
        "quantity",
        "averageCost",
        "value",
        "ledger",
        "difference",
        "method",
    ];
    let places = scope.as_of.map_or_else(|| now(view, scope), |at| then(view, scope, at));
    let kept: Decimal = places.iter().map(|place| place.kept).sum();
    let booked: Decimal = places.iter().map(|place| place.ledger).sum();
    let key = |place: &Place<'_>, field: &str| (field == "item").then(|| Key::text(&place.item.sku));
    let show = |place: &Place<'_>| {
        let (quantity, value) = (place.quantity, place.kept);
        object(json!({
            "id": place.id(), "item": place.item.sku, "name": place.item.name, "location": code(view, place.location),
            "quantity": quantity.normalize(), "averageCost": per_unit(value, quantity), "value": value.normalize(),
            "ledger": place.ledger.normalize(), "difference": (value - place.ledger).normalize(), "method": place.item.valuation,
        }))
    };
    let list = Listing::new(view, page, &COLUMNS, "item");
    let answer = list.things(&places, (Place::cell, Place::id), key, show)?;
    let totals = json!({
        "value": kept.normalize(), "ledger": booked.normalize(), "difference": (kept - booked).normalize(),
        "currency": view.organization()?.currency,
    });
    let method = "values as kept with each movement, against the sum of all movements; the difference must be 0";
    Ok(reported(answer, Report::Valuation, totals, method))
}

/// The movements of the period.
pub fn movements(view: &View<'_>, scope: &Scope) -> Made {
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
pub fn turnover(view: &View<'_>, scope: &Scope) -> Made {
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
pub fn variance(view: &View<'_>, scope: &Scope) -> Made {
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
        columns: &[
            "id", "postedAt", "item", "location", "lot", "expected", "counted", "variance", "value", "reason",
        ],
        sort: "-postedAt",
        method: "what was counted, less what the books said at the snapshot and what moved until it was counted",
    }
}
