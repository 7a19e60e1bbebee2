//! The arguments of offers that were read lately: most are confirmed soon, and need not be looked up in the journal then.

use projections::{Action, Id};
use serde_json::{Map, Value};

use crate::kernel::{Past, Rejection, proposal};

/// How many records back an offer is remembered.
const RECORDS: usize = 4096;

/// What an action was offered for, and the position of its record.
struct Offered {
    seq: u64,
    action: Id<Action>,
    args: Map<String, Value>,
}

/// Some offers, by their positions.
pub(super) struct Lately(Vec<Option<Offered>>);

impl Lately {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(std::iter::repeat_with(|| None).take(RECORDS).collect())
    }

    fn place(&mut self, seq: u64) -> Option<&mut Option<Offered>> {
        let place = usize::try_from(seq).ok()? % RECORDS;
        self.0.get_mut(place)
    }

    /// An offer that a record made.
    pub(super) fn keep(&mut self, seq: u64, action: Id<Action>, args: Map<String, Value>) {
        if let Some(place) = self.place(seq) {
            *place = Some(Offered { seq, action, args });
        }
    }

    /// The arguments of an action, which are asked for once.
    ///
    /// # Errors
    /// `unavailable` where they have to be read and cannot be.
    pub(super) fn take(&mut self, action: &Action, past: &dyn Past) -> Result<Map<String, Value>, Rejection> {
        let of = |offer: &mut Offered| offer.seq == action.proposed_seq && offer.action == action.id;
        let kept = self.place(action.proposed_seq).and_then(|place| place.take_if(of));
        kept.map_or_else(|| proposal::args(past, action), |offer| Ok(offer.args))
    }
}
