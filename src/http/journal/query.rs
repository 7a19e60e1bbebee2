//! What may stand behind the `?` of `GET /v1/journal`; everything wrong with it is told at once.

use jiff::Timestamp;
use projections::store::Index;
use projections::{Action, Id, Named};

use crate::args;
use crate::http::auditing;
use crate::kernel::arg::{Args as _, Int, Str, Ts};
use crate::kernel::identity::{Member, Token};
use crate::kernel::reject::Fault;
use crate::kernel::{Rejection, State};

args! {
    /// From where, which records, and whether to go on. Several filters must all fit.
    pub struct StreamArgs {
        /// The first position.
        from: Int<0, { i64::MAX }> = Int(1),
        /// Go on as records come.
        follow: bool = false,
        /// Records at or after this moment.
        since: Option<Ts>,
        /// Records of an action.
        action: Option<Str<1, 64>>,
        /// Records that changed an entity.
        entity: Option<Str<1, 64>>,
        /// Records of a member or of a token.
        actor: Option<Str<1, 64>>,
        /// Records of calls of a tool, from the question to the outcome.
        tool: Option<Str<1, 128>>,
        /// Records with an event of this name.
        event: Option<Str<1, 128>>,
    }
}

/// What was asked for.
pub(super) struct Asked {
    pub(super) from: u64,
    pub(super) follow: bool,
    pub(super) since: Option<Timestamp>,
    /// What the records must be found by, the rarest first.
    pub(super) by: Vec<(Index, String)>,
}

impl Asked {
    /// Reads the pairs of a query.
    pub(super) fn read(pairs: Vec<(String, String)>, state: &State) -> Result<Self, Rejection> {
        let args = StreamArgs::read(auditing::given(pairs)?)?;
        let mut faults = Vec::new();
        let by = [
            (
                Index::Action,
                id(args.action.as_deref(), "action", "act", &mut faults, |prefix| {
                    prefix == Action::PREFIX
                }),
            ),
            (
                Index::Entity,
                id(args.entity.as_deref(), "entity", "tsk", &mut faults, |prefix| {
                    state.kind_of(&format!("{prefix}_")).is_some()
                }),
            ),
            (
                Index::Actor,
                id(args.actor.as_deref(), "actor", "mbr", &mut faults, |prefix| {
                    [Member::PREFIX, Token::PREFIX].contains(&prefix)
                }),
            ),
            (Index::Tool, args.tool.map(|tool| tool.0)),
            (Index::Event, args.event.map(|event| event.0)),
        ];
        if !faults.is_empty() {
            return Err(Rejection::invalid(faults));
        }
        Ok(Self {
            from: u64::try_from(args.from.0).unwrap_or(0).max(1),
            follow: args.follow,
            since: args.since.map(|since| since.0),
            by: by
                .into_iter()
                .filter_map(|(index, value)| Some((index, value?)))
                .collect(),
        })
    }
}

/// An identifier as records have it. A name or a key would find nothing, so it is refused.
pub(in crate::http) fn id(
    given: Option<&str>,
    path: &str,
    example: &str,
    faults: &mut Vec<Fault>,
    knows: impl FnOnce(&str) -> bool,
) -> Option<String> {
    let given = given?;
    let (prefix, rest) = given.split_once('_').unwrap_or_default();
    // Every identifier is written alike; which kind it is does not matter for that.
    let written = format!("{}_{}", Action::PREFIX, rest).parse::<Id<Action>>().ok();
    let written = written.map(|id| id.to_string().replacen(Action::PREFIX, prefix, 1));
    let found = written.filter(|_| knows(prefix));
    if found.is_none() {
        faults.push(Fault {
            path: path.to_owned(),
            rule: format!("must be an identifier, not `{given}`"),
            allowed: Vec::new(),
            example: Some(format!("{example}_01J9Z3K8Q4W5E6R7T8Y9A0B1C2").into()),
        });
    }
    found
}
