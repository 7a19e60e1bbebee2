//! `bulk_assign_tasks`: the same people for every task, or tasks spread over people.

use std::cell::RefCell;
use std::collections::BTreeMap;

use projections::Id;
use serde_json::json;

use super::carry::{Bulk, plan};
use super::entity::{Mode, OnChanged};
use super::select::Selection;
use super::tools::Tasks;
use super::words;
use crate::kernel::arg::{In, Int, List, Patch, Str, WriteArgs};
use crate::kernel::identity::{Member, MemberStatus};
use crate::kernel::tool::object;
use crate::kernel::{Plan, Ref, Rejection, Row, View};
use crate::modules::tasks::Task;
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
        /// Give tasks or query.
        tasks: Option<Tasks>,
        /// project:OPS state:"To do" label:bug words
        query: Option<Str<1, 1000>>,
        expected_count: Option<Int<1, 500>>,
        assignees: Option<Patch<Str<1, 200>>>,
        /// Among whom says `among`; each task gets one of them.
        distribute: Distribute = Distribute::None,
        among: Option<List<Ref<Member>, 1, 50>>,
        mode: Mode = Mode::AllOrNothing,
        /// Since the preview.
        on_changed: OnChanged = OnChanged::Skip,
        write: In<WriteArgs>,
    }
}

/// `bulk_assign_tasks`.
pub fn assign(args: BulkAssign, view: &View<'_>) -> Result<Plan, Rejection> {
    let spread = args.distribute != Distribute::None;
    if spread == args.assignees.is_some() {
        return Err(Rejection::argument(
            "assignees",
            "or distribute must be given: exactly one of the two",
        ));
    }
    let people = if spread { among(&args, view)? } else { Vec::new() };
    let load: RefCell<BTreeMap<Id<Member>, usize>> = RefCell::new(
        people
            .iter()
            .map(|member| (member.id, open_tasks(view, member.id)))
            .collect(),
    );
    let before = load.borrow().clone();
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
            },
            mode: args.mode,
            on_changed: args.on_changed,
            args: &|place, task| {
                let patch = match &args.assignees {
                    Some(patch) => words::patch(patch),
                    None => json!({"set": [chosen(args.distribute, &people, place, task, &load)]}),
                };
                Ok(Some(object(json!({"assignees": patch}))))
            },
        },
    )?;
    let after = load.into_inner();
    let told = people.iter().map(|member| {
        json!({
            "member": moves::who(view, member.id), "openTasks": {"before": before.get(&member.id), "after": after.get(&member.id)},
            "capacityHoursPerWeek": member.capacity_hours_per_week, "outOfOffice": member.out_of_office,
        })
    });
    made.detail("load", told.collect::<Vec<_>>());
    Ok(made)
}

type People<'a> = Vec<&'a std::sync::Arc<Row<Member>>>;

/// Those who can be given something: active, and not away today.
fn among<'a>(args: &BulkAssign, view: &View<'a>) -> Result<People<'a>, Rejection> {
    let named = args.among.iter().flat_map(|among| among.iter());
    let mut people: People<'a> = named.map(|member| view.resolve(member)).collect::<Result<_, _>>()?;
    let today = view.today();
    let is_away = |member: &Member| {
        member
            .out_of_office
            .as_ref()
            .is_some_and(|away| (away.from..=away.to).contains(&today))
    };
    people.retain(|member| member.status == MemberStatus::Active && !is_away(member));
    if people.is_empty() {
        return Err(
            Rejection::new("distribution_empty", "nobody in `among` is active and here today")
                .field("among")
                .hint("name somebody who is, or assign without distribute"),
        );
    }
    Ok(people)
}

fn open_tasks(view: &View<'_>, member: Id<Member>) -> usize {
    let tasks = view.find::<Task>("assignee", &member.to_string());
    let open = tasks.filter(|task| task.deleted_at.is_none());
    open.filter(|task| view.get(task.state).is_some_and(|state| !state.category.is_final()))
        .count()
}

/// Who gets a task; counted as a load of theirs.
fn chosen(
    how: Distribute,
    people: &People<'_>,
    place: usize,
    task: &Row<Task>,
    load: &RefCell<BTreeMap<Id<Member>, usize>>,
) -> String {
    let mut load = load.borrow_mut();
    let next = match how {
        Distribute::LeastLoaded => people.iter().min_by_key(|member| load.get(&member.id).copied()),
        _ => people.get(place % people.len().max(1)),
    };
    let Some(member) = next else { return String::new() };
    for held in &task.assignees {
        if let Some(count) = load.get_mut(held) {
            *count = count.saturating_sub(1);
        }
    }
    *load.entry(member.id).or_default() += 1;
    member.id.to_string()
}
