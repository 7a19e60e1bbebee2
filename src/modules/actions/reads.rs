//! Looking at actions.

use std::sync::Arc;

use projections::{Action, Id, Stage};
use serde_json::{Value, json};

use super::sight::{self, visible};
use crate::kernel::arg::{In, PageArgs, ReadArgs, Str};
use crate::kernel::identity::Member;
use crate::kernel::listing::{self, Item, Listing};
use crate::kernel::tool::{Run, object};
use crate::kernel::{Ref, Rejection, View, execution, preview, proposal};
use crate::{args, choice};

choice! {
    /// Whose confirmation is missing.
    pub enum Awaiting {
        /// The caller's.
        Me = "me",
        /// Anybody's.
        Anyone = "anyone",
        /// A human's.
        Human = "human",
    }
}

choice! {
    /// Kinds of tools that propose.
    pub enum ProposingKind {
        /// A change.
        Write = "write",
        /// A light change.
        Light = "light",
        /// Authority, secrets, outside reach.
        Sensitive = "sensitive",
        /// Hiding or removing.
        Destructive = "destructive",
        /// Many at once.
        Bulk = "bulk",
    }
}

args! {
    /// Arguments of `list_pending_actions`.
    pub struct ListPending {
        /// Those that the caller proposed.
        mine: bool = true,
        /// Whose confirmation is missing.
        awaiting: Option<Awaiting>,
        /// Of this tool.
        tool: Option<Str<1, 64>>,
        /// Proposed by this member.
        proposer: Option<Ref<Member>>,
        /// Of this kind.
        kind: Option<ProposingKind>,
        page: In<PageArgs>,
    }
}

args! {
    /// Arguments of `get_pending_action`.
    pub struct GetPending {
        /// The action.
        action_id: Str<1, 64>,
        /// Where to go on in a long list of changes.
        items_cursor: Option<Str<1, 200>>,
        read: In<ReadArgs>,
    }
}

/// What a listed action shows.
pub const COLUMNS: [&str; 9] = [
    "id",
    "summary",
    "tool",
    "kind",
    "risk",
    "proposer",
    "proposedAt",
    "expiresAt",
    "policy",
];

/// `list_pending_actions`.
pub fn list(args: ListPending, view: &View<'_>) -> Result<Value, Rejection> {
    let me = view.caller.member.to_string();
    let wanted = args
        .proposer
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?
        .map(|row| row.id.to_string());
    let fits = |action: &&Arc<Action>| {
        let by = action.proposer.principal_id.as_deref().unwrap_or_default();
        let own = by == me;
        visible(view, action)
            && (wanted.is_some() || !args.mine || own)
            && wanted.as_ref().is_none_or(|wanted| by == wanted)
            && args.tool.as_ref().is_none_or(|tool| *action.tool == *tool.0)
            && args.kind.is_none_or(|kind| &*action.kind == kind.word())
            && match args.awaiting {
                Some(Awaiting::Me) if &*action.policy == "self" => own,
                Some(Awaiting::Me) => view.caller.is_human(),
                Some(Awaiting::Human) => &*action.policy != "self",
                Some(Awaiting::Anyone) | None => true,
            }
    };
    let open = view
        .state
        .actions
        .pending()
        .filter(|action| view.now < action.expires_at);
    let items = open.filter(fits).map(|action| row(action)).collect();
    let fill = |item: &mut Item| summed_up(view, item);
    Listing::new(view, &args.page, &COLUMNS, "expiresAt")
        .filled(&["summary"], &fill)
        .answer(items)
}

fn summed_up(view: &View<'_>, item: &mut Item) -> Result<(), Rejection> {
    let id = item.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let action = id.and_then(|id| view.state.actions.get(id));
    let summary = action.map(|action| proposal::summary(view.past, action)).transpose()?;
    item.insert("summary".to_owned(), json!(summary));
    if let Some(action) = action {
        sight::veil(view, action, item);
    }
    Ok(())
}

fn row(action: &Action) -> Item {
    object(json!({
        "id": action.id.to_string(),
        "summary": null,
        "tool": action.tool,
        "kind": action.kind,
        "risk": action.risk,
        "proposer": action.proposer.principal_id,
        "proposedAt": action.proposed_at,
        "expiresAt": action.expires_at,
        "policy": action.policy,
        "status": action.stage,
    }))
}

/// `get_pending_action`.
pub fn get(args: GetPending, view: &View<'_>) -> Result<Value, Rejection> {
    let unknown = || Rejection::not_found("action", &args.action_id).field("actionId");
    let id: Id<Action> = args.action_id.parse().map_err(|_| unknown())?;
    let action = view
        .state
        .actions
        .get(id)
        .filter(|action| visible(view, action))
        .ok_or_else(unknown)?;
    let mut item = row(action);
    summed_up(view, &mut item)?;
    let mut put = |name: &str, value: Value| item.insert(name.to_owned(), value);
    put("attempt", action.attempt.into());
    if let Some(due) = action.due {
        put(
            if action.is_handed_over {
                "outcomeDueBy"
            } else {
                "beginsAt"
            },
            json!(due),
        );
    }
    put("approvals", action.approvals.clone().into());
    put("supersededBy", json!(action.superseded_by));
    put("undoneBy", json!(action.undone_by));
    put("arguments", proposal::args(view.past, action)?.into());
    put(
        "preview",
        paged(proposal::plan(view.past, action)?, args.items_cursor.as_deref())?,
    );
    if action.stage == Stage::Pending {
        put("stale", stale(view, action).into());
    } else if action.attempt > 0 {
        let text = view
            .past
            .record(action.last_seq)?
            .ok_or_else(|| Rejection::new("unavailable", "the receipt cannot be read"))?;
        put(
            "receipt",
            crate::kernel::engine::receipt(action, &text, action.last_seq, true)?,
        );
    }
    sight::veil(view, action, &mut item);
    listing::item(view, &args.read, item, &[], |_| Ok(None))
}

/// Whether deciding today would give another plan.
fn stale(view: &View<'_>, action: &Action) -> bool {
    let proposer = crate::kernel::engine::caller_of(action);
    let today = view.registry.tool(&action.tool).and_then(|tool| {
        let args = proposal::args(view.past, action).ok()?;
        let Run::Decide(run) = &tool.run else { return None };
        let inner = View::new(
            view.state,
            &proposer,
            action.proposed_at,
            view.registry,
            view.past,
            Some(action.id),
        )
        .unseen();
        let mut plan = run(args, &inner).ok()?;
        execution::route(&inner, tool, &mut plan);
        plan.digest(tool.name).ok()
    });
    today != Some(action.digest)
}

/// A preview with a page of its changes.
fn paged(preview: Value, cursor: Option<&str>) -> Result<Value, Rejection> {
    let bad = || Rejection::argument("itemsCursor", "is not a cursor of this preview");
    let start: usize = cursor.map_or(Ok(0), |text| text.parse().map_err(|_| bad()))?;
    preview::page(preview, start).ok_or_else(bad)
}
