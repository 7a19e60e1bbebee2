//! `bulk_assign_tasks`: the same people for every task, or tasks spread over people.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use projections::{FieldChange, Id};
use serde_json::{Value, json};

use super::carry::{Bulk, plan};
use super::entity::{Mode, OnChanged};
use super::item::Frozen;
use super::select::Selection;
use super::tools::Tasks;
use super::words;
use crate::kernel::arg::{In, Int, List, Patch, Str, WriteArgs};
use crate::kernel::identity::{Member, MemberStatus};
use crate::kernel::tool::object;
use crate::kernel::{Plan, Ref, Rejection, Row, View};
use crate::modules::tasks::{Task, open_tasks};
use crate::modules::workflows::moves;
use crate::{args, choice};

choice! {
    /// How tasks are spread over people.
    pub enum Distribute {
        /// They are not.
        None = "none",
        /// In turn.
        RoundRobin = "round_robin",
        /// To who has the fewest open ones.
        LeastLoaded = "least_loaded",
    }
}

args! {
    /// Arguments of `bulk_assign_tasks`.
    pub struct BulkAssign {
        tasks: Option<Tasks>,
        /// OQL: project = OPS and label = bug
        query: Option<Str<1, 1000>>,
        expected_count: Option<Int<1, 500>>,
        assignees: Option<Patch<Ref<Member>>>,
        /// Each task gets one of `among`.
        distribute: Distribute = Distribute::None,
        among: Option<List<Ref<Member>, 1, 50>>,
        mode: Mode = Mode::AllOrNothing,
        on_changed: OnChanged = OnChanged::Skip,
        write: In<WriteArgs>,
    }
}

/// `bulk_assign_tasks`.
pub fn assign(args: BulkAssign, view: &View<'_>) -> Result<Plan, Rejection> {
    let is_spread = args.distribute != Distribute::None;
    if is_spread == args.assignees.is_some() {
        let rule = "or distribute must be given: exactly one of the two";
        return Err(Rejection::argument("assignees", rule));
    }
    let named = |member: &Ref<Member>| view.resolve(member).map(|row| row.id.to_string());
    let patch = args.assignees.as_ref().map(|patch| words::patch(patch, named));
    let patch = patch.transpose()?;
    let spread = is_spread.then(|| Spread::among(&args, view)).transpose()?;
    let assignees = |task: &Row<Task>, item: &mut Frozen| match (&patch, &spread) {
        (Some(patch), _) => patch.clone(),
        (None, Some(spread)) => json!({"set": [spread.choose(view, task, item)]}),
        (None, None) => Value::Null,
    };
    let before = |task: &Row<Task>| task.assignees.iter().map(|id| moves::who(view, *id)).collect();
    let mut made = plan(
        view,
        &Bulk {
            kind: "bulk_assign_tasks",
            single: "assign_task",
            summary: &|tasks| format!("Assign {tasks}"),
            selection: Selection {
                tasks: args.tasks.as_ref(),
                query: args.query.as_ref(),
                expected: args.expected_count,
                is_from_above: false,
            },
            mode: args.mode,
            on_changed: args.on_changed,
            args: &|_, task, item| Ok(Some(object(json!({"assignees": assignees(task, item)})))),
            decide: None,
            before: Some(("before", &before)),
        },
    )?;
    if view.is_shown {
        let load = load(view, &made, spread.map(|spread| spread.before).unwrap_or_default());
        made.detail("load", load);
    }
    Ok(made)
}

/// People whom tasks are spread over.
struct Spread<'a> {
    how: Distribute,
    people: Vec<&'a Arc<Row<Member>>>,
    /// How many open tasks each has, those that were chosen for them included; and how many were.
    load: RefCell<BTreeMap<Id<Member>, (usize, usize)>>,
    /// How many each had, where that was counted.
    before: BTreeMap<Id<Member>, usize>,
}

