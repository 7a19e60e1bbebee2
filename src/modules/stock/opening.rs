//! Opening a count: what there is to count, and whether somebody counts it already.

use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::counting::{CountStock, shown};
use super::counts::{CountLine, CountMode, CountSession, CountStatus};
use super::entity::{StockItem, StockLocation, Tracking};
use super::guard::code;
use super::ledger::{Lot, StockLevel};
use super::places;
use crate::kernel::{Plan, Rejection, View, text};

/// Most lines of one count.
const LINES_MAX: usize = 2_000;

/// Plans the opening of a count.
pub fn open(args: &CountStock, view: &View<'_>) -> Result<Plan, Rejection> {
    let given = args
        .locations
        .as_ref()
        .ok_or_else(|| Rejection::argument("locations", "is required to open a count"))?;
    let mut locations: Vec<Id<StockLocation>> = Vec::new();
    for reference in given.iter() {
        locations.push(places::real(view, reference)?.id);
    }
    let items: Vec<Id<StockItem>> = args
        .items
        .iter()
        .flat_map(|items| items.iter())
        .map(|item| view.resolve(item).map(|row| row.id))
        .collect::<Result<_, _>>()?;
    let lines = to_count(view, &locations, &items);
    if lines.len() > LINES_MAX {
        let message = format!("this would be {} lines, and a count holds {LINES_MAX}", lines.len());
        return Err(Rejection::new("limit_exceeded", message).hint("count fewer locations or items at once"));
    }
    overlapping(view, &lines, &locations)?;
    let blind = args.mode == CountMode::Blind;
    let id = view.new_id::<CountSession>();
    let codes: Vec<String> = locations.iter().map(|at| code(view, *at)).collect();
    let mut plan = Plan::new(format!(
        "Open a {} count of {} at {}",
        args.mode,
        text::count(lines.len(), "line"),
        codes.join(", ")
    ));
    let shown: Vec<Value> = lines.iter().map(|line| shown(view, line, blind)).collect();
    plan.detail("lines", shown.iter().take(100).collect::<Vec<_>>());
    plan.detail("overlapping", json!([]));
    plan.result = json!({"id": id.to_string(), "status": CountStatus::Open, "lines": shown.len()});
    let session = CountSession {
        locations,
        items,
        mode: args.mode,
        status: CountStatus::Open,
        snapshot_seq: view.state.position,
        lines,
        posted_at: None,
    };
    plan.create("stock.count_opened", id, session)?;
    Ok(plan)
}

/// What there is to count: each lot that is there, and the items that were named although none is there.
fn to_count(view: &View<'_>, locations: &[Id<StockLocation>], items: &[Id<StockItem>]) -> Vec<CountLine> {
    let mut lines: Vec<CountLine> = Vec::new();
    for location in locations {
        let here = view.find::<StockLevel>("location", &location.to_string());
        let wanted = here.filter(|level| !level.on_hand.is_zero() && (items.is_empty() || items.contains(&level.item)));
        lines.extend(wanted.map(|level| line(level.item, *location, level.lot, level.on_hand)));
        for item in items {
            let is_plain = view.get(*item).is_some_and(|row| row.tracking == Tracking::None);
            let known = lines
                .iter()
                .any(|line| line.item == *item && line.location == *location);
            if is_plain && !known {
                lines.push(line(*item, *location, None, Decimal::ZERO));
            }
        }
    }
    lines.sort_by_key(|line| (line.location, line.item, line.lot));
    lines.dedup_by_key(|line| (line.location, line.item, line.lot));
    lines
}

/// A line of a count that was not counted yet.
pub fn line(item: Id<StockItem>, location: Id<StockLocation>, lot: Option<Id<Lot>>, expected: Decimal) -> CountLine {
    CountLine {
        item,
        location,
        lot,
        expected_at_snapshot: expected.normalize(),
        moved_since: Decimal::ZERO,
        counted: None,
        reason: None,
    }
}

fn overlapping(view: &View<'_>, lines: &[CountLine], locations: &[Id<StockLocation>]) -> Result<(), Rejection> {
    for other in view.find::<CountSession>("status", "open") {
        let same = |line: &&CountLine| {
            other
                .lines
                .iter()
                .any(|of| of.is_of(line.item, line.location, line.lot))
        };
        if let Some(line) = lines.iter().find(same).or_else(|| {
            let whole = other.items.is_empty() && lines.is_empty();
            other
                .lines
                .iter()
                .find(|line| whole && locations.contains(&line.location))
        }) {
            let sku = view.get(line.item).map(|row| row.sku.clone()).unwrap_or_default();
            let message = format!("{sku} at {} is being counted already", code(view, line.location));
            return Err(Rejection::new("overlapping_session", message)
                .field("locations")
                .current(json!({"session": other.id.to_string(), "status": other.status}))
                .hint("record in that count, or post or cancel it first"));
        }
    }
    Ok(())
}
