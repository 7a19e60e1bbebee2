//! Which moves a task may make: what each guard says, why, and what would satisfy it.

use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::entity::{Guard, State, Transition, states_of, workflow_of};
use super::{expression, guards};
use crate::kernel::authority::place;
use crate::kernel::identity::{Member, Role};
use crate::kernel::{Rejection, Row, View, text};
use crate::modules::processes;
use crate::modules::projects::Project;
use crate::modules::tasks::Task;

/// A guard's verdict on one task.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The guard in words.
    pub rule: String,
    /// `None` where it passes; else what would satisfy it.
    pub fix: Option<String>,
}

/// A move that the workflow has from where a task stands.
pub struct Possible<'a> {
    /// Its name.
    pub name: String,
    /// Where it leads.
    pub to: &'a Arc<Row<State>>,
    /// The transition.
    pub transition: &'a Transition,
    /// What its guards say.
    pub verdicts: Vec<Verdict>,
}

impl Possible<'_> {
    /// Whether every guard passes.
    pub fn is_open(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.fix.is_none())
    }

    /// As shown to callers.
    pub fn shown(&self) -> Value {
        let guards: Vec<Value> = self
            .verdicts
            .iter()
            .map(|one| json!({"rule": one.rule, "passes": one.fix.is_none(), "fix": one.fix}))
            .collect();
        json!({
            "name": self.name, "to": self.to.name, "stateId": self.to.id.to_string(), "category": self.to.category,
            "allowed": self.is_open(), "guards": guards, "requiredFields": self.transition.required_fields,
        })
    }
}

/// Every move from where a task stands. `comment` says whether the move comes with a comment.
pub fn possible<'a>(
    view: &View<'a>,
    project: &Row<Project>,
    task: &Task,
    id: Option<&str>,
    comment: bool,
) -> Result<Vec<Possible<'a>>, Rejection> {
    let workflow = workflow_of(view, Some(project))?;
    let states = states_of(view, workflow.id);
    let from_here = |one: &&Transition| (one.from.is_empty() || one.from.contains(&task.state)) && one.to != task.state;
    let moves = workflow
        .entity
        .transitions
        .iter()
        .filter(from_here)
        .filter_map(|transition| {
            let to = *states.iter().find(|state| state.id == transition.to)?;
            let mut verdicts: Vec<Verdict> = transition
                .guards
                .iter()
                .map(|guard| judge(view, guard, task, id, comment))
                .collect();
            verdicts.extend(required(transition, task));
            verdicts.extend(roles(view, transition, task));
            Some(Possible {
                name: transition.name.clone(),
                to,
                transition,
                verdicts,
            })
        });
    Ok(moves.collect())
}

fn required(transition: &Transition, task: &Task) -> Option<Verdict> {
    let missing: Vec<&str> = transition
        .required_fields
        .iter()
        .map(String::as_str)
        .filter(|field| !has(task, field))
        .collect();
    (!transition.required_fields.is_empty()).then(|| Verdict {
        rule: format!("needs {}", transition.required_fields.join(", ")),
        fix: (!missing.is_empty()).then(|| format!("set {} first", missing.join(", "))),
    })
}

/// Whether whoever moves it holds one of some roles where the task lies.
fn has_role(view: &View<'_>, roles: &[Id<Role>], task: &Task) -> bool {
    view.rights
        .has_role(roles, &place::line(view.state, &task.project.to_string()))
}

fn roles(view: &View<'_>, transition: &Transition, task: &Task) -> Option<Verdict> {
    if transition.roles.is_empty() {
        return None;
    }
    let names: Vec<String> = transition
        .roles
        .iter()
        .filter_map(|role| view.get(*role))
        .map(|role| role.name.clone())
        .collect();
    let held = has_role(view, &transition.roles, task);
    let fix = (!held).then(|| format!("somebody with the role {} may make this move", names.join(" or ")));
    Some(Verdict {
        rule: format!("only for {}", names.join(", ")),
        fix,
    })
}

/// Fields that a move may ask for.
pub const FIELDS: [&str; 8] = [
    "description",
    "assignees",
    "estimate",
    "remaining",
    "startDate",
    "dueDate",
    "labels",
    "resolution",
];

