//! Actions over REST: list by state, show, confirm, cancel, try again, reconcile.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use projections::Stage;
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard::Admitted;
use super::{App, reply, rest};
use crate::execution;
use crate::kernel::authority;
use crate::kernel::engine::{Order, Settled, admit, payload_viewed};
use crate::kernel::{Caller, Past, Rejection, Snapshot, View, proposal};
use crate::modules::actions::sight;

/// Which actions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    state: Option<Stage>,
    limit: Option<usize>,
}

/// Why another attempt is ordered.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RetryBody {
    note: String,
}

/// What was established.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReconcileBody {
    outcome: Happened,
    evidence: String,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Happened {
    Succeeded,
    Failed,
}

/// `GET /v1/actions`: the newest first; one's own, or all of the organisation for holders of `actions.manage`.
pub(super) async fn list(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Query(query): Query<ListQuery>,
) -> Response {
    let snapshot = app.faces.handle.snapshot();
    let rights = authority::rights(&snapshot, &entry.caller, app.faces.handle.now());
    if let Err(no) = rights.require("actions.read") {
        return reply::rejection(&no);
    }
    let me = entry.caller.member.to_string();
    let by = (!rights.allow("actions.manage")).then_some(me.as_str());
    let most = query.limit.unwrap_or(100).min(1000);
    let past = app.faces.handle.past();
    let mut items = listed(&snapshot, past, &entry.caller.org, query.state, by, most);
    if let Err(no) = seen(&app, &entry.caller, &snapshot, &mut items).await {
        return reply::rejection(&no);
    }
    Json(json!({"items": items, "asOf": snapshot.position})).into_response()
}

/// Takes out of others' actions what the caller may not see; what an auditor alone sees is journaled first.
async fn seen(app: &App, caller: &Caller, snapshot: &Snapshot, items: &mut [Value]) -> Result<(), Rejection> {
    let opened = {
        let handle = &app.faces.handle;
        let view = View::new(snapshot, caller, handle.now(), handle.registry(), handle.past(), None);
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            let id = item.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
            if let Some(action) = id.and_then(|id| snapshot.actions.get(id)) {
                sight::veil(&view, action, item);
            }
        }
        sight::opened_list(&json!({"items": items}), &view)?
    };
    match opened {
        Some(opened) => {
            let event = payload_viewed("/v1/actions", &opened);
            app.faces.handle.record(caller.clone(), vec![event]).await
        }
        None => Ok(()),
    }
}

/// Actions of an organisation, the newest first; of one stage and one proposer where asked for.
pub(crate) fn listed(
    snapshot: &Snapshot,
    past: &dyn Past,
    org: &str,
    stage: Option<Stage>,
    by: Option<&str>,
    most: usize,
) -> Vec<Value> {
    let fits = |action: &&Arc<projections::Action>| {
        *action.org == *org
            && stage.is_none_or(|stage| action.stage == stage)
            && by.is_none_or(|by| action.proposer.principal_id.as_deref() == Some(by))
    };
    let newest = snapshot.actions.iter().rev().filter(fits);
    newest.take(most).map(|action| shown(past, action)).collect()
}

fn shown(past: &dyn Past, action: &projections::Action) -> Value {
    json!({
        "id": action.id.to_string(),
        "tool": action.tool,
        "kind": action.kind,
        "risk": action.risk,
        "policy": action.policy,
        "status": action.stage,
        "summary": proposal::summary(past, action).ok(),
        "proposer": action.proposer,
        "proposedAt": action.proposed_at,
        "expiresAt": action.expires_at,
        "position": action.last_seq,
        "attempt": action.attempt,
        "due": action.due,
    })
}

/// `GET /v1/actions/{id}`.
pub(super) async fn show(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Path(id): Path<String>,
) -> Response {
    through(&app, &entry, "get_pending_action", &id, &Bytes::new()).await
}

/// `POST /v1/actions/{id}/confirm`, with `{"confirmToken": …, "note": …}`; a human approver leaves the token out.
pub(super) async fn confirm(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let snapshot = app.faces.handle.snapshot();
    let tool = app.faces.handle.registry().tool("confirm_action");
    if tool.is_some_and(|tool| admit(&snapshot, &entry.caller, tool, app.faces.handle.now()).is_err()) {
        return reply::insufficient_scope("actions.confirm");
    }
    through(&app, &entry, "confirm_action", &id, &body).await
}

/// `POST /v1/actions/{id}/cancel`, with `{"reason": …}`.
pub(super) async fn cancel(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    through(&app, &entry, "cancel_action", &id, &body).await
}

/// `POST /v1/actions/{id}/retry`, with `{"note": …}`: another attempt of what failed or is unknown.
pub(super) async fn retry(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Path(id): Path<String>,
    Json(body): Json<RetryBody>,
) -> Response {
    settle(&app, &entry, id, Order::Retry { note: body.note }).await
}

/// `POST /v1/actions/{id}/reconcile`, with `{"outcome": "succeeded" | "failed", "evidence": …}`.
pub(super) async fn reconcile(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Path(id): Path<String>,
    Json(body): Json<ReconcileBody>,
) -> Response {
    let settled = Settled {
        happened: body.outcome == Happened::Succeeded,
        evidence: body.evidence,
    };
    settle(&app, &entry, id, Order::Reconcile(settled)).await
}

/// Humans who manage actions may settle executions; agents never.
async fn settle(app: &App, entry: &crate::door::Entry, id: String, order: Order) -> Response {
    let snapshot = app.faces.handle.snapshot();
    let rights = authority::rights(&snapshot, &entry.caller, app.faces.handle.now());
    if rights.require("actions.manage").is_err() || rights.read_only() || !entry.caller.is_human() {
        return reply::insufficient_scope("actions.manage");
    }
    let (actor, org) = (entry.caller.actor(), entry.caller.org.clone());
    match execution::settle(&app.faces.handle, actor, org, id, order).await {
        Ok(answer) => Json(answer).into_response(),
        Err(no) => reply::rejection(&no),
    }
}

async fn through(app: &App, entry: &crate::door::Entry, tool: &str, id: &str, body: &Bytes) -> Response {
    match rest::arguments(body, "body") {
        Ok(mut args) => {
            args.insert("actionId".to_owned(), id.into());
            rest::said(app, entry, tool, true, args).await
        }
        Err(no) => reply::rejection(&no),
    }
}
