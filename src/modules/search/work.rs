//! `get_my_work`.

use std::sync::Arc;

use jiff::ToSpan as _;
use jiff::civil::Date;
use projections::Id;
use serde_json::{Value, json};

use crate::args;
use crate::kernel::arg::{In, Int, ReadArgs};
use crate::kernel::identity::Member;
use crate::kernel::tool::object;
use crate::kernel::{Describe as _, Ref, Rejection, Row, View, listing, text};
use crate::modules::comments::Comment;
use crate::modules::projects::Lifecycle;
use crate::modules::tasks::{Priority, Task};
use crate::modules::workflows::moves::who;

/// What an answer holds.
pub const PARTS: [&str; 11] = [
    "member",
    "today",
    "counts",
    "tasks",
    "mentions",
    "claimed",
    "decisions",
    "timer",
    "events",
    "overdueKpis",
    "checkIns",
];

args! {
    /// Arguments of `get_my_work`.
    pub struct GetMyWork {
        /// Yours without it.
        member: Option<Ref<Member>>,
        /// Due within so many days is soon.
        horizon_days: Int<0, 60> = Int(7),
        read: In<ReadArgs>,
    }
}

/// Most tasks that are shown.
const TASKS_MAX: usize = 50;
/// Most mentions that are shown.
const MENTIONS_MAX: usize = 20;

/// How pressing a task is by its day: smaller is more pressing.
fn urgency(due: Option<Date>, today: Date, horizon: Date) -> (u8, &'static str) {
    match due {
        Some(due) if due < today => (0, "overdue"),
        Some(due) if due == today => (1, "today"),
        Some(due) if due <= horizon => (2, "soon"),
        Some(_) => (3, "later"),
        None => (4, "none"),
    }
}

fn pressing(priority: Priority) -> u8 {
    match priority {
        Priority::Urgent => 0,
        Priority::High => 1,
        Priority::Medium => 2,
        Priority::Low => 3,
    }
}

fn open_tasks<'a>(view: &View<'a>, member: Id<Member>) -> Vec<&'a Arc<Row<Task>>> {
    let open = |task: &&Arc<Row<Task>>| {
        task.is_alive()
            && view
                .get(task.project)
                .is_some_and(|project| project.lifecycle == Lifecycle::Active)
            && view.get(task.state).is_none_or(|state| !state.category.is_final())
    };
    view.find::<Task>("assignee", &member.to_string())
        .filter(open)
        .collect()
}

fn mentions(view: &View<'_>, member: Id<Member>) -> (usize, Vec<Value>) {
    let settled = |row: &Row<Comment>| {
        let first = row.thread.and_then(|first| view.get(first));
        first.map_or(row.resolved, |first| first.resolved)
    };
    let mut found: Vec<_> = view
        .find::<Comment>("mention", &member.to_string())
        .filter(|row| row.is_alive() && row.author != member && !settled(row))
        .filter(|row| super::found::Found::Comment(row).is_live(view))
        .collect();
    found.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
    let shown = |row: &&Arc<Row<Comment>>| {
        let about = view.describe(&row.target_kind, &row.target);
        json!({
            "comment": row.id.to_string(), "about": about.map(|label| json!({"key": label.key, "title": label.label})),
            "author": who(view, row.author), "snippet": text::clip(&row.body, 140), "untrusted": true, "at": row.created_at,
        })
    };
    (found.len(), found.iter().take(MENTIONS_MAX).map(shown).collect())
}

/// `get_my_work`.
pub fn get(args: GetMyWork, view: &View<'_>) -> Result<Value, Rejection> {
    let member = match &args.member {
        Some(member) => view.resolve(member)?,
        None => view.me()?,
    };
    let today = view.today();
    let horizon = today.saturating_add(args.horizon_days.0.days());
    let mut tasks = open_tasks(view, member.id);
    tasks.sort_by_key(|task| {
        let (rank, _) = urgency(task.due_date, today, horizon);
        (rank, task.due_date, pressing(task.priority), task.id)
    });
    let mut counts = [0_usize; 5];
    for task in &tasks {
        let (rank, _) = urgency(task.due_date, today, horizon);
        if let Some(count) = counts.get_mut(usize::from(rank)) {
            *count += 1;
        }
    }
    let [overdue, due_today, soon, later, undated] = counts;
    let shown = |task: &&Arc<Row<Task>>| {
        let (_, urgency) = urgency(task.due_date, today, horizon);
        let state = view.get(task.state).map(|state| state.name.clone());
        json!({
            "id": task.id.to_string(), "key": task.human_key(), "title": task.title, "state": state, "priority": task.priority,
            "dueDate": task.due_date, "urgency": urgency, "untrusted": true, "author": who(view, task.reporter),
        })
    };
    let (mentioned, mentions) = mentions(view, member.id);
    let item = object(json!({
        "id": member.id.to_string(), "member": format!("@{}", member.handle), "today": today,
        "counts": {"open": tasks.len(), "overdue": overdue, "today": due_today, "soon": soon, "later": later, "undated": undated, "mentions": mentioned},
        "tasks": tasks.iter().take(TASKS_MAX).map(shown).collect::<Vec<_>>(),
        "mentions": mentions,
        "claimed": [], "decisions": [], "timer": null, "events": [], "overdueKpis": [], "checkIns": [],
    }));
    let left = tasks.len().saturating_sub(TASKS_MAX);
    let mut answer = listing::item(view, &args.read, item, &[], |_| Ok(None))?;
    let mut notices = vec![
        "claims, decisions, the timer, events, KPI values and check-ins are empty: this server does not have their modules yet".to_owned(),
    ];
    if left > 0 {
        notices.push(format!(
            "{} more; list_tasks with assignee {} shows all",
            text::count(left, "open task"),
            who(view, member.id)
        ));
    }
    if let Value::Object(members) = &mut answer {
        members.insert("notices".to_owned(), notices.into());
    }
    Ok(answer)
}
