//! REST, small and generic: the same tools, processor, limits and errors as MCP.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard::Admitted;
use super::past::{self, Then};
use super::{App, auditing, guard, reply};
use crate::door::Entry;
use crate::kernel::{Rejection, Tool};
use crate::modules::profile::{Selection, may_call, shown_to};
use crate::telemetry::Over;

/// Longest wait for a position that a read asks for.
const POSITION_PATIENCE: Duration = Duration::from_secs(2);

/// What may stand behind the `?` of a call.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CallQuery {
    /// Wait until the state is at least here.
    min_position: Option<u64>,
    /// Read there instead of now.
    at: Option<String>,
    /// As this member, where it is the past that is read.
    #[serde(rename = "as")]
    whom: Option<String>,
}

/// `GET /v1/tools`: what this token may call.
pub(super) async fn tools(State(app): State<App>, Extension(Admitted(entry)): Extension<Admitted>) -> Response {
    let handle = &app.faces.handle;
    let bound = entry.profile.as_deref();
    let shown = shown_to(
        handle.registry(),
        &handle.snapshot(),
        &entry.caller,
        &Selection::default(),
        bound,
        handle.now(),
    );
    Json(json!({"tools": shown.iter().map(|tool| describe(tool)).collect::<Vec<_>>()})).into_response()
}

/// A tool as `GET /v1/tools` and `orkestra tools list` describe it.
pub(crate) fn describe(tool: &Tool) -> Value {
    json!({
        "name": tool.name,
        "module": tool.module,
        "kind": tool.kind.word(),
        "core": tool.core,
        "permission": tool.permission,
        "description": tool.doc,
        "inputSchema": *tool.input,
        "outputSchema": *tool.output,
        "annotations": {
            "readOnlyHint": tool.kind == crate::kernel::ToolKind::Read,
            "destructiveHint": tool.is_destructive(),
            "idempotentHint": tool.is_idempotent(),
            "openWorldHint": false,
        },
    })
}

/// `POST /v1/tools/{tool}`: calls a tool; a proposed write answers 202.
pub(super) async fn call(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Path(tool): Path<String>,
    Query(query): Query<CallQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if headers.contains_key("orkestra-confirm") {
        let no = Rejection::new(
            "policy_denied",
            "only an interactive session of a human may confirm immediately",
        )
        .hint("leave the header `Orkestra-Confirm` out and confirm the pending action");
        return reply::rejection(&no);
    }
    let args = match arguments(&body, "body") {
        Ok(args) => args,
        Err(no) => return reply::rejection(&no),
    };
    let handle = &app.faces.handle;
    if let Some(position) = query.min_position
        && handle.snapshot_at_least(position, POSITION_PATIENCE).await.is_none()
    {
        return reply::rejection(&crate::processor::unavailable("the state has not reached minPosition"));
    }
    match query {
        CallQuery { at: Some(at), whom, .. } => {
            return past::answered(&app, &entry, &tool, Then { at, whom }, args).await;
        }
        CallQuery { whom: Some(_), .. } => {
            let no = Rejection::argument("as", "goes with `at`, the position or hour that is read");
            return reply::rejection(&no);
        }
        CallQuery { .. } => {}
    }
    let known = handle.registry().tool(&tool).filter(|known| {
        may_call(
            &handle.snapshot(),
            &entry.caller,
            known,
            &Selection::default(),
            entry.profile.as_deref(),
            handle.now(),
        )
    });
    if known.is_none_or(|known| known.name == "confirm_action") && tool == "confirm_action" && known.is_none() {
        return reply::insufficient_scope("actions.confirm");
    }
    let name = known.map_or_else(|| tool.clone(), |known| known.name.to_owned());
    let visible = known.is_some();
    said(&app, &entry, &name, visible, args).await
}

