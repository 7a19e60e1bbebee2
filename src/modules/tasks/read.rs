//! Looking at tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::entity::{Priority, Task, TaskType};
use crate::kernel::arg::{Date, In, JsonObject, List, PageArgs, ReadArgs, Str, Ts};
use crate::kernel::identity::Member;
use crate::kernel::listing::{self, Item, Listing};
use crate::kernel::tool::object;
use crate::kernel::{Ref, Rejection, Row, View, record_view, text};
use crate::modules::comments::Comment;
use crate::modules::labels::Label;
use crate::modules::projects::Project;
use crate::modules::workflows::{Category, State, moves, states_of, workflow_of};
use crate::{args, choice};

choice! {
    /// What to count by.
    pub enum GroupBy {
        /// State.
        State = "state",
        /// Assignee.
        Assignee = "assignee",
        /// Priority.
        Priority = "priority",
        /// Label.
        Label = "label",
        /// Sprint.
        Sprint = "sprint",
        /// Milestone.
        Milestone = "milestone",
        /// Type.
        Type = "type",
    }
}

args! {
    /// Arguments of `list_tasks`.
    pub struct ListTasks {
        /// Only of this project.
        project: Option<Ref<Project>>,
        /// Words in title or key.
        q: Option<Str<1, 200>>,
        /// OQL; needs saved views.
        query: Option<Str<1, 1000>>,
        /// Only in these states.
        state: Option<List<Ref<State>, 0, 50>>,
        /// Only in states of these categories.
        category: Option<List<Category, 0, 5>>,
        /// Only of this member; @none for nobody's.
        assignee: Option<Ref<Member>>,
        /// Only reported by this member.
        reporter: Option<Ref<Member>>,
        /// Only of these types.
        r#type: Option<List<TaskType, 0, 5>>,
        /// Only of these priorities.
        priority: Option<List<Priority, 0, 4>>,
        /// Only with all these labels.
        labels: Option<List<Ref<Label>, 0, 30>>,
        /// Only parts of this task.
        parent: Option<Ref<Task>>,
        /// Needs the module Sprints.
        sprint: Option<Str<1, 200>>,
        /// Needs the module Milestones.
        milestone: Option<Str<1, 200>>,
        /// Due on or after.
        due_from: Option<Date>,
        /// Due on or before.
        due_to: Option<Date>,
        /// Only open ones past their due date.
        overdue: Option<bool>,
        /// Needs the module Dependencies.
        blocked: Option<bool>,
        /// Needs the module Dependencies.
        claimed: Option<bool>,
        /// Changed since.
        updated_since: Option<Ts>,
        /// Needs the module Custom fields.
        custom_fields: Option<JsonObject>,
        /// Count by this; items only with an explicit limit.
        group_by: Option<GroupBy>,
        page: In<PageArgs>,
    }
}

args! {
    /// Arguments of `get_task`.
    pub struct GetTask {
        /// The task.
        task: Ref<Task>,
        /// Where to go on in its comments.
        comments_cursor: Option<Str<1, 200>>,
        read: In<ReadArgs>,
    }
}

/// What a listed task shows.
pub const COLUMNS: [&str; 10] = [
    "id",
    "key",
    "title",
    "state",
    "category",
    "assignees",
    "priority",
    "dueDate",
    "labels",
    "updatedAt",
];

const COMMENTS_PER_PAGE: usize = 20;

fn refuse_later(args: &ListTasks) -> Result<(), Rejection> {
    let later = [
        (args.query.is_some(), "query", "Search (saved views)"),
        (args.sprint.is_some(), "sprint", "Sprints"),
        (args.milestone.is_some(), "milestone", "Milestones"),
        (args.blocked.is_some(), "blocked", "Dependencies"),
        (args.claimed.is_some(), "claimed", "Dependencies"),
        (args.custom_fields.is_some(), "customFields", "Custom fields"),
        (args.group_by == Some(GroupBy::Sprint), "groupBy", "Sprints"),
        (args.group_by == Some(GroupBy::Milestone), "groupBy", "Milestones"),
    ];
    match later.into_iter().find(|(given, ..)| *given) {
        Some((_, field, module)) => Err(Rejection::not_yet(field, module)),
        None => Ok(()),
    }
}

