//! Undoing what this module did: movements are taken back by counter-entries, everything else as usual.

use std::sync::Arc;

use projections::{Id, Named, Op};

use super::book::Book;
use super::counts::CountSession;
use super::entity::StockLocation;
use super::ledger::{Lot, Movement, ReorderState, StockCost, StockLevel};
use super::lines;
use super::reservations::Reservation;
use super::reverse::reverse;
use crate::kernel::undo::Recorded;
use crate::kernel::{Plan, Rejection, Row, View};

/// What follows from movements, and comes back with their counter-entries.
const FOLLOWS: [&str; 7] = [
    Movement::KIND,
    StockLevel::KIND,
    StockCost::KIND,
    ReorderState::KIND,
    Reservation::KIND,
    CountSession::KIND,
    StockLocation::KIND,
];

/// Plans counter-entries for the movements among some recorded changes; gives the changes that are undone as usual.
pub fn counter(view: &View<'_>, plan: &mut Plan, recorded: Vec<Recorded>) -> Result<Vec<Recorded>, Rejection> {
    let is_movement = |one: &Recorded| one.change.entity == Movement::KIND && one.change.op == Op::Create;
    let mut moves: Vec<&Arc<Row<Movement>>> = Vec::new();
    for one in recorded.iter().filter(|one| is_movement(one)) {
        let id: Option<Id<Movement>> = one.change.id.parse().ok();
        moves.extend(id.and_then(|id| view.get(id)));
    }
    let recorded = super::budgets::counter(view, plan, recorded)?;
    if moves.is_empty() {
        return Ok(recorded);
    }
    let mut book = Book::new(view)?;
    moves.sort_by_key(|row| std::cmp::Reverse((row.records.first().copied(), row.line)));
    let mut shown = Vec::new();
    for row in moves {
        shown.push(reverse(&mut book, row, Some("undone"))?);
    }
    plan.detail("counterEntries", shown);
    lines::finish(plan, book, "stock.adjusted")?;
    let stays = |one: &Recorded| one.change.entity == Lot::KIND && one.change.op == Op::Create;
    let follows = |one: &Recorded| FOLLOWS.contains(&one.change.entity.as_ref());
    Ok(recorded
        .into_iter()
        .filter(|one| !follows(one) && !stays(one))
        .collect())
}
