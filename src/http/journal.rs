//! `GET /v1/journal`: the caller's organisation's records as NDJSON, from a position, and on as they come.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use projections::Record;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::guard::Admitted;
use super::{App, reply};
use crate::processor::Handle;

/// Lines that wait for a slow reader.
const WAITING_MAX: usize = 256;

/// From where, and whether to go on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamQuery {
    #[serde(default = "first")]
    from: u64,
    #[serde(default)]
    follow: bool,
}

fn first() -> u64 {
    1
}

type Line = Result<String, std::io::Error>;

/// Streams records; needs `audit.read`, because they hold what others asked and saw.
pub(super) async fn stream(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Query(query): Query<StreamQuery>,
) -> Response {
    let handle = app.faces.handle.clone();
    let rights = crate::kernel::view::rights(&handle.snapshot(), &entry.caller);
    if let Err(no) = rights.require("audit.read") {
        return reply::rejection(&no);
    }
    let (lines, waiting) = mpsc::channel::<Line>(WAITING_MAX);
    tokio::spawn(send(handle, entry.caller.org, query, lines));
    (
        [(CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(ReceiverStream::new(waiting)),
    )
        .into_response()
}

async fn send(handle: Handle, org: String, query: StreamQuery, lines: mpsc::Sender<Line>) {
    let mut durable = handle.durable();
    let mut next = query.from.max(1);
    loop {
        let (log, org, out) = (handle.log().clone(), org.clone(), lines.clone());
        let read = tokio::task::spawn_blocking(move || copy(log.as_ref(), next, &org, &out)).await;
        match read {
            Ok(Some(reached)) => next = reached,
            _ => return,
        }
        if !query.follow || durable.wait_for(|position| *position >= next).await.is_err() {
            return;
        }
    }
}

/// Sends what is durable; the next position, or `None` where the reader has gone or the journal failed.
fn copy(log: &dyn journal::Log, from: u64, org: &str, out: &mpsc::Sender<Line>) -> Option<u64> {
    let failed = |cause: &dyn std::fmt::Display| std::io::Error::other(cause.to_string());
    let mut next = from;
    let lines = match log.read(from) {
        Ok(lines) => lines,
        Err(cause) => {
            out.blocking_send(Err(failed(&cause))).ok()?;
            return None;
        }
    };
    for line in lines {
        match line {
            Ok(line) => {
                next = line.seq + 1;
                if belongs(&line.text, org) {
                    out.blocking_send(Ok(line.text + "\n")).ok()?;
                }
            }
            Err(cause) => {
                out.blocking_send(Err(failed(&cause))).ok()?;
                return None;
            }
        }
    }
    Some(next)
}

fn belongs(text: &str, org: &str) -> bool {
    Record::parse(text).is_ok_and(|record| record.org.as_deref().is_none_or(|of| of == org))
}
