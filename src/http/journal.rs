//! `GET /v1/journal`: the caller's organisation's records as NDJSON, those that fit what was asked, and on as they come.

mod copying;
mod query;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::guard::Admitted;
use super::{App, Faces, reply};
use crate::kernel::engine::log_read;
use copying::{Copying, Line};
use query::Asked;
pub(super) use query::StreamArgs;

/// Lines that wait for a slow reader.
const WAITING_MAX: usize = 256;

/// Streams records; needs `audit.read`, because they hold what others asked and saw.
pub(super) async fn stream(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let faces = app.faces.clone();
    let snapshot = faces.handle.snapshot();
    let rights = crate::kernel::view::rights(&snapshot, &entry.caller);
    if let Err(no) = rights.require("audit.read") {
        return reply::rejection(&no);
    }
    let through = address(&pairs);
    let asked = match Asked::read(pairs, &snapshot) {
        Ok(asked) => asked,
        Err(no) => return reply::rejection(&no),
    };
    // Reading the security log is an event itself, and nothing is read before it is durable.
    let read = vec![log_read(&through)];
    if let Err(no) = faces.handle.record(entry.caller.clone(), read).await {
        return reply::rejection(&no);
    }
    let (lines, waiting) = mpsc::channel::<Line>(WAITING_MAX);
    let ended = app.ending.streams.clone();
    tokio::spawn(async move {
        // Dropping it ends the answer; what it copied so far is whole lines.
        let sent = send(faces, entry.caller.org, asked, lines);
        let _ = ended.run_until_cancelled(sent).await;
    });
    (
        [(CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(ReceiverStream::new(waiting)),
    )
        .into_response()
}

fn address(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    let pairs = pairs.collect::<Vec<_>>().join("&");
    format!("/v1/journal?{pairs}").trim_end_matches('?').to_owned()
}

async fn send(faces: Faces, org: String, asked: Asked, lines: mpsc::Sender<Line>) {
    let mut durable = faces.handle.durable();
    let (mut next, follow) = (asked.from, asked.follow);
    let copying = std::sync::Arc::new(Copying {
        faces,
        org,
        asked,
        out: lines,
    });
    loop {
        let copying = std::sync::Arc::clone(&copying);
        match tokio::task::spawn_blocking(move || copying.run(next)).await {
            Ok(Some(reached)) => next = reached,
            _ => return,
        }
        if !follow || durable.wait_for(|position| *position >= next).await.is_err() {
            return;
        }
    }
}
