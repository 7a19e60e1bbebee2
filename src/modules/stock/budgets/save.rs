//! `save_budget`: drawing up, approving, freezing, closing and reallocating.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::json;

use super::super::process::Process;
use super::entity::{Budget, BudgetLine, BudgetStatus, Control};
use super::{checks, closing, lines};
use crate::kernel::arg::{Clear, Date, Dec, In, Int, List, Str, UpdateArgs};
use crate::kernel::identity::{Member, Team};
use crate::kernel::{Plan, Ref, Rejection, Row, View};
use crate::modules::projects::{Project, writable};
use crate::{args, choice};

choice! {
    /// What to do with a budget.
    pub enum BudgetOp {
        /// Draw it up, or change it.
        Save = "save",
        /// Let entries be made.
        Approve = "approve",
        /// Let only what is committed be spent.
        Freeze = "freeze",
        /// Let entries be made again.
        Unfreeze = "unfreeze",
        /// End it.
        Close = "close",
        /// Move money between its lines.
        Reallocate = "reallocate",
    }
}

choice! {
    /// What becomes of open commitments when a budget closes.
    pub enum OpenCommitments {
        /// They are given up.
        Release = "release",
        /// They go on in another budget.
        CarryOver = "carry_over",
    }
}

args! {
    /// One line.
    pub struct LineArgs {
        /// Of a line that is there.
        id: Option<Str<1, 20>>,
        category: Str<1, 100>,
        allocated: Dec,
    }
}

args! {
    /// Money from one line to another.
    pub struct MoveArgs {
        from_line: Str<1, 100>,
        to_line: Str<1, 100>,
        amount: Dec,
    }
}

args! {
    /// Arguments of `save_budget`.
    pub struct SaveBudget {
        /// A new one where left out.
        budget: Option<Ref<Budget>>,
        op: BudgetOp = BudgetOp::Save,
        name: Option<Str<1, 120>>,
        from: Option<Date>,
        to: Option<Date>,
        currency: Option<Str<3, 3>>,
        owner: Option<Ref<Member>>,
        project: Option<Ref<Project>>,
        /// Needs module Products.
        product: Option<Str<1, 200>>,
        team: Option<Ref<Team>>,
        parent: Option<Clear<Ref<Budget>>>,
        /// All lines.
        lines: Option<List<LineArgs, 1, 100>>,
        /// For reallocate.
        moves: Option<List<MoveArgs, 1, 50>>,
        control: Option<Control>,
        warn_at_percent: Option<Int<1, 100>>,
        tolerance_percent: Option<Dec>,
        /// For close.
        open_commitments: Option<OpenCommitments>,
        carry_to: Option<Ref<Budget>>,
        /// The approval, for who may not approve.
        process: Option<Process>,
        write: In<UpdateArgs>,
    }
}

/// `save_budget`.
pub fn save(args: SaveBudget, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.product.is_some() {
        return Err(Rejection::not_yet("product", "Products"));
    }
    let Some(reference) = &args.budget else {
        if args.op != BudgetOp::Save {
            return Err(Rejection::argument("budget", "is required"));
        }
        return create(&args, view);
    };
    let row = view.resolve(reference)?;
    Plan::expect(view, row, args.write.expected_version)?;
    match args.op {
        BudgetOp::Save => change(&args, view, row),
        BudgetOp::Approve => approve(&args, view, row),
        BudgetOp::Freeze => turn(row, BudgetStatus::Approved, BudgetStatus::Frozen),
        BudgetOp::Unfreeze => turn(row, BudgetStatus::Frozen, BudgetStatus::Approved),
        BudgetOp::Close => closing::close(&args, view, row),
        BudgetOp::Reallocate => lines::reallocate(&args, view, row),
    }
}

fn create(args: &SaveBudget, view: &View<'_>) -> Result<Plan, Rejection> {
    let required = |name| Rejection::argument(name, "is required for a new budget");
    if args.name.is_none() || args.lines.is_none() {
        return Err(required(if args.name.is_none() { "name" } else { "lines" }));
    }
    let blank = Budget {
        currency: view.organization()?.currency.clone(),
        owner: Some(view.caller.member),
        ..Budget::default()
    };
    let budget = changed(args, view, blank)?;
    checks::all(view, None, &budget)?;
    let id = view.new_id::<Budget>();
    let mut plan = Plan::new(format!(
        "Draw up the budget \"{}\" of {} {}",
        budget.name,
        budget.allocated().normalize(),
        budget.currency
    ));
    plan.detail("lines", lines::shown(view, None, &budget));
    plan.detail("parentRest", checks::parent_rest(view, None, &budget));
    plan.result = json!({"id": id.to_string(), "name": budget.name, "status": budget.status, "lines": budget.lines});
    plan.create("budget.saved", id, budget)?;
    Ok(plan)
}

