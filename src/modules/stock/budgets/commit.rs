//! `commit_budget`.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::lines::MoneyArgs;
use super::balance::{Balance, entries};
use super::entering::{amount, enter, line, takes_entries, within};
use super::entity::{Budget, BudgetEntry, EntryKind};
use crate::kernel::arg::{Date, Dec, In, Str, UpdateArgs};
use crate::kernel::{AnyRef, Plan, Ref, Rejection, Row, View, text};
use crate::{args, choice};

choice! {
    /// What to do with a commitment.
    pub enum CommitOp {
        /// Make one.
        Commit = "commit",
        /// Make it larger or smaller.
        Change = "change",
        /// Give up what is open of it.
        Release = "release",
    }
}

args! {
    /// Arguments of `commit_budget`.
    pub struct CommitBudget {
        op: CommitOp = CommitOp::Commit,
        /// For commit.
        budget: Option<Ref<Budget>>,
        /// Id or category; the only line where left out.
        line: Option<Str<1, 100>>,
        /// The commitment; for change and release.
        entry: Option<Ref<BudgetEntry>>,
        /// change: the new whole; release: a part.
        amount: Option<MoneyArgs>,
        /// Of the budget's currency for one of the other.
        rate: Option<Dec>,
        reference: Option<Str<1, 200>>,
        /// What it is for.
        for_ref: Option<AnyRef>,
        due_date: Option<Date>,
        write: In<UpdateArgs>,
    }
}

/// `commit_budget`.
pub fn commit(args: CommitBudget, view: &View<'_>) -> Result<Plan, Rejection> {
    match args.op {
        CommitOp::Commit => fresh(&args, view),
        CommitOp::Change | CommitOp::Release => existing(&args, view),
    }
}

fn fresh(args: &CommitBudget, view: &View<'_>) -> Result<Plan, Rejection> {
    let budget = args
        .budget
        .as_ref()
        .ok_or_else(|| Rejection::argument("budget", "is required"))?;
    let budget = view.resolve(budget)?;
    Plan::expect(view, budget, args.write.expected_version)?;
    takes_entries(budget, false)?;
    let line = line(budget, args.line.as_ref())?;
    let amount = amount(budget, args.amount.as_ref(), args.rate)?;
    let subject = args
        .for_ref
        .as_ref()
        .map(|thing| view.resolve_any(thing, &[]))
        .transpose()?;
    let mut plan = Plan::new(format!(
        "Commit {} {} of {} ({})",
        amount.own, budget.currency, budget.name, line.category
    ));
    within(&mut plan, budget, &Balance::of(view, budget, None), line, amount.own)?;
    let reference = args.reference.as_ref().map(|text| text.0.clone());
    plan.detail("sameReference", same_reference(view, budget, reference.as_deref()));
    let mut entry = BudgetEntry {
        kind: EntryKind::Commitment,
        budget: budget.id,
        line: line.id.clone(),
        reference,
        for_ref: subject.map(|label| label.id),
        date: args.due_date.map(|day| day.0),
        at: view.now,
        ..BudgetEntry::default()
    };
    amount.tell(&mut entry);
    enter(&mut plan, view, budget, "budget.committed", vec![entry])?;
    Ok(plan)
}

/// Other open commitments for the same reference.
fn same_reference(view: &View<'_>, budget: &Row<Budget>, reference: Option<&str>) -> Vec<Value> {
    let Some(folded) = reference.map(text::fold) else {
        return Vec::new();
    };
    let balance = Balance::of(view, budget, None);
    let rows = entries(view, budget.id);
    let open = balance.open().filter_map(|(id, commitment, _)| {
        let row = rows.iter().find(|row| row.id == id)?;
        let same = row.reference.as_deref().map(text::fold).as_deref() == Some(folded.as_str());
        same.then(|| json!({"entry": id.to_string(), "open": commitment.open().normalize()}))
    });
    open.collect()
}

fn existing(args: &CommitBudget, view: &View<'_>) -> Result<Plan, Rejection> {
    let entry = args
        .entry
        .as_ref()
        .ok_or_else(|| Rejection::argument("entry", "is required"))?;
    let entry = view.resolve(entry)?;
    if entry.kind != EntryKind::Commitment {
        return Err(Rejection::argument(
            "entry",
            format!("must be a commitment; this is a {}", entry.kind),
        ));
    }
    let budget = view.need(entry.budget)?;
    Plan::expect(view, budget, args.write.expected_version)?;
    takes_entries(budget, args.op == CommitOp::Release)?;
    let balance = Balance::of(view, budget, None);
    let known = balance.commitments.get(&entry.id).copied().unwrap_or_default();
    if known.open() <= Decimal::ZERO {
        return Err(
            Rejection::new("already_released", "nothing of this commitment is open any more")
                .field("entry")
                .current(json!({"total": known.total.normalize(), "spent": known.spent.normalize()}))
                .hint("make another one"),
        );
    }
    if args.op == CommitOp::Release {
        return release(args, view, (budget, entry), known.open());
    }
    let wanted = amount(budget, args.amount.as_ref(), args.rate)?;
    if wanted.own < known.spent {
        let rule = format!(
            "must not be less than the {} that were spent of it",
            known.spent.normalize()
        );
        return Err(Rejection::argument("amount", rule));
    }
    let by = (wanted.own - known.total).normalize();
    let mut plan = Plan::new(format!(
        "Change a commitment of {} from {} to {} {}",
        budget.name,
        known.total.normalize(),
        wanted.own,
        budget.currency
    ));
    if by.is_zero() {
        return Ok(plan);
    }
    if let Some(line) = budget.line(&entry.line) {
        within(&mut plan, budget, &balance, line, by)?;
    }
    let mut change = follow(entry, EntryKind::CommitmentChange, view);
    wanted.tell(&mut change);
    change.amount = by;
    enter(&mut plan, view, budget, "budget.committed", vec![change])?;
    Ok(plan)
}

fn release(
    args: &CommitBudget,
    view: &View<'_>,
    (budget, entry): (&Arc<Row<Budget>>, &Row<BudgetEntry>),
    open: Decimal,
) -> Result<Plan, Rejection> {
    let part = args
        .amount
        .as_ref()
        .map(|part| amount(budget, Some(part), args.rate))
        .transpose()?;
    let part = part.map_or(open, |part| part.own);
    if part > open {
        return Err(Rejection::argument(
            "amount",
            format!("must not be more than the {} that are open", open.normalize()),
        ));
    }
    let mut plan = Plan::new(format!(
        "Release {} {} of {}",
        part.normalize(),
        budget.currency,
        budget.name
    ));
    let mut change = follow(entry, EntryKind::Release, view);
    change.amount = part.normalize();
    enter(&mut plan, view, budget, "budget.commitment_released", vec![change])?;
    Ok(plan)
}

/// An entry that follows a commitment.
pub fn follow(commitment: &Row<BudgetEntry>, kind: EntryKind, view: &View<'_>) -> BudgetEntry {
    BudgetEntry {
        kind,
        budget: commitment.budget,
        line: commitment.line.clone(),
        reference: commitment.reference.clone(),
        for_ref: commitment.for_ref.clone(),
        commitment: Some(commitment.id),
        at: view.now,
        ..BudgetEntry::default()
    }
}
