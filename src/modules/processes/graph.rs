//! Whether the steps hang together: every way leads somewhere, nothing goes round by itself, somebody can decide.

use std::collections::BTreeSet;

use serde_json::json;

use super::entity::{Definition, Step, StepKind, SubjectKind};
use super::flow::Flow;
use super::nested;
use crate::kernel::engine::admit;
use crate::kernel::identity::ConfirmPolicy;
use crate::kernel::tool::{Run, ToolKind};
use crate::kernel::{Rejection, View, policy};
use crate::modules::automation;

fn ways(step: &Step) -> impl Iterator<Item = &String> {
    step.next.iter().map(|exit| &exit.to).chain(&step.on_reject)
}

fn invalid(steps: &[&str], why: &str) -> Rejection {
    Rejection::new("graph_invalid", format!("{why}: {}", steps.join(", ")))
        .field("steps")
        .current(json!({ "steps": steps }))
}

/// Refuses steps that lead nowhere that is there, and circles in which nobody has a say and no time passes.
///
/// # Errors
/// `graph_invalid`, with the steps.
pub fn check(definition: &Definition) -> Result<(), Rejection> {
    if definition.step(&definition.start).is_none() {
        return Err(invalid(&[&definition.start], "there is no step to start with").field("start"));
    }
    for step in &definition.steps {
        if let Some(lost) = ways(step).find(|to| definition.step(to).is_none()) {
            return Err(invalid(&[&step.id], &format!("it leads to `{lost}`, which is no step")));
        }
    }
    let by_itself = |step: &Step| matches!(step.kind, StepKind::Gateway | StepKind::Action | StepKind::Subprocess);
    for step in definition.steps.iter().filter(|step| by_itself(step)) {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&String> = ways(step).collect();
        while let Some(to) = next.pop() {
            if *to == step.id {
                return Err(invalid(&[&step.id], "these go round without anybody having a say"));
            }
            if let Some(step) = definition.step(to).filter(|step| by_itself(step))
                && seen.insert(&step.id)
            {
                next.extend(ways(step));
            }
        }
    }
    Ok(())
}

/// Steps that nothing leads to.
pub fn unreachable(definition: &Definition) -> Vec<String> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut next = vec![&definition.start];
    while let Some(id) = next.pop() {
        if let Some(step) = definition.step(id).filter(|step| seen.insert(&step.id)) {
            next.extend(ways(step));
        }
    }
    let lost = definition.steps.iter().filter(|step| !seen.contains(step.id.as_str()));
    lost.map(|step| step.id.clone()).collect()
}

/// Steps from which no way leads to an end: what follows them ends with a no, or is called off.
pub fn endless(definition: &Definition) -> Vec<String> {
    let ends = definition.steps.iter().filter(|step| step.next.is_empty());
    let mut ending: BTreeSet<&str> = ends.map(|step| step.id.as_str()).collect();
    loop {
        let leads = |step: &&Step| ways(step).any(|to| ending.contains(to.as_str()));
        let more = definition.steps.iter().filter(leads).map(|step| step.id.as_str());
        let grown: BTreeSet<&str> = more.chain(ending.iter().copied()).collect();
        if grown.len() == ending.len() {
            break;
        }
        ending = grown;
    }
    let lost = definition
        .steps
        .iter()
        .filter(|step| !ending.contains(step.id.as_str()));
    lost.map(|step| step.id.clone()).collect()
}

/// Steps whose ways out all have a condition, so that it may be that none is taken.
pub fn stranded(definition: &Definition) -> Vec<String> {
    let all = |step: &&Step| !step.next.is_empty() && step.next.iter().all(|exit| exit.when.is_some());
    definition
        .steps
        .iter()
        .filter(all)
        .map(|step| step.id.clone())
        .collect()
}

/// Refuses what nobody could decide today, and tools that its owner may not call or that somebody else must confirm.
///
/// # Errors
/// `no_eligible_approver`, `graph_invalid`, `forbidden`.
pub fn able(view: &View<'_>, definition: &Definition) -> Result<(), Rejection> {
    let sample = super::Instance {
        initiator: projections::Id::default(),
        ..super::Instance::default()
    };
    let flow = Flow::new(view, definition, sample);
    for step in &definition.steps {
        match step.kind {
            StepKind::Approval => {
                let by_initiator = |rule: &super::entity::Assignees| rule.manager_of_initiator;
                let open = step.assignees.as_ref().is_some_and(by_initiator);
                let slots = flow.slots(step, step.assignees.as_ref());
                let blank = super::entity::Approval::default();
                let approval = step.approval.as_ref().unwrap_or(&blank);
                let needed = super::tally::Tally::of(approval, &slots).needed();
                if !open && slots.len() < needed {
                    let message = format!("step `{}`: {} may decide, {needed} must", step.id, slots.len());
                    return Err(Rejection::new("no_eligible_approver", message)
                        .field("steps")
                        .current(json!({"steps": [step.id]}))
                        .hint("name more people, a role or a team; agents count with allowAgents only"));
                }
            }
            StepKind::Action => callable(view, definition, step)?,
            StepKind::Subprocess => runnable(view, definition, step)?,
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a process that is not published, itself, and one that is about something else.
fn runnable(view: &View<'_>, definition: &Definition, step: &Step) -> Result<(), Rejection> {
    let key = step.process.as_deref().unwrap_or_default();
    if key == definition.key {
        return Err(invalid(&[&step.id], "a process is no step of itself"));
    }
    let Some(inner) = nested::published(view, key) else {
        let why = format!("no version of `{key}` is published");
        return Err(
            invalid(&[&step.id], &why).hint("publish it first; list_processes with kind definitions shows them")
        );
    };
    if inner.subject != SubjectKind::None && inner.subject != definition.subject {
        let why = format!(
            "`{key}` is about a {}, and this is about: {}",
            inner.subject, definition.subject
        );
        return Err(invalid(&[&step.id], &why));
    }
    Ok(())
}

fn callable(view: &View<'_>, definition: &Definition, step: &Step) -> Result<(), Rejection> {
    let name = step.tool.as_deref().unwrap_or_default();
    let fits = |tool: &&crate::kernel::Tool| {
        matches!(tool.run, Run::Decide(_))
            && matches!(tool.kind, ToolKind::Write | ToolKind::Light)
            && tool.module != "processes"
    };
    let Some(tool) = view.registry.tool(name).filter(fits) else {
        return Err(invalid(
            &[&step.id],
            &format!("`{name}` is no tool that a process may call"),
        ));
    };
    let gone = || invalid(&[&step.id], "whoever it acts for is no active member");
    let caller = automation::in_name_of(view.state, &view.caller.org, definition.owner).ok_or_else(gone)?;
    admit(view.state, &caller, tool, view.now)?;
    let asks = policy::confirm_policy(view.state, &caller, tool)?;
    if asks > ConfirmPolicy::ItsProposer {
        return Err(invalid(
            &[&step.id],
            &format!("{name} must be confirmed by {asks} here, and a process does not ask"),
        ));
    }
    Ok(())
}