/// `list_tasks`.
pub fn list(args: ListTasks, view: &View<'_>) -> Result<Value, Rejection> {
    refuse_later(&args)?;
    let found = matching(&args, view)?;
    if let Some(by) = args.group_by {
        let groups = groups(view, &found, by);
        return Ok(listing::finish(
            view,
            json!({"items": [], "groups": groups, "page": {"nextCursor": null, "hasMore": false, "total": found.len()}}),
            Vec::new(),
        ));
    }
    let items = found.into_iter().map(|task| shown(view, task)).collect();
    Listing::new(view, &args.page, &COLUMNS, "-updatedAt").answer(items)
}

fn matching<'a>(args: &ListTasks, view: &View<'a>) -> Result<Vec<&'a Arc<Row<Task>>>, Rejection> {
    let project = args
        .project
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?;
    let nobody = args
        .assignee
        .as_ref()
        .is_some_and(|reference| reference.text == "@none");
    let assignee = args
        .assignee
        .as_ref()
        .filter(|_| !nobody)
        .map(|reference| view.resolve(reference))
        .transpose()?
        .map(|row| row.id);
    let reporter = args
        .reporter
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?
        .map(|row| row.id);
    let parent = args
        .parent
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?
        .map(|row| row.id);
    let labels = args
        .labels
        .iter()
        .flat_map(|list| list.iter())
        .map(|label| view.resolve(label).map(|row| row.id))
        .collect::<Result<Vec<_>, _>>()?;
    let states = args
        .state
        .iter()
        .flat_map(|list| list.iter())
        .map(|state| resolve_state(view, state, project))
        .collect::<Result<Vec<_>, _>>()?;
    let (words, today) = (args.q.as_ref().map(|q| text::fold(q)), view.today());
    let category = |task: &Task| view.get(task.state).map(|state| state.category).unwrap_or_default();
    let within = |list: &Option<List<Category, 0, 5>>, task: &Task| {
        list.as_ref().is_none_or(|list| list.contains(&category(task)))
    };
    let fits = |task: &&Arc<Row<Task>>| {
        task.deleted_at.is_none()
            && project.is_none_or(|row| row.id == task.project)
            && (!nobody || task.assignees.is_empty())
            && assignee.is_none_or(|id| task.assignees.contains(&id))
            && reporter.is_none_or(|id| task.reporter == id)
            && parent.is_none_or(|id| task.parent == Some(id))
            && labels.iter().all(|label| task.labels.contains(label))
            && (states.is_empty() || states.contains(&task.state))
            && within(&args.category, task)
            && args.r#type.as_ref().is_none_or(|list| list.contains(&task.r#type))
            && args.priority.as_ref().is_none_or(|list| list.contains(&task.priority))
            && args
                .due_from
                .is_none_or(|day| task.due_date.is_some_and(|due| due >= day.0))
            && args
                .due_to
                .is_none_or(|day| task.due_date.is_some_and(|due| due <= day.0))
            && args.overdue.is_none_or(|wanted| {
                wanted == (task.due_date.is_some_and(|due| due < today) && !category(task).is_final())
            })
            && args.updated_since.is_none_or(|since| task.updated_at >= since.0)
            && words.as_ref().is_none_or(|words| {
                text::fold(&format!("{} {}", task.human_key(), task.title)).contains(words.as_str())
            })
    };
    Ok(match (assignee, project) {
        (Some(id), _) => view.find::<Task>("assignee", &id.to_string()).filter(fits).collect(),
        (None, Some(row)) => view.find::<Task>("project", &row.id.to_string()).filter(fits).collect(),
        (None, None) => view.rows::<Task>().filter(fits).collect(),
    })
}

/// A state by name, in the project's workflow where one is given.
pub fn resolve_state(
    view: &View<'_>,
    state: &Ref<State>,
    project: Option<&Arc<Row<Project>>>,
) -> Result<projections::Id<State>, Rejection> {
    let workflow = project.map(|row| workflow_of(view, Some(row))).transpose()?;
    let found = view.resolve_among(state, |row| workflow.is_none_or(|workflow| row.workflow == workflow.id));
    found.map(|row| row.id).map_err(|no| match workflow {
        Some(workflow) => no.allowed(states_of(view, workflow.id).iter().map(|state| state.name.clone())),
        None => no,
    })
}

