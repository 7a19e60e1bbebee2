//! `record_spend`: spending, against a commitment or straight from a line, and taking it back.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::json;

use super::super::lines::MoneyArgs;
use super::super::valuation::product;
use super::balance::{Balance, entries};
use super::commit::follow;
use super::entering::{Amount, amount, enter, line, takes_entries, within};
use super::entity::{Budget, BudgetEntry, EntryKind};
use crate::kernel::arg::{Date, Dec, In, Str, WriteArgs};
use crate::kernel::{AnyRef, Plan, Ref, Rejection, Row, View, text};
use crate::{args, choice};

choice! {
    /// What to do.
    pub enum SpendOp {
        /// Spend.
        Spend = "spend",
        /// Take a spend back.
        Reverse = "reverse",
    }
}

args! {
    /// Arguments of `record_spend`.
    pub struct RecordSpend {
        op: SpendOp = SpendOp::Spend,
        /// Left out where a commitment is named.
        budget: Option<Ref<Budget>>,
        /// Id or category; the only line where left out.
        line: Option<Str<1, 100>>,
        /// The commitment that it is spent of.
        commitment: Option<Ref<BudgetEntry>>,
        /// The spend to take back.
        entry: Option<Ref<BudgetEntry>>,
        amount: Option<MoneyArgs>,
        /// Of the budget's currency for one of the other.
        rate: Option<Dec>,
        /// Today where left out.
        date: Option<Date>,
        reference: Option<Str<1, 200>>,
        /// What it is for.
        for_ref: Option<AnyRef>,
        write: In<WriteArgs>,
    }
}

/// `record_spend`.
pub fn spend(args: RecordSpend, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.op == SpendOp::Reverse {
        return reverse(&args, view);
    }
    let commitment = args
        .commitment
        .as_ref()
        .map(|entry| commitment(view, entry))
        .transpose()?;
    let budget = match (commitment, &args.budget) {
        (Some(commitment), None) => view.need(commitment.budget)?,
        (_, Some(budget)) => view.resolve(budget)?,
        (None, None) => return Err(Rejection::argument("budget", "or commitment is required")),
    };
    if commitment.is_some_and(|entry| entry.budget != budget.id) {
        return Err(Rejection::argument("commitment", "must be one of the budget"));
    }
    takes_entries(budget, commitment.is_some())?;
    let day = args.date.map_or_else(|| view.today(), |day| day.0);
    inside(budget, day)?;
    let amount = amount(budget, args.amount.as_ref(), args.rate)?;
    let reference = args.reference.as_ref().map(|text| text.0.clone());
    let mut plan = Plan::new(format!("Spend {} {} of {}", amount.own, budget.currency, budget.name));
    duplicates(
        &mut plan,
        view,
        budget,
        (amount.own, reference.as_deref()),
        args.write.client_key.is_some(),
    )?;
    let mut entry = if let Some(commitment) = commitment {
        of_commitment(&mut plan, view, budget, commitment, amount.own, "commitment_exceeded")?
    } else {
        let line = line(budget, args.line.as_ref())?;
        within(&mut plan, budget, &Balance::of(view, budget, None), line, amount.own)?;
        BudgetEntry {
            kind: EntryKind::Spend,
            budget: budget.id,
            line: line.id.clone(),
            at: view.now,
            ..BudgetEntry::default()
        }
    };
    let subject = args
        .for_ref
        .as_ref()
        .map(|thing| view.resolve_any(thing, &[]))
        .transpose()?;
    entry.reference = reference.or(entry.reference);
    entry.for_ref = subject.map(|label| label.id).or(entry.for_ref);
    entry.date = Some(day);
    amount.tell(&mut entry);
    enter(&mut plan, view, budget, "budget.spent", vec![entry])?;
    Ok(plan)
}

fn commitment<'a>(view: &View<'a>, entry: &Ref<BudgetEntry>) -> Result<&'a Arc<Row<BudgetEntry>>, Rejection> {
    let row = view.resolve(entry)?;
    if row.kind == EntryKind::Commitment {
        Ok(row)
    } else {
        Err(Rejection::argument(
            &entry.path,
            format!("must be a commitment; this is a {}", row.kind),
        ))
    }
}

fn inside(budget: &Budget, day: jiff::civil::Date) -> Result<(), Rejection> {
    let early = budget.from.is_some_and(|from| day < from);
    let late = budget.to.is_some_and(|to| day > to);
    if !early && !late {
        return Ok(());
    }
    Err(Rejection::new(
        "outside_period",
        format!("{day} lies outside the period of \"{}\"", budget.name),
    )
    .field("date")
    .current(json!({"from": budget.from, "to": budget.to}))
    .hint("use the budget of that day, or another day"))
}

