//! `GET /v1/journal`: the caller's organisation's records as NDJSON, those that fit what was asked, and on as they come.

mod copying;
mod query;

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use tokio::sync::mpsc;

use super::auditing::Line;
use super::guard::Admitted;
use super::{App, Faces, auditing, reply};
use crate::kernel::opened::Opened;
use crate::kernel::{Caller, Rejection};
use crate::modules::audit::Sight;
use copying::Copying;
use query::Asked;
pub(super) use query::StreamArgs;

/// Streams records.
pub(super) async fn stream(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let (asked, sight) = match opened(&app, &entry.caller, pairs).await {
        Ok(opened) => opened,
        Err(no) => return reply::rejection(&no),
    };
    let (lines, answer) = auditing::lines();
    let (faces, ended) = (app.faces.clone(), app.ending.streams.clone());
    tokio::spawn(async move {
        // Dropping it ends the answer; what it copied so far is whole lines.
        let sent = send(faces, entry.caller, (asked, sight), lines);
        let _ = ended.run_until_cancelled(sent).await;
    });
    answer
}

async fn opened(app: &App, caller: &Caller, pairs: Vec<(String, String)>) -> Result<(Asked, Sight), Rejection> {
    let handle = &app.faces.handle;
    let sight = auditing::sight(handle, caller)?;
    let through = auditing::address("/v1/journal", &pairs);
    let asked = Asked::read(pairs, &handle.snapshot())?;
    let to = (!asked.follow).then(|| handle.log().durable());
    let opened = (sight == Sight::Whole).then(|| Opened::among(asked.from, to));
    auditing::noted(handle, caller, &through, opened).await?;
    Ok((asked, sight))
}

async fn send(faces: Faces, caller: Caller, (asked, sight): (Asked, Sight), lines: mpsc::Sender<Line>) {
    let mut durable = faces.handle.durable();
    let (mut next, follow) = (asked.from, asked.follow);
    let copying = std::sync::Arc::new(Copying {
        faces,
        caller,
        sight,
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
