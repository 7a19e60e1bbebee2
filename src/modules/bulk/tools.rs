//! The four tools: what each asks of the single tool for one task.

use serde_json::{Map, Value, json};

use super::carry::{Bulk, plan};
use super::entity::{Mode, OnChanged};
use super::select::Selection;
use super::words;
use crate::kernel::arg::{Clear, Date, Dec, In, Int, JsonObject, List, Patch, Str, WriteArgs};
use crate::kernel::tool::object;
use crate::kernel::{Plan, Ref, Rejection, View};
use crate::modules::projects::Project;
use crate::modules::tasks::{Priority, Task, TaskType};
use crate::modules::workflows::State;
use crate::{args, choice};

/// The argument of a selection by name.
pub type Tasks = List<Ref<Task>, 1, 500>;

args! {
    /// Arguments of `bulk_move_tasks`.
    pub struct BulkMove {
        /// Give tasks or query.
        tasks: Option<Tasks>,
        /// project:OPS state:"To do" label:bug words
        query: Option<Str<1, 1000>>,
        expected_count: Option<Int<1, 500>>,
        to_state: Option<Ref<State>>,
        /// Not yet.
        to_project: Option<Ref<Project>>,
        /// Needs module Sprints.
        to_sprint: Option<Clear<Str<1, 200>>>,
        /// Needs module Milestones.
        to_milestone: Option<Clear<Str<1, 200>>>,
        /// Needs module Custom fields.
        fields: Option<JsonObject>,
        /// For toProject.
        mapping: Option<JsonObject>,
        mode: Mode = Mode::AllOrNothing,
        /// Since the preview.
        on_changed: OnChanged = OnChanged::Skip,
        write: In<WriteArgs>,
    }
}

/// `bulk_move_tasks`.
pub fn move_tasks(args: BulkMove, view: &View<'_>) -> Result<Plan, Rejection> {
    for (given, field, module) in [
        (
            args.to_project.is_some(),
            "toProject",
            "Tasks (moving to another project)",
        ),
        (args.mapping.is_some(), "mapping", "Tasks (moving to another project)"),
        (args.to_sprint.is_some(), "toSprint", "Sprints"),
        (args.to_milestone.is_some(), "toMilestone", "Milestones"),
        (args.fields.is_some(), "fields", "Custom fields"),
    ] {
        if given {
            return Err(Rejection::not_yet(field, module));
        }
    }
    let to = args
        .to_state
        .as_ref()
        .ok_or_else(|| Rejection::argument("toState", "is required"))?;
    let single = object(json!({"to": to.text}));
    plan(
        view,
        &Bulk {
            kind: "bulk_move_tasks",
            single: "move_task",
            summary: &|tasks| format!("Move {tasks} to {}", to.text),
            selection: Selection {
                tasks: args.tasks.as_ref(),
                query: args.query.as_ref(),
                expected: args.expected_count,
            },
            mode: args.mode,
            on_changed: args.on_changed,
            args: &|_, _| Ok(Some(single.clone())),
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
        /// Moves both days of each.
        shift_days: Option<Int<-3650, 3650>>,
        estimate: Option<Clear<Dec>>,
        /// Needs module Sprints.
        sprint: Option<Clear<Str<1, 200>>>,
        /// Needs module Milestones.
        milestone: Option<Clear<Str<1, 200>>>,
        parent: Option<Clear<Ref<Task>>>,
    }
}

args! {
    /// Arguments of `bulk_update_tasks`.
    pub struct BulkUpdate {
        /// Give tasks or query.
        tasks: Option<Tasks>,
        /// project:OPS state:"To do" label:bug words
        query: Option<Str<1, 1000>>,
        expected_count: Option<Int<1, 500>>,
        set: Option<SetArgs>,
        labels: Option<Patch<Str<1, 200>>>,
        /// Needs module Custom fields.
        custom_fields: Option<JsonObject>,
        watchers: Option<Patch<Str<1, 200>>>,
        mode: Mode = Mode::AllOrNothing,
        /// Since the preview.
        on_changed: OnChanged = OnChanged::Skip,
        write: In<WriteArgs>,
    }
}

/// `bulk_update_tasks`.
pub fn update(args: BulkUpdate, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.custom_fields.is_some() {
        return Err(Rejection::not_yet("customFields", "Custom fields"));
    }
    let mut single = args.set.as_ref().map(words::set).transpose()?.unwrap_or_default();
    for (name, patch) in [("labels", &args.labels), ("watchers", &args.watchers)] {
        if let Some(patch) = patch {
            single.insert(name.to_owned(), words::patch(patch));
        }
    }
    let shift = args
        .set
        .as_ref()
        .and_then(|set| set.shift_days)
        .map(|days| days.0)
        .filter(|days| *days != 0);
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
            summary: &|tasks| format!("Change {} of {tasks}", named.join(", ")),
            selection: Selection {
                tasks: args.tasks.as_ref(),
                query: args.query.as_ref(),
                expected: args.expected_count,
            },
            mode: args.mode,
            on_changed: args.on_changed,
            args: &|_, task| {
                let mut own = single.clone();
                if let Some(days) = shift {
                    words::shifted(&mut own, task, days)?;
                }
                Ok(Some(own).filter(|own| !own.is_empty()))
            },
        },
    )
}

choice! {
    /// What becomes of subtasks.
    pub enum Below {
        /// A task with some is refused.
        Refuse = "refuse",
        /// They are deleted too.
        Cascade = "cascade",
        /// They move up.
        Promote = "promote",
    }
}

args! {
    /// Arguments of `bulk_delete_tasks`.
    pub struct BulkDelete {
        /// Give tasks or query.
        tasks: Option<Tasks>,
        /// project:OPS state:"To do" label:bug words
        query: Option<Str<1, 1000>>,
        expected_count: Int<1, 500>,
        subtasks: Below = Below::Refuse,
        mode: Mode = Mode::AllOrNothing,
        /// Since the preview.
        on_changed: OnChanged = OnChanged::RefuseAll,
        write: In<WriteArgs>,
    }
}

/// `bulk_delete_tasks`.
pub fn delete(args: BulkDelete, view: &View<'_>) -> Result<Plan, Rejection> {
    let single: Map<String, Value> = object(json!({"subtasks": args.subtasks}));
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
            },
            mode: args.mode,
            on_changed: args.on_changed,
            args: &|_, _| Ok(Some(single.clone())),
        },
    )?;
    let deleted = made
        .changes
        .iter()
        .filter(|planned| planned.event == "task.deleted")
        .count();
    made.detail("withSubtasks", deleted);
    made.detail(
        "purgedAt",
        view.now
            .checked_add(jiff::SignedDuration::from_hours(24 * 30))
            .unwrap_or(view.now),
    );
    if view.is_shown {
        let touched = words::touched_by_others(view, &made)?;
        made.detail("touchedByOthers", touched);
    }
    Ok(made)
}
