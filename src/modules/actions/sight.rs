//! Whose actions a caller sees, and whether with what was asked for and planned.

use projections::{Action, ActorKind, Stage};
use serde_json::Value;

use crate::kernel::engine::{admit, caller_of};
use crate::kernel::identity::ConfirmPolicy;
use crate::kernel::listing::Item;
use crate::kernel::opened::{Opened, is_own};
use crate::kernel::{Rejection, View, policy};
use crate::modules::audit::{AUDITOR, veil};

/// What is not shown of others' actions: the sentence of the plan, arguments, the plan, what came of it.
const PAYLOAD: [&str; 4] = ["summary", "arguments", "preview", "receipt"];

/// One's own actions; a human, who manages actions, and who may look into the log sees that the others are there.
pub fn visible(view: &View<'_>, action: &Action) -> bool {
    let others = view.caller.kind == ActorKind::Human
        || ["actions.manage", AUDITOR, veil::BROWSER]
            .into_iter()
            .any(|permission| view.rights.allow(permission));
    *action.org == *view.caller.org && (others || is_own(&action.proposer, view.caller))
}

/// Whether the caller sees what was asked for and planned: proposers and whom they act for, who is asked to confirm it or has
/// been, operators, auditors.
pub fn is_whole(view: &View<'_>, action: &Action) -> bool {
    is_unaided(view, action) || view.rights.allow(AUDITOR)
}

fn is_unaided(view: &View<'_>, action: &Action) -> bool {
    let me = view.caller.member.to_string();
    is_own(&action.proposer, view.caller)
        || view.caller.via == "cli"
        || action.approvals.contains(&me)
        || is_asked(view, action)
}

/// Whether the caller is one of those whose confirmation is missing.
fn is_asked(view: &View<'_>, action: &Action) -> bool {
    let tool = view.registry.tool(&action.tool);
    let policy = |tool| policy::still(view.state, &caller_of(action), tool, &action.policy);
    view.caller.is_human()
        && action.stage == Stage::Pending
        && tool.is_some_and(|tool| {
            admit(view.state, view.caller, tool, view.now).is_ok()
                && policy(tool).is_ok_and(|policy| policy != ConfirmPolicy::ItsProposer)
        })
}

/// Takes out what the caller may not see.
pub fn veil(view: &View<'_>, action: &Action, item: &mut Item) {
    if is_whole(view, action) {
        return;
    }
    for name in PAYLOAD {
        if let Some(value) = item.get_mut(name) {
            *value = Value::Null;
        }
    }
    item.insert("withheld".to_owned(), veil::WITHHELD.into());
}

/// What an answer of one action lays open: what only an auditor sees of it.
pub fn opened(answer: &Value, view: &View<'_>) -> Result<Option<Opened>, Rejection> {
    let item = answer.get("item").filter(|item| holds_payload(item));
    Ok(item.and_then(|item| opened_of(view, item)))
}

/// What a list of actions lays open.
pub fn opened_list(answer: &Value, view: &View<'_>) -> Result<Option<Opened>, Rejection> {
    let items = answer.get("items").and_then(Value::as_array);
    let items = items.into_iter().flatten().filter(|item| holds_payload(item));
    let opened = items.filter_map(|item| opened_of(view, item));
    Ok(opened.reduce(|mut all, one| {
        all.from = all.from.min(one.from);
        all.to = all.to.max(one.to);
        all.whose.extend(one.whose);
        all
    }))
}

fn holds_payload(item: &Value) -> bool {
    PAYLOAD
        .into_iter()
        .any(|name| item.get(name).is_some_and(|value| !value.is_null()))
}

fn opened_of(view: &View<'_>, item: &Value) -> Option<Opened> {
    let id = item.get("id")?.as_str()?.parse().ok()?;
    let action = view.state.actions.get(id).filter(|action| !is_unaided(view, action))?;
    let asked = Opened::with(None, action.proposed_seq, &action.proposer);
    Some(Opened {
        to: Some(action.last_seq.max(action.proposed_seq)),
        ..asked
    })
}
