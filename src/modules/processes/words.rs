//! Processes in words: steps, what is open, who may act.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::entity::{Approval, ApprovalMode, Assignees, Definition, Step, StepKind};
use super::instance::{Instance, Slot, Vote};
use super::people::{handle, handles};
use super::tally::Tally;
use crate::kernel::identity::{Role, Team};
use crate::kernel::tool::object;
use crate::kernel::{View, text};

/// Who a rule names, in words.
pub fn assignees(view: &View<'_>, rule: &Assignees) -> String {
    let mut said: Vec<String> = handles(view, rule.members.iter().copied());
    let roles = view.state.table::<Role>();
    said.extend(
        rule.roles
            .iter()
            .filter_map(|id| Some(format!("every {}", roles?.get(*id)?.name))),
    );
    let teams = view.state.table::<Team>();
    said.extend(
        rule.teams
            .iter()
            .filter_map(|id| Some(format!("team @{}", teams?.get(*id)?.handle))),
    );
    if rule.manager_of_initiator {
        said.push("the initiator's manager".to_owned());
    }
    if let Some(expression) = &rule.expression {
        said.push(format!("whoever fits {expression}"));
    }
    said.join(", ")
}

/// A step in a sentence.
pub fn step(view: &View<'_>, step: &Step) -> String {
    let who = step
        .assignees
        .as_ref()
        .map(|rule| assignees(view, rule))
        .unwrap_or_default();
    let mut said = match step.kind {
        StepKind::Approval => format!("{} approve: {}", mode(step.approval.as_ref()), who),
        StepKind::Task => format!("done by {who}"),
        StepKind::Gateway => "goes one way".to_owned(),
        StepKind::Wait => format!("waits {} h", step.wait.unwrap_or(0) / 3600),
        StepKind::Subprocess => format!("runs {}", step.process.as_deref().unwrap_or("nothing")),
        StepKind::Action => format!("calls {}", step.tool.as_deref().unwrap_or("nothing")),
    };
    if let Some(seconds) = step.deadline {
        let then = step.on_timeout.unwrap_or_default();
        let _ = write!(said, "; due after {} working h, then {then}", seconds / 3600);
    }
    if let Some(rule) = &step.escalate_to {
        let _ = write!(said, " to {}", assignees(view, rule));
    }
    let ways = step.next.iter().map(|exit| match &exit.when {
        Some(when) => format!("{} if {when}", exit.to),
        None => exit.to.clone(),
    });
    let ways: Vec<String> = ways.collect();
    let then = if ways.is_empty() {
        "ends".to_owned()
    } else {
        format!("then {}", ways.join(", "))
    };
    format!("{}: {said}; {then}", step.id)
}

fn mode(approval: Option<&Approval>) -> String {
    let blank = Approval::default();
    let approval = approval.unwrap_or(&blank);
    match approval.mode {
        ApprovalMode::Any => "any may".to_owned(),
        ApprovalMode::All => "all must".to_owned(),
        ApprovalMode::Sequential => "one after the other must".to_owned(),
        ApprovalMode::Quorum => match (approval.quorum, approval.percent) {
            (Some(number), _) => format!("{number} must"),
            (None, Some(percent)) => format!("{percent} % must"),
            (None, None) => "more than half must".to_owned(),
        },
    }
}

/// What is being done: the step, its votes, who may act, until when.
pub fn active(view: &View<'_>, definition: &Definition, instance: &Instance) -> Value {
    let Some(active) = &instance.active else {
        return Value::Null;
    };
    let Some(step) = definition.step(&active.step) else {
        return Value::Null;
    };
    let blank = Approval::default();
    let tally = Tally::of(step.approval.as_ref().unwrap_or(&blank), &active.slots);
    let one = |slot: &Slot| {
        json!({
            "approver": handle(view, slot.approver), "decision": slot.decision,
            "for": handles(view, slot.delegated_from.iter().copied()), "escalated": slot.escalated,
        })
    };
    let may: Vec<String> = match step.kind {
        StepKind::Approval => handles(view, tally.open().map(|slot| slot.approver)),
        StepKind::Task => match active.claimed_by {
            Some(member) => vec![handle(view, member)],
            None => handles(view, active.slots.iter().map(|slot| slot.approver)),
        },
        _ => Vec::new(),
    };
    let shown = json!({
        "step": step.id, "name": step.name, "kind": step.kind, "since": active.since, "due": active.due,
        "slots": active.slots.iter().map(one).collect::<Vec<_>>(), "mayAct": may,
        "tally": (step.kind == StepKind::Approval).then(|| tally.shown()),
    });
    let mut shown = object(shown);
    shown.extend(
        active
            .child
            .map(|child| ("process".to_owned(), child.to_string().into())),
    );
    shown.into()
}

/// `2 of 3`.
pub fn count(slots: &[Slot]) -> String {
    let yes = slots.iter().filter(|slot| slot.decision == Vote::Approved).count();
    format!("{yes} of {}", text::count(slots.len(), "approver"))
}
