//! Everything but voting that can be done to a running instance.

use projections::Id;

use super::act::{Act, ActOnProcess, Now, closed};
use super::entity::{Step, StepKind};
use super::flow::{Flow, NOTES_MAX};
use super::instance::{InstanceStatus, Slot};
use super::start;
use crate::kernel::identity::Member;
use crate::kernel::{Plan, Rejection, Risk};

/// Most entries of an instance after which nobody comments any more.
const COMMENTS_MAX: usize = 200;

impl Now<'_> {
    pub(super) fn complete(&self, args: &ActOnProcess, flow: &mut Flow<'_, '_>) -> Result<(), Rejection> {
        self.must_be(StepKind::Task)?;
        self.may_do()?;
        if let Some(given) = &args.variables {
            let definition = self.view.need(self.row.definition)?;
            let mut all = flow.instance.variables.clone();
            all.extend(given.0.clone());
            flow.instance.variables = start::given(&definition.variables, all)?;
        }
        flow.note(
            &self.step.id,
            Some(self.me()),
            "complete",
            args.note.as_ref().map(|note| note.0.as_str()),
        );
        flow.say("process.decision_recorded");
        flow.leave(self.step);
        Ok(())
    }

    pub(super) fn may_do(&self) -> Result<(), Rejection> {
        let may = match self.active.claimed_by {
            Some(member) => vec![member],
            None => self.active.slots.iter().map(|slot| slot.approver).collect(),
        };
        if may.contains(&self.me()) {
            Ok(())
        } else {
            Err(self.not_eligible(may))
        }
    }

    pub(super) fn claim(&self, flow: &mut Flow<'_, '_>) -> Result<(), Rejection> {
        self.must_be(StepKind::Task)?;
        self.may_do()?;
        if self.active.claimed_by == Some(self.me()) {
            return Ok(());
        }
        if let Some(active) = &mut flow.instance.active {
            active.claimed_by = Some(self.view.caller.member);
        }
        flow.note(&self.step.id, Some(self.me()), "claim", None);
        flow.say("process.decision_recorded");
        Ok(())
    }

    pub(super) fn comment(&self, args: &ActOnProcess, flow: &mut Flow<'_, '_>) -> Result<(), Rejection> {
        self.takes_part()?;
        let note = args
            .note
            .as_ref()
            .map(|note| note.0.as_str())
            .filter(|note| !note.trim().is_empty());
        if args.act == Act::Comment && note.is_none() {
            return Err(Rejection::new("note_required", "a comment says something").field("note"));
        }
        // What is decided must still have room.
        if flow.instance.decisions.len() >= COMMENTS_MAX || flow.noted() > NOTES_MAX / 2 {
            return Err(
                Rejection::new("limit_exceeded", "too much was said about this instance already")
                    .field("note")
                    .hint("comment on its subject with add_comment"),
            );
        }
        flow.note(&self.step.id, Some(self.me()), args.act.word(), note);
        flow.say("process.decision_recorded");
        Ok(())
    }

    pub(super) fn escalate(&self, flow: &mut Flow<'_, '_>) -> Result<(), Rejection> {
        self.must_be(StepKind::Approval)?;
        self.takes_part()?;
        if !escalate(flow, self.step) {
            let why = format!("{} has nobody else to ask", self.step.id);
            return Err(Rejection::new("not_eligible", why).hint("escalateTo in the definition names them"));
        }
        flow.note(&self.step.id, Some(self.me()), "escalate", None);
        flow.say("process.escalated");
        Ok(())
    }

    pub(super) fn cancel(
        &self,
        args: &ActOnProcess,
        flow: &mut Flow<'_, '_>,
        plan: &mut Plan,
    ) -> Result<(), Rejection> {
        if self.me() != self.row.initiator && !self.view.rights.allow("processes.manage") {
            return Err(self.not_eligible([self.row.initiator]));
        }
        let note = args.note.as_ref().map(|note| note.0.clone());
        flow.note(&self.step.id, Some(self.me()), "cancel", note.as_deref());
        flow.end(InstanceStatus::Cancelled, "process.cancelled", note);
        plan.warn("what its steps did already stays done");
        plan.risk = Some(Risk::Medium);
        Ok(())
    }

    pub(super) fn retry(&self, flow: &mut Flow<'_, '_>) -> Result<(), Rejection> {
        self.takes_part()?;
        if self.row.status != InstanceStatus::Failed {
            return Err(closed("nothing has failed"));
        }
        flow.instance.status = InstanceStatus::Running;
        flow.instance.why = None;
        flow.note(&self.step.id, Some(self.me()), "retry", None);
        flow.enter(&self.step.id);
        Ok(())
    }
}

/// Lets those of `escalateTo` decide too, beside those who may. False where there is nobody new.
pub fn escalate(flow: &mut Flow<'_, '_>, step: &Step) -> bool {
    let more = flow.slots(step, step.escalate_to.as_ref());
    let Some(active) = &mut flow.instance.active else {
        return false;
    };
    let known: Vec<Id<Member>> = active.slots.iter().map(|slot| slot.approver).collect();
    let fresh: Vec<Slot> = (more.into_iter().filter(|slot| !known.contains(&slot.approver)))
        .map(|slot| Slot {
            escalated: true,
            ..slot
        })
        .collect();
    let found = !fresh.is_empty();
    active.slots.extend(fresh);
    found
}
