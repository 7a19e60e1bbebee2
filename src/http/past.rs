//! Reads of the past: any tool that reads, as it would have answered a member at a position or an hour.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::guard::Admitted;
use super::{App, auditing, reply, rest};
use crate::audit::travel::{Error, Machine, When, call_then};
use crate::kernel::engine::Call;
use crate::kernel::identity::Member;
use crate::kernel::{Caller, Registry, Rejection, Snapshot};
use crate::modules::profile::{Selection, may_call};
use crate::processor::{Handle, unavailable};

/// How many may be on their way into the past at once; others wait. Folding records keeps a core busy.
const TRAVELLERS_MAX: usize = 1;

/// The way into the past: states that are kept between journeys, and how many may be under way.
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
        Ok((then, args)) => answered(&app, &entry, tool, then, args).await,
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
}

/// Answers from the past: the answer, and in `orkestra-position` of which state. Needs `audit.read`, because it shows what
/// others saw; that it was asked is journaled first.
pub(super) async fn answered(
    app: &App,
    entry: &crate::door::Entry,
    tool: String,
    then: Then,
    args: Map<String, Value>,
) -> Response {
    match told(app, entry, tool, then, args).await {
        Ok((position, answer)) => {
            let position = HeaderValue::from(position);
            ([("orkestra-position", position)], Json(answer)).into_response()
        }
        Err(no) => reply::rejection(&no),
    }
}

async fn told(
    app: &App,
    entry: &crate::door::Entry,
    tool: String,
    then: Then,
    args: Map<String, Value>,
) -> Result<(u64, Value), Rejection> {
    let (caller, handle) = (&entry.caller, &app.faces.handle);
    auditing::allowed(app, caller)?;
    let shown = |tool: &&crate::kernel::Tool| {
        let bound = entry.profile.as_deref();
        may_call(&handle.snapshot(), caller, tool, &Selection::default(), bound)
    };
    if !handle.registry().tool(&tool).as_ref().is_some_and(shown) {
        let mut no = crate::kernel::engine::unknown_tool(&tool);
        no.code = "not_found".into();
        return Err(no);
    }
    let when = then
        .at
        .parse::<When>()
        .map_err(|rule| Rejection::argument("at", rule))?;
    let named = [("at", Some(&then.at)), ("as", then.whom.as_ref())];
    let pairs = named
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.clone())));
    let through = auditing::address(&format!("/v1/tools/{tool}"), &pairs.collect::<Vec<_>>());
    auditing::noted(app, caller, &format!("{through} {}", Value::Object(args.clone()))).await?;
    let (journey, whom) = (app.past.clone(), then.whom);
    let (handle, caller) = (handle.clone(), caller.clone());
    let permit = Arc::clone(&journey.under_way).acquire_owned().await;
    let travelled = tokio::task::spawn_blocking(move || {
        let _under_way = permit;
        let state = journey.state(&handle, when)?;
        let caller = then_as(&state, &caller, whom.as_deref())?;
        let call = Call { caller, tool, args };
        let answer = call_then(handle.registry(), handle.past(), &state, &call, when.hour(&state))?;
        Ok((state.position, answer))
    });
    travelled
        .await
        .unwrap_or_else(|_| Err(unavailable("the past could not be read")))
}

impl Journeys {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            machine: Arc::new(Machine::new(registry)),
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

impl Clone for Journeys {
    fn clone(&self) -> Self {
        Self {
            machine: Arc::clone(&self.machine),
            under_way: Arc::clone(&self.under_way),
        }
    }
}

fn lost(cause: Error) -> Rejection {
    match cause {
        Error::Beyond { .. } => Rejection::argument("at", cause.to_string()),
        cause => unavailable(&cause.to_string()),
    }
}

/// The caller's place among the members of that time, or another member's of the same organisation.
fn then_as(state: &Snapshot, caller: &Caller, whom: Option<&str>) -> Result<Caller, Rejection> {
    let me = caller.member.to_string();
    let wanted = whom.unwrap_or(&me).trim_start_matches('@');
    let members = state
        .table::<Member>()
        .into_iter()
        .flat_map(crate::kernel::table::Table::rows);
    let mut ours = members.filter(|row| row.org == caller.org);
    let found = ours.find(|row| row.handle == wanted || row.id.to_string() == wanted);
    let row = found.ok_or_else(|| {
        let who = whom.map_or_else(
            || "you were no member".to_owned(),
            |name| format!("there was no member `{name}`"),
        );
        Rejection::argument("as", format!("{who} then")).hint(
            "name one who was: `list_organization_members` with the same `at` as a member of that time, or the owner",
        )
    })?;
    Ok(Caller {
        kind: row.actor_kind(),
        member: row.id,
        sponsor: row.sponsor,
        // What the token may do was asked today; it need not have been there then.
        token: None,
        ..caller.clone()
    })
}
