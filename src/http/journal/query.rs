//! What may stand behind the `?` of `GET /v1/journal`; everything wrong with it is told at once.

use jiff::Timestamp;
use projections::store::Index;

use crate::args;
use crate::http::auditing::{self, By};
use crate::kernel::arg::{Args as _, Int, Str, Ts};
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
        let text = |given: Option<Str<1, 64>>| given.map(|given| given.0);
        let named = |given: Option<Str<1, 128>>| given.map(|given| given.0);
        let by = By {
            action: text(args.action),
            entity: text(args.entity),
            actor: text(args.actor),
            tool: named(args.tool),
            event: named(args.event),
        };
        Ok(Self {
            from: u64::try_from(args.from.0).unwrap_or(0).max(1),
            follow: args.follow,
            since: args.since.map(|since| since.0),
            by: by.read(state)?,
        })
    }
}
