//! `list_budgets`.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::balance::{Balance, entries};
use super::entity::{Budget, BudgetEntry, BudgetStatus};
use crate::args;
use crate::kernel::arg::{In, Int, PageArgs, Str, Ts};
use crate::kernel::identity::Team;
use crate::kernel::listing::{Item, Listing};
use crate::kernel::tool::object;
use crate::kernel::{Ref, Rejection, Row, View};
use crate::modules::projects::Project;
use crate::modules::workflows::moves;

args! {
    /// Arguments of `list_budgets`.
    pub struct ListBudgets {
        budget: Option<Ref<Budget>>,
        project: Option<Ref<Project>>,
        /// Needs module Products.
        product: Option<Str<1, 200>>,
        team: Option<Ref<Team>>,
        status: Option<BudgetStatus>,
        /// Used up at least so far.
        over_percent: Option<Int<0, 200>>,
        as_of: Option<Ts>,
        page: In<PageArgs>,
    }
}

/// What a listed budget shows.
pub const COLUMNS: [&str; 9] = [
    "id",
    "name",
    "status",
    "currency",
    "allocated",
    "committed",
    "spent",
    "available",
    "usedPercent",
];
/// The same with everything in it.
const WHOLE: [&str; 21] = [
    "id",
    "name",
    "status",
    "currency",
    "allocated",
    "committed",
    "spent",
    "available",
    "usedPercent",
    "from",
    "to",
    "owner",
    "project",
    "team",
    "parent",
    "control",
    "warnAtPercent",
    "tolerancePercent",
    "lines",
    "openCommitments",
    "entries",
];
/// Most entries that one answer shows.
const ENTRIES_MAX: usize = 50;

/// `list_budgets`.
pub fn list(args: ListBudgets, view: &View<'_>) -> Result<Value, Rejection> {
    if args.product.is_some() {
        return Err(Rejection::not_yet("product", "Products"));
    }
    let as_of = args.as_of.map(|at| at.0);
    if let Some(budget) = &args.budget {
        let row = view.resolve(budget)?;
        let item = whole(view, row, as_of);
        return Listing::new(view, &args.page, &WHOLE, "name").answer(vec![item]);
    }
    let project = args.project.as_ref().map(|project| view.resolve(project)).transpose()?;
    let team = args.team.as_ref().map(|team| view.resolve(team)).transpose()?;
    let mut items = Vec::new();
    for row in view.rows::<Budget>() {
        let fits = project.is_none_or(|project| row.project == Some(project.id))
            && team.is_none_or(|team| row.team == Some(team.id))
            && args.status.is_none_or(|status| row.status == status);
        if !fits {
            continue;
        }
        let balance = Balance::of(view, row, as_of);
        let used = balance.total().percent().unwrap_or_default();
        if args.over_percent.is_none_or(|percent| used >= Decimal::from(percent.0)) {
            items.push(item(view, row, &balance));
        }
    }
    Listing::new(view, &args.page, &COLUMNS, "name").answer(items)
}

fn item(view: &View<'_>, row: &Arc<Row<Budget>>, balance: &Balance) -> Item {
    let mut item = object(json!({
        "id": row.id.to_string(), "name": row.name, "status": row.status, "currency": row.currency, "from": row.from, "to": row.to,
        "owner": row.owner.map(|owner| moves::who(view, owner)), "control": row.control, "warnAtPercent": row.warn_at_percent,
        "tolerancePercent": row.tolerance_percent, "project": row.project.and_then(|id| view.get(id)).map(|project| project.key.clone()),
        "team": row.team.and_then(|id| view.get(id)).map(|team| format!("@{}", team.handle)),
        "parent": row.parent.and_then(|id| view.get(id)).map(|parent| parent.name.clone()), "version": row.version,
    }));
    item.extend(object(balance.total().shown()));
    item
}

fn whole(view: &View<'_>, row: &Arc<Row<Budget>>, as_of: Option<Timestamp>) -> Item {
    let balance = Balance::of(view, row, as_of);
    let mut item = item(view, row, &balance);
    let line = |line: &super::entity::BudgetLine| {
        let mut shown = balance.line(&line.id).shown();
        if let Value::Object(members) = &mut shown {
            members.insert("id".to_owned(), line.id.clone().into());
            members.insert("category".to_owned(), line.category.clone().into());
        }
        shown
    };
    item.insert("lines".to_owned(), row.lines.iter().map(line).collect());
    let open = balance.open().map(|(id, commitment, line)| {
        let entry = view.get(id);
        json!({
            "entry": id.to_string(), "line": line, "total": commitment.total.normalize(), "open": commitment.open().normalize(),
            "reference": entry.and_then(|entry| entry.reference.clone()), "dueDate": entry.and_then(|entry| entry.date),
        })
    });
    item.insert("openCommitments".to_owned(), open.collect());
    let all = entries(view, row.id)
        .into_iter()
        .filter(|entry| as_of.is_none_or(|as_of| entry.at <= as_of));
    let newest: Vec<Value> = all.rev().take(ENTRIES_MAX).map(|entry| shown(entry)).collect();
    item.insert("entries".to_owned(), newest.into());
    item
}

fn shown(row: &Row<BudgetEntry>) -> Value {
    json!({
        "id": row.id.to_string(), "at": row.at, "kind": row.kind, "line": row.line, "amount": row.amount, "reference": row.reference,
        "date": row.date, "commitment": row.commitment.map(|id| id.to_string()), "reverses": row.reverses.map(|id| id.to_string()),
        "given": row.given, "givenCurrency": row.given_currency, "rate": row.rate,
    })
}
