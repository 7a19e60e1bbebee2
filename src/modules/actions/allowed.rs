//! What a caller may undo: changes that an action of the organisation made, of things that the caller sees, by tools that the
//! caller may use.

use std::collections::BTreeMap;

use projections::facets::Index;
use projections::record::Changed;
use projections::{Action, Actor, Named as _, Op, Record, Stage};

use crate::kernel::engine::{admit, unknown_tool};
use crate::kernel::record_view::{action_of, unread};
use crate::kernel::tool::Reach;
use crate::kernel::{Rejection, View};
use crate::modules::audit::{AUDITOR, Alert};

/// The tool that is looked through: what it did was another tool's before.
const UNDO: &str = "undo_action";
/// Most earlier records of a thing that are looked at for that other tool.
const BACK_MAX: usize = 500;

fn never(why: &str) -> Rejection {
    Rejection::new("not_undoable", why)
}

/// The action that carried out what a record says. What operators and the system did is not undone through tools.
pub(super) fn action<'v>(view: &View<'v>, seq: u64, record: &Record<'_>) -> Result<&'v Action, Rejection> {
    let found = action_of(record, view.state)
        .filter(|action| *action.org == *view.caller.org && action.stage == Stage::Succeeded);
    found.ok_or_else(|| never(&format!("record {seq} is not what an action did")))
}

/// Refuses unless the caller sees every changed thing and may use the tool that changed it.
pub(super) fn all(view: &View<'_>, seq: u64, action: &Action, changes: &[&Changed<'_>]) -> Result<(), Rejection> {
    // A counter-entry that an undoing made is nobody else's; what it follows from stands beside it.
    let is_fresh = |change: &Changed<'_>| *action.tool == *UNDO && change.op == Op::Create && change.version == 1;
    if changes.iter().all(|change| is_fresh(change)) {
        return Err(never("it is not known any more which tool did what it undid"));
    }
    let mut known = BTreeMap::new();
    for change in changes {
        if !is_seen(view, change, &action.proposer) {
            return Err(Rejection::not_found("record", &seq.to_string()));
        }
        if change.org.as_deref().is_some_and(|org| org != view.caller.org) {
            return Err(never("it was done in another organisation"));
        }
        if change.entity == Alert::KIND {
            let no = never("an alert is evidence");
            return Err(no.hint("resolve_audit_alert says what came of it, and reopens it"));
        }
        if is_fresh(change) {
            continue;
        }
        let tool = tool(view, seq, action, change, &mut known)?;
        let tool = view.registry.tool(&tool).ok_or_else(|| unknown_tool(&tool))?;
        admit(view.state, view.caller, tool, view.now)?;
        if tool.reach == Reach::Placed && !view.allows_at(&tool.permission, &change.id) {
            return Err(Rejection::forbidden(&tool.permission));
        }
    }
    Ok(())
}

/// Whether the caller may know of a thing. What is gone for good cannot be asked: auditors may, and who removed it.
fn is_seen(view: &View<'_>, change: &Changed<'_>, proposer: &Actor) -> bool {
    let kind = change.entity.as_ref();
    if view.describe(kind, &change.id).is_some() {
        return true;
    }
    let gone = view
        .state
        .any(kind)
        .is_some_and(|table| table.fields(&change.id).is_none());
    let me = Some(view.caller.member.to_string());
    let own = proposer.principal_id == me || proposer.on_behalf_of == me;
    gone && (own || view.rights.allow(AUDITOR))
}

/// The tool that made a change. Where that was an undoing, it is the tool of what was undone; `known` has it by record, because
/// one record may have changed many things.
fn tool(
    view: &View<'_>,
    seq: u64,
    action: &Action,
    change: &Changed<'_>,
    known: &mut BTreeMap<u64, Option<String>>,
) -> Result<String, Rejection> {
    if *action.tool != *UNDO {
        return Ok(action.tool.to_string());
    }
    let by = [(Index::Entity, change.id.to_string())];
    for hit in view.records(&by, 1..=seq.saturating_sub(1), true).take(BACK_MAX) {
        let (seq, text) = hit?;
        let found = match known.get(&seq) {
            Some(found) => found.clone(),
            None => tool_of(view, seq, &text)?,
        };
        known.insert(seq, found.clone());
        if let Some(found) = found {
            return Ok(found);
        }
    }
    Err(never("it is not known any more which tool did what it undid"))
}

/// The tool whose action a record carries out, unless that undid something.
fn tool_of(view: &View<'_>, seq: u64, text: &str) -> Result<Option<String>, Rejection> {
    let mut room = String::new();
    let record = Record::parse(seq, text, &mut room).map_err(unread)?;
    let earlier = action_of(&record, view.state).filter(|earlier| *earlier.org == *view.caller.org);
    let earlier = earlier.filter(|earlier| *earlier.tool != *UNDO);
    Ok(earlier.map(|earlier| earlier.tool.to_string()))
}
