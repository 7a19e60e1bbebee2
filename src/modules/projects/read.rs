//! Looking at projects.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::entity::{Health, Lifecycle, Project, ProjectStatus};
use crate::args;
use crate::kernel::arg::{In, PageArgs, ReadArgs, Str, Ts};
use crate::kernel::identity::Member;
use crate::kernel::listing::{self, Item, Listing};
use crate::kernel::tool::object;
use crate::kernel::{Ref, Rejection, Row, View, record_view, text};
use crate::modules::tasks::Task;
use crate::modules::workflows::{Category, State, states_of, workflow_of};

args! {
    /// Arguments of `list_projects`.
    pub struct ListProjects {
        /// Words in name or key.
        q: Option<Str<1, 100>>,
        /// Of this status.
        status: Option<ProjectStatus>,
        /// active, archived or deleted.
        lifecycle: Lifecycle = Lifecycle::Active,
        /// Led by this member.
        lead: Option<Ref<Member>>,
        /// With this member.
        member: Option<Ref<Member>>,
        /// Needs module Products.
        product: Option<Str<1, 200>>,
        /// Of this health.
        health: Option<Health>,
        page: In<PageArgs>,
    }
}

args! {
    /// Arguments of `get_project`.
    pub struct GetProject {
        /// The project.
        project: Ref<Project>,
        read: In<ReadArgs>,
    }
}

args! {
    /// Arguments of `get_project_stats`.
    pub struct GetProjectStats {
        /// The project.
        project: Ref<Project>,
        /// As it was then.
        as_of: Option<Ts>,
        read: In<ReadArgs>,
    }
}

/// What a listed project shows.
pub const COLUMNS: [&str; 10] = [
    "id",
    "key",
    "name",
    "lead",
    "status",
    "health",
    "startDate",
    "targetDate",
    "openTasks",
    "totalTasks",
];

/// `list_projects`.
pub fn list(args: ListProjects, view: &View<'_>) -> Result<Value, Rejection> {
    if args.product.is_some() {
        return Err(Rejection::not_yet("product", "Products"));
    }
    let lead = args
        .lead
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?
        .map(|row| row.id);
    let member = args
        .member
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?
        .map(|row| row.id);
    let words = args.q.as_ref().map(|q| text::fold(q));
    let fits = |row: &&std::sync::Arc<Row<Project>>| {
        row.lifecycle == args.lifecycle
            && args.status.is_none_or(|status| row.status == status)
            && args.health.is_none_or(|health| row.health == health)
            && lead.is_none_or(|lead| row.lead == lead)
            && member.is_none_or(|member| row.role_of(member).is_some())
            && words
                .as_ref()
                .is_none_or(|words| text::fold(&format!("{} {}", row.key, row.name)).contains(words.as_str()))
    };
    let items = view
        .rows::<Project>()
        .filter(fits)
        .map(|row| shown(view, row))
        .collect();
    Listing::new(view, &args.page, &COLUMNS, "key").answer(items)
}

/// Everything about a project, as an item.
pub fn shown(view: &View<'_>, row: &Row<Project>) -> Item {
    let mut item = object(serde_json::to_value(&row.entity).unwrap_or_default());
    let tasks: Vec<_> = tasks(view, row).collect();
    let open = tasks.iter().filter(|task| !category(view, task).is_final()).count();
    let mut put = |name: &str, value: Value| item.insert(name.to_owned(), value);
    put("id", row.id.to_string().into());
    put("version", row.version.into());
    put("createdAt", json!(row.created_at));
    put("updatedAt", json!(row.updated_at));
    put("lead", handle(view, row.lead));
    put("openTasks", open.into());
    put("totalTasks", tasks.len().into());
    put("untrusted", true.into());
    item.remove("taskSeq");
    item.remove("members");
    item
}

/// A member's handle, which is what people and agents write.
pub fn handle(view: &View<'_>, member: projections::Id<Member>) -> Value {
    view.get(member)
        .map_or(Value::Null, |row| format!("@{}", row.handle).into())
}

fn tasks<'a>(view: &View<'a>, row: &Row<Project>) -> impl Iterator<Item = &'a std::sync::Arc<Row<Task>>> {
    view.find::<Task>("project", &row.id.to_string())
        .filter(|task| task.deleted_at.is_none())
}

fn category(view: &View<'_>, task: &Row<Task>) -> Category {
    view.get(task.state).map(|state| state.category).unwrap_or_default()
}

