//! The guard before every handler: host and origin, token, strict JSON, limits. What it turns away is counted or journaled.

use std::panic::AssertUnwindSafe;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::{App, Shared, reply};
use crate::door::way::http_version;
use crate::door::{Entry, Limits, Trace, Verdict, Way};
use crate::kernel::Rejection;
use crate::kernel::engine::admit;
use crate::mcp::Visitor;
use crate::modules::profile::Selection;

const SESSION: &str = "mcp-session-id";

/// A caller who was let in, for the REST handlers.
#[derive(Clone)]
pub(super) struct Admitted(pub(super) Entry);

/// Host and origin, against DNS rebinding and foreign pages; before everything else.
pub(super) async fn hosts(State(app): State<App>, request: Request, next: Next) -> Response {
    match app.expect_host(&request) {
        Ok(()) => next.run(request).await,
        Err(response) => response,
    }
}

fn forbidden(message: &str, hint: &str) -> Response {
    let mut no = Rejection::new("forbidden", message).hint(hint);
    no.current = None;
    reply::rejection(&no)
}

/// The name in a host or authority, without the port and without brackets.
fn host_name(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    host.split(':').next().unwrap_or_default()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

impl Shared {
    fn expect_host(&self, request: &Request) -> Result<(), Response> {
        let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
        let host = text(request.headers(), HOST.as_str()).or(authority);
        let known = |host: &str| self.hosts.contains(host_name(host));
        if !host.is_some_and(known) {
            self.faces.telemetry.turned_away("host");
            return Err(forbidden(
                "the Host of this request is not served here",
                "list it in `public_hosts`",
            ));
        }
        let good_origin = text(request.headers(), ORIGIN.as_str()).is_none_or(|origin| {
            let local = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"));
            self.faces.public_origins.iter().any(|listed| listed == origin) || local.is_some_and(known)
        });
        if !good_origin {
            self.faces.telemetry.turned_away("origin");
            return Err(forbidden(
                "the Origin of this request is not allowed here",
                "list it in `public_origins`",
            ));
        }
        Ok(())
    }

    fn admit(&self, headers: &HeaderMap, via: &'static str) -> Result<Entry, Response> {
        let bearer = text(headers, AUTHORIZATION.as_str());
        let bearer = bearer
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let token = bearer.map(|(_, token)| token.trim()).unwrap_or_default();
        let handle = &self.faces.handle;
        self.faces
            .doorman
            .admit(token, via, &handle.snapshot(), handle.now())
            .map_err(|no| {
                self.faces.telemetry.turned_away("token");
                reply::rejection(&no)
            })
    }

    async fn body(&self, body: Body) -> Result<Bytes, Response> {
        let most = self.faces.body_bytes_max;
        to_bytes(body, most).await.map_err(|_| {
            let mut no = Rejection::new(
                "validation_failed",
                format!("the body is longer than {most} bytes, or broke off"),
            );
            no.hint = Some("send less at once".to_owned());
            let mut response = reply::rejection(&no);
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            response
        })
    }
}

/// REST: a token, then the body as it is.
pub(super) async fn rest(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let mut entry = match app.admit(request.headers(), "rest") {
        Ok(entry) => entry,
        Err(response) => return response,
    };
    let way = Way {
        http: Some(http_version(request.version())),
        ..Way::default()
    };
    entry.came(way, Trace::of_headers(request.headers()));
    let tool = request
        .uri()
        .path()
        .strip_prefix("/v1/tools/")
        .and_then(|name| app.faces.handle.registry().tool(name));
    let verdict = app
        .faces
        .limits
        .charge(&entry.caller, Limits::class(tool), app.faces.handle.now());
    if let Some(wait) = verdict.retry_after {
        return reply::limited(&verdict, wait, None);
    }
    if request.method() == Method::POST {
        let (parts, body) = request.into_parts();
        let bytes = match app.body(body).await {
            Ok(bytes) => bytes,
            Err(response) => return response,
        };
        if let Err(cause) = check_if_any(&bytes) {
            return reply::rejection(&Rejection::new("validation_failed", cause));
        }
        request = Request::from_parts(parts, Body::from(bytes));
    }
    request.extensions_mut().insert(Admitted(entry));
    let mut response = next.run(request).await;
    reply::limits(response.headers_mut(), &verdict);
    response
}

/// What is open to everybody: who brings a token is let in by it, and counted by it; who brings none is told apart from nobody.
pub(super) async fn open(app: State<App>, request: Request, next: Next) -> Response {
    if request.headers().contains_key(AUTHORIZATION) {
        return rest(app, request, next).await;
    }
    let verdict = app.faces.limits.charge_anonymous();
    if let Some(wait) = verdict.retry_after {
        app.faces.telemetry.turned_away("rate");
        return reply::limited(&verdict, wait, None);
    }
    let mut response = next.run(request).await;
    reply::limits(response.headers_mut(), &verdict);
    response
}

fn check_if_any(bytes: &Bytes) -> Result<(), String> {
    if bytes.is_empty() {
        Ok(())
    } else {
        crate::kernel::json::check(bytes).map_err(|cause| cause.to_string())
    }
}

/// MCP: host, address, token, session, then strict JSON and the limits, before rmcp sees anything.
pub(super) async fn mcp(State(app): State<App>, request: Request) -> Response {
    let guarded = AssertUnwindSafe(guarded(&app, request)).catch_unwind().await;
    match guarded {
        Ok(Ok(response)) => response,
        Ok(Err(response)) => *response,
        Err(panic) => reply::panicked(panic),
    }
}

async fn guarded(app: &App, request: Request) -> Result<Response, Box<Response>> {
    app.expect_host(&request)?;
    let selection = address(app, request.uri().path().trim_start_matches("/mcp"));
    let selection = selection.map_err(|no| reply::rejection(&no))?;
    let entry = app.admit(request.headers(), "mcp")?;
    let session = text(request.headers(), SESSION).map(ToOwned::to_owned);
    if session
        .as_ref()
        .is_some_and(|session| !app.sessions.belongs(session, &entry.caller, app.faces.handle.now()))
    {
        let none = "there is no such session";
        return Err(reply::rpc(StatusCode::NOT_FOUND, -32600, none, Value::Null, None).into());
    }
    let (mut parts, body) = request.into_parts();
    if parts.method != Method::POST {
        let ends = parts.method == Method::DELETE;
        parts.extensions.insert(Visitor { entry, selection });
        let response = rmcp(app, Request::from_parts(parts, body)).await;
        return Ok(match session {
            Some(session) if ends => ended(app, &session, response),
            _ => response,
        });
    }
    let bytes = app.body(body).await?;
    let (opening, verdict) = peek(app, &entry, &bytes)?;
    let opener = opening.then(|| entry.caller.clone());
    parts.extensions.insert(Visitor { entry, selection });
    let request = Request::from_parts(parts, Body::from(bytes));
    let mut response = rmcp(app, request).await;
    if let (Some(caller), Some(session)) = (opener, text(response.headers(), SESSION)) {
        app.sessions.opened(session, &caller, app.faces.handle.now());
    }
    reply::limits(response.headers_mut(), &verdict);
    Ok(response)
}

/// A session that was ended is over, not going to be: 204 and not the 202 of rmcp, which clients warn of (RFC 9110, 9.3.5).
fn ended(app: &App, session: &str, mut response: Response) -> Response {
    if response.status() == StatusCode::ACCEPTED {
        app.sessions.ended(session);
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    response
}

/// Boxed, because its future is large, and those around it are moved before they run.
async fn rmcp(app: &App, request: Request) -> Response {
    Box::pin(app.mcp.handle(request)).await.map(Body::new)
}

fn address(app: &App, rest: &str) -> Result<Selection, Rejection> {
    let selection = Selection::of_address(rest)?;
    match selection.unknown_module(app.faces.handle.registry()) {
        Some(name) => {
            let known: Vec<&str> = app
                .faces
                .handle
                .registry()
                .modules()
                .iter()
                .map(|(name, ..)| *name)
                .collect();
            Err(Rejection::not_found("module", &name).allowed(known))
        }
        None => Ok(selection),
    }
}

/// Looks into a JSON-RPC body: is it acceptable, what is it charged to, and may it confirm. True where it opens a session.
fn peek(app: &App, entry: &Entry, bytes: &Bytes) -> Result<(bool, Verdict), Box<Response>> {
    let seen = crate::mcp::message(bytes)
        .map_err(|no| Box::new(reply::rpc(StatusCode::BAD_REQUEST, no.code, &no.why, no.id, None)))?;
    let id = seen.get("id").cloned().unwrap_or(Value::Null);
    let method = seen.get("method").and_then(Value::as_str).unwrap_or_default();
    let named = seen.pointer("/params/name").and_then(Value::as_str).unwrap_or_default();
    let inner = seen
        .pointer("/params/arguments/name")
        .and_then(Value::as_str)
        .filter(|_| named == "call_tool");
    let tool = if method == "tools/call" {
        app.faces.handle.registry().tool(inner.unwrap_or(named))
    } else {
        None
    };
    let verdict = app
        .faces
        .limits
        .charge(&entry.caller, Limits::class(tool), app.faces.handle.now());
    if let Some(wait) = verdict.retry_after {
        return Err(Box::new(reply::limited(&verdict, wait, Some(id))));
    }
    if let Some(tool) = tool.filter(|tool| tool.name == "confirm_action")
        && admit(
            &app.faces.handle.snapshot(),
            &entry.caller,
            tool,
            app.faces.handle.now(),
        )
        .is_err()
    {
        return Err(Box::new(reply::insufficient_scope(&tool.permission)));
    }
    Ok((method == "initialize", verdict))
}

/// The body of a request that has none is an empty object.
pub(super) fn empty() -> Value {
    json!({})
}
