//! A budget's lines: read, compared with what is used, and moved between.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::balance::Balance;
use super::entity::{Budget, BudgetEntry, BudgetLine, BudgetStatus, EntryKind};
use super::save::{LineArgs, SaveBudget, no_step};
use crate::kernel::{Plan, Rejection, Row, View, text};

/// The lines as given; those that are named by id or category keep their identifier.
pub fn read(given: &[LineArgs], budget: &Budget) -> Result<Vec<BudgetLine>, Rejection> {
    let number = |line: &BudgetLine| line.id.strip_prefix('L').and_then(|id| id.parse::<u32>().ok());
    let mut next = budget.lines.iter().filter_map(number).max().unwrap_or(0);
    let mut lines: Vec<BudgetLine> = Vec::new();
    for line in given {
        let named = line.id.as_ref().map_or(&line.category.0, |id| &id.0);
        let known = budget.line(named).map(|known| known.id.clone());
        if line.id.is_some() && known.is_none() {
            return Err(Rejection::not_found("budget line", named).field("lines"));
        }
        let id = known.unwrap_or_else(|| {
            next += 1;
            format!("L{next}")
        });
        let twice = |other: &BudgetLine| other.id == id || text::fold(&other.category) == text::fold(&line.category);
        if lines.iter().any(twice) {
            return Err(Rejection::argument(
                "lines",
                format!("must name each line once; `{}` stands twice", line.category.0),
            ));
        }
        lines.push(BudgetLine {
            id,
            category: line.category.0.clone(),
            allocated: line.allocated.0.normalize(),
        });
    }
    Ok(lines)
}

/// Line by line: allocated before and after, used, and available after.
pub fn shown(view: &View<'_>, row: Option<&Arc<Row<Budget>>>, after: &Budget) -> Vec<Value> {
    let balance = row.map(|row| Balance::of(view, row, None)).unwrap_or_default();
    let gone = row
        .into_iter()
        .flat_map(|row| &row.lines)
        .filter(|line| !after.lines.iter().any(|kept| kept.id == line.id));
    let show = |(line, allocated): (&BudgetLine, Decimal)| {
        let used = balance.line(&line.id);
        let before = row
            .and_then(|row| row.lines.iter().find(|known| known.id == line.id))
            .map(|known| known.allocated);
        json!({
            "line": line.id, "category": line.category, "allocated": {"before": before, "after": allocated},
            "committed": used.committed.normalize(), "spent": used.spent.normalize(), "availableAfter": (allocated - used.used()).normalize(),
        })
    };
    let kept = after.lines.iter().map(|line| (line, line.allocated));
    kept.chain(gone.map(|line| (line, Decimal::ZERO))).map(show).collect()
}

/// Refuses lines with less than what is committed and spent of them.
pub fn not_below_used(view: &View<'_>, row: &Arc<Row<Budget>>, after: &Budget) -> Result<(), Rejection> {
    let balance = Balance::of(view, row, None);
    let allocated = |id: &str| {
        after
            .lines
            .iter()
            .find(|line| line.id == id)
            .map_or(Decimal::ZERO, |line| line.allocated)
    };
    let cut = |line: &&BudgetLine| {
        let (used, wanted) = (balance.line(&line.id).used(), allocated(&line.id));
        // What is overspent already may stay as it is.
        wanted < used && wanted < line.allocated
    };
    let short: Vec<Value> = row
        .lines
        .iter()
        .filter(cut)
        .map(|line| json!({"line": line.id, "category": line.category, "used": balance.line(&line.id).used().normalize(), "wanted": allocated(&line.id)}))
        .collect();
    if short.is_empty() {
        return Ok(());
    }
    Err(Rejection::new(
        "below_used",
        format!(
            "{} would have less than what is committed and spent of it",
            text::count(short.len(), "line")
        ),
    )
    .field("lines")
    .current(json!({"lines": short}))
    .hint("leave them at least what is used, or release commitments first"))
}

/// Plans the entries for what lines get or lose beyond what they have.
pub fn allocate(plan: &mut Plan, view: &View<'_>, row: &Arc<Row<Budget>>, after: &Budget) -> Result<(), Rejection> {
    entries_between(plan, view, row, row, after)
}

