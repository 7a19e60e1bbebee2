//! Listing and counting tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::entity::{Priority, Task, TaskType};
use super::read::{COLUMNS, resolve_state, shown};
use crate::kernel::arg::groups::Count;
use crate::kernel::arg::{Args, Date, In, JsonObject, List, PageArgs, Str, Ts};
use crate::kernel::identity::Member;
use crate::kernel::listing::{self, Key, Listing};
use crate::kernel::{Ref, Rejection, Row, View, text};
use crate::modules::labels::Label;
use crate::modules::projects::Project;
use crate::modules::workflows::{Category, State, moves};
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
        project: Option<Ref<Project>>,
        /// Words in title or key.
        q: Option<Str<1, 200>>,
        /// OQL; needs saved views.
        query: Option<Str<1, 1000>>,
        /// Any of these.
        state: Option<List<Ref<State>, 0, 50>>,
        /// Of the states.
        category: Option<List<Category, 0, 5>>,
        /// @none for nobody's.
        assignee: Option<Ref<Member>>,
        reporter: Option<Ref<Member>>,
        r#type: Option<List<TaskType, 0, 5>>,
        priority: Option<List<Priority, 0, 4>>,
        /// All of these.
        labels: Option<List<Ref<Label>, 0, 30>>,
        /// Its parts.
        parent: Option<Ref<Task>>,
        /// Needs module Sprints.
        sprint: Option<Str<1, 200>>,
        /// Needs module Milestones.
        milestone: Option<Str<1, 200>>,
        /// Due on or after.
        due_from: Option<Date>,
        /// Due on or before.
        due_to: Option<Date>,
        /// Open and past due.
        overdue: Option<bool>,
        /// Needs module Dependencies.
        blocked: Option<bool>,
        /// Needs module Dependencies.
        claimed: Option<bool>,
        updated_since: Option<Ts>,
        /// Needs module Custom fields.
        custom_fields: Option<JsonObject>,
        /// Count by this; items with a limit.
        group_by: Option<GroupBy>,
        page: In<PageArgs>,
    }
}

/// The order without `sort`.
const NEWEST: &str = "-updatedAt";
/// The order in which the first page is looked for among what is due first.
const SOONEST: &str = "dueDate";
/// So many tasks, before all that could fit are put in order.
const GLANCED_AT: usize = 2_000;

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
    let list = Listing::new(view, &args.page, &COLUMNS, NEWEST);
    let found = matching(&args, view, &list)?;
    if let Some(by) = args.group_by {
        let groups = groups(view, &found, by);
        return Ok(listing::finish(
            view,
            json!({"items": [], "groups": groups, "page": {"nextCursor": null, "hasMore": false, "total": found.len()}}),
            Vec::new(),
        ));
    }
    list.rows(&found, key, |task| shown(view, task))
}

/// All tasks that filters let through, given as arguments of `list_tasks`.
pub fn filtered<'a>(mut given: Map<String, Value>, view: &View<'a>) -> Result<Vec<&'a Arc<Row<Task>>>, Rejection> {
    given.insert("count".to_owned(), "exact".into());
    let args = ListTasks::read(given)?;
    refuse_later(&args)?;
    let list = Listing::new(view, &args.page, &COLUMNS, NEWEST);
    matching(&args, view, &list)
}

/// What tasks are sorted by, where that is known without showing them.
fn key(task: &Row<Task>, field: &str) -> Option<Key> {
    let day = |day: Option<jiff::civil::Date>| day.map_or(Key::Nothing, Key::Day);
    Some(match field {
        "updatedAt" => Key::At(task.updated_at),
        "createdAt" => Key::At(task.created_at),
        "dueDate" => day(task.due_date),
        "startDate" => day(task.start_date),
        "key" => Key::text(&task.human_key()),
        "title" => Key::text(&task.title),
        "priority" => Key::text(task.priority.word()),
        _ => return None,
    })
}

fn matching<'a>(args: &ListTasks, view: &View<'a>, list: &Listing<'_>) -> Result<Vec<&'a Arc<Row<Task>>>, Rejection> {
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
    let is_page = args.page.count != Some(Count::Exact) && args.group_by.is_none();
    if is_page && project.is_none() && list.sort() == SOONEST && args.page.cursor.is_none() {
        let due = view.keys::<Task>("due").take(GLANCED_AT).map(|(_, task)| task);
        let page: Vec<_> = due.filter(fits).take(args.page.limit.size() + 1).collect();
        if page.len() > args.page.limit.size() {
            return Ok(page);
        }
    }
    Ok(match (assignee, project) {
        (Some(id), _) => view.find::<Task>("assignee", &id.to_string()).filter(fits).collect(),
        (None, Some(row)) => view.find::<Task>("project", &row.id.to_string()).filter(fits).collect(),
        // All tasks may be very many: a page is taken from the newest.
        (None, None) if is_page && list.sort() == NEWEST => {
            let newest = view.newest::<Task>(list.after()?).filter(fits);
            newest.take(args.page.limit.size() + 1).collect()
        }
        (None, None) => view.rows::<Task>().filter(fits).collect(),
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