/// `get_project`.
pub fn get(args: GetProject, view: &View<'_>) -> Result<Value, Rejection> {
    let row = view.resolve(&args.project)?;
    let parts = ["members", "workflow", "labels", "stats", "history"];
    listing::item(view, &args.read, shown(view, row), &parts, |part| {
        Ok(Some(match part {
            "members" => row
                .members
                .iter()
                .map(|one| json!({"member": handle(view, one.member), "role": one.role}))
                .collect(),
            "workflow" => {
                let workflow = workflow_of(view, Some(row))?;
                let states: Vec<Value> = states_of(view, workflow.id)
                    .iter()
                    .map(|state| json!({"id": state.id, "name": state.name, "category": state.category}))
                    .collect();
                json!({"id": workflow.id, "name": workflow.name, "inherited": workflow.project.is_none(), "states": states})
            }
            "labels" => view
                .rows::<crate::modules::labels::Label>()
                .filter(|label| label.project.is_none_or(|of| of == row.id))
                .map(|label| json!({"id": label.id, "name": label.name, "group": label.group}))
                .collect(),
            "stats" => numbers(view, row),
            "history" => record_view::history(view, row, 50)?.into(),
            "fields" => return Err(Rejection::not_yet("expand", "Custom fields")),
            "milestones" => return Err(Rejection::not_yet("expand", "Milestones")),
            "sprints" => return Err(Rejection::not_yet("expand", "Sprints")),
            "links" => return Err(Rejection::not_yet("expand", "Dependencies")),
            _ => return Ok(None),
        }))
    })
}

/// `get_project_stats`.
pub fn stats(args: GetProjectStats, view: &View<'_>) -> Result<Value, Rejection> {
    let row = view.resolve(&args.project)?;
    let item = match args.as_of {
        Some(at) => numbers_then(view, row, at.0)?,
        None => numbers(view, row),
    };
    listing::item(view, &args.read, object(item), &[], |_| Ok(None))
}

/// The numbers of a past hour, for somebody with the rights of today who could see the project then.
fn numbers_then(view: &View<'_>, row: &Row<Project>, at: jiff::Timestamp) -> Result<Value, Rejection> {
    if at > view.now {
        return Err(Rejection::argument(
            "asOf",
            format!("must not be ahead: it is {:.0}", view.now),
        ));
    }
    let after = at.checked_add(SignedDuration::from_nanos(1)).unwrap_or(at);
    let position = view.position_at(after)?.saturating_sub(1);
    let state = view.past.state_at(&view.registry.kinds(), position)?;
    let mut then = View::new(&state, view.caller, at, view.registry, view.past, None);
    then.rights = view.rights.clone();
    let was = then.get(row.id).ok_or_else(|| {
        Rejection::argument("asOf", format!("you could see no project {} then", row.key))
            .hint("give an hour after it was created, and after you were let in where it is private")
    })?;
    let mut item = numbers(&then, was);
    if let Value::Object(members) = &mut item {
        members.insert("asOf".to_owned(), json!({"at": at, "position": position}));
    }
    Ok(item)
}

fn numbers(view: &View<'_>, row: &Row<Project>) -> Value {
    let (mut by_category, mut by_state, mut by_priority, mut by_assignee, mut due) = (
        BTreeMap::new(),
        BTreeMap::new(),
        BTreeMap::new(),
        BTreeMap::new(),
        BTreeMap::new(),
    );
    let (today, mut done) = (view.today(), [0_usize; 2]);
    let mut working: Vec<(jiff::Timestamp, Value)> = Vec::new();
    for task in tasks(view, row) {
        let Some(state) = view.get::<State>(task.state) else {
            continue;
        };
        *by_category.entry(state.category.word()).or_insert(0_usize) += 1;
        *by_state.entry(state.name.clone()).or_insert(0_usize) += 1;
        let since = task.completed_at.map(|at| view.now.duration_since(at));
        for (count, days) in done.iter_mut().zip([7, 30]) {
            *count += usize::from(since.is_some_and(|since| since <= SignedDuration::from_hours(24 * days)));
        }
        if state.category.is_final() {
            continue;
        }
        *by_priority.entry(task.priority.word()).or_insert(0_usize) += 1;
        for member in &task.assignees {
            *by_assignee
                .entry(handle(view, *member).as_str().unwrap_or_default().to_owned())
                .or_insert(0_usize) += 1;
        }
        *due.entry(bucket(task.due_date, today)).or_insert(0_usize) += 1;
        if state.category == Category::Started {
            working.push((
                task.updated_at,
                json!({"key": task.human_key(), "title": task.title, "since": task.updated_at}),
            ));
        }
    }
    working.sort_by_key(|(at, _)| *at);
    let oldest: Vec<Value> = working.into_iter().take(5).map(|(_, shown)| shown).collect();
    json!({
        "project": row.key, "byCategory": by_category, "byState": by_state, "byPriority": by_priority, "byAssignee": by_assignee,
        "due": due, "done": {"last7Days": done.first(), "last30Days": done.last()}, "oldestInProgress": oldest,
    })
}

fn bucket(due: Option<jiff::civil::Date>, today: jiff::civil::Date) -> &'static str {
    let days = due.and_then(|due| (due - today).get_days().into());
    match days {
        None => "none",
        Some(days) if days < 0 => "overdue",
        Some(days) if days <= 7 => "next7Days",
        Some(_) => "later",
    }
}
