//! Creating several subtasks at once, all or none.

use serde_json::json;

use super::create::{initial, labels, people, put, rank, too_deep};
use super::entity::{Priority, Task};
use crate::args;
use crate::kernel::arg::{Date, Dec, In, Int, List, Md, Str, WriteArgs};
use crate::kernel::identity::Member;
use crate::kernel::{Plan, Ref, Rejection, View, text};
use crate::modules::labels::Label;
use crate::modules::projects::writable;
use crate::modules::workflows::moves;

args! {
    /// One subtask to be.
    pub struct NewSubtask {
        /// What to do, in a line.
        title: Str<1, 300>,
        /// What to do, Markdown.
        description: Option<Md<65536>>,
        /// Who does it.
        assignees: Option<List<Ref<Member>, 0, 10>>,
        /// How pressing.
        priority: Option<Priority>,
        /// Estimated work.
        estimate: Option<Dec>,
        /// Day it is due.
        due_date: Option<Date>,
        /// Its labels.
        labels: Option<List<Ref<Label>, 0, 30>>,
        /// Positions in this list; needs the module Dependencies.
        blocked_by: Option<List<Int<0, 49>, 0, 50>>,
    }
}

args! {
    /// Arguments of `create_subtasks`.
    pub struct CreateSubtasks {
        /// The task they are part of.
        parent: Ref<Task>,
        /// The subtasks, in order.
        items: List<NewSubtask, 1, 50>,
        /// One after the other; needs the module Dependencies.
        sequential: bool = false,
        write: In<WriteArgs>,
    }
}

/// `create_subtasks`.
pub fn create(args: CreateSubtasks, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.sequential || args.items.iter().any(|item| item.blocked_by.is_some()) {
        return Err(Rejection::not_yet(
            if args.sequential {
                "sequential"
            } else {
                "items.blockedBy"
            },
            "Dependencies",
        ));
    }
    let parent = view.resolve(&args.parent)?;
    let project = view.need(parent.project)?;
    writable(project)?;
    too_deep(view, parent)?;
    let state = initial(view, project, None)?;
    let mut plan = Plan::new(format!(
        "Create {} of {}",
        text::count(args.items.len(), "subtask"),
        parent.human_key()
    ));
    let (mut made, mut total) = (Vec::new(), rust_decimal::Decimal::ZERO);
    for (number, (place, item)) in (project.task_seq + 1..).zip(args.items.iter().enumerate()) {
        let invalid = |no: Rejection| {
            let mut outer = Rejection::new("item_invalid", format!("item {place}: {}", no.message))
                .field(format!("items[{place}]"));
            outer.hint = no.hint;
            outer.candidates = no.candidates;
            outer
        };
        let assignees = people(view, project, item.assignees.as_deref().unwrap_or_default()).map_err(invalid)?;
        let labels = labels(&mut plan, view, project, item.labels.as_deref().unwrap_or_default()).map_err(invalid)?;
        total += item.estimate.map(|estimate| estimate.0).unwrap_or_default();
        let task = Task {
            project: project.id,
            project_key: project.key.clone(),
            number,
            title: item.title.0.clone(),
            description: item.description.clone().map(|text| text.0).unwrap_or_default(),
            state,
            priority: item.priority.unwrap_or(parent.priority),
            assignees,
            reporter: view.caller.member,
            parent: Some(parent.id),
            labels,
            estimate: item.estimate.map(|estimate| estimate.0),
            remaining: item.estimate.map(|estimate| estimate.0),
            due_date: item.due_date.map(|day| day.0),
            rank: rank(number),
            ..Task::default()
        };
        made.push(json!({"position": place, "key": task.human_key(), "title": task.title, "assignees": task.assignees.iter().map(|member| moves::who(view, *member)).collect::<Vec<_>>()}));
        put(&mut plan, view, project, task)?;
    }
    plan.detail("subtasks", &made);
    plan.detail(
        "estimate",
        json!({"subtasks": total.to_string(), "parent": parent.estimate.map(|estimate| estimate.to_string())}),
    );
    plan.result = json!({"parent": parent.human_key(), "created": made});
    Ok(plan)
}
