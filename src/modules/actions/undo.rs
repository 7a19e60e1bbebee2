//! `undo_action`: the inverse of recorded changes, as a new plan with its own preview.

use projections::record::{Changed, Entry};
use projections::{Action, Id, Record, Stage};
use serde_json::{Value, json};

use super::allowed;
use crate::kernel::arg::{In, List, Str, WriteArgs};
use crate::kernel::record_view::unread;
use crate::kernel::undo::{Conflict, Recorded, invert};
use crate::kernel::{AnyRef, Plan, Rejection, View, text};
use crate::{args, choice};

choice! {
    /// What to do about things that changed since.
    pub enum OnConflict {
        /// Undo nothing.
        Refuse = "refuse",
        /// Leave them as they are and undo the rest.
        Skip = "skip",
    }
}

args! {
    /// Arguments of `undo_action`.
    pub struct UndoAction {
        /// The action to undo. Give exactly one of actionId, entity and events.
        action_id: Option<Str<1, 64>>,
        /// A thing whose newest change is to be undone.
        entity: Option<AnyRef>,
        /// Positions of records whose changes are to be undone.
        events: Option<List<Str<1, 40>, 1, 500>>,
        /// What to do about things that changed since.
        on_conflict: OnConflict = OnConflict::Refuse,
        write: In<WriteArgs>,
    }
}

/// What is to be undone: where it is recorded, of which thing only, and whose action it was.
struct Target {
    records: Vec<u64>,
    only: Option<String>,
    action: Option<Id<Action>>,
}

/// Plans the inverse.
pub fn undo(args: UndoAction, view: &View<'_>) -> Result<Plan, Rejection> {
    let target = target(&args, view)?;
    let recorded = recorded(view, &target)?;
    let Some(first) = recorded.first() else {
        return Err(Rejection::new("not_undoable", "nothing in it changed anything"));
    };
    let mut plan = Plan::new("Undo");
    let skip = args.on_conflict == OnConflict::Skip;
    let left = view.registry.counter(view, &mut plan, recorded.clone())?;
    let conflicts = invert(view, &mut plan, &left, skip)?;
    if !conflicts.is_empty() && !skip {
        return Err(Rejection::new(
            "undo_conflict",
            format!("{} changed since", text::count(conflicts.len(), "thing")),
        )
        .hint("look at what changed since; onConflict: skip undoes the rest")
        .current(shown(&conflicts)));
    }
    let what = if first.tool.is_empty() { "a change" } else { &first.tool };
    plan.summary = format!("Undo {what} ({})", text::count(plan.changes.len(), "change"));
    plan.detail("conflicts", shown(&conflicts));
    plan.detail("cannotBeTakenBack", json!([]));
    plan.undoes = target.action;
    let undone = target.action.map(|id| id.to_string());
    plan.result = json!({"undone": undone, "changes": plan.changes.len(), "skipped": conflicts.len()});
    Ok(plan)
}

fn shown(conflicts: &[Conflict]) -> Value {
    conflicts
        .iter()
        .map(|one| json!({"entity": one.entity, "why": one.why, "since": one.since}))
        .collect()
}

fn target(args: &UndoAction, view: &View<'_>) -> Result<Target, Rejection> {
    match (&args.action_id, &args.entity, &args.events) {
        (Some(id), None, None) => of_action(view, id),
        (None, Some(entity), None) => of_entity(view, entity),
        (None, None, Some(events)) => {
            let position = |text: &Str<1, 40>| {
                text.parse()
                    .map_err(|_| Rejection::argument("events", format!("`{}` is no position of a record", text.0)))
            };
            let mut records = events.iter().map(position).collect::<Result<Vec<u64>, _>>()?;
            records.sort_unstable();
            records.dedup();
            Ok(Target {
                records,
                only: None,
                action: None,
            })
        }
        _ => Err(Rejection::argument(
            "actionId",
            "or entity or events must be given: exactly one of the three",
        )),
    }
}

fn of_entity(view: &View<'_>, entity: &AnyRef) -> Result<Target, Rejection> {
    let found = view.resolve_any(entity, &[])?;
    let records = view
        .state
        .any(found.kind)
        .map(|table| table.records(&found.id))
        .unwrap_or_default();
    let newest = records.last().copied();
    let newest = newest.ok_or_else(|| Rejection::new("not_undoable", "nothing is known to have changed it"))?;
    Ok(Target {
        records: vec![newest],
        only: Some(found.id),
        action: None,
    })
}

fn of_action(view: &View<'_>, text: &str) -> Result<Target, Rejection> {
    let unknown = || Rejection::not_found("action", text).field("actionId");
    let id: Id<Action> = text.parse().map_err(|_| unknown())?;
    let action = view
        .state
        .actions
        .get(id)
        .filter(|action| *action.org == *view.caller.org)
        .ok_or_else(unknown)?;
    if let Some(by) = &action.undone_by {
        return Err(Rejection::new("already_undone", format!("{id} was undone by {by}"))
            .hint("undo that one to have the change back")
            .next("undo_action", json!({"actionId": by.to_string()})));
    }
    if action.stage != Stage::Succeeded {
        return Err(Rejection::new(
            "not_undoable",
            format!("{id} is {}; only what happened can be undone", action.stage),
        ));
    }
    let text = view.past.record(action.last_seq)?.ok_or_else(unknown)?;
    let receipt = crate::kernel::engine::receipt(action, &text, action.last_seq, true)?;
    within_window(view, id, receipt.get("undo").unwrap_or(&Value::Null))?;
    Ok(Target {
        records: vec![action.last_seq],
        only: None,
        action: Some(id),
    })
}

fn within_window(view: &View<'_>, id: Id<Action>, undo: &Value) -> Result<(), Rejection> {
    if undo.get("possible") == Some(&Value::Bool(false)) {
        let why = undo
            .get("why")
            .and_then(Value::as_str)
            .unwrap_or("it cannot be taken back");
        return Err(Rejection::new("not_undoable", why));
    }
    let until = undo
        .get("until")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match until.filter(|until| view.now > *until) {
        Some(until) => Err(
            Rejection::new("window_passed", format!("{id} could be undone until {until}"))
                .hint("change things back with the tools for them"),
        ),
        None => Ok(()),
    }
}

fn recorded(view: &View<'_>, target: &Target) -> Result<Vec<Recorded>, Rejection> {
    let mut all = Vec::new();
    for seq in &target.records {
        let unknown = || Rejection::not_found("record", &seq.to_string());
        let text = view.past.record(*seq)?.ok_or_else(unknown)?;
        let mut room = String::new();
        let record = Record::parse(*seq, &text, &mut room).map_err(unread)?;
        if record.org.as_deref() != Some(view.caller.org.as_str()) {
            return Err(unknown());
        }
        let meant = |change: &Changed<'_>| target.only.as_deref().is_none_or(|id| id == change.id);
        let entries = record
            .events
            .iter()
            .filter(|entry| entry.change.as_ref().is_some_and(meant));
        let entries: Vec<&Entry<'_>> = entries.collect();
        if entries.is_empty() {
            continue;
        }
        let action = allowed::action(view, *seq, &record)?;
        let changes: Vec<&Changed<'_>> = entries.iter().filter_map(|entry| entry.change.as_ref()).collect();
        allowed::all(view, *seq, action, &changes)?;
        all.extend(entries.iter().filter_map(|entry| {
            Some(Recorded {
                event: entry.name.to_string(),
                tool: action.tool.to_string(),
                change: entry.change.as_ref()?.to_owned(),
            })
        }));
    }
    Ok(all)
}
