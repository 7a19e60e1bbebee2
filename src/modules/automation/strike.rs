//! The hour comes that a rule waits for: it is due again later, and owes a run, or one for each thing whose date came.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use projections::Id;
use projections::cause::Owed;

use super::entity::{Rule, Tally};
use super::trigger::{DATES, TriggerKind};
use crate::kernel::reaction::Struck;
use crate::kernel::schedule::Due;
use crate::kernel::{Plan, Rejection, Row, View};
use crate::modules::tasks::Task;

/// Days that are made up for after the server was down.
const DAYS_BACK: i32 = 31;

/// Days within which a deleted rule may be brought back.
const UNDO_DAYS: i64 = 31;

/// What follows. However many times it was due while nobody looked, it is due once.
pub fn strike(view: &View<'_>, due: &Due) -> Result<Struck, Rejection> {
    let id: Id<Tally> = due.id.parse().map_err(|_| Rejection::not_found("ruleTally", &due.id))?;
    let tally = view.state.table::<Tally>().and_then(|table| table.get(id));
    let tally = tally.ok_or_else(|| Rejection::not_found("ruleTally", &due.id))?;
    let rule = view.state.table::<Rule>().and_then(|table| table.get(tally.rule));
    let is_gone = rule.is_none();
    let rule = rule.filter(|rule| rule.enabled);
    let mut plan = Plan::new("A rule is due");
    let Some(rule) = rule else {
        lingers(&mut plan, tally, view.now, is_gone)?;
        return Ok(Struck { plan, owes: Vec::new() });
    };
    if tally.gone_since.is_some() {
        // It was brought back; it is due when it is due next.
        plan.edit("automation.rule_due", tally, |tally| begin(rule, view.now, tally))?;
        return Ok(Struck { plan, owes: Vec::new() });
    }
    let today = rule.trigger.zone().to_datetime(view.now).date();
    let owes = match rule.trigger.kind {
        TriggerKind::DateReached => reached(view, rule, tally.last_day, today),
        _ => vec![owed(rule, String::new())],
    };
    // The hour that was waited for counts where the clock went back since.
    let next = rule.trigger.next(view.now.max(due.at));
    plan.edit("automation.rule_due", tally, |tally| {
        tally.next_at = next;
        if rule.trigger.kind == TriggerKind::DateReached {
            tally.last_day = Some(today);
        }
    })?;
    Ok(Struck { plan, owes })
}

/// A deleted rule may be brought back for a month: until then it is looked for once a day.
fn lingers(plan: &mut Plan, tally: &Row<Tally>, now: Timestamp, is_gone: bool) -> Result<(), Rejection> {
    let since = tally.gone_since.unwrap_or(now);
    let is_over = now.duration_since(since) > SignedDuration::from_hours(24 * UNDO_DAYS);
    if is_gone && is_over {
        return plan.remove("automation.rule_due", tally);
    }
    let tomorrow = now.checked_add(24.hours()).ok();
    plan.edit("automation.rule_due", tally, |tally| {
        tally.next_at = tomorrow.filter(|_| is_gone);
        tally.gone_since = Some(since).filter(|_| is_gone);
    })
    .map(|_| ())
}

fn owed(rule: &Row<Rule>, about: String) -> Owed {
    Owed {
        by: rule.id.to_string(),
        about,
    }
}

/// The tasks whose date came since the last day that was looked at.
fn reached(view: &View<'_>, rule: &Row<Rule>, last: Option<Date>, today: Date) -> Vec<Owed> {
    let field = rule.trigger.field.as_deref().unwrap_or_default();
    let Some((_, index)) = DATES.iter().find(|(name, _)| *name == field) else {
        return Vec::new();
    };
    let earliest = today.checked_sub(DAYS_BACK.days()).unwrap_or(today);
    let first = last.and_then(|day| day.tomorrow().ok()).unwrap_or(today).max(earliest);
    let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take_while(|day| *day <= today);
    let most = usize::try_from(rule.limits.max_targets_per_run).unwrap_or(0);
    let tasks = days.flat_map(|day| of_day(view, rule, index, day));
    tasks.take(most).map(|task| owed(rule, task.id.to_string())).collect()
}

fn of_day<'a>(view: &View<'a>, rule: &Row<Rule>, index: &'static str, day: Date) -> Vec<&'a std::sync::Arc<Row<Task>>> {
    let date = day.checked_sub(rule.trigger.offset_days.days());
    let table = view.state.table::<Task>();
    let (Ok(date), Some(table)) = (date, table) else {
        return Vec::new();
    };
    let project = rule.project;
    let open = |task: &&std::sync::Arc<Row<Task>>| {
        task.deleted_at.is_none()
            && task.completed_at.is_none()
            && project.is_none_or(|project| task.project == project)
    };
    table.find(&rule.org, index, &date.to_string()).filter(open).collect()
}

/// When a rule is due first, and from which day on its dates count.
pub fn begin(rule: &Rule, now: Timestamp, tally: &mut Tally) {
    let today = rule.trigger.zone().to_datetime(now).date();
    tally.gone_since = None;
    tally.next_at = if rule.enabled { rule.trigger.next(now) } else { None };
    let due_today = tally
        .next_at
        .is_some_and(|at| rule.trigger.zone().to_datetime(at).date() == today);
    let before = if due_today { today.yesterday().ok() } else { Some(today) };
    tally.last_day = before.filter(|_| rule.trigger.kind == TriggerKind::DateReached);
}
