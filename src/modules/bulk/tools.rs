//! Moving, changing and deleting: what each asks of the single tool for one task.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::carry::{Asking, Bulk, Deciding, plan};
use super::entity::{Mode, OnChanged};
use super::mapping::Mapping;
use super::select::Selection;
use super::transfer::transfer;
use super::words;
use crate::args;
use crate::kernel::arg::{Clear, Date, Dec, In, Int, JsonObject, List, Patch, Str, WriteArgs};
use crate::kernel::identity::Member;
use crate::kernel::tool::object;
use crate::kernel::{Plan, Ref, Rejection, Row, View};
use crate::modules::labels::Label;
use crate::modules::projects::Project;
use crate::modules::tasks::{Priority, Subtasks, Task, TaskType};
use crate::modules::workflows::State;

/// The argument of a selection by name.
pub type Tasks = List<Ref<Task>, 1, 500>;

/// How long what is deleted can be brought back.
const KEPT: Duration = Duration::from_hours(30 * 24);

args! {
    /// Arguments of `bulk_move_tasks`.
    pub struct BulkMove {
        tasks: Option<Tasks>,
        /// OQL: project = OPS and label = bug
        query: Option<Str<1, 1000>>,
        expected_count: Option<Int<1, 500>>,
        to_state: Option<Ref<State>>,
        to_project: Option<Ref<Project>>,
        to_sprint: Option<Clear<Str<1, 200>>>,
        to_milestone: Option<Clear<Str<1, 200>>>,
        fields: Option<JsonObject>,
        mapping: Option<JsonObject>,
        mode: Mode = Mode::AllOrNothing,
        on_changed: OnChanged = OnChanged::Skip,
        write: In<WriteArgs>,
    }
}

/// `bulk_move_tasks`.
pub fn move_tasks(args: BulkMove, view: &View<'_>) -> Result<Plan, Rejection> {
    for (given, field, module) in [
        (args.to_sprint.is_some(), "toSprint", "Sprints"),
        (args.to_milestone.is_some(), "toMilestone", "Milestones"),
        (args.fields.is_some(), "fields", "Custom fields"),
    ] {
        if given {
            return Err(Rejection::not_yet(field, module));
        }
    }
    if args.mapping.is_some() && args.to_project.is_none() {
        return Err(Rejection::argument("mapping", "is for toProject only"));
    }
    match (&args.to_state, &args.to_project) {
        (Some(state), None) => to_state(&args, state, view),
        (None, Some(project)) => to_project(&args, project, view),
        (Some(_), Some(_)) => {
            let rule = "must be left out with toProject: move them to the project first, then along its workflow";
            Err(Rejection::argument("toState", rule))
        }
        (None, None) => Err(Rejection::argument("toState", "or toProject is required")),
    }
}

fn to_state(args: &BulkMove, to: &Ref<State>, view: &View<'_>) -> Result<Plan, Rejection> {
    words::known(view, to)?;
    let single = object(json!({"to": to.text}));
    moved(args, view, &to.text, &|_, _, _| Ok(Some(single.clone())), None)
}

fn to_project(args: &BulkMove, to: &Ref<Project>, view: &View<'_>) -> Result<Plan, Rejection> {
    let (to, mapping) = (view.resolve(to)?, Mapping::of(args.mapping.as_ref())?);
    let decide = |args: Map<String, Value>, view: &View<'_>| {
        let task = args.get("task").and_then(Value::as_str).unwrap_or_default();
        transfer(view, view.resolve(&Ref::new(task, "task"))?, to.id, &mapping)
    };
    moved(args, view, &to.key, &|_, _, _| Ok(Some(Map::new())), Some(&decide))
}

fn moved(
    args: &BulkMove,
    view: &View<'_>,
    to: &str,
    asking: &Asking<'_>,
    decide: Option<&Deciding<'_>>,
) -> Result<Plan, Rejection> {
    let before = |task: &Row<Task>| json!(view.get(task.state).map(|state| state.name.clone()));
    plan(
        view,
        &Bulk {
            kind: "bulk_move_tasks",
            single: "move_task",
            summary: &|tasks| format!("Move {tasks} to {to}"),
            selection: Selection {
                tasks: args.tasks.as_ref(),
                query: args.query.as_ref(),
                expected: args.expected_count,
                is_from_above: decide.is_some(),
            },
            mode: args.mode,
            on_changed: args.on_changed,
            args: asking,
            decide,
            before: Some(("from", &before)),
        },
    )
}

args! {
    /// What is set on every task.
    pub struct SetArgs {
        priority: Option<Priority>,
        r#type: Option<TaskType>,
        due_date: Option<Clear<Date>>,
        start_date: Option<Clear<Date>>,
        shift_days: Option<Int<-3650, 3650>>,
        estimate: Option<Clear<Dec>>,
        sprint: Option<Clear<Str<1, 200>>>,
        milestone: Option<Clear<Str<1, 200>>>,
        parent: Option<Clear<Ref<Task>>>,
    }
}

