//! What a record is a sign of in the books of money and goods.

use std::collections::BTreeSet;

use projections::record::Changed;
use projections::{Id, Named as _, Op, Record};
use rust_decimal::Decimal;

use super::entity::AlertKind;
use super::signs::Sign;
use crate::kernel::identity::Organization;
use crate::kernel::{Row, State, text};
use crate::modules::stock::{Balance, Budget, BudgetEntry, CountSession, EntryKind};

/// What a count may differ from the books, in percent, where the organisation sets no `countVariancePercent`.
const VARIANCE_PERCENT: i64 = 10;
/// What posts a count.
const POSTED: &str = "stock.count_posted";

/// Budgets that were overrun, and counts that differ from the books.
pub fn signs(record: &Record<'_>, state: &State) -> Vec<Sign> {
    let org = record.org.as_deref().unwrap_or_default();
    let mut found: Vec<Sign> = used(record, state)
        .into_iter()
        .filter_map(|(budget, line)| overrun(org, budget, &line, state))
        .collect();
    let posted = record.events.iter().filter(|entry| entry.name == POSTED);
    let counts = posted.filter_map(|entry| count(entry.change.as_ref()?, state));
    found.extend(counts.filter_map(|session| variance(org, session, state)));
    found
}

/// Lines of budgets of which the record uses more.
fn used(record: &Record<'_>, state: &State) -> BTreeSet<(Id<Budget>, String)> {
    let made = record.events.iter().filter_map(|entry| entry.change.as_ref());
    let made = made.filter(|change| change.entity == BudgetEntry::KIND && change.op == Op::Create);
    let entries = made.filter_map(|change| state.table::<BudgetEntry>()?.get(change.id.parse().ok()?));
    let more = entries.filter(|entry| {
        let uses = matches!(
            entry.kind,
            EntryKind::Commitment | EntryKind::CommitmentChange | EntryKind::Spend
        );
        uses && entry.amount > Decimal::ZERO
    });
    more.map(|entry| (entry.budget, entry.line.clone())).collect()
}

fn overrun(org: &str, budget: Id<Budget>, line: &str, state: &State) -> Option<Sign> {
    let row = state.table::<Budget>()?.get(budget)?;
    let line = row.line(line)?;
    let mut balance = Balance::default();
    for entry in state.table::<BudgetEntry>()?.find(org, "budget", &budget.to_string()) {
        balance.add(entry.id, entry, false);
    }
    (balance.line(&line.id).used() > line.allocated).then(|| {
        let what = format!("went beyond what the budget \"{}\" has for {}", row.name, line.category);
        Sign::of(AlertKind::BudgetOverrun, 1, what)
    })
}

fn count<'s>(change: &Changed<'_>, state: &'s State) -> Option<&'s Row<CountSession>> {
    let is_count = change.entity == CountSession::KIND;
    let id = change.id.parse().ok().filter(|_| is_count)?;
    state.table::<CountSession>()?.get(id).map(AsRef::as_ref)
}

fn variance(org: &str, session: &CountSession, state: &State) -> Option<Sign> {
    let limits = state
        .table::<Organization>()
        .and_then(|table| table.get(org.parse().ok()?))
        .and_then(|row| row.settings.stock.count_variance_percent);
    let percent = limits.unwrap_or_else(|| VARIANCE_PERCENT.into());
    let is_far = |line: &&_| {
        let line: &crate::modules::stock::CountLine = line;
        let allowed = line.expected().abs().checked_mul(percent);
        let found = line.variance().unwrap_or_default().abs();
        let found = found.checked_mul(Decimal::ONE_HUNDRED);
        found.zip(allowed).is_none_or(|(found, allowed)| found > allowed)
    };
    let far = session.lines.iter().filter(is_far).count();
    (far > 0).then(|| {
        let lines = text::count(far, "line");
        let what = format!(
            "posted a count with {lines} more than {} % off the books",
            percent.normalize()
        );
        Sign::of(AlertKind::StockVariance, 1, what)
    })
}
