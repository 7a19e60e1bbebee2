//! Entering something into a budget: who may, what it comes to, what it may not go beyond, which threshold it reaches.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::lines::MoneyArgs;
use super::super::valuation::{places, product, rounded};
use super::balance::{Balance, Sums};
use super::entity::{Budget, BudgetEntry, BudgetLine, BudgetStatus, Control};
use crate::kernel::arg::{Dec, Str};
use crate::kernel::{Plan, Rejection, Row, View};

/// An amount in a budget's currency, and what was given.
pub struct Amount {
    /// In the budget's currency.
    pub own: Decimal,
    /// As given, where that was another currency: amount, currency, rate.
    pub given: Option<(Decimal, String, Decimal)>,
}

/// Brings an amount into a budget's currency.
pub fn amount(budget: &Budget, given: Option<&MoneyArgs>, rate: Option<Dec>) -> Result<Amount, Rejection> {
    let given = given
        .ok_or_else(|| Rejection::argument("amount", "is required"))?
        .money();
    if given.amount <= Decimal::ZERO {
        return Err(Rejection::argument("amount", "must be more than 0"));
    }
    let scale = places(&budget.currency);
    if given.currency == budget.currency && rate.is_none() {
        let own = rounded(given.amount, scale);
        if own != given.amount {
            let rule = format!("must have at most {scale} decimal places in {}", budget.currency);
            return Err(Rejection::argument("amount", rule));
        }
        return Ok(Amount { own, given: None });
    }
    let Some(Dec(rate)) = rate.filter(|rate| rate.0 > Decimal::ZERO) else {
        return Err(Rejection::new(
            "rate_required",
            format!(
                "this budget is in {}, and the amount in {}",
                budget.currency, given.currency
            ),
        )
        .field("rate")
        .hint(format!(
            "say in rate how many {} one {} is; the server looks up none",
            budget.currency, given.currency
        )));
    };
    let own = rounded(product(given.amount, rate)?, scale);
    if own.is_zero() {
        return Err(Rejection::argument(
            "amount",
            format!("comes to nothing in {}", budget.currency),
        ));
    }
    Ok(Amount {
        own,
        given: Some((given.amount, given.currency, rate)),
    })
}

impl Amount {
    /// Says in an entry what was given.
    pub fn tell(self, entry: &mut BudgetEntry) {
        entry.amount = self.own;
        if let Some((amount, currency, rate)) = self.given {
            (entry.given, entry.given_currency, entry.rate) = (Some(amount), Some(currency), Some(rate));
        }
    }
}

/// The line that is meant; the only one where there is one.
pub fn line<'b>(budget: &'b Budget, name: Option<&Str<1, 100>>) -> Result<&'b BudgetLine, Rejection> {
    let all = || budget.lines.iter().map(|line| line.category.clone());
    match (name, budget.lines.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => Err(Rejection::argument("line", "is required: the budget has several").allowed(all())),
        (Some(name), _) => budget
            .line(name)
            .ok_or_else(|| Rejection::not_found("budget line", name).field("line").allowed(all())),
    }
}

/// Refuses a budget that takes no entries; with `committed`, one that is frozen may pass.
pub fn takes_entries(budget: &Row<Budget>, committed: bool) -> Result<(), Rejection> {
    let (code, hint) = match budget.status {
        BudgetStatus::Approved => return Ok(()),
        BudgetStatus::Frozen if committed => return Ok(()),
        BudgetStatus::Frozen => (
            "frozen",
            "spend against an existing commitment, or unfreeze it with save_budget",
        ),
        _ => ("not_approved", "approve it with save_budget, op: approve"),
    };
    Err(
        Rejection::new(code, format!("the budget \"{}\" is {}", budget.name, budget.status))
            .field("budget")
            .current(json!({"budget": budget.id.to_string(), "status": budget.status}))
            .hint(hint),
    )
}

