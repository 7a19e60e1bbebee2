//! What a budget must fit: its parent, its period, its currency, who may approve it.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::process::{self, Process};
use super::super::valuation::{places, rounded};
use super::entity::{Budget, BudgetEntry, BudgetStatus};
use crate::kernel::{Rejection, Row, View, text};

/// The permission to approve budgets.
pub const APPROVE: &str = "budget.approve";

/// Everything that can be said of a budget alone and of its place among others.
pub fn all(view: &View<'_>, own: Option<&Arc<Row<Budget>>>, budget: &Budget) -> Result<(), Rejection> {
    if budget.currency.len() != 3 || !budget.currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(Rejection::argument(
            "currency",
            "must be a currency of ISO 4217, such as EUR",
        ));
    }
    if budget.from.zip(budget.to).is_some_and(|(from, to)| from > to) {
        return Err(Rejection::argument("to", "must not be before from"));
    }
    let scale = places(&budget.currency);
    for line in &budget.lines {
        if line.allocated < Decimal::ZERO || rounded(line.allocated, scale) != line.allocated {
            let rule = format!(
                "must be 0 or more with at most {scale} decimal places; {} has {}",
                line.category, line.allocated
            );
            return Err(Rejection::argument("lines", rule));
        }
    }
    overlap(view, own, budget)?;
    parent(view, own, budget)
}

/// Two budgets of one name and scope may not cover one day.
fn overlap(view: &View<'_>, own: Option<&Arc<Row<Budget>>>, budget: &Budget) -> Result<(), Rejection> {
    let folded = text::fold(&budget.name);
    let same = view.find::<Budget>(crate::kernel::entity::NAMES, &folded).find(|row| {
        own.is_none_or(|own| own.id != row.id)
            && row.status != BudgetStatus::Closed
            && row.project == budget.project
            && row.parent == budget.parent
            && row.from.is_none_or(|from| budget.to.is_none_or(|to| from <= to))
            && row.to.is_none_or(|to| budget.from.is_none_or(|from| from <= to))
    });
    let Some(row) = same else { return Ok(()) };
    Err(Rejection::new(
        "period_overlap",
        format!("there is a budget \"{}\" for some of these days", row.name),
    )
    .field("from")
    .current(json!({"budget": row.id.to_string(), "from": row.from, "to": row.to}))
    .hint("give it another name or period, or change that one"))
}

/// What a parent has left for a budget, by what its other parts have.
fn rest(view: &View<'_>, own: Option<&Arc<Row<Budget>>>, parent: &Row<Budget>) -> Decimal {
    let parts = view.find::<Budget>("parent", &parent.id.to_string());
    let others = parts.filter(|row| own.is_none_or(|own| own.id != row.id));
    parent.allocated() - others.map(|row| row.allocated()).sum::<Decimal>()
}

fn parent(view: &View<'_>, own: Option<&Arc<Row<Budget>>>, budget: &Budget) -> Result<(), Rejection> {
    if let Some(own) = own {
        let parts = view.find::<Budget>("parent", &own.id.to_string());
        let parts: Decimal = parts.map(|row| row.allocated()).sum();
        if parts > budget.allocated() {
            return Err(exceeded(own, parts, budget.allocated()));
        }
    }
    let Some(parent) = budget.parent.and_then(|id| view.get(id)) else {
        return Ok(());
    };
    let mut above = Some(parent);
    while let Some(row) = above {
        if own.is_some_and(|own| own.id == row.id) {
            return Err(Rejection::argument("parent", "must not be a part of this budget"));
        }
        above = row.parent.and_then(|id| view.get(id));
    }
    if parent.currency != budget.currency {
        return Err(Rejection::argument(
            "parent",
            format!("must be in {}, and is in {}", budget.currency, parent.currency),
        ));
    }
    let left = rest(view, own, parent);
    if budget.allocated() > left {
        return Err(exceeded(parent, budget.allocated(), left));
    }
    Ok(())
}

fn exceeded(parent: &Row<Budget>, wanted: Decimal, left: Decimal) -> Rejection {
    let (wanted, left) = (wanted.normalize(), left.normalize());
    Rejection::new(
        "parent_exceeded",
        format!("{wanted} are wanted of \"{}\", which has {left} for it", parent.name),
    )
    .field("lines")
    .current(json!({"parent": parent.id.to_string(), "allocated": parent.allocated().normalize(), "left": left}))
    .hint("allocate less, or have the parent raised first")
}

/// What a parent has left once a budget is as planned, for the preview.
pub fn parent_rest(view: &View<'_>, own: Option<&Arc<Row<Budget>>>, budget: &Budget) -> Value {
    let parent = budget.parent.and_then(|id| view.get(id));
    parent.map_or(Value::Null, |parent| {
        let left = rest(view, own, parent) - budget.allocated();
        json!({"parent": parent.name, "unallocated": left.normalize()})
    })
}

/// The currency is fixed once there are entries.
pub fn currency(view: &View<'_>, row: &Row<Budget>, after: &Budget) -> Result<(), Rejection> {
    let first = view.find::<BudgetEntry>("budget", &row.id.to_string()).next();
    if row.currency == after.currency || first.is_none() {
        return Ok(());
    }
    Err(Rejection::new(
        "currency_frozen",
        format!("\"{}\" is in {} since its first entry", row.name, row.currency),
    )
    .field("currency")
    .hint("draw up another budget, and carry over to it"))
}

/// Refuses who may not approve and has no approval.
pub fn may_approve(
    view: &View<'_>,
    row: &Row<Budget>,
    process: Option<&Process>,
    what: String,
) -> Result<(), Rejection> {
    let approved = process::approved(view, process, &row.id.to_string())?;
    if approved || view.rights.allow(APPROVE) {
        return Ok(());
    }
    Err(process::required(
        "budget-approval",
        format!("{what}; that needs the permission `{APPROVE}` or an approval"),
        json!({"permission": APPROVE, "budget": row.id.to_string()}),
    ))
}
