//! Answers of the HTTP faces: rejections with their status, limits in headers, JSON-RPC errors where a client expects them.

use std::any::Any;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::door::Verdict;
use crate::kernel::Rejection;

/// A rejection as an HTTP answer.
pub(super) fn rejection(no: &Rejection) -> Response {
    let status = StatusCode::from_u16(no.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let mut response = (status, Json(no.to_json())).into_response();
    let headers = response.headers_mut();
    if let Some(wait) = no.retry_after_ms {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000).max(1)));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// A rejection that names the missing scope, and only that one (RFC 6750, section 3.1).
pub(super) fn insufficient_scope(permission: &str) -> Response {
    let mut response = rejection(&Rejection::forbidden(permission));
    let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{permission}\"");
    if let Ok(value) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

/// A rejection as a JSON-RPC error body that an MCP client can show.
pub(super) fn rpc(status: StatusCode, code: i64, message: &str, id: Value, data: Option<Value>) -> Response {
    let mut error = json!({"code": code, "message": message});
    if let (Value::Object(members), Some(data)) = (&mut error, data) {
        members.insert("data".to_owned(), data);
    }
    (status, Json(json!({"jsonrpc": "2.0", "id": id, "error": error}))).into_response()
}

/// A refusal by a rate limit: 429 with the time to wait, in a body that an MCP client can show.
pub(super) fn limited(verdict: &Verdict, wait: Duration, id: Option<Value>) -> Response {
    let no = crate::door::limits::rejection(verdict, wait);
    let mut response = match id {
        // -32000…-32019 are the implementation's own (JSON-RPC 2.0, section 5.1).
        Some(id) => rpc(
            StatusCode::TOO_MANY_REQUESTS,
            -32000,
            &no.message,
            id,
            Some(no.to_json()),
        ),
        None => rejection(&no),
    };
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
    limits(response.headers_mut(), verdict);
    response
}

/// Says how much is left (draft-ietf-httpapi-ratelimit-headers, and the older names that clients know).
pub(super) fn limits(headers: &mut HeaderMap, verdict: &Verdict) {
    let class = verdict.class.word();
    let reset = verdict.retry_after.map_or(0, |wait| wait.as_secs() + 1);
    let text = |text: String| HeaderValue::try_from(text).ok();
    let policy = text(format!("\"{class}\";q={};w=60", verdict.quota));
    let left = text(format!("\"{class}\";r={};t={reset}", verdict.remaining));
    let told = [
        ("ratelimit-policy", policy),
        ("ratelimit", left),
        ("x-ratelimit-limit", Some(verdict.quota.into())),
        ("x-ratelimit-remaining", Some(verdict.remaining.into())),
        ("x-ratelimit-reset", Some(reset.into())),
    ];
    for (name, value) in told {
        headers.extend(value.map(|value| (HeaderName::from_static(name), value)));
    }
}

/// There is no such address.
pub(super) async fn nowhere() -> Response {
    let mut no = Rejection::not_found("address", "this");
    no.message = String::from("there is no such address here");
    rejection(&no.hint("GET /v1/tools lists what can be called; MCP is at /mcp"))
}

/// A panic is our failure, never silence.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response<Body> {
    tracing::error!("a handler panicked");
    let body =
        json!({"error": {"code": "unavailable", "message": "the server failed; nothing is known to have been done"}});
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
