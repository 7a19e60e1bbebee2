//! Creating tasks.

use std::sync::Arc;

use projections::Id;
use serde_json::json;

use super::entity::{ChecklistItem, Priority, Source, Task, TaskType};
use super::read::resolve_state;
use super::similar;
use crate::args;
use crate::kernel::arg::{Date, Dec, In, JsonObject, List, Md, Str, WriteArgs};
use crate::kernel::identity::{Member, MemberStatus};
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};
use crate::modules::labels::Label;
use crate::modules::projects::{Project, writable};
use crate::modules::workflows::{Category, State, states_of, workflow_of};

/// How deep tasks may stand in tasks.
const DEPTH_MAX: usize = 5;

args! {
    /// Arguments of `create_task`.
    pub struct CreateTask {
        /// Its project.
        project: Ref<Project>,
        /// What to do, in a line.
        title: Str<1, 300>,
        /// What to do, Markdown.
        description: Option<Md<65536>>,
        /// What kind of work.
        r#type: TaskType = TaskType::Task,
        /// Where it begins; the workflow's first state where left out.
        state: Option<Ref<State>>,
        /// How pressing.
        priority: Priority = Priority::Medium,
        /// Who does it.
        assignees: Option<List<Ref<Member>, 0, 10>>,
        /// The task it is part of.
        parent: Option<Ref<Task>>,
        /// Its labels; unknown ones are created with it, and the preview says so.
        labels: Option<List<Ref<Label>, 0, 30>>,
        /// Estimated work.
        estimate: Option<Dec>,
        /// First day.
        start_date: Option<Date>,
        /// Day it is due.
        due_date: Option<Date>,
        /// Needs module Sprints.
        sprint: Option<Str<1, 200>>,
        /// Needs module Milestones.
        milestone: Option<Str<1, 200>>,
        /// Needs module Custom fields.
        custom_fields: Option<JsonObject>,
        /// Things to tick off.
        checklist: Option<List<Str<1, 300>, 0, 100>>,
        /// Needs module Dependencies.
        blocked_by: Option<List<Ref<Task>, 0, 20>>,
        /// Its identifier in another system; unique.
        external_id: Option<Str<1, 200>>,
        write: In<WriteArgs>,
    }
}

/// `create_task`.
pub fn create(args: CreateTask, view: &View<'_>) -> Result<Plan, Rejection> {
    let later = [
        (args.sprint.is_some(), "sprint", "Sprints"),
        (args.milestone.is_some(), "milestone", "Milestones"),
        (args.custom_fields.is_some(), "customFields", "Custom fields"),
        (args.blocked_by.is_some(), "blockedBy", "Dependencies"),
    ];
    if let Some((_, field, module)) = later.into_iter().find(|(given, ..)| *given) {
        return Err(Rejection::not_yet(field, module));
    }
    let project = view.resolve(&args.project)?;
    writable(project)?;
    check_dates(args.start_date.map(|day| day.0), args.due_date.map(|day| day.0))?;
    let state = initial(view, project, args.state.as_ref())?;
    let parent = args
        .parent
        .as_ref()
        .map(|parent| parent_in(view, project, parent))
        .transpose()?;
    free_external_id(view, args.external_id.as_deref())?;
    let assignees = people(view, project, args.assignees.as_deref().unwrap_or_default())?;
    let mut plan = Plan::new(String::new());
    let labels = labels(&mut plan, view, project, args.labels.as_deref().unwrap_or_default())?;
    let number = project.task_seq + 1;
    let lines = args.checklist.iter().flat_map(|list| list.iter());
    let task = Task {
        project: project.id,
        project_key: project.key.clone(),
        number,
        r#type: args.r#type,
        title: args.title.0.clone(),
        description: args.description.map(|text| text.0).unwrap_or_default(),
        state,
        priority: args.priority,
        assignees,
        reporter: view.caller.member,
        parent,
        labels,
        estimate: args.estimate.map(|estimate| estimate.0),
        remaining: args.estimate.map(|estimate| estimate.0),
        start_date: args.start_date.map(|day| day.0),
        due_date: args.due_date.map(|day| day.0),
        checklist: (1..)
            .zip(lines)
            .map(|(id, line)| ChecklistItem {
                id,
                text: line.0.clone(),
                done: false,
            })
            .collect(),
        source: args.external_id.map(|id| Source {
            system: "external".to_owned(),
            external_id: id.0,
        }),
        rank: rank(number),
        ..Task::default()
    };
    plan.detail("nextKey", task.human_key());
    plan.detail("state", view.get(state).map(|state| state.name.clone()));
    if view.is_shown {
        plan.detail("similar", similar::similar(view, project, &task.title));
    }
    plan.summary = format!(
        "Create {} in {}: \"{}\"",
        task.r#type,
        project.key,
        text::clip(&task.title, 80)
    );
    put(&mut plan, view, project, task)?;
    Ok(plan)
}

/// Adds a new task to a plan, with the project's counter and the plan's result.
pub(super) fn put(plan: &mut Plan, view: &View<'_>, project: &Arc<Row<Project>>, task: Task) -> Result<(), Rejection> {
    let id = view.new_id::<Task>();
    let (key, title, number) = (task.human_key(), task.title.clone(), task.number);
    plan.create("task.created", id, task)?;
    plan.edit("project.counted", project, |project| project.task_seq = number)?;
    plan.result = json!({"id": id.to_string(), "key": key, "title": title, "version": 1});
    Ok(())
}

/// A rank that sorts by number; ranks between two are made by halving.
pub fn rank(number: u64) -> String {
    format!("{number:012}")
}

