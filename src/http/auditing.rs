//! Reading the security log over HTTP: who may, that it is an event itself, and what may be asked.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use projections::store::Index;
use projections::{Action, Id, Named};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::kernel::authority;
use crate::kernel::engine::{log_read, payload_viewed};
use crate::kernel::identity::{Member, Token};
use crate::kernel::opened::Opened;
use crate::kernel::reject::Fault;
use crate::kernel::{Caller, Rejection, State};
use crate::modules::audit::veil::{self, BROWSER};
use crate::modules::audit::{AUDITOR, Sight};
use crate::processor::Handle;

/// Lines that wait for a slow reader.
const WAITING_MAX: usize = 256;

/// A line with its end, or why there is no more.
pub(super) type Line = Result<String, std::io::Error>;

/// Holders of `audit.read` may: records hold what others asked and saw.
pub(super) fn allowed(handle: &Handle, caller: &Caller) -> Result<(), Rejection> {
    authority::rights(&handle.snapshot(), caller, handle.now()).require(AUDITOR)
}

/// How much of the records of others a caller sees: whole with `audit.read`, that they are there with `audit.browse`.
pub(super) fn sight(handle: &Handle, caller: &Caller) -> Result<Sight, Rejection> {
    let rights = authority::rights(&handle.snapshot(), caller, handle.now());
    if !rights.allow(AUDITOR) && rights.allow(BROWSER) {
        return Ok(Sight::Veiled);
    }
    rights.require(AUDITOR).map(|()| Sight::Whole)
}

/// Journals the reading, and that payloads of others are opened by it; nothing is answered before that is durable.
pub(super) async fn noted(
    handle: &Handle,
    caller: &Caller,
    through: &str,
    opened: Option<Opened>,
) -> Result<(), Rejection> {
    let opened = opened.map(|opened| payload_viewed(veil::address(through), &opened));
    let events = [Some(log_read(through)), opened].into_iter().flatten();
    handle.record(caller.clone(), events.collect()).await
}

/// A member of the caller's organisation, by identifier or handle, as `payload.viewed` names whose payloads were opened.
pub(super) fn member(state: &State, caller: &Caller, name: &str) -> Option<String> {
    let name = name.trim_start_matches('@');
    let mut members = state.table::<Member>()?.rows();
    let found = members.find(|row| row.org == caller.org && (row.id.to_string() == name || row.handle == name));
    found.map(|row| row.id.to_string())
}

/// An answer of lines of JSON, and the side that writes them.
pub(super) fn lines() -> (mpsc::Sender<Line>, Response) {
    let (lines, waiting) = mpsc::channel(WAITING_MAX);
    let body = Body::from_stream(ReceiverStream::new(waiting));
    (lines, ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// An address with what stands behind its `?`, as it is journaled.
pub(super) fn address(path: &str, pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    let pairs = pairs.collect::<Vec<_>>().join("&");
    format!("{path}?{pairs}").trim_end_matches('?').to_owned()
}

/// What stands behind a `?` as arguments.
pub(super) fn given(pairs: Vec<(String, String)>) -> Result<Map<String, Value>, Rejection> {
    let mut given = Map::new();
    for (name, value) in pairs {
        if given.contains_key(&name) {
            return Err(Rejection::argument(&name, "may be given once"));
        }
        given.insert(name, Value::String(value));
    }
    Ok(given)
}

/// What records are to be found by, as given.
#[derive(Default)]
pub(super) struct By {
    pub(super) action: Option<String>,
    pub(super) entity: Option<String>,
    pub(super) actor: Option<String>,
    pub(super) tool: Option<String>,
    pub(super) event: Option<String>,
}

impl By {
    /// The same as records have it, the rarest first. A name or a key would find nothing, so it is refused.
    pub(super) fn read(self, state: &State) -> Result<Vec<(Index, String)>, Rejection> {
        let mut faults = Vec::new();
        let mut id = |given: Option<String>, path: &str, example: &str, knows: &dyn Fn(&str) -> bool| {
            given.and_then(|given| {
                let found = id(&given, knows);
                if found.is_none() {
                    faults.push(Fault {
                        path: path.to_owned(),
                        rule: format!("must be an identifier, not `{given}`"),
                        allowed: Vec::new(),
                        example: Some(format!("{example}_01J9Z3K8Q4W5E6R7T8Y9A0B1C2").into()),
                    });
                }
                found
            })
        };
        let is_action = |prefix: &str| prefix == Action::PREFIX;
        let is_entity = |prefix: &str| state.kind_of(&format!("{prefix}_")).is_some();
        let is_actor = |prefix: &str| [Member::PREFIX, Token::PREFIX].contains(&prefix);
        let by = [
            (Index::Action, id(self.action, "action", "act", &is_action)),
            (Index::Entity, id(self.entity, "entity", "tsk", &is_entity)),
            (Index::Actor, id(self.actor, "actor", "mbr", &is_actor)),
            (Index::Tool, self.tool),
            (Index::Event, self.event),
        ];
        if !faults.is_empty() {
            return Err(Rejection::invalid(faults));
        }
        let by = by.into_iter();
        Ok(by.filter_map(|(index, value)| Some((index, value?))).collect())
    }
}

fn id(given: &str, knows: &dyn Fn(&str) -> bool) -> Option<String> {
    let (prefix, rest) = given.split_once('_').unwrap_or_default();
    // Every identifier is written alike; which kind it is does not matter for that.
    let written = format!("{}_{}", Action::PREFIX, rest).parse::<Id<Action>>().ok();
    let written = written.map(|id| id.to_string().replacen(Action::PREFIX, prefix, 1));
    written.filter(|_| knows(prefix))
}