/// Refuses, or warns, where more is wanted of a line than is available; by the budget's control.
pub fn within(
    plan: &mut Plan,
    budget: &Row<Budget>,
    balance: &Balance,
    line: &BudgetLine,
    wanted: Decimal,
) -> Result<(), Rejection> {
    if wanted <= Decimal::ZERO || budget.control == Control::None {
        return Ok(());
    }
    let over = |sums: Sums| -> Result<(Decimal, bool), Rejection> {
        let beyond = wanted - sums.available();
        let tolerated = product(sums.allocated, budget.tolerance_percent)? / Decimal::ONE_HUNDRED;
        Ok((beyond, beyond > tolerated))
    };
    let (of_line, line_is_over) = over(balance.line(&line.id))?;
    let (of_all, all_is_over) = over(balance.total())?;
    let beyond = of_line.max(of_all);
    if beyond <= Decimal::ZERO {
        return Ok(());
    }
    let beyond = beyond.normalize();
    if budget.control == Control::Warn || !(line_is_over || all_is_over) {
        plan.warn(format!(
            "{beyond} {} more than is available on {}",
            budget.currency, line.category
        ));
        return Ok(());
    }
    let room: Vec<Value> = budget
        .lines
        .iter()
        .map(|other| (other, balance.line(&other.id).available()))
        .filter(|(_, available)| *available > Decimal::ZERO)
        .map(|(other, available)| json!({"line": other.id, "category": other.category, "available": available.normalize()}))
        .collect();
    Err(Rejection::new(
        "insufficient_budget",
        format!(
            "{wanted} {} are wanted on {}, which is {beyond} too much",
            budget.currency, line.category
        ),
    )
    .field("amount")
    .current(json!({"shortfall": beyond, "line": balance.line(&line.id).shown(), "linesWithRoom": room}))
    .hint("take less, reallocate from a line with room with save_budget, or have more approved"))
}

/// Plans an entry, and that a threshold is reached or left. Shows the balances before and after.
pub fn enter(
    plan: &mut Plan,
    view: &View<'_>,
    budget: &Arc<Row<Budget>>,
    event: &'static str,
    entries: Vec<BudgetEntry>,
) -> Result<(), Rejection> {
    let lines = enter_alone(plan, view, budget, event, entries)?;
    threshold(plan, budget, &lines.0, &lines.1)
}

/// As [`enter`], for a plan that changes the budget in a way of its own. Gives the lines and how they will stand.
pub fn enter_alone(
    plan: &mut Plan,
    view: &View<'_>,
    budget: &Arc<Row<Budget>>,
    event: &'static str,
    entries: Vec<BudgetEntry>,
) -> Result<(Vec<String>, Balance), Rejection> {
    let before = Balance::of(view, budget, None);
    let mut after = before.clone();
    let mut first = None;
    let mut lines: Vec<String> = Vec::new();
    for entry in entries {
        let id = view.new_id::<BudgetEntry>();
        first.get_or_insert(id);
        after.add(id, &entry, false);
        lines.push(entry.line.clone());
        plan.create(event, id, entry)?;
    }
    lines.sort();
    lines.dedup();
    let shown: Vec<Value> = lines
        .iter()
        .map(|line| json!({"line": line, "category": budget.line(line).map(|line| line.category.clone()), "before": before.line(line).shown(), "after": after.line(line).shown()}))
        .collect();
    plan.detail("lines", &shown);
    plan.detail(
        "total",
        json!({"before": before.total().shown(), "after": after.total().shown()}),
    );
    let id = first.unwrap_or_default();
    plan.result =
        json!({"id": id.to_string(), "budget": budget.id.to_string(), "lines": shown, "total": after.total().shown()});
    Ok((lines, after))
}

fn threshold(plan: &mut Plan, budget: &Arc<Row<Budget>>, lines: &[String], after: &Balance) -> Result<(), Rejection> {
    let Some(percent) = budget.warn_at_percent else {
        return Ok(());
    };
    for line in lines {
        let is_reached = after
            .line(line)
            .percent()
            .is_some_and(|used| used >= Decimal::from(percent));
        let was = budget.reached.contains(line);
        if is_reached && !was {
            let category = budget.line(line).map(|line| line.category.clone()).unwrap_or_default();
            plan.detail(
                "thresholdReached",
                json!({"line": line, "category": category, "percent": percent}),
            );
            plan.edit("budget.threshold_reached", budget, |budget| {
                budget.reached.push(line.clone());
            })?;
        } else if !is_reached && was {
            plan.edit("budget.threshold_left", budget, |budget| {
                budget.reached.retain(|known| known != line);
            })?;
        }
    }
    Ok(())
}
