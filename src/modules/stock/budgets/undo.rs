//! Undoing entries of a budget: by entries that say the contrary.

use std::sync::Arc;

use projections::{Id, Named, Op};
use rust_decimal::Decimal;

use super::balance::Balance;
use super::commit::follow;
use super::entering::{enter, enter_alone, within};
use super::entity::{Budget, BudgetEntry, EntryKind};
use super::spend::{is_reversed, reversal};
use crate::kernel::undo::Recorded;
use crate::kernel::{Plan, Rejection, Row, View};

/// Plans the contrary of each entry among some recorded changes; gives the changes that are undone as usual.
pub fn counter(view: &View<'_>, plan: &mut Plan, recorded: Vec<Recorded>) -> Result<Vec<Recorded>, Rejection> {
    let mut rows: Vec<&Arc<Row<BudgetEntry>>> = Vec::new();
    for one in recorded
        .iter()
        .filter(|one| one.change.entity == BudgetEntry::KIND && one.change.op == Op::Create)
    {
        let id: Option<Id<BudgetEntry>> = one.change.id.parse().ok();
        rows.extend(id.and_then(|id| view.get(id)));
    }
    if rows.is_empty() {
        return Ok(recorded);
    }
    let mut budgets: Vec<Id<Budget>> = rows.iter().map(|row| row.budget).collect();
    budgets.sort();
    budgets.dedup();
    for id in budgets {
        let budget = view.need(id)?;
        let balance = Balance::of(view, budget, None);
        let own = rows.iter().rev().filter(|row| row.budget == id);
        let entries = own
            .map(|row| contrary(view, &balance, row))
            .collect::<Result<Vec<_>, _>>()?;
        let mut after = balance.clone();
        for entry in &entries {
            after.add(Id::default(), entry, false);
        }
        for line in &budget.lines {
            let more = after.line(&line.id).used() - balance.line(&line.id).used();
            within(plan, budget, &balance, line, more)?;
        }
        let changes = recorded
            .iter()
            .any(|one| one.change.id == id.to_string() && !only_threshold(one));
        if changes {
            enter_alone(plan, view, budget, "budget.entry_countered", entries)?;
        } else {
            enter(plan, view, budget, "budget.entry_countered", entries)?;
        }
    }
    // What only says that a threshold was reached comes back with the entries.
    let follows = |one: &Recorded| one.change.entity == BudgetEntry::KIND || only_threshold(one);
    Ok(recorded.into_iter().filter(|one| !follows(one)).collect())
}

/// Whether a change of a budget says no more than which thresholds were reached.
fn only_threshold(one: &Recorded) -> bool {
    one.change.entity == Budget::KIND
        && one.change.op == Op::Update
        && one.change.fields.keys().all(|field| field == "reached")
}

fn contrary(view: &View<'_>, balance: &Balance, row: &Arc<Row<BudgetEntry>>) -> Result<BudgetEntry, Rejection> {
    let again = |kind, amount: Decimal| BudgetEntry {
        kind,
        amount: amount.normalize(),
        at: view.now,
        ..row.entity.clone()
    };
    let open = |id: Id<BudgetEntry>| {
        balance
            .commitments
            .get(&id)
            .map(|known| known.open())
            .unwrap_or_default()
    };
    let used = |what: &str| {
        let message = format!("{what} and cannot be taken back");
        Err(Rejection::new("undo_conflict", message).hint("take back what followed it first"))
    };
    Ok(match row.kind {
        EntryKind::Allocation | EntryKind::Transfer if balance.line(&row.line).available() < row.amount => {
            return used("what this line was given is committed or spent");
        }
        EntryKind::Commitment if open(row.id) < row.amount => {
            return used("some of this commitment was spent, changed or released");
        }
        EntryKind::Commitment => BudgetEntry {
            amount: row.amount,
            ..follow(row, EntryKind::Release, view)
        },
        EntryKind::CommitmentChange if row.commitment.is_some_and(|id| open(id) < row.amount) => {
            return used("what was added to this commitment was spent");
        }
        EntryKind::Allocation | EntryKind::Transfer | EntryKind::CommitmentChange => again(row.kind, -row.amount),
        EntryKind::Release => again(EntryKind::CommitmentChange, row.amount),
        EntryKind::Spend if is_reversed(view, row) => return used("this spend was taken back already"),
        EntryKind::Spend => reversal(view, row),
        // What its commitment has no more comes from what is available.
        EntryKind::Reversal => BudgetEntry {
            reverses: None,
            off_commitment: row.off_commitment.min(row.commitment.map(open).unwrap_or_default()),
            ..again(EntryKind::Spend, row.amount)
        },
    })
}