impl<'a> Spread<'a> {
    /// Those who can be given something: active, and not away today.
    fn among(args: &BulkAssign, view: &View<'a>) -> Result<Self, Rejection> {
        let named = args.among.iter().flat_map(|among| among.iter());
        let mut people: Vec<&'a Arc<Row<Member>>> =
            named.map(|member| view.resolve(member)).collect::<Result<_, _>>()?;
        let today = view.today();
        people.retain(|member| {
            let away = member.out_of_office.as_ref();
            let is_away = away.is_some_and(|away| (away.from..=away.to).contains(&today));
            member.status == MemberStatus::Active && !is_away
        });
        if people.is_empty() {
            return Err(
                Rejection::new("distribution_empty", "nobody in `among` is active and here today")
                    .field("among")
                    .hint("name somebody who is, or assign without distribute"),
            );
        }
        // What a preview has chosen a confirmation keeps, so that nobody is counted there.
        let is_counted = view.is_shown && args.distribute == Distribute::LeastLoaded;
        let counted = people.iter().map(|member| member.id).filter(|_| is_counted);
        let before = open_tasks(view, counted);
        Ok(Self {
            how: args.distribute,
            people,
            load: RefCell::new(before.iter().map(|(id, open)| (*id, (*open, 0))).collect()),
            before,
        })
    }

    /// Who gets a task: somebody of its project where there is one, whom the preview chose where it did.
    fn choose(&self, view: &View<'_>, task: &Row<Task>, item: &mut Frozen) -> String {
        if let Some(known) = &item.chosen {
            return known.clone();
        }
        let project = view.get(task.project);
        let in_it = |member: &&&Arc<Row<Member>>| project.is_some_and(|project| project.role_of(member.id).is_some());
        let mut load = self.load.borrow_mut();
        let weight = |member: &&&Arc<Row<Member>>| {
            let (open, chosen) = load.get(&member.id).copied().unwrap_or_default();
            let own = usize::from(task.assignees.contains(&member.id));
            match self.how {
                Distribute::LeastLoaded => open.saturating_sub(own),
                _ => chosen,
            }
        };
        let next = self.people.iter().filter(in_it).min_by_key(weight);
        let Some(member) = next.or_else(|| self.people.iter().min_by_key(weight)) else {
            return String::new();
        };
        let id = member.id;
        for held in &task.assignees {
            if let Some((open, _)) = load.get_mut(held) {
                *open = open.saturating_sub(1);
            }
        }
        let (open, chosen) = load.entry(id).or_default();
        (*open, *chosen) = (*open + 1, *chosen + 1);
        let chosen = id.to_string();
        item.chosen = Some(chosen.clone());
        chosen
    }
}

/// Everybody who gets or loses something: open tasks before and after, against what they can do and when they are away.
/// `known` has what was counted already.
fn load(view: &View<'_>, plan: &Plan, mut known: BTreeMap<Id<Member>, usize>) -> Vec<Value> {
    let mut differences: BTreeMap<Id<Member>, i64> = BTreeMap::new();
    let is_open = |id: &str| {
        let task = id.parse().ok().and_then(|id| view.get::<Task>(id));
        let state = task.and_then(|task| view.get(task.state));
        state.is_some_and(|state| !state.category.is_final())
    };
    let open = plan.changes.iter().filter(|planned| is_open(&planned.change.id));
    for field in open.filter_map(|planned| planned.change.fields.get("assignees")) {
        let (before, after) = sides(field);
        for id in after.iter().filter(|id| !before.contains(id)) {
            *differences.entry(*id).or_default() += 1;
        }
        for id in before.iter().filter(|id| !after.contains(id)) {
            *differences.entry(*id).or_default() -= 1;
        }
    }
    let others = differences.keys().copied().filter(|id| !known.contains_key(id));
    let others = open_tasks(view, others.collect::<Vec<_>>());
    known.extend(others);
    let told = differences.into_iter().map(|(id, difference)| {
        let (open, row) = (known.get(&id).copied().unwrap_or_default(), view.get(id));
        let after = i64::try_from(open).unwrap_or(i64::MAX).saturating_add(difference);
        json!({
            "member": moves::who(view, id), "openTasks": {"before": open, "after": after},
            "capacityHoursPerWeek": row.and_then(|row| row.capacity_hours_per_week),
            "outOfOffice": row.and_then(|row| row.out_of_office.clone()),
        })
    });
    told.collect()
}

fn sides(field: &FieldChange) -> (Vec<Id<Member>>, Vec<Id<Member>>) {
    let read = |side: &Option<Box<serde_json::value::RawValue>>| {
        let ids = side.as_ref().and_then(|text| serde_json::from_str(text.get()).ok());
        ids.unwrap_or_default()
    };
    (read(&field.from), read(&field.to))
}