/// Plans an allocation for each line that differs between two states of a budget.
pub fn entries_between(
    plan: &mut Plan,
    view: &View<'_>,
    row: &Arc<Row<Budget>>,
    before: &Budget,
    after: &Budget,
) -> Result<(), Rejection> {
    for (line, by) in differences(before, after) {
        entry(plan, view, row, EntryKind::Allocation, line, by)?;
    }
    Ok(())
}

fn differences(before: &Budget, after: &Budget) -> Vec<(String, Decimal)> {
    let of = |budget: &Budget, id: &str| {
        budget
            .lines
            .iter()
            .find(|line| line.id == id)
            .map_or(Decimal::ZERO, |line| line.allocated)
    };
    let mut ids: Vec<&String> = before.lines.iter().chain(&after.lines).map(|line| &line.id).collect();
    ids.sort();
    ids.dedup();
    let by = |id: &String| (id.clone(), (of(after, id) - of(before, id)).normalize());
    ids.into_iter().map(by).filter(|(_, by)| !by.is_zero()).collect()
}

fn entry(
    plan: &mut Plan,
    view: &View<'_>,
    row: &Row<Budget>,
    kind: EntryKind,
    line: String,
    amount: Decimal,
) -> Result<(), Rejection> {
    let event = if kind == EntryKind::Transfer {
        "budget.reallocated"
    } else {
        "budget.saved"
    };
    let entry = BudgetEntry {
        kind,
        budget: row.id,
        line,
        amount,
        at: view.now,
        ..BudgetEntry::default()
    };
    plan.create(event, view.new_id(), entry)
}

/// `save_budget`, op reallocate: money moves between lines, and the total stays.
pub fn reallocate(args: &SaveBudget, view: &View<'_>, row: &Arc<Row<Budget>>) -> Result<Plan, Rejection> {
    if row.status != BudgetStatus::Approved {
        return Err(no_step(row, "reallocated"));
    }
    let mut after = row.entity.clone();
    match (&args.moves, &args.lines) {
        (Some(moves), None) => {
            for (place, one) in moves.iter().enumerate() {
                step(&mut after, one).map_err(|no| no.field(format!("moves[{place}]")))?;
            }
        }
        (None, Some(given)) => after.lines = read(given, row)?,
        _ => {
            return Err(Rejection::argument(
                "moves",
                "or lines must be given: exactly one of the two",
            ));
        }
    }
    let (old, new) = (row.allocated().normalize(), after.allocated().normalize());
    if old != new {
        return Err(Rejection::new(
            "not_zero_sum",
            format!("the lines would come to {new}, and \"{}\" has {old}", row.name),
        )
        .field("lines")
        .current(json!({"before": old, "after": new, "difference": (new - old).normalize()}))
        .hint("let what one line gets come from others, or change the total with op: save"));
    }
    super::checks::all(view, Some(row), &after)?;
    not_below_used(view, row, &after)?;
    let mut plan = Plan::new(format!("Reallocate within the budget \"{}\"", row.name));
    plan.detail("lines", shown(view, Some(row), &after));
    plan.detail("parentRest", super::checks::parent_rest(view, Some(row), &after));
    for (line, by) in differences(row, &after) {
        entry(&mut plan, view, row, EntryKind::Transfer, line, by)?;
    }
    plan.result = json!({"id": row.id.to_string(), "lines": after.lines});
    plan.edit("budget.reallocated", row, |budget| *budget = after)?;
    Ok(plan)
}

fn step(budget: &mut Budget, one: &super::save::MoveArgs) -> Result<(), Rejection> {
    if one.amount.0 <= Decimal::ZERO {
        return Err(Rejection::argument("amount", "must be more than 0"));
    }
    let id = |name: &str| {
        let known = budget.line(name).map(|line| line.id.clone());
        known.ok_or_else(|| {
            Rejection::not_found("budget line", name).allowed(budget.lines.iter().map(|line| line.category.clone()))
        })
    };
    let (from, to) = (id(&one.from_line)?, id(&one.to_line)?);
    for line in &mut budget.lines {
        if line.id == from {
            line.allocated -= one.amount.0;
        }
        if line.id == to {
            line.allocated += one.amount.0;
        }
    }
    Ok(())
}