/// Calls and answers; a tool that the caller may not see is journaled and answered as unknown.
pub(super) async fn said(
    app: &App,
    entry: &Entry,
    tool: &str,
    visible: bool,
    args: serde_json::Map<String, Value>,
) -> Response {
    let begun = Instant::now();
    let (answer, position) = if visible {
        app.faces.handle.told(entry.caller.clone(), tool, args).await
    } else {
        let call = crate::kernel::engine::Call {
            caller: entry.caller.clone(),
            tool: tool.to_owned(),
            args,
        };
        let noted = app
            .faces
            .handle
            .ask(move |engine, now, _| {
                let text = engine.unknown(&call, now)?;
                Ok((vec![text], engine.state().position))
            })
            .await;
        let mut unknown = crate::kernel::engine::unknown_tool(tool);
        unknown.code = "not_found".into();
        match noted {
            Ok(position) => (Err(unknown), Some(position)),
            Err(no) => (Err(no), None),
        }
    };
    app.faces.telemetry.called(&Over {
        entry,
        tool: app.faces.handle.registry().tool(tool).filter(|_| visible),
        answer: &answer,
        position,
        begun,
    });
    match answer {
        Ok(answer) => {
            let waits = answer.get("status").and_then(Value::as_str) == Some("pending");
            let status = if waits { StatusCode::ACCEPTED } else { StatusCode::OK };
            (status, Json(answer)).into_response()
        }
        Err(no) => reply::rejection(&no),
    }
}

/// A JSON object; nothing counts as an empty one.
pub(super) fn arguments(body: &[u8], field: &str) -> Result<serde_json::Map<String, Value>, Rejection> {
    let value = if body.is_empty() {
        guard::empty()
    } else {
        serde_json::from_slice(body).unwrap_or(Value::Null)
    };
    match value {
        Value::Object(args) => Ok(args),
        _ => Err(Rejection::argument(field, "must be a JSON object of arguments")),
    }
}

/// `GET /v1/digest`: the digest of the whole state and its position, for holders of `audit.read`. Equal histories have
/// equal digests, so it tells whether a restored or replayed server stands where this one does. It walks the state.
pub(super) async fn digest(State(app): State<App>, Extension(Admitted(entry)): Extension<Admitted>) -> Response {
    if let Err(no) = auditing::allowed(&app.faces.handle, &entry.caller) {
        return reply::rejection(&no);
    }
    let snapshot = app.faces.handle.snapshot();
    let made = tokio::task::spawn_blocking(move || snapshot.digest().map(|digest| (snapshot.position, digest))).await;
    match made {
        Ok(Ok((position, digest))) => Json(json!({"position": position, "digest": digest})).into_response(),
        _ => reply::rejection(&crate::processor::unavailable("the digest could not be computed")),
    }
}

/// `GET /v1/boot`: what was found at the start.
pub(super) async fn boot(State(app): State<App>) -> Response {
    Json(json!(app.faces.handle.boot())).into_response()
}

/// `GET /healthz`: the process lives and its journal is open.
pub(super) async fn healthz(State(app): State<App>) -> Response {
    match app.faces.handle.closed().borrow().as_ref() {
        None => "ok\n".into_response(),
        Some(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the journal is closed: {why}\n"),
        )
            .into_response(),
    }
}

/// `GET /readyz`: calls are served; says at which position, or why they are not.
pub(super) async fn readyz(State(app): State<App>) -> Response {
    let handle = &app.faces.handle;
    let closed = handle.closed().borrow().clone();
    let why = closed.or_else(|| handle.tight().map(|tight| tight.why));
    let status = if why.is_none() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let snapshot = handle.snapshot();
    let mut body =
        json!({"ready": why.is_none(), "position": snapshot.position, "pending": snapshot.actions.pending_len()});
    if let (Some(why), Some(members)) = (why, body.as_object_mut()) {
        members.insert("why".to_owned(), why.as_ref().into());
    }
    (status, Json(body)).into_response()
}

/// `GET /metrics`: counters in the OpenMetrics text format.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let handle = &app.faces.handle;
    let text = app.faces.telemetry.text(&handle.snapshot(), handle.now());
    (
        [(
            "content-type",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
        .into_response()
}

/// `GET /openapi.json`: these faces for programs that write clients.
pub(super) async fn openapi(State(app): State<App>) -> Response {
    ([("content-type", "application/json")], app.openapi.clone()).into_response()
}
