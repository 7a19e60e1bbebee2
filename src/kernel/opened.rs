//! What of others an answer lays open: that is an event of its own (`payload.viewed`), and on record before anything is shown.

use std::collections::BTreeSet;

use projections::Actor;
use serde_json::Value;

use crate::kernel::{Caller, Rejection, View};

/// What an answer lays open of others, read off the answer; `None` where it lays nothing open.
pub type Opens = fn(&Value, &View<'_>) -> Result<Option<Opened>, Rejection>;

/// Whose payloads were opened, and among which records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Identifiers of members; none where it could be anybody's.
    pub whose: BTreeSet<String>,
    /// The first record.
    pub from: u64,
    /// The last; `None` where more are sent as they come.
    pub to: Option<u64>,
}

impl Opened {
    /// Anybody's among some records.
    pub fn among(from: u64, to: Option<u64>) -> Self {
        Self {
            whose: BTreeSet::new(),
            from,
            to,
        }
    }

    /// One record of somebody's more; what nobody called for is nobody's.
    #[must_use]
    pub fn with(so_far: Option<Self>, seq: u64, actor: &Actor) -> Self {
        let mut opened = so_far.unwrap_or_else(|| Self::among(seq, Some(seq)));
        opened.from = opened.from.min(seq);
        opened.to = opened.to.map(|to| to.max(seq));
        opened.whose.extend(actor.principal_id.clone());
        opened
    }
}

/// Whether somebody did what a record says, or it was done for them.
pub fn is_own(actor: &Actor, caller: &Caller) -> bool {
    let me = caller.member.to_string();
    [&actor.principal_id, &actor.on_behalf_of]
        .into_iter()
        .any(|id| id.as_deref() == Some(&me))
}