args! {
    /// Arguments of `bulk_update_tasks`.
    pub struct BulkUpdate {
        tasks: Option<Tasks>,
        /// OQL: project = OPS and label = bug
        query: Option<Str<1, 1000>>,
        expected_count: Option<Int<1, 500>>,
        set: Option<SetArgs>,
        labels: Option<Patch<Ref<Label>>>,
        custom_fields: Option<JsonObject>,
        watchers: Option<Patch<Ref<Member>>>,
        mode: Mode = Mode::AllOrNothing,
        on_changed: OnChanged = OnChanged::Skip,
        write: In<WriteArgs>,
    }
}

/// What is asked of `update_task` for every task, but for days that are shifted.
fn wanted(args: &BulkUpdate, view: &View<'_>) -> Result<Map<String, Value>, Rejection> {
    if args.custom_fields.is_some() {
        return Err(Rejection::not_yet("customFields", "Custom fields"));
    }
    let set = args.set.as_ref().map(|set| words::set(view, set)).transpose()?;
    let mut wanted = set.unwrap_or_default();
    if let Some(patch) = &args.labels {
        // A label of one project may be called as one of another.
        let named = |label: &Ref<Label>| words::known(view, label).map(|()| label.text.clone());
        wanted.insert("labels".to_owned(), words::patch(patch, named)?);
    }
    if let Some(patch) = &args.watchers {
        let named = |member: &Ref<Member>| view.resolve(member).map(|row| row.id.to_string());
        wanted.insert("watchers".to_owned(), words::patch(patch, named)?);
    }
    Ok(wanted)
}

/// `bulk_update_tasks`.
pub fn update(args: BulkUpdate, view: &View<'_>) -> Result<Plan, Rejection> {
    let single = wanted(&args, view)?;
    let shift = args.set.as_ref().and_then(|set| set.shift_days);
    let shift = shift.map(|days| days.0).filter(|days| *days != 0);
    if single.is_empty() && shift.is_none() {
        return Err(
            Rejection::new("nothing_to_set", "nothing is said that would change a task")
                .field("set")
                .hint("give set, labels or watchers"),
        );
    }
    let named = words::names(&single, shift.is_some());
    plan(
        view,
        &Bulk {
            kind: "bulk_update_tasks",
            single: "update_task",
            summary: &|tasks| format!("Change {named} of {tasks}"),
            selection: Selection {
                tasks: args.tasks.as_ref(),
                query: args.query.as_ref(),
                expected: args.expected_count,
                is_from_above: false,
            },
            mode: args.mode,
            on_changed: args.on_changed,
            args: &|_, task, _| {
                let mut own = single.clone();
                if let Some(days) = shift {
                    words::shift(&mut own, task, days)?;
                }
                Ok(Some(own).filter(|own| !own.is_empty()))
            },
            decide: None,
            before: None,
        },
    )
}

args! {
    /// Arguments of `bulk_delete_tasks`.
    pub struct BulkDelete {
        tasks: Option<Tasks>,
        /// OQL: project = OPS and label = bug
        query: Option<Str<1, 1000>>,
        expected_count: Int<1, 500>,
        subtasks: Subtasks = Subtasks::Refuse,
        mode: Mode = Mode::AllOrNothing,
        on_changed: OnChanged = OnChanged::RefuseAll,
        write: In<WriteArgs>,
    }
}

/// `bulk_delete_tasks`.
pub fn delete(args: BulkDelete, view: &View<'_>) -> Result<Plan, Rejection> {
    let single = object(json!({"subtasks": args.subtasks}));
    let mut made = plan(
        view,
        &Bulk {
            kind: "bulk_delete_tasks",
            single: "delete_task",
            summary: &|tasks| format!("Delete {tasks}"),
            selection: Selection {
                tasks: args.tasks.as_ref(),
                query: args.query.as_ref(),
                expected: Some(args.expected_count),
                is_from_above: false,
            },
            mode: args.mode,
            on_changed: args.on_changed,
            args: &|_, _, _| Ok(Some(single.clone())),
            decide: None,
            before: None,
        },
    )?;
    if view.is_shown {
        let deleted = made.changes.iter().filter(|planned| planned.event == "task.deleted");
        let deleted = deleted.count();
        let touched = words::touched_by_others(view, &made)?;
        made.detail("withSubtasks", deleted);
        made.detail("purgedAt", view.now.checked_add(KEPT).unwrap_or(view.now));
        made.detail("touchedByOthers", touched);
    }
    made.risk = Some(crate::kernel::Risk::High);
    Ok(made)
}
