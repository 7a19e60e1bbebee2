//! `GET /v1/stats`: how often what happened to calls of which tool, by day, as the rows have counted it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;

use super::guard::Admitted;
use super::{App, auditing, reply};
use crate::kernel::Rejection;
use crate::processor::unavailable;

/// The counters of the caller's organisation; needs `audit.read` or `audit.browse`, as the journal does.
pub(super) async fn stats(State(app): State<App>, Extension(Admitted(entry)): Extension<Admitted>) -> Response {
    if let Err(no) = auditing::sight(&app.faces.handle, &entry.caller) {
        return reply::rejection(&no);
    }
    let desk = &app.faces.desk;
    // Rows that are given up stand still: what they count is not what is.
    let Some(rows) = desk.rows().filter(|_| desk.given_up().is_none()).cloned() else {
        return reply::rejection(&without_rows(desk.given_up()));
    };
    let org = entry.caller.org;
    match tokio::task::spawn_blocking(move || rows.counts(&org)).await {
        Ok(Ok((position, counts))) => Json(json!({"asOf": position, "counts": counts})).into_response(),
        Ok(Err(cause)) => reply::rejection(&unavailable(&cause.to_string())),
        Err(_) => reply::rejection(&unavailable("the counters could not be read")),
    }
}

/// Names no time to wait, because asking again does not help.
fn without_rows(why: Option<&str>) -> Rejection {
    let why = why.unwrap_or("their rows could not be opened");
    Rejection::new(
        "unavailable",
        format!("there are no counters until the next start: {why}"),
    )
    .hint("the journal has everything: GET /v1/journal?tool=…; an operator can see to the rows and start again")
}
