//! Closing a budget: each open commitment is given up or goes on in another one.

use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::balance::Balance;
use super::commit::follow;
use super::entering::{takes_entries, within};
use super::entity::{Budget, BudgetEntry, BudgetStatus, EntryKind};
use super::save::{OpenCommitments, SaveBudget, no_step};
use crate::kernel::{Plan, Rejection, Row, View, text};

/// `save_budget`, op close.
pub fn close(args: &SaveBudget, view: &View<'_>, row: &Arc<Row<Budget>>) -> Result<Plan, Rejection> {
    let mut plan = Plan::new(format!("Close the budget \"{}\"", row.name));
    plan.result = json!({"id": row.id.to_string(), "status": BudgetStatus::Closed});
    match row.status {
        BudgetStatus::Closed => return Ok(plan),
        BudgetStatus::Draft => return Err(no_step(row, "closed")),
        BudgetStatus::Approved | BudgetStatus::Frozen => {}
    }
    let balance = Balance::of(view, row, None);
    let open: Vec<_> = balance.open().collect();
    let choice = match (args.open_commitments, open.is_empty()) {
        (_, true) => None,
        (Some(choice), false) => Some(choice),
        (None, false) => {
            let rule = format!("is required: {} open", text::count(open.len(), "commitment"));
            return Err(Rejection::argument("openCommitments", rule).allowed(["release", "carry_over"]));
        }
    };
    let target = target(args, view, row, choice)?;
    let (mut fates, mut carried): (Vec<Value>, Carried) = (Vec::new(), Vec::new());
    for (id, commitment, _) in open {
        let entry = view.need(id)?;
        let mut release = follow(entry, EntryKind::Release, view);
        release.amount = commitment.open().normalize();
        let amount = release.amount;
        plan.create("budget.commitment_released", view.new_id(), release)?;
        let mut fate =
            json!({"entry": id.to_string(), "open": amount, "reference": entry.reference, "fate": "released"});
        if let (Some(target), Value::Object(members)) = (target, &mut fate) {
            let line = carry(&mut plan, view, row, (target, &mut carried), (entry, amount))?;
            members.insert("fate".to_owned(), "carried over".into());
            members.insert("line".to_owned(), line.into());
        }
        fates.push(fate);
    }
    plan.detail("openCommitments", fates);
    plan.detail("total", balance.total().shown());
    plan.edit("budget.closed", row, |budget| budget.status = BudgetStatus::Closed)?;
    Ok(plan)
}

/// The budget that commitments are carried over to.
fn target<'a>(
    args: &SaveBudget,
    view: &View<'a>,
    row: &Row<Budget>,
    choice: Option<OpenCommitments>,
) -> Result<Option<&'a Arc<Row<Budget>>>, Rejection> {
    if choice != Some(OpenCommitments::CarryOver) {
        return Ok(None);
    }
    let to = args
        .carry_to
        .as_ref()
        .ok_or_else(|| Rejection::argument("carryTo", "is required to carry over"))?;
    let to = view.resolve(to)?;
    if to.id == row.id || to.currency != row.currency {
        return Err(Rejection::argument(
            "carryTo",
            format!("must be another budget in {}", row.currency),
        ));
    }
    takes_entries(to, false).map_err(|no| no.field("carryTo"))?;
    Ok(Some(to))
}

/// What this plan has carried over so far.
type Carried = Vec<(Id<BudgetEntry>, BudgetEntry)>;

/// Plans that a commitment goes on in another budget, on the line of the same category. Gives that line.
fn carry(
    plan: &mut Plan,
    view: &View<'_>,
    row: &Row<Budget>,
    (target, carried): (&Arc<Row<Budget>>, &mut Carried),
    (entry, amount): (&Row<BudgetEntry>, rust_decimal::Decimal),
) -> Result<String, Rejection> {
    let category = row
        .line(&entry.line)
        .map(|line| line.category.clone())
        .unwrap_or_default();
    let line = target.line(&category).ok_or_else(|| {
        let rule = format!("must have a line `{category}` for the commitment {}", entry.id);
        Rejection::argument("carryTo", rule)
    })?;
    // What this plan has carried over already counts too.
    let mut balance = Balance::of(view, target, None);
    for (id, entry) in carried.iter() {
        balance.add(*id, entry, false);
    }
    within(plan, target, &balance, line, amount)?;
    let mut next = follow(entry, EntryKind::Commitment, view);
    (next.budget, next.line, next.amount, next.commitment) = (target.id, line.id.clone(), amount, None);
    next.date = entry.date;
    let id = view.new_id();
    carried.push((id, next.clone()));
    plan.create("budget.committed", id, next)?;
    Ok(line.category.clone())
}
