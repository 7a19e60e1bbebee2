//! Reads of the past: any tool that reads, as it would have answered a member at a position or an hour.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::guard::Admitted;
use super::{App, auditing, reply, rest};
use crate::audit::travel::{Error, Machine, Stretches, When, call_then, reads};
use crate::door::Entry;
use crate::kernel::engine::{Call, payload_viewed, unknown_tool};
use crate::kernel::identity::Member;
use crate::kernel::opened::Opened;
use crate::kernel::{Caller, Ref, Registry, Rejection, Snapshot, Tool, View};
use crate::modules::profile::{Selection, may_call};
use crate::processor::{Handle, unavailable};
use crate::telemetry::Over;

/// How many may be on their way into the past at once; others wait. Folding records keeps a core busy.
const TRAVELLERS_MAX: usize = 1;

/// The way into the past: states that are kept between journeys, and how many may be under way.
#[derive(Clone)]
pub(super) struct Journeys {
    machine: Arc<Machine>,
    under_way: Arc<Semaphore>,
}

/// Where and when to read, and as whom.
pub(super) struct Then {
    /// A position, or an hour (RFC 3339).
    pub(super) at: String,
    /// As which member: an identifier or a handle; the caller where it is absent.
    pub(super) whom: Option<String>,
}

/// `GET /v1/tools/{tool}?at=`: calls a reading tool on the past; `args` holds its arguments as a JSON object.
pub(super) async fn call(
    State(app): State<App>,
    Extension(Admitted(entry)): Extension<Admitted>,
    Path(tool): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    match Then::read(pairs) {
        Ok((then, args)) => answered(&app, &entry, &tool, then, args).await,
        Err(no) => reply::rejection(&no),
    }
}

impl Then {
    /// What stands behind the `?`: where and as whom, and the arguments of the tool.
    fn read(pairs: Vec<(String, String)>) -> Result<(Self, Map<String, Value>), Rejection> {
        let mut given = auditing::given(pairs)?;
        let mut take = |name: &str| match given.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (at, whom, args) = (take("at"), take("as"), take("args"));
        if let Some(name) = given.keys().next() {
            let no = Rejection::argument(name, "is not taken here");
            return Err(no.hint("arguments of the tool go as a JSON object into `args`"));
        }
        let at = at.ok_or_else(|| {
            Rejection::argument("at", "is missing: the position or the hour that is read")
                .hint("to read what is now, POST the arguments")
        })?;
        let args = rest::arguments(args.unwrap_or_default().as_bytes(), "args")?;
        Ok((Self { at, whom }, args))
    }

    fn when(&self, now: Timestamp) -> Result<When, Rejection> {
        let when: When = self
            .at
            .parse()
            .map_err(|rule: String| Rejection::argument("at", rule))?;
        if when.is_ahead(now) {
            return Err(Rejection::argument("at", format!("must not be ahead: it is {now:.0}")));
        }
        Ok(when)
    }

    /// The address with the arguments, as it is journaled.
    fn through(&self, tool: &str, args: &Map<String, Value>) -> String {
        let named = [("at", Some(&self.at)), ("as", self.whom.as_ref())];
        let pairs = named
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.clone())));
        let address = auditing::address(&format!("/v1/tools/{tool}"), &pairs.collect::<Vec<_>>());
        format!("{address} {}", Value::Object(args.clone()))
    }
}

/// Answers from the past: the answer, and in `orkestra-position` of which state. Needs `audit.read`, because it shows what
/// others saw; that it was asked is journaled first.
pub(super) async fn answered(app: &App, entry: &Entry, tool: &str, then: Then, args: Map<String, Value>) -> Response {
    let (begun, registry) = (Instant::now(), app.faces.handle.registry());
    let (position, answer) = match told(app, entry, tool, then, args).await {
        Ok((position, answer)) => (Some(position), Ok(answer)),
        Err(no) => (None, Err(no)),
    };
    app.faces.telemetry.called(&Over {
        entry,
        tool: registry.tool(tool),
        answer: &answer,
        position,
        begun,
    });
    let mut said = match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(no) => reply::rejection(&no),
    };
    if let Some(position) = position {
        said.headers_mut()
            .insert("orkestra-position", HeaderValue::from(position));
    }
    said
}

