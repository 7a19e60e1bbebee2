//! Voting, and handing a vote over.

use projections::Id;

use super::act::{Act, ActOnProcess, Now};
use super::entity::StepKind;
use super::flow::{Flow, may_decide};
use super::instance::{Slot, Vote};
use super::people::person;
use super::tally::{Tally, Verdict};
use super::words;
use serde_json::json;

use crate::kernel::identity::Member;
use crate::kernel::{Plan, Rejection};

/// Delegations of one slot.
const HOPS_MAX: usize = 2;

impl Now<'_> {
    pub(super) fn mine(&self, flow: &Flow<'_, '_>) -> Result<Vec<usize>, Rejection> {
        let approval = self.step.approval.clone().unwrap_or_default();
        let me = self.me();
        let own = self
            .active
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.approver == me);
        let own: Vec<(usize, &Slot)> = own.collect();
        if own.is_empty() {
            if me == self.row.initiator && !approval.allow_self {
                return Err(Rejection::new("self_approval", "nobody decides on what they asked for")
                    .hint("one of the approvers must"));
            }
            if !self.view.caller.is_human() && !approval.allow_agents {
                return Err(Rejection::new("agent_not_allowed", "agents do not count in this step")
                    .hint("ask one of the approvers"));
            }
            return Err(self.not_eligible(self.active.slots.iter().map(|slot| slot.approver)));
        }
        if let Some(code) = flow.may_count(&approval, me) {
            return Err(Rejection::new(code, "this vote does not count in this step"));
        }
        let tally = Tally::of(&approval, &self.active.slots);
        let open: Vec<Id<Member>> = tally.open().map(|slot| slot.approver).collect();
        let waiting: Vec<usize> = own
            .iter()
            .filter(|(_, slot)| slot.decision == Vote::Pending)
            .map(|(place, _)| *place)
            .collect();
        if waiting.is_empty() {
            return Err(Rejection::new(
                "already_decided",
                format!("you have decided in {} already", self.step.id),
            ));
        }
        if !open.contains(&me) {
            return Err(self.not_eligible(open));
        }
        Ok(waiting)
    }

    pub(super) fn vote(&self, args: &ActOnProcess, flow: &mut Flow<'_, '_>, plan: &mut Plan) -> Result<(), Rejection> {
        self.must_be(StepKind::Approval)?;
        let waiting = self.mine(flow)?;
        let note = args
            .note
            .as_ref()
            .map(|note| note.0.as_str())
            .filter(|note| !note.trim().is_empty());
        if args.act == Act::Reject && note.is_none() {
            return Err(Rejection::new("note_required", "a no needs a reason").field("note"));
        }
        let vote = match args.act {
            Act::Approve => Vote::Approved,
            Act::Reject => Vote::Rejected,
            _ => Vote::Abstained,
        };
        if flow.anew() {
            plan.warn("the subject changed: the approvals that were given already are asked for anew");
        }
        let approval = self.step.approval.clone().unwrap_or_default();
        let before = Tally::of(&approval, &self.active.slots).shown();
        if let Some(active) = &mut flow.instance.active {
            for place in waiting {
                if let Some(slot) = active.slots.get_mut(place) {
                    slot.decision = vote;
                }
            }
            let after = Tally::of(&approval, &active.slots).shown();
            plan.detail(
                "tally",
                json!({"before": before, "after": after, "now": words::count(&active.slots)}),
            );
        }
        flow.note(&self.step.id, Some(self.me()), args.act.word(), note);
        flow.say("process.decision_recorded");
        let verdict = flow.verdict(self.step);
        plan.detail("decides", verdict != Verdict::Open);
        flow.settle(self.step);
        Ok(())
    }

    pub(super) fn delegate(&self, args: &ActOnProcess, flow: &mut Flow<'_, '_>) -> Result<(), Rejection> {
        self.must_be(StepKind::Approval)?;
        let waiting = self.mine(flow)?;
        let to = args.delegate_to.as_ref();
        let to = self
            .view
            .resolve(to.ok_or_else(|| Rejection::argument("delegateTo", "is required"))?)?;
        let refused = |why: String| Rejection::new("delegation_refused", why).field("delegateTo");
        let approval = self.step.approval.clone().unwrap_or_default();
        if !approval.allow_delegation {
            return Err(
                refused(format!("{} is not handed over", self.step.id)).hint("decide, or ask for an escalation")
            );
        }
        if flow.may_count(&approval, to.id).is_some() || !may_decide(self.view, to.id) {
            return Err(refused(format!("@{} may not decide here", to.handle)));
        }
        let said = |slot: &&Slot| slot.approver == to.id && slot.decision != Vote::Pending;
        if self.active.slots.iter().any(|slot| said(&slot)) {
            return Err(refused(format!("@{} has decided already", to.handle)));
        }
        let Some(mut after) = flow.instance.active.as_ref().map(|active| active.slots.clone()) else {
            return Ok(());
        };
        let slots = after.iter_mut().enumerate();
        for (_, slot) in slots.filter(|(place, _)| waiting.contains(place)) {
            if slot.approver == to.id || slot.delegated_from.contains(&to.id) {
                return Err(refused(format!("it came from @{} already", to.handle)));
            }
            if slot.delegated_from.len() >= HOPS_MAX {
                return Err(refused(format!("it was handed over {HOPS_MAX} times already")));
            }
            slot.delegated_from.push(slot.approver);
            slot.approver = to.id;
            slot.person = person(self.view, to.id);
        }
        // One person who speaks for several counts once: then too few may be left.
        if flow.outcome(self.step, &after) == Verdict::Rejected {
            let why = format!(
                "with @{} speaking for more than one, too few are left to approve",
                to.handle
            );
            return Err(refused(why).hint("hand it to somebody who is not asked already"));
        }
        if let Some(active) = &mut flow.instance.active {
            active.slots = after;
        }
        flow.note(
            &self.step.id,
            Some(self.me()),
            "delegate",
            Some(&format!("to @{}", to.handle)),
        );
        flow.say("process.delegated");
        Ok(())
    }
}
