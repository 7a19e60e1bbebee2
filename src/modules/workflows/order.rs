//! The order of a workflow's states.

use serde_json::json;

use super::draft::{Draft, tell_heirs};
use super::entity::{Category, State};
use crate::args;
use crate::kernel::arg::{In, List, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, View};
use crate::modules::projects::Project;

args! {
    /// Arguments of `reorder_workflow_states`.
    pub struct ReorderWorkflowStates {
        /// Else the default.
        project: Option<Ref<Project>>,
        /// Every state once, in the new order.
        order: List<Ref<State>, 2, 50>,
        write: In<UpdateArgs>,
    }
}

/// `reorder_workflow_states`.
pub fn reorder(args: ReorderWorkflowStates, view: &View<'_>) -> Result<Plan, Rejection> {
    let mut draft = Draft::open(view, args.project.as_ref(), false, &args.write)?;
    let before: Vec<String> = names(&draft);
    let mut places = Vec::with_capacity(args.order.len());
    let mut repeated = Vec::new();
    for reference in args.order.iter() {
        let id = draft.id(view, reference)?;
        if places.contains(&id) {
            repeated.push(draft.name(id));
        } else {
            places.push(id);
        }
    }
    let missing: Vec<String> = draft
        .pieces
        .iter()
        .filter(|piece| !places.contains(&piece.id))
        .map(|piece| piece.state.name.clone())
        .collect();
    if !missing.is_empty() || !repeated.is_empty() {
        return Err(incomplete(&missing, &repeated, &before));
    }
    draft
        .pieces
        .sort_by_key(|piece| places.iter().position(|id| *id == piece.id));
    // The ranks stay, so that only states that move change.
    let mut ranks: Vec<u32> = draft.pieces.iter().map(|piece| piece.state.rank).collect();
    ranks.sort_unstable();
    for (piece, rank) in draft.pieces.iter_mut().zip(ranks) {
        piece.state.rank = rank;
    }
    draft.number();
    let mut plan = Plan::new("Reorder the states of the workflow");
    let changed = draft.write(&mut plan, view, "workflow.states_reordered")?;
    let after = names(&draft);
    if let Some((done, started)) = early(&draft) {
        plan.warn(format!(
            "the completed state \"{done}\" would stand before \"{started}\", which is started"
        ));
    }
    plan.detail("order", json!({"before": before, "after": after}));
    tell_heirs(&mut plan, view, &draft);
    plan.result = draft.receipt(changed);
    Ok(plan)
}

fn names(draft: &Draft<'_>) -> Vec<String> {
    draft.pieces.iter().map(|piece| piece.state.name.clone()).collect()
}

fn incomplete(missing: &[String], repeated: &[String], all: &[String]) -> Rejection {
    let said: Vec<String> = [("leaves out", missing), ("repeats", repeated)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(verb, names)| format!("{verb} {}", names.join(", ")))
        .collect();
    Rejection::new("incomplete_order", format!("the order {}", said.join(" and ")))
        .field("order")
        .allowed(all.iter().cloned())
        .current(json!({"missing": missing, "repeated": repeated}))
        .hint("name every state of the workflow once")
}

/// A completed state that stands before a started one.
fn early(draft: &Draft<'_>) -> Option<(String, String)> {
    let done = draft
        .pieces
        .iter()
        .position(|piece| piece.state.category == Category::Completed)?;
    let later = draft.pieces.iter().skip(done);
    let started = later
        .into_iter()
        .find(|piece| piece.state.category == Category::Started)?;
    Some((draft.pieces.get(done)?.state.name.clone(), started.state.name.clone()))
}
