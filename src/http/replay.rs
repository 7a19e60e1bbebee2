//! `GET /v1/replay`: the organisation's records as a timeline, one line of NDJSON each, as `orkestra replay --json` tells them.

use std::io::Error;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use journal::Log;
use tokio::sync::mpsc;

use super::auditing::{By, Line};
use super::guard::Admitted;
use super::{App, auditing, reply};
use crate::args;
use crate::audit::timeline::{self, Entry, Filter};
use crate::kernel::arg::{Args as _, Int, Str, Ts};
use crate::kernel::opened::{Opened, is_own};
use crate::kernel::{self, Caller, Rejection};
use crate::modules::audit::Sight;

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
    let (filter, sight) = match opened(&app, &entry.caller, pairs).await {
        Ok(opened) => opened,
        Err(no) => return reply::rejection(&no),
    };
    let (lines, answer) = auditing::lines();
    let caller = entry.caller;
    let (log, ending) = (Arc::clone(app.faces.handle.log()), app.ending.streams.clone());
    tokio::task::spawn_blocking(move || {
        // Where nothing fits for long, nobody would notice otherwise.
        let gone = || lines.is_closed() || ending.is_cancelled();
        let veil = |entry: &mut Entry| {
            if sight != Sight::Whole && !is_own(&entry.actor, &caller) {
                entry.veil();
            }
        };
        if let Err(cause) = tell(log.as_ref(), filter, &gone, &veil, &lines) {
            // A reader that has gone need not hear it.
            drop(lines.blocking_send(Err(cause)));
        }
    });
    answer
}

async fn opened(app: &App, caller: &Caller, pairs: Vec<(String, String)>) -> Result<(Filter, Sight), Rejection> {
    let handle = &app.faces.handle;
    let sight = auditing::sight(handle, caller)?;
    let through = auditing::address("/v1/replay", &pairs);
    let state = handle.snapshot();
    let filter = filter(ReplayArgs::read(auditing::given(pairs)?)?, caller, &state)?;
    let opened = (sight == Sight::Whole).then(|| {
        let last = handle.log().durable();
        let whose = filter.member.as_deref();
        Opened {
            whose: whose
                .and_then(|name| auditing::member(&state, caller, name))
                .into_iter()
                .collect(),
            ..Opened::among(filter.from.unwrap_or(1), Some(filter.to.unwrap_or(last).min(last)))
        }
    });
    auditing::noted(handle, caller, &through, opened).await?;
    Ok((filter, sight))
}

fn filter(args: ReplayArgs, caller: &Caller, state: &kernel::State) -> Result<Filter, Rejection> {
    let by = By {
        action: args.action.map(|action| action.0),
        entity: args.entity.map(|entity| entity.0),
        actor: None,
        tool: args.tool.map(|tool| tool.0),
        event: args.event.map(|event| event.0),
    };
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
        by: by.read(state)?,
    })
}

fn tell(
    log: &dyn Log,
    filter: Filter,
    gone: &dyn Fn() -> bool,
    veil: &dyn Fn(&mut Entry),
    lines: &mpsc::Sender<Line>,
) -> Result<(), Error> {
    for line in timeline::over(log, filter).map_err(Error::other)? {
        let (_, entry) = line.map_err(Error::other)?;
        if gone() {
            break;
        }
        if let Some(mut entry) = entry {
            veil(&mut entry);
            // A reader that has gone is noticed with the next line.
            let _ = lines.blocking_send(Ok(serde_json::to_string(&entry)? + "\n"));
        }
    }
    Ok(())
}
