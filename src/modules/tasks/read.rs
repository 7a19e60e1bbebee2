//! Looking at one task.

use std::sync::Arc;

use serde_json::{Value, json};

use super::entity::Task;
use crate::args;
use crate::kernel::arg::{In, ReadArgs, Str};
use crate::kernel::identity::Member;
use crate::kernel::listing::{self, Item};
use crate::kernel::{Ref, Rejection, Row, View, record_view};
use crate::modules::comments::Comment;
use crate::modules::projects::Project;
use crate::modules::workflows::{State, moves, states_of, workflow_of};

args! {
    /// Arguments of `get_task`.
    pub struct GetTask {
        /// The task.
        task: Ref<Task>,
        /// Goes on in its comments.
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

/// Everything about a task, as an item.
pub fn shown(view: &View<'_>, row: &Row<Task>) -> Item {
    let mut item = Item::new();
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
    put("type", row.r#type.word().into());
    put("title", row.title.clone().into());
    put("description", row.description.clone().into());
    put("priority", row.priority.word().into());
    put("estimate", said(&row.estimate));
    put("remaining", said(&row.remaining));
    put("startDate", said(&row.start_date));
    put("dueDate", said(&row.due_date));
    put("checklist", said(&row.checklist));
    put(
        "resolution",
        row.resolution.map_or(Value::Null, |how| how.word().into()),
    );
    put("duplicateOf", said(&row.duplicate_of));
    put("completedAt", said(&row.completed_at));
    put("source", said(&row.source));
    item
}

fn said(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
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
