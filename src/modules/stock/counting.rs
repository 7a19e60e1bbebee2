//! `count_stock`: opening, recording, posting and giving up a count.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::book::{Book, Worth};
use super::counts::{CountLine, CountMode, CountSession, CountStatus};
use super::entity::{LocationKind, StockItem, StockLocation, Tracking};
use super::guard::code;
use super::ledger::{Lot, MovementKind, StockLevel, cell_key};
use super::lines::{self, LotCode, at_line, draft};
use super::process::{self, Process};
use super::{opening, places, posting, units};
use crate::kernel::arg::{Dec, In, List, Str, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};
use crate::{args, choice};

choice! {
    /// What to do with a count.
    pub enum CountOp {
        /// Begin one.
        Open = "open",
        /// Say what was found.
        Record = "record",
        /// Let the books follow it.
        Post = "post",
        /// Give it up.
        Cancel = "cancel",
    }
}

args! {
    /// What was found.
    pub struct FoundLine {
        item: Ref<StockItem>,
        location: Ref<StockLocation>,
        lot: Option<LotCode>,
        /// In base units, 0 for nothing.
        counted: Dec,
        /// Why it differs.
        reason: Option<Str<1, 300>>,
    }
}

args! {
    /// Arguments of `count_stock`.
    pub struct CountStock {
        op: CountOp,
        /// The count; for all but open.
        session: Option<Ref<CountSession>>,
        /// For open.
        locations: Option<List<Ref<StockLocation>, 1, 50>>,
        /// For open; all that are there where left out.
        items: Option<List<Ref<StockItem>, 0, 500>>,
        /// blind: those who count do not see what the books say.
        mode: CountMode = CountMode::Cycle,
        /// For record.
        lines: Option<List<FoundLine, 1, 500>>,
        /// Whether lines that were counted may be counted again.
        recount: bool = false,
        /// The approval, for variances beyond the limit.
        process: Option<Process>,
        write: In<UpdateArgs>,
    }
}

/// `count_stock`.
pub fn count(args: CountStock, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.op == CountOp::Open {
        return opening::open(&args, view);
    }
    let session = args
        .session
        .as_ref()
        .ok_or_else(|| Rejection::argument("session", "is required"))?;
    let row = view.resolve(session)?;
    Plan::expect(view, row, args.write.expected_version)?;
    if !row.status.is_open() {
        return Err(
            Rejection::new("session_closed", format!("this count is {}", row.status))
                .field("session")
                .current(json!({"session": row.id.to_string(), "status": row.status}))
                .hint("open another one"),
        );
    }
    match args.op {
        CountOp::Record => record(&args, view, row),
        CountOp::Cancel => {
            let mut plan = Plan::new(format!("Give up the {}", row.label_of()));
            plan.edit("stock.count_cancelled", row, |count| {
                count.status = CountStatus::Cancelled;
            })?;
            plan.result = json!({"id": row.id.to_string(), "status": CountStatus::Cancelled});
            Ok(plan)
        }
        _ => {
            let approved = process::approved(view, args.process.as_ref(), &row.id.to_string())?;
            posting::post(view, row, approved)
        }
    }
}

impl CountSession {
    /// What it is called in a sentence.
    pub fn label_of(&self) -> String {
        format!("{} count of {}", self.mode, text::count(self.lines.len(), "line"))
    }
}

/// A line as shown; without what the books say where the count is blind.
pub fn shown(view: &View<'_>, line: &CountLine, blind: bool) -> Value {
    let sku = view.get(line.item).map(|row| row.sku.clone());
    let lot = line.lot.and_then(|lot| view.get(lot)).map(|lot| lot.code.clone());
    let mut shown = json!({"item": sku, "location": code(view, line.location), "lot": lot, "counted": line.counted, "reason": line.reason});
    if let (Value::Object(members), false) = (&mut shown, blind) {
        members.insert("expectedAtSnapshot".to_owned(), json!(line.expected_at_snapshot));
        members.insert("movedSince".to_owned(), json!(line.moved_since));
        members.insert("variance".to_owned(), json!(line.variance()));
    }
    shown
}

