//! Who does a task, and what people say about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::create::may_be_assigned;
use super::entity::Task;
use crate::args;
use crate::kernel::arg::{In, List, Md, Patch, Str, UpdateArgs, WriteArgs};
use crate::kernel::identity::Member;
use crate::kernel::{Plan, Ref, Rejection, Row, View};
use crate::modules::comments::{Comment, CommentVisibility, text as comments};
use crate::modules::projects::writable;
use crate::modules::workflows::{State, moves};

/// Most assignees of one task.
const ASSIGNEES_MAX: usize = 10;

args! {
    /// Arguments of `assign_task`.
    pub struct AssignTask {
        /// The task.
        task: Ref<Task>,
        /// Whom to add, remove or set.
        assignees: Patch<Ref<Member>>,
        /// Tell them.
        notify: bool = true,
        write: In<UpdateArgs>,
    }
}

/// `assign_task`.
pub fn assign(args: AssignTask, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.task)?;
    let project = view.need(row.project)?;
    writable(project)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let after = args.assignees.apply(&row.assignees, |reference| {
        let member = view.resolve(reference)?;
        let leaves = args.assignees.remove.iter().any(|one| one.path == reference.path);
        if !leaves && !row.assignees.contains(&member.id) {
            may_be_assigned(project, member).map_err(|no| no.field(reference.path.clone()))?;
        }
        Ok(member.id)
    })?;
    if after.len() > ASSIGNEES_MAX {
        return Err(Rejection::new(
            "too_many_assignees",
            format!("a task has at most {ASSIGNEES_MAX} assignees, not {}", after.len()),
        ));
    }
    let names =
        |members: &[Id<Member>]| -> Vec<String> { members.iter().map(|member| moves::who(view, *member)).collect() };
    let mut plan = Plan::new(format!(
        "Assign {} to {}",
        row.human_key(),
        if after.is_empty() {
            "nobody".to_owned()
        } else {
            names(&after).join(", ")
        }
    ));
    if view.is_shown {
        let new = after.iter().filter(|member| !row.assignees.contains(member));
        let load: Vec<Value> = new.map(|member| workload(view, *member)).collect();
        plan.detail("newAssignees", load);
    }
    plan.detail("notify", args.notify);
    plan.detail(
        "assignees",
        json!({"before": names(&row.assignees), "after": names(&after)}),
    );
    plan.edit("task.assigned", row, |task| task.assignees.clone_from(&after))?;
    plan.result = json!({"id": row.id.to_string(), "key": row.human_key(), "assignees": names(&after)});
    Ok(plan)
}

/// How many open tasks each of some people has.
pub fn open_tasks<M: IntoIterator<Item = Id<Member>>>(view: &View<'_>, members: M) -> BTreeMap<Id<Member>, usize> {
    let ends = view.rows::<State>().filter(|state| state.category.is_final());
    let ends: BTreeSet<Id<State>> = ends.map(|state| state.id).collect();
    let is_open = |task: &&Arc<Row<Task>>| task.deleted_at.is_none() && !ends.contains(&task.state);
    let of = |member: Id<Member>| view.find::<Task>("assignee", &member.to_string()).filter(is_open);
    members.into_iter().map(|member| (member, of(member).count())).collect()
}

/// What somebody has to do already.
fn workload(view: &View<'_>, member: Id<Member>) -> Value {
    let row = view.get(member);
    json!({
        "member": moves::who(view, member), "openTasks": open_tasks(view, [member]).get(&member),
        "capacityHoursPerWeek": row.and_then(|row| row.capacity_hours_per_week), "outOfOffice": row.and_then(|row| row.out_of_office.clone()),
    })
}

args! {
    /// Arguments of `add_task_comment`.
    pub struct AddTaskComment {
        /// The task.
        task: Ref<Task>,
        /// Markdown; @handles are told.
        body: Md<16384>,
        /// The comment it answers.
        reply_to: Option<Ref<Comment>>,
        /// Who may read it.
        visibility: CommentVisibility = CommentVisibility::All,
        /// Needs module Files.
        files: Option<List<Str<1, 200>, 0, 10>>,
        write: In<WriteArgs>,
    }
}

/// `add_task_comment`.
pub fn comment(args: AddTaskComment, view: &View<'_>) -> Result<Plan, Rejection> {
    if args.files.is_some() {
        return Err(Rejection::not_yet("files", "Files"));
    }
    let row = view.resolve(&args.task)?;
    writable(view.need(row.project)?)?;
    let mut plan = Plan::new(format!("Comment on {}", row.human_key()));
    let thread = args
        .reply_to
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?;
    let id = comments::write(
        &mut plan,
        view,
        "task",
        &row.id.to_string(),
        &args.body,
        thread,
        args.visibility,
    )?;
    plan.result = json!({"id": id.to_string(), "task": row.human_key()});
    Ok(plan)
}
