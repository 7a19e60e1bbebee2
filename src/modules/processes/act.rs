//! `act_on_process`: deciding, doing, delegating, and everything else one can do to a running instance.

use projections::Id;
use serde_json::json;

use super::entity::{Definition, Step, StepKind};
use super::flow::Flow;
use super::instance::{Active, Instance, InstanceStatus};
use super::people::handles;
use super::words;
use crate::kernel::arg::{In, JsonObject, Md, Str, UpdateArgs};
use crate::kernel::identity::Member;
use crate::kernel::plan::Undo;
use crate::kernel::{Plan, Ref, Rejection, Row, View};
use crate::{args, choice};

choice! {
    /// What to do.
    pub enum Act {
        /// Yes.
        Approve = "approve",
        /// No; needs a note.
        Reject = "reject",
        /// Neither.
        Abstain = "abstain",
        /// A step is done.
        Complete = "complete",
        /// Somebody else decides.
        Delegate = "delegate",
        /// Takes a step on.
        Claim = "claim",
        /// Says something.
        Comment = "comment",
        /// Asks again.
        Remind = "remind",
        /// Lets others decide too.
        Escalate = "escalate",
        /// Calls it off.
        Cancel = "cancel",
        /// Tries a failed step again.
        Retry = "retry",
    }
}

args! {
    /// Arguments of `act_on_process`.
    pub struct ActOnProcess {
        /// An instance.
        process: Ref<Instance>,
        /// The step that is meant, where it must be that one.
        step: Option<Str<1, 60>>,
        act: Act,
        note: Option<Md<4000>>,
        delegate_to: Option<Ref<Member>>,
        /// For complete: what is known now.
        variables: Option<JsonObject>,
        write: In<UpdateArgs>,
    }
}

/// `act_on_process`.
pub fn act(args: ActOnProcess, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.process)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let definition = view.need(row.definition)?;
    if row.status != InstanceStatus::Running && !(row.status == InstanceStatus::Failed && args.act == Act::Retry) {
        return Err(closed(&format!("the instance is {}", row.status)));
    }
    let active = row.active.as_ref().ok_or_else(|| closed("nothing is being done"))?;
    if let Some(step) = args.step.as_ref().filter(|step| step.0 != active.step) {
        return Err(closed(&format!("{} is not being done, {} is", step.0, active.step)));
    }
    let step = definition
        .step(&active.step)
        .ok_or_else(|| closed("its step is gone"))?;
    let now = Now {
        view,
        row,
        step,
        active,
    };
    let mut flow = Flow::new(view, definition, row.entity.clone());
    let mut plan = Plan::new(format!("{} {} of {}", said(args.act), step.id, row.definition_key));
    match args.act {
        Act::Approve | Act::Reject | Act::Abstain => now.vote(&args, &mut flow, &mut plan)?,
        Act::Complete => now.complete(&args, &mut flow)?,
        Act::Delegate => now.delegate(&args, &mut flow)?,
        Act::Claim => now.claim(&mut flow)?,
        Act::Comment | Act::Remind => now.comment(&args, &mut flow)?,
        Act::Escalate => now.escalate(&mut flow)?,
        Act::Cancel => now.cancel(&args, &mut flow, &mut plan)?,
        Act::Retry => now.retry(&mut flow)?,
    }
    let after = flow.into_plan(&mut plan, row)?;
    plan.detail(
        "then",
        json!({"status": after.status, "why": after.why, "active": words::active(view, definition, &after)}),
    );
    if after.status == InstanceStatus::Approved {
        plan.cascades.push(unlocked(definition));
    }
    plan.undo = Undo::Never("what was said stays said");
    plan.result = json!({
        "id": row.id.to_string(), "status": after.status, "active": words::active(view, definition, &after),
    });
    Ok(plan)
}

fn said(act: Act) -> &'static str {
    match act {
        Act::Approve => "Approve",
        Act::Reject => "Reject",
        Act::Abstain => "Abstain from",
        Act::Complete => "Complete",
        Act::Delegate => "Hand over",
        Act::Claim => "Take on",
        Act::Comment => "Comment on",
        Act::Remind => "Ask again about",
        Act::Escalate => "Escalate",
        Act::Cancel => "Call off",
        Act::Retry => "Try again",
    }
}

fn unlocked(definition: &Definition) -> String {
    format!(
        "what asks for an approval by {} lets the subject pass, until it changes",
        definition.key
    )
}

pub(super) fn closed(why: &str) -> Rejection {
    Rejection::new("step_closed", why.to_owned())
        .field("step")
        .hint("look at it with get_process")
}

/// An instance at the step that is being done.
pub(super) struct Now<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) row: &'a Row<Instance>,
    pub(super) step: &'a Step,
    pub(super) active: &'a Active,
}

impl Now<'_> {
    pub(super) fn me(&self) -> Id<Member> {
        self.view.caller.member
    }

    pub(super) fn must_be(&self, kind: StepKind) -> Result<(), Rejection> {
        if self.step.kind == kind {
            return Ok(());
        }
        Err(closed(&format!(
            "{} is {}, which is not decided so",
            self.step.id, self.step.kind
        )))
    }

    pub(super) fn not_eligible(&self, who: impl IntoIterator<Item = Id<Member>>) -> Rejection {
        let who = handles(self.view, who);
        Rejection::new("not_eligible", format!("you do not decide in {}", self.step.id))
            .field("process")
            .current(json!({ "eligible": who }))
            .hint(format!(
                "{} may",
                if who.is_empty() {
                    "nobody".to_owned()
                } else {
                    who.join(", ")
                }
            ))
    }

    pub(super) fn takes_part(&self) -> Result<(), Rejection> {
        let me = self.me();
        let takes = me == self.row.initiator
            || self
                .active
                .slots
                .iter()
                .any(|slot| slot.approver == me || slot.delegated_from.contains(&me))
            || self.view.rights.allow("processes.manage");
        if takes {
            Ok(())
        } else {
            Err(self.not_eligible(self.active.slots.iter().map(|slot| slot.approver)))
        }
    }
}