fn record(args: &CountStock, view: &View<'_>, row: &Row<CountSession>) -> Result<Plan, Rejection> {
    let given = args
        .lines
        .as_ref()
        .ok_or_else(|| Rejection::argument("lines", "is required to record"))?;
    let mut lines = row.lines.clone();
    for (place, found) in given.iter().enumerate() {
        one(view, row, &mut lines, found, args.recount).map_err(at_line(place))?;
    }
    let blind = row.mode == CountMode::Blind;
    let missing = lines.iter().filter(|line| line.counted.is_none()).count();
    let mut plan = Plan::new(format!(
        "Record {} of the {}",
        text::count(given.len(), "line"),
        row.label_of()
    ));
    let counted = lines.iter().filter(|line| line.counted.is_some()).take(100);
    plan.detail(
        "counted",
        counted.map(|line| shown(view, line, blind)).collect::<Vec<_>>(),
    );
    plan.detail("missing", missing);
    plan.result = json!({"id": row.id.to_string(), "status": CountStatus::Recorded, "missing": missing});
    plan.edit("stock.count_recorded", row, |count| {
        count.lines = lines;
        count.status = CountStatus::Recorded;
    })?;
    Ok(plan)
}

fn one(
    view: &View<'_>,
    row: &Row<CountSession>,
    lines: &mut Vec<CountLine>,
    found: &FoundLine,
    recount: bool,
) -> Result<(), Rejection> {
    let (item, location) = (view.resolve(&found.item)?, view.resolve(&found.location)?);
    if found.counted.0 < Decimal::ZERO {
        return Err(Rejection::argument("counted", "must be 0 or more"));
    }
    let counted = units::base(item, found.counted, None)?;
    let lot = found_lot(view, item, found)?;
    let at = lines
        .iter()
        .position(|line| line.is_of(item.id, location.id, lot.as_ref().map(|lot| lot.id)));
    let at = match at {
        Some(at) => at,
        None if row.locations.contains(&location.id) && (row.items.is_empty() || row.items.contains(&item.id)) => {
            lines.push(opening::line(
                item.id,
                location.id,
                lot.as_ref().map(|lot| lot.id),
                Decimal::ZERO,
            ));
            lines.len() - 1
        }
        None => return Err(unknown_line(view, row, item, location)),
    };
    let cell = cell_key(item.id, location.id, lot.map(|lot| lot.id));
    let now = view
        .find::<StockLevel>("cell", &cell)
        .next()
        .map(|level| level.on_hand)
        .unwrap_or_default();
    let Some(line) = lines.get_mut(at) else { return Ok(()) };
    if line.counted.is_some_and(|known| known != counted) && !recount {
        let rule = format!(
            "is {} already; recount: true counts it again",
            line.counted.unwrap_or_default()
        );
        return Err(Rejection::argument("counted", rule));
    }
    line.moved_since = (now - line.expected_at_snapshot).normalize();
    line.counted = Some(counted);
    line.reason = found.reason.as_ref().map(|text| text.0.clone()).or(line.reason.take());
    Ok(())
}

fn found_lot<'a>(
    view: &View<'a>,
    item: &Row<StockItem>,
    found: &FoundLine,
) -> Result<Option<&'a Arc<Row<Lot>>>, Rejection> {
    let unknown = |lot: &LotCode| {
        Rejection::new("unknown_line", format!("{} has no lot {}", item.sku, lot.0))
            .field("lot")
            .hint("receive the lot first, or correct its number")
    };
    match (item.tracking, &found.lot) {
        (Tracking::Lot | Tracking::Serial, Some(lot)) => {
            lines::known_lot(view, item, lot).map(Some).map_err(|_| unknown(lot))
        }
        (_, lot) => lines::lot(view, item, lot.as_ref()),
    }
}

fn unknown_line(view: &View<'_>, row: &Row<CountSession>, item: &StockItem, location: &StockLocation) -> Rejection {
    let codes: Vec<String> = row.locations.iter().map(|at| code(view, *at)).collect();
    Rejection::new(
        "unknown_line",
        format!("{} at {} is no part of this count", item.sku, location.code),
    )
    .field("item")
    .allowed(codes)
    .hint("count what this session is of, or open another one for the rest")
}

/// Posts what a count found beyond the books, or short of them.
pub fn follow(book: &mut Book<'_, '_>, plan: &mut Plan, session: &Row<CountSession>) -> Result<(), Rejection> {
    let other = places::of_the(book, plan, LocationKind::Adjustment)?;
    for line in &session.lines {
        let Some(variance) = line.variance().filter(|variance| !variance.is_zero()) else {
            continue;
        };
        let item = book.view.need(line.item)?;
        let (from, to) = if variance > Decimal::ZERO {
            (other, line.location)
        } else {
            (line.location, other)
        };
        let mut movement = draft(MovementKind::Count, line.item, variance.abs(), from, to, book.view.now);
        movement.lot = line.lot;
        movement.session = Some(session.id);
        movement.note.clone_from(&line.reason);
        book.post(item, movement, Worth::Known)?;
    }
    Ok(())
}