/// Start before due.
pub fn check_dates(start: Option<jiff::civil::Date>, due: Option<jiff::civil::Date>) -> Result<(), Rejection> {
    match (start, due) {
        (Some(start), Some(due)) if start > due => Err(Rejection::new(
            "dates_inverted",
            format!("the first day {start} is after the due date {due}"),
        )
        .field("startDate")
        .hint("give a start that is not after the due date")),
        _ => Ok(()),
    }
}

pub(super) fn initial(
    view: &View<'_>,
    project: &Arc<Row<Project>>,
    wanted: Option<&Ref<State>>,
) -> Result<Id<State>, Rejection> {
    let workflow = workflow_of(view, Some(project))?;
    let states = states_of(view, workflow.id);
    let Some(wanted) = wanted else {
        let first = states.iter().find(|state| state.initial).or(states.first());
        return first
            .map(|state| state.id)
            .ok_or_else(|| Rejection::new("unavailable", "the workflow has no states"));
    };
    let id = resolve_state(view, wanted, Some(project))?;
    let begins =
        |state: &&&Arc<Row<State>>| state.initial || matches!(state.category, Category::Backlog | Category::Unstarted);
    if states.iter().filter(begins).any(|state| state.id == id) {
        return Ok(id);
    }
    let names = states.iter().filter(begins).map(|state| state.name.clone());
    Err(Rejection::new("state_not_initial", "a task cannot begin in this state")
        .field("state")
        .allowed(names)
        .hint("create it in an allowed state, then move it with move_task"))
}

fn parent_in(view: &View<'_>, project: &Row<Project>, parent: &Ref<Task>) -> Result<Id<Task>, Rejection> {
    let row = view.resolve(parent)?;
    if row.project != project.id {
        return Err(Rejection::argument(&parent.path, "must be in the same project"));
    }
    too_deep(view, row)?;
    Ok(row.id)
}

/// Refuses a parent that stands so deep that nothing may stand in it.
pub fn too_deep(view: &View<'_>, parent: &Row<Task>) -> Result<(), Rejection> {
    let (mut depth, mut above) = (1, parent.parent);
    while let Some(row) = above.and_then(|id| view.get(id)) {
        (depth, above) = (depth + 1, row.parent);
        if depth >= DEPTH_MAX {
            return Err(Rejection::new(
                "depth_exceeded",
                format!(
                    "tasks may stand {DEPTH_MAX} deep, and {} is there already",
                    parent.human_key()
                ),
            ));
        }
    }
    Ok(())
}

fn free_external_id(view: &View<'_>, id: Option<&str>) -> Result<(), Rejection> {
    let taken = id.and_then(|id| view.find::<Task>("external", id).next());
    match taken {
        Some(task) => Err(Rejection::new(
            "duplicate_external_id",
            format!("{} has this external id already", task.human_key()),
        )
        .field("externalId")
        .current(json!({"key": task.human_key(), "id": task.id.to_string(), "title": task.title}))
        .next("get_task", json!({"task": task.human_key()}))),
        None => Ok(()),
    }
}

/// Active members who are in the project.
pub fn people(view: &View<'_>, project: &Row<Project>, given: &[Ref<Member>]) -> Result<Vec<Id<Member>>, Rejection> {
    let mut all = Vec::new();
    for reference in given {
        let row = view.resolve(reference)?;
        may_be_assigned(project, row).map_err(|no| no.field(reference.path.clone()))?;
        if !all.contains(&row.id) {
            all.push(row.id);
        }
    }
    Ok(all)
}

/// Whether somebody may be given a task of a project.
pub fn may_be_assigned(project: &Row<Project>, row: &Row<Member>) -> Result<(), Rejection> {
    if row.status != MemberStatus::Active {
        return Err(
            Rejection::new("member_inactive", format!("@{} is {}", row.handle, row.status))
                .hint("choose an active member"),
        );
    }
    if project.role_of(row.id).is_none() {
        return Err(Rejection::new(
            "not_project_member",
            format!("@{} is not in project {}", row.handle, project.key),
        )
        .hint("add them to the project first")
        .next(
            "update_project_members",
            json!({"project": project.key, "add": [{"member": format!("@{}", row.handle)}]}),
        ));
    }
    Ok(())
}

/// Labels by name; unknown names become new labels of the project, in the same plan.
pub(super) fn labels(
    plan: &mut Plan,
    view: &View<'_>,
    project: &Row<Project>,
    given: &[Ref<Label>],
) -> Result<Vec<Id<Label>>, Rejection> {
    let (mut all, mut fresh): (Vec<Id<Label>>, Vec<String>) = (Vec::new(), Vec::new());
    for reference in given {
        let found = view.resolve_among(reference, |label| label.project.is_none_or(|of| of == project.id));
        let id = match found {
            Ok(row) => row.id,
            Err(no)
                if no.code == "not_found"
                    && !reference.text.starts_with("lbl_")
                    && reference.text.chars().count() <= 50 =>
            {
                let id = view.new_id::<Label>();
                plan.create(
                    "label.created",
                    id,
                    Label {
                        name: reference.text.clone(),
                        project: Some(project.id),
                        ..Label::default()
                    },
                )?;
                fresh.push(reference.text.clone());
                id
            }
            Err(no) => return Err(no),
        };
        if !all.contains(&id) {
            all.push(id);
        }
    }
    if !fresh.is_empty() {
        plan.warn(format!(
            "{} would be created: {}",
            text::count(fresh.len(), "label"),
            fresh.join(", ")
        ));
        plan.detail("newLabels", fresh);
    }
    Ok(all)
}