/// A budget with what was given.
fn changed(args: &SaveBudget, view: &View<'_>, mut budget: Budget) -> Result<Budget, Rejection> {
    if let Some(name) = &args.name {
        budget.name.clone_from(&name.0);
    }
    budget.from = args.from.map(|day| day.0).or(budget.from);
    budget.to = args.to.map(|day| day.0).or(budget.to);
    if let Some(currency) = &args.currency {
        budget.currency = currency.to_uppercase();
    }
    if let Some(owner) = &args.owner {
        budget.owner = Some(view.resolve(owner)?.id);
    }
    if let Some(project) = &args.project {
        let project = view.resolve(project)?;
        writable(project)?;
        budget.project = Some(project.id);
    }
    if let Some(team) = &args.team {
        budget.team = Some(view.resolve(team)?.id);
    }
    if let Some(parent) = &args.parent {
        let parent = parent.as_value().map(|parent| view.resolve(parent)).transpose()?;
        budget.parent = parent.map(|row| row.id);
    }
    budget.control = args.control.unwrap_or(budget.control);
    budget.warn_at_percent = args.warn_at_percent.map(|percent| percent.0).or(budget.warn_at_percent);
    if let Some(percent) = args.tolerance_percent {
        if percent.0 < Decimal::ZERO || percent.0 > Decimal::ONE_HUNDRED {
            return Err(Rejection::argument("tolerancePercent", "must be 0 to 100"));
        }
        budget.tolerance_percent = percent.0;
    }
    if let Some(given) = &args.lines {
        budget.lines = lines::read(given, &budget)?;
    }
    Ok(budget)
}

fn change(args: &SaveBudget, view: &View<'_>, row: &Arc<Row<Budget>>) -> Result<Plan, Rejection> {
    let after = changed(args, view, row.entity.clone())?;
    if row.status == BudgetStatus::Closed {
        return Err(no_step(row, "changed"));
    }
    checks::all(view, Some(row), &after)?;
    checks::currency(view, row, &after)?;
    lines::not_below_used(view, row, &after)?;
    let is_live = row.status != BudgetStatus::Draft;
    if is_live && after.allocated() != row.allocated() {
        let message = format!(
            "the approved total of \"{}\" would change from {} to {}",
            row.name,
            row.allocated().normalize(),
            after.allocated().normalize()
        );
        checks::may_approve(view, row, args.process.as_ref(), message)?;
    }
    let mut plan = Plan::new(format!("Change the budget \"{}\"", row.name));
    plan.detail("lines", lines::shown(view, Some(row), &after));
    plan.detail("parentRest", checks::parent_rest(view, Some(row), &after));
    plan.result = json!({"id": row.id.to_string(), "status": after.status, "lines": after.lines});
    if is_live {
        lines::allocate(&mut plan, view, row, &after)?;
    }
    plan.edit("budget.saved", row, |budget| *budget = after)?;
    Ok(plan)
}

fn approve(args: &SaveBudget, view: &View<'_>, row: &Arc<Row<Budget>>) -> Result<Plan, Rejection> {
    if row.status == BudgetStatus::Approved {
        return Ok(Plan::new(format!("Approve the budget \"{}\"", row.name)));
    }
    if row.status != BudgetStatus::Draft {
        return Err(no_step(row, "approved"));
    }
    checks::may_approve(
        view,
        row,
        args.process.as_ref(),
        format!("\"{}\" would be approved", row.name),
    )?;
    let mut plan = Plan::new(format!(
        "Approve the budget \"{}\" of {} {}",
        row.name,
        row.allocated().normalize(),
        row.currency
    ));
    plan.detail("lines", lines::shown(view, Some(row), row));
    plan.detail("parentRest", checks::parent_rest(view, Some(row), row));
    plan.result = json!({"id": row.id.to_string(), "status": BudgetStatus::Approved, "lines": row.lines});
    let blank = Budget {
        lines: row
            .lines
            .iter()
            .map(|line| BudgetLine {
                allocated: Decimal::ZERO,
                ..line.clone()
            })
            .collect(),
        ..row.entity.clone()
    };
    lines::entries_between(&mut plan, view, row, &blank, row)?;
    plan.edit("budget.approved", row, |budget| budget.status = BudgetStatus::Approved)?;
    Ok(plan)
}

fn turn(row: &Arc<Row<Budget>>, from: BudgetStatus, to: BudgetStatus) -> Result<Plan, Rejection> {
    let (verb, event) = if to == BudgetStatus::Frozen {
        ("Freeze", "budget.frozen")
    } else {
        ("Unfreeze", "budget.approved")
    };
    let mut plan = Plan::new(format!("{verb} the budget \"{}\"", row.name));
    plan.result = json!({"id": row.id.to_string(), "status": to});
    if row.status == to {
        return Ok(plan);
    }
    if row.status != from {
        return Err(no_step(row, to.word()));
    }
    plan.edit(event, row, |budget| budget.status = to)?;
    Ok(plan)
}

/// The "no" where a budget cannot go from where it is.
pub fn no_step(row: &Row<Budget>, wanted: &str) -> Rejection {
    Rejection::argument(
        "op",
        format!(
            "does not fit: \"{}\" is {} and cannot be {wanted}",
            row.name, row.status
        ),
    )
    .hint("a budget goes from draft to approved, from there to frozen and back, and then to closed")
}