async fn told(
    app: &App,
    entry: &Entry,
    tool: &str,
    then: Then,
    args: Map<String, Value>,
) -> Result<(u64, Value), Rejection> {
    let (caller, handle) = (&entry.caller, &app.faces.handle);
    auditing::allowed(handle, caller)?;
    let shown = |tool: &&Tool| {
        let bound = entry.profile.as_deref();
        may_call(
            &handle.snapshot(),
            caller,
            tool,
            &Selection::default(),
            bound,
            handle.now(),
        )
    };
    let known = handle.registry().tool(tool).filter(shown).ok_or_else(|| {
        let mut no = unknown_tool(tool);
        no.code = "not_found".into();
        no
    })?;
    // Before anything is journaled: what a writing tool is given may hold secrets.
    reads(known)?;
    let when = then.when(handle.now())?;
    auditing::noted(handle, caller, &then.through(tool, &args), None).await?;
    let journey = app.past.clone();
    let turn = Arc::clone(&journey.under_way).acquire_owned().await;
    let turn = turn.map_err(|_| unavailable("the server stops"))?;
    let whose = caller.member;
    let (handle, caller, tool) = (handle.clone(), caller.clone(), tool.to_owned());
    let travelled = tokio::task::spawn_blocking(move || {
        // Held until the journey ends: whoever asked may have gone meanwhile.
        let _turn = turn;
        let state = journey.state(&handle, when)?;
        let hour = when.hour(&state);
        let caller = then_as(
            &View::new(&state, &caller, hour, handle.registry(), handle.past(), None),
            then.whom,
        )?;
        let is_other = whose != caller.member;
        let mut opened = is_other.then(|| Opened {
            whose: [caller.member.to_string()].into(),
            ..Opened::among(state.position, Some(state.position))
        });
        let call = Call { caller, tool, args };
        let answer = call_then(handle.registry(), handle.past(), &state, &call, hour)?;
        if opened.is_none() {
            opened = opened_then(&handle, &state, &call, (hour, &answer))?;
        }
        Ok((state.position, answer, opened))
    });
    let travelled = travelled.await;
    let (position, answer, opened) = travelled.unwrap_or_else(|_| Err(unavailable("the past could not be read")))?;
    if let Some(opened) = opened {
        let event = payload_viewed(&format!("/v1/tools/{}", known.name), &opened);
        app.faces.handle.record(entry.caller.clone(), vec![event]).await?;
    }
    Ok((position, answer))
}

/// What of others an answer of that time lays open.
fn opened_then(
    handle: &Handle,
    state: &Snapshot,
    call: &Call,
    (hour, answer): (Timestamp, &Value),
) -> Result<Option<Opened>, Rejection> {
    let opens = handle.registry().tool(&call.tool).and_then(|tool| tool.opens);
    let view = View::new(state, &call.caller, hour, handle.registry(), handle.past(), None);
    opens.map_or(Ok(None), |opens| opens(answer, &view))
}

impl Journeys {
    pub(super) fn new(registry: &Registry, kept: Option<Stretches>) -> Self {
        let machine = Machine::new(registry);
        let machine = match kept {
            Some(kept) => machine.keeping(kept),
            None => machine,
        };
        Self {
            machine: Arc::new(machine),
            under_way: Arc::new(Semaphore::new(TRAVELLERS_MAX)),
        }
    }

    fn state(&self, handle: &Handle, when: When) -> Result<Snapshot, Rejection> {
        let log = handle.log().as_ref();
        let newest = handle.snapshot();
        let position = when.position(log).map_err(lost)?;
        if position == newest.position {
            return Ok(newest);
        }
        self.machine.at(log, position, &mut |_, _| ()).map_err(lost)
    }
}

fn lost(cause: Error) -> Rejection {
    match cause {
        Error::Beyond { .. } => Rejection::argument("at", cause.to_string()),
        cause => unavailable(&cause.to_string()),
    }
}

/// The caller's place among the members of that time, or that of another member of the same organisation.
fn then_as(view: &View<'_>, whom: Option<String>) -> Result<Caller, Rejection> {
    let row = match whom {
        Some(name) => view.resolve(&Ref::<Member>::new(&name, "as"))?,
        None => view.get(view.caller.member).ok_or_else(|| {
            Rejection::argument("as", "must be given: you were no member then")
                .hint("name somebody who was, for example the owner: as=@owner")
        })?,
    };
    Ok(Caller {
        kind: row.actor_kind(),
        member: row.id,
        sponsor: row.sponsor,
        // What the token may do was asked today; it need not have been there then.
        token: None,
        ..view.caller.clone()
    })
}