/// Refuses the same amount for the same reference, unless the caller insists.
fn duplicates(
    plan: &mut Plan,
    view: &View<'_>,
    budget: &Row<Budget>,
    (amount, reference): (Decimal, Option<&str>),
    insists: bool,
) -> Result<(), Rejection> {
    let Some(folded) = reference.map(text::fold) else {
        return Ok(());
    };
    let rows = entries(view, budget.id);
    let same = rows.iter().find(|row| {
        row.kind == EntryKind::Spend
            && row.amount == amount
            && row.reference.as_deref().map(text::fold).as_deref() == Some(folded.as_str())
            && !is_reversed(view, row)
    });
    let Some(same) = same else { return Ok(()) };
    if insists {
        plan.warn(format!(
            "the same amount for the same reference was spent before ({})",
            same.id
        ));
        return Ok(());
    }
    Err(Rejection::new(
        "possible_duplicate",
        format!("{amount} for `{}` was spent before", reference.unwrap_or_default()),
    )
    .field("reference")
    .current(json!({"entry": same.id.to_string(), "at": same.at}))
    .hint("if it is another one, call again with a clientKey of its own"))
}

/// Whether a spend was taken back.
pub fn is_reversed(view: &View<'_>, entry: &Row<BudgetEntry>) -> bool {
    view.find::<BudgetEntry>("reverses", &entry.id.to_string())
        .next()
        .is_some()
}

/// A spend of a commitment: it lowers it, and inside the tolerance closes it.
fn of_commitment(
    plan: &mut Plan,
    view: &View<'_>,
    budget: &Row<Budget>,
    commitment: &Row<BudgetEntry>,
    amount: Decimal,
    code: &'static str,
) -> Result<BudgetEntry, Rejection> {
    let balance = Balance::of(view, budget, None);
    let known = balance.commitments.get(&commitment.id).copied().unwrap_or_default();
    let open = known.open().max(Decimal::ZERO);
    let over = (amount - open).max(Decimal::ZERO);
    let tolerated = product(known.total, budget.tolerance_percent)? / Decimal::ONE_HUNDRED;
    let left = (open - amount).max(Decimal::ZERO).normalize();
    plan.detail(
        "commitment",
        json!({"entry": commitment.id.to_string(), "open": {"before": open.normalize(), "after": left}, "closed": left.is_zero(), "overSpend": over.normalize(), "tolerated": tolerated.normalize()}),
    );
    if over > tolerated {
        return Err(Rejection::new(
            code,
            format!(
                "{amount} {} are more than the {} that are committed",
                budget.currency,
                open.normalize()
            ),
        )
        .field("commitment")
        .current(json!({"open": open.normalize(), "overSpend": over.normalize(), "tolerated": tolerated.normalize()}))
        .hint("make the commitment larger with commit_budget, op: change, or spend the rest apart"));
    }
    if let Some(line) = budget.line(&commitment.line) {
        within(plan, budget, &balance, line, over)?;
    }
    let mut entry = follow(commitment, EntryKind::Spend, view);
    entry.off_commitment = amount.min(open).normalize();
    Ok(entry)
}

/// Plans that a receipt of goods, worth so much in the organisation's currency, is paid from a commitment.
pub fn received(
    plan: &mut Plan,
    view: &View<'_>,
    reference: &Ref<BudgetEntry>,
    worth: Decimal,
    said: Option<String>,
) -> Result<(), Rejection> {
    let commitment = commitment(view, reference)?;
    let budget = view.need(commitment.budget)?;
    takes_entries(budget, true)?;
    inside(budget, view.today())?;
    let own = &view.organization()?.currency;
    if budget.currency != *own {
        let message = format!(
            "the books of stock are in {own}, and this commitment in {}",
            budget.currency
        );
        return Err(Rejection::new("rate_required", message)
            .field("commitment")
            .hint("receive without it, and spend it with record_spend, which takes a rate"));
    }
    let mut money = Plan::new("");
    let mut entry = of_commitment(&mut money, view, budget, commitment, worth, "commitment_insufficient")?;
    entry.reference = said.or(entry.reference);
    entry.date = Some(view.today());
    Amount {
        own: worth.normalize(),
        given: None,
    }
    .tell(&mut entry);
    enter(&mut money, view, budget, "budget.spent", vec![entry])?;
    plan.changes.extend(money.changes);
    plan.warnings.extend(money.warnings);
    plan.detail("budget", money.details);
    Ok(())
}

fn reverse(args: &RecordSpend, view: &View<'_>) -> Result<Plan, Rejection> {
    let entry = args
        .entry
        .as_ref()
        .ok_or_else(|| Rejection::argument("entry", "is required"))?;
    let row = view.resolve(entry)?;
    if row.kind != EntryKind::Spend {
        return Err(Rejection::argument(
            "entry",
            format!("must be a spend; this is a {}", row.kind),
        ));
    }
    if is_reversed(view, row) {
        return Err(Rejection::new("already_reversed", "this spend was taken back already")
            .field("entry")
            .hint("record it anew where it was right after all"));
    }
    let budget = view.need(row.budget)?;
    takes_entries(budget, true)?;
    let mut plan = Plan::new(format!(
        "Take back {} {} spent of {}",
        row.amount, budget.currency, budget.name
    ));
    enter(
        &mut plan,
        view,
        budget,
        "budget.spend_reversed",
        vec![reversal(view, row)],
    )?;
    Ok(plan)
}

/// The counter-entry of a spend.
pub fn reversal(view: &View<'_>, row: &Row<BudgetEntry>) -> BudgetEntry {
    BudgetEntry {
        kind: EntryKind::Reversal,
        reverses: Some(row.id),
        at: view.now,
        ..row.entity.clone()
    }
}
