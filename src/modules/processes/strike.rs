//! The hour comes that an instance waits for: it goes on, is said again, goes to others, or ends.

use projections::Id;

use super::doing::escalate;
use super::entity::{OnTimeout, StepKind};
use super::flow::Flow;
use super::hours;
use super::instance::{Instance, InstanceStatus};
use crate::kernel::reaction::Struck;
use crate::kernel::schedule::Due;
use crate::kernel::{Plan, Rejection, View};

/// How often somebody is reminded.
const REMINDED_MAX: u32 = 3;

/// What follows. Nothing is ever approved because time passed.
pub fn strike(view: &View<'_>, due: &Due) -> Result<Struck, Rejection> {
    let none = || Rejection::not_found("processInstance", &due.id);
    let id: Id<Instance> = due.id.parse().map_err(|_| none())?;
    let row = view
        .state
        .table::<Instance>()
        .and_then(|table| table.get(id))
        .ok_or_else(none)?;
    let definitions = view.state.table::<super::Definition>();
    let definition = definitions
        .and_then(|table| table.get(row.definition))
        .ok_or_else(none)?;
    let mut plan = Plan::new("A step of a process is due");
    let mut flow = Flow::new(view, definition, row.entity.clone());
    let Some(step) = flow.step() else {
        flow.fail("its step is gone");
        flow.into_plan(&mut plan, row)?;
        return Ok(Struck { plan, owes: Vec::new() });
    };
    if let Some(active) = &mut flow.instance.active {
        active.due = None;
        active.timeouts += 1;
    }
    if step.kind == StepKind::Wait {
        flow.leave(step);
        flow.into_plan(&mut plan, row)?;
        return Ok(Struck { plan, owes: Vec::new() });
    }
    flow.note(&step.id, None, "timed_out", None);
    let timeouts = flow.instance.active.as_ref().map_or(0, |active| active.timeouts);
    let then = step.on_timeout.unwrap_or_default();
    let more = then == OnTimeout::Escalate && timeouts == 1 && escalate(&mut flow, step);
    if more || (then == OnTimeout::Remind && timeouts < REMINDED_MAX) {
        again(view, &mut flow, step.deadline);
    }
    flow.say("process.step_timed_out");
    match then {
        OnTimeout::Escalate if more => {
            flow.note(&step.id, None, "escalate", None);
            flow.say("process.escalated");
        }
        OnTimeout::Remind | OnTimeout::Escalate => {}
        OnTimeout::Reject => flow.reject(step),
        OnTimeout::Expire => {
            let why = format!("nobody decided in {} in time", step.id);
            flow.end(InstanceStatus::Expired, "process.expired", Some(why));
        }
    }
    if flow
        .instance
        .active
        .as_ref()
        .is_some_and(|active| active.due.is_some_and(|next| next <= due.at))
    {
        flow.fail("its deadline does not move on");
    }
    flow.into_plan(&mut plan, row)?;
    Ok(Struck { plan, owes: Vec::new() })
}

fn again(view: &View<'_>, flow: &mut Flow<'_, '_>, deadline: Option<i64>) {
    if let Some(active) = &mut flow.instance.active {
        active.due = deadline.map(|seconds| hours::after(view, view.now, seconds));
    }
}