/// Whether some move out of a state is possible for a task as it is, whoever makes it.
pub fn could(view: &View<'_>, transition: &Transition, task: &Row<Task>) -> bool {
    let holds = |guard: &Guard| match guard.kind.as_str() {
        "assignee_only" => !task.assignees.is_empty(),
        "not_reporter" | "role_in" => true,
        _ => judge(view, guard, task, Some(&task.id.to_string()), true).fix.is_none(),
    };
    transition.guards.iter().all(holds) && transition.required_fields.iter().all(|field| has(task, field))
}

fn has(task: &Task, field: &str) -> bool {
    match field {
        "description" => !task.description.is_empty(),
        "assignees" => !task.assignees.is_empty(),
        "estimate" => task.estimate.is_some(),
        "remaining" => task.remaining.is_some(),
        "startDate" => task.start_date.is_some(),
        "dueDate" => task.due_date.is_some(),
        "labels" => !task.labels.is_empty(),
        "resolution" => task.resolution.is_some(),
        _ => false,
    }
}

fn judge(view: &View<'_>, guard: &Guard, task: &Task, id: Option<&str>, comment: bool) -> Verdict {
    let me = view.caller.member;
    let verdict = |rule: &str, passes: bool, fix: String| Verdict {
        rule: rule.to_owned(),
        fix: (!passes).then_some(fix),
    };
    match guard.kind.as_str() {
        "assignee_only" => verdict(
            "only an assignee",
            task.assignees.contains(&me),
            "assign the task to whoever moves it".to_owned(),
        ),
        "not_reporter" => verdict(
            "not by its reporter",
            task.reporter != me,
            "somebody else must move it".to_owned(),
        ),
        "comment_required" => verdict("with a comment", comment, "give `comment` in the call".to_owned()),
        "checklist_done" => {
            let open = task.checklist.iter().filter(|item| !item.done).count();
            verdict(
                "checklist done",
                open == 0,
                format!("tick off {}", text::count(open, "item")),
            )
        }
        "no_open_subtasks" => {
            let open = id.map(|id| open_subtasks(view, id)).unwrap_or_default();
            verdict(
                "no open subtasks",
                open.is_empty(),
                format!("finish {}", open.join(", ")),
            )
        }
        "role_in" => {
            let roles = guards::ids(&guard.params, "roles");
            let held = has_role(view, &roles, task);
            let names = guards::role_names(view, &roles).join(" or ");
            verdict(
                &guards::in_words(view, guard),
                held,
                format!("somebody with the role {names} may make this move"),
            )
        }
        "approvals" => {
            let key = guards::word(&guard.params, "definition");
            let approved = id.and_then(|id| processes::approval(view, key, id)).is_some();
            verdict(
                &guards::in_words(view, guard),
                approved,
                format!("start {key} on it with start_process and have it approved"),
            )
        }
        "fields_present" => Verdict {
            rule: guards::in_words(view, guard),
            fix: absent(guard, task),
        },
        "expression" => {
            let source = guards::word(&guard.params, "expression");
            let passes = expression::parse(source).is_ok_and(|read| read.holds(view, task));
            verdict(
                &guards::in_words(view, guard),
                passes,
                format!("change the task so that {source}"),
            )
        }
        // Saving a workflow refuses every other kind, so one that is here came from a later version.
        other => verdict(other, false, format!("this server does not know the guard {other}")),
    }
}

/// What a guard on fields misses.
fn absent(guard: &Guard, task: &Task) -> Option<String> {
    let named = guard.params.get("fields").and_then(Value::as_array);
    let fields = named.into_iter().flatten().filter_map(Value::as_str);
    let missing: Vec<&str> = fields.filter(|field| !has(task, field)).collect();
    (!missing.is_empty()).then(|| format!("set {} first", missing.join(", ")))
}

/// The keys of a task's open subtasks.
pub fn open_subtasks(view: &View<'_>, id: &str) -> Vec<String> {
    let open = |task: &&Arc<Row<Task>>| {
        task.deleted_at.is_none()
            && view
                .get(task.state)
                .is_some_and(|state: &Arc<Row<State>>| !state.category.is_final())
    };
    view.find::<Task>("parent", id)
        .filter(open)
        .map(|task| task.human_key())
        .collect()
}

/// A member's handle, for sentences.
pub fn who(view: &View<'_>, member: projections::Id<Member>) -> String {
    view.get(member)
        .map_or_else(|| member.to_string(), |row| format!("@{}", row.handle))
}