fn groups(view: &View<'_>, found: &[&Arc<Row<Task>>], by: GroupBy) -> Value {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for task in found {
        let names: Vec<String> = match by {
            GroupBy::State => view
                .get(task.state)
                .map(|state| state.name.clone())
                .into_iter()
                .collect(),
            GroupBy::Assignee if task.assignees.is_empty() => vec!["@none".to_owned()],
            GroupBy::Assignee => task.assignees.iter().map(|member| moves::who(view, *member)).collect(),
            GroupBy::Priority => vec![task.priority.word().to_owned()],
            GroupBy::Type => vec![task.r#type.word().to_owned()],
            _ => task
                .labels
                .iter()
                .filter_map(|label| view.get(*label))
                .map(|label| label.name.clone())
                .collect(),
        };
        for name in names {
            *counts.entry(name).or_insert(0) += 1;
        }
    }
    counts
        .into_iter()
        .map(|(group, count)| json!({"group": group, "count": count}))
        .collect()
}

/// Everything about a task, as an item.
pub fn shown(view: &View<'_>, row: &Row<Task>) -> Item {
    let mut item = object(serde_json::to_value(&row.entity).unwrap_or_default());
    let state = view.get(row.state);
    let people = |members: &[projections::Id<Member>]| -> Value {
        members.iter().map(|member| moves::who(view, *member)).collect()
    };
    let labels: Value = row
        .labels
        .iter()
        .filter_map(|label| view.get(*label))
        .map(|label| label.name.clone())
        .collect();
    let mut put = |name: &str, value: Value| item.insert(name.to_owned(), value);
    put("id", row.id.to_string().into());
    put("key", row.human_key().into());
    put("version", row.version.into());
    put("createdAt", json!(row.created_at));
    put("updatedAt", json!(row.updated_at));
    put("state", state.map_or(Value::Null, |state| state.name.clone().into()));
    put("stateId", row.state.to_string().into());
    put(
        "category",
        state.map_or(Value::Null, |state| state.category.word().into()),
    );
    put("assignees", people(&row.assignees));
    put("watchers", people(&row.watchers));
    put("reporter", moves::who(view, row.reporter).into());
    put("labels", labels);
    put("project", row.project_key.clone().into());
    put(
        "parent",
        row.parent
            .and_then(|parent| view.get(parent))
            .map_or(Value::Null, |parent| parent.human_key().into()),
    );
    put("untrusted", true.into());
    for hidden in ["projectKey", "number", "rank", "deletedAt"] {
        item.remove(hidden);
    }
    item
}

/// `get_task`.
pub fn get(args: GetTask, view: &View<'_>) -> Result<Value, Rejection> {
    let row = view.resolve(&args.task)?;
    let project = view.need(row.project)?;
    let parts = ["comments", "subtasks", "transitions", "history"];
    listing::item(view, &args.read, shown(view, row), &parts, |part| {
        Ok(Some(match part {
            "comments" => comments(view, row, args.comments_cursor.as_deref())?,
            "subtasks" => view
                .find::<Task>("parent", &row.id.to_string())
                .filter(|task| task.deleted_at.is_none())
                .map(|task| brief(view, task))
                .collect(),
            "transitions" => {
                let id = row.id.to_string();
                moves::possible(view, project, &row.entity, Some(&id), false)?
                    .iter()
                    .map(moves::Possible::shown)
                    .collect()
            }
            "history" => record_view::history(view, row, 50)?.into(),
            "links" => return Err(Rejection::not_yet("expand", "Dependencies")),
            "files" => return Err(Rejection::not_yet("expand", "Files")),
            "time" => return Err(Rejection::not_yet("expand", "Time tracking")),
            "fields" => return Err(Rejection::not_yet("expand", "Custom fields")),
            _ => return Ok(None),
        }))
    })
}

fn brief(view: &View<'_>, task: &Row<Task>) -> Value {
    let state = view.get(task.state).map(|state| state.name.clone());
    json!({"id": task.id.to_string(), "key": task.human_key(), "title": task.title, "state": state})
}

fn comments(view: &View<'_>, row: &Row<Task>, cursor: Option<&str>) -> Result<Value, Rejection> {
    let bad = || Rejection::argument("commentsCursor", "is not a cursor of these comments");
    let start: usize = cursor.map_or(Ok(0), |text| text.parse().map_err(|_| bad()))?;
    let all: Vec<_> = view.find::<Comment>("target", &row.id.to_string()).collect();
    let page: Vec<Value> = all
        .iter()
        .skip(start)
        .take(COMMENTS_PER_PAGE)
        .map(|comment| crate::modules::comments::shown(view, comment).into())
        .collect();
    let next = start + page.len();
    let more = next < all.len();
    Ok(json!({"items": page, "page": {"nextCursor": more.then(|| next.to_string()), "hasMore": more}}))
}
