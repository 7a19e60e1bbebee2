//! `get_team_workload`: what people have to do, and the time they have for it.

use std::sync::Arc;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::args;
use crate::choice;
use crate::kernel::arg::{self, In, ReadArgs};
use crate::kernel::authority::people_of;
use crate::kernel::identity::{Member, MemberStatus, Team};
use crate::kernel::tool::object;
use crate::kernel::{Ref, Rejection, Row, View, listing};
use crate::modules::projects::Project;
use crate::modules::tasks::Task;
use crate::modules::workflows::State;

choice! {
    /// What work is counted in.
    pub enum Unit {
        /// Hours of estimates.
        Hours = "hours",
        /// Points of estimates.
        Points = "points",
        /// Tasks.
        Tasks = "tasks",
    }
}

args! {
    /// Arguments of `get_team_workload`.
    pub struct GetTeamWorkload {
        /// Everybody where left out.
        team: Option<Ref<Team>>,
        project: Option<Ref<Project>>,
        /// First day; today where left out.
        from: Option<arg::Date>,
        /// Last day; a week on where left out.
        to: Option<arg::Date>,
        unit: Unit = Unit::Hours,
        read: In<ReadArgs>,
    }
}

/// What an answer holds.
pub const COLUMNS: [&str; 6] = ["team", "from", "to", "unit", "people", "unassigned"];
/// Hours in a week of somebody of whom nothing else is known.
const HOURS_A_WEEK: i64 = 40;
/// Longest time that is looked at, in days.
const DAYS_MAX: i32 = 366;

/// `get_team_workload`.
pub fn get(args: GetTeamWorkload, view: &View<'_>) -> Result<Value, Rejection> {
    let team = args.team.as_ref().map(|team| view.resolve(team)).transpose()?;
    let project = args
        .project
        .as_ref()
        .map(|project| view.resolve(project))
        .transpose()?
        .map(|row| row.id);
    let from = args.from.map_or_else(|| view.today(), |day| day.0);
    let to = args.to.map_or_else(|| from.saturating_add(6.days()), |day| day.0);
    if to < from || from.saturating_add(DAYS_MAX.days()) < to {
        return Err(Rejection::argument(
            "to",
            "must be on or after `from`, and within a year of it",
        ));
    }
    let people = match team {
        Some(team) => people_of(view.state, &team.org, team),
        None => view.rows::<Member>().map(|row| row.id).collect(),
    };
    let open = Open { view, project, to };
    let people = people
        .into_iter()
        .filter_map(|id| view.get(id))
        .filter(|row| row.status == MemberStatus::Active);
    let rows: Vec<Value> = people.map(|row| person(&open, row, (from, to), args.unit)).collect();
    let unassigned = open.all().filter(|task| task.assignees.is_empty());
    let item = object(json!({
        "team": team.map(|team| format!("@{}", team.handle)), "from": from, "to": to, "unit": args.unit,
        "people": rows, "unassigned": amount(unassigned, args.unit).shown(),
    }));
    let mut answer = listing::item(view, &args.read, item, &[], |_| Ok(None))?;
    if let Some(Value::Array(notices)) = answer.get_mut("notices") {
        notices.push("time is not tracked yet, so nothing is logged; working days are Monday to Friday".into());
    }
    Ok(answer)
}

/// The open tasks that count: of a project, due by a day or on no day.
struct Open<'v, 'a> {
    view: &'v View<'a>,
    project: Option<Id<Project>>,
    to: Date,
}

impl<'a> Open<'_, 'a> {
    fn counts(&self, task: &Row<Task>) -> bool {
        let state = self.view.get::<State>(task.state);
        task.deleted_at.is_none()
            && self.project.is_none_or(|project| task.project == project)
            && task.start_date.is_none_or(|day| day <= self.to)
            && state.is_some_and(|state| !state.category.is_final())
    }

    fn all(&self) -> impl Iterator<Item = &'a Arc<Row<Task>>> {
        self.view.rows::<Task>().filter(|task| self.counts(task))
    }

    fn of(&self, member: Id<Member>) -> impl Iterator<Item = &'a Arc<Row<Task>>> {
        let found = self.view.find::<Task>("assignee", &member.to_string());
        found.filter(|task| self.counts(task))
    }
}

/// Work: what is known of it, and how many tasks say nothing.
struct Amount {
    known: Decimal,
    tasks: usize,
    unknown: usize,
}

impl Amount {
    fn shown(&self) -> Value {
        json!({"amount": self.known, "tasks": self.tasks, "withoutEstimate": self.unknown})
    }
}

/// The work in tasks. What several people have in common counts whole for each of them.
fn amount<'t>(tasks: impl Iterator<Item = &'t Arc<Row<Task>>>, unit: Unit) -> Amount {
    let mut sum = Amount {
        known: Decimal::ZERO,
        tasks: 0,
        unknown: 0,
    };
    for task in tasks {
        sum.tasks += 1;
        match (unit, task.remaining.or(task.estimate)) {
            (Unit::Tasks, _) => sum.known = sum.known.saturating_add(Decimal::ONE),
            (_, Some(work)) => sum.known = sum.known.saturating_add(work),
            (_, None) => sum.unknown += 1,
        }
    }
    sum
}

fn person(open: &Open<'_, '_>, row: &Row<Member>, days: (Date, Date), unit: Unit) -> Value {
    let assigned = amount(open.of(row.id), unit);
    let (working, away) = working_days(row, days);
    let a_week = row.capacity_hours_per_week.unwrap_or_else(|| HOURS_A_WEEK.into());
    let capacity = (unit == Unit::Hours).then(|| (a_week * Decimal::from(working) / Decimal::from(5)).round_dp(2));
    json!({
        "member": format!("@{}", row.handle), "kind": row.kind, "capacity": capacity, "workingDays": working, "daysAway": away,
        "assigned": assigned.shown(), "over": capacity.map(|capacity| (assigned.known - capacity).max(Decimal::ZERO)),
        "free": capacity.map(|capacity| (capacity - assigned.known).max(Decimal::ZERO)),
    })
}

/// Working days that somebody is there, and those they are away.
fn working_days(row: &Row<Member>, (from, to): (Date, Date)) -> (u32, u32) {
    let is_away = |day: Date| {
        row.out_of_office
            .as_ref()
            .is_some_and(|away| (away.from..=away.to).contains(&day))
    };
    let mut days = (0, 0);
    for day in from.series(1.day()).take_while(|day| *day <= to) {
        if matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            continue;
        }
        if is_away(day) {
            days.1 += 1;
        } else {
            days.0 += 1;
        }
    }
    days
}
