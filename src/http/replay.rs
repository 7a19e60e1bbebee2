//! `GET /v1/replay`: the organisation's records as a timeline, one line of NDJSON each, as `orkestra replay --json` tells them.

use std::io::Error;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use journal::Log;
use projections::Action;
use projections::Named as _;
use projections::store::Index;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::guard::Admitted;
use super::{App, auditing, journal as records, reply};
use crate::args;
use crate::audit::timeline::{Filter, Timeline};
use crate::kernel::arg::{Args as _, Int, Str, Ts};
use crate::kernel::{Caller, Rejection};

/// Lines that wait for a slow reader.
const WAITING_MAX: usize = 256;

args! {
    /// Which records are told. Several filters must all fit.
    pub struct ReplayArgs {
        /// From this position on.
        from: Option<Int<0, { i64::MAX }>>,
        /// Up to this position.
        to: Option<Int<0, { i64::MAX }>>,
        /// At or after this moment.
        since: Option<Ts>,
        /// Before this moment.
        until: Option<Ts>,
        /// What a member did: an identifier or a handle.
        member: Option<Str<1, 100>>,
        /// What was done on behalf of a member: an identifier or a handle.
        on_behalf_of: Option<Str<1, 100>>,
        /// What was done with a token: an identifier or a name.
        token: Option<Str<1, 100>>,
        /// An action.
        action: Option<Str<1, 64>>,
        /// What changed an entity.
        entity: Option<Str<1, 64>>,
        /// Calls of a tool, from the question to the outcome.
        tool: Option<Str<1, 128>>,
        /// Records with an event of this name.
        event: Option<Str<1, 128>>,
    }
}

/// Streams the timeline of what is durable, and ends.
pub(super) async fn stream(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let filter = match opened(&app, &entry.caller, pairs).await {
        Ok(filter) => filter,
        Err(no) => return reply::rejection(&no),
    };
    let (lines, waiting) = mpsc::channel(WAITING_MAX);
    let log = Arc::clone(app.faces.handle.log());
    let ending = app.ending.streams.clone();
    tokio::task::spawn_blocking(move || {
        let gone = || lines.is_closed() || ending.is_cancelled();
        if let Err(cause) = tell(log.as_ref(), filter, &gone, &|line| {
            lines.blocking_send(Ok(line)).is_ok()
        }) {
            // A reader that has gone need not hear it.
            drop(lines.blocking_send(Err(cause)));
        }
    });
    (
        [(CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(ReceiverStream::new(waiting)),
    )
        .into_response()
}

async fn opened(app: &App, caller: &Caller, pairs: Vec<(String, String)>) -> Result<Filter, Rejection> {
    auditing::allowed(app, caller)?;
    let through = auditing::address("/v1/replay", &pairs);
    let args = ReplayArgs::read(auditing::given(pairs)?)?;
    let filter = filter(app, caller, args)?;
    auditing::noted(app, caller, &through).await?;
    Ok(filter)
}

fn filter(app: &App, caller: &Caller, args: ReplayArgs) -> Result<Filter, Rejection> {
    let state = app.faces.handle.snapshot();
    let mut faults = Vec::new();
    let is_action = |prefix: &str| prefix == Action::PREFIX;
    let is_entity = |prefix: &str| state.kind_of(&format!("{prefix}_")).is_some();
    let by = [
        (
            Index::Action,
            records::id(args.action.as_deref(), "action", "act", &mut faults, is_action),
        ),
        (
            Index::Entity,
            records::id(args.entity.as_deref(), "entity", "tsk", &mut faults, is_entity),
        ),
        (Index::Tool, args.tool.map(|tool| tool.0)),
        (Index::Event, args.event.map(|event| event.0)),
    ];
    if !faults.is_empty() {
        return Err(Rejection::invalid(faults));
    }
    let position = |given: Option<Int<0, { i64::MAX }>>| given.and_then(|given| u64::try_from(given.0).ok());
    let text = |given: Option<Str<1, 100>>| given.map(|given| given.0);
    Ok(Filter {
        from: position(args.from),
        to: position(args.to),
        since: args.since.map(|since| since.0),
        until: args.until.map(|until| until.0),
        org: Some(caller.org.clone()),
        member: text(args.member),
        on_behalf_of: text(args.on_behalf_of),
        token: text(args.token),
        by: by
            .into_iter()
            .filter_map(|(index, value)| Some((index, value?)))
            .collect(),
    })
}

/// Tells every record that fits; from the first on, because what came before says what members and tokens are called and what
/// an action asked for. `send` says whether somebody still listens; where nothing fits for long, `gone` does.
fn tell(log: &dyn Log, filter: Filter, gone: &dyn Fn() -> bool, send: &dyn Fn(String) -> bool) -> Result<(), Error> {
    let (last, mut timeline) = (filter.to.unwrap_or(u64::MAX).min(log.durable()), Timeline::new(filter));
    if last == 0 {
        return Ok(());
    }
    for line in log.read(1).map_err(Error::other)? {
        let line = line.map_err(Error::other)?;
        if line.seq > last || gone() {
            break;
        }
        if let Some(entry) = timeline.take(line.seq, &line.text).map_err(Error::other)?
            && !send(serde_json::to_string(&entry)? + "\n")
        {
            break;
        }
    }
    Ok(())
}
