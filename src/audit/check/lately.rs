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

#[cfg(test)]
mod tests {
    use projections::actions::Reader;
    use serde_json::json;

    use super::*;

    /// A journal of which nothing can be read.
    struct Gone;

    impl Past for Gone {
        fn record(&self, _: u64) -> Result<Option<String>, Rejection> {
            Ok(None)
        }
    }

    fn action(number: u8, seq: u64) -> Action {
        let manner = json!({"org": "org_1", "tool": "create_task", "kind": "write", "risk": "low", "policy": "self",
            "proposer": {"kind": "system", "via": "system"}});
        let (hour, digest) = (json!([0, 0]), "0".repeat(64));
        let id = Id::<Action>::derive(projections::Timestamp::UNIX_EPOCH, &[number]);
        let row = json!([
            id,
            manner,
            "pending",
            [hour, hour, hour],
            [digest, digest],
            [seq, seq, 0],
            [],
            null
        ]);
        Reader::default().action(&row.to_string()).unwrap()
    }

    #[test]
    fn what_is_not_the_offer_that_was_kept_is_read_from_the_journal() {
        let args = |text: &str| Map::from_iter([("title".to_owned(), Value::from(text))]);
        let rows = u64::try_from(RECORDS).unwrap();
        let (first, other) = (action(1, 5), action(2, 5));
        let mut lately = Lately::new();
        let taken = |lately: &mut Lately, action: &Action| lately.take(action, &Gone).map_err(|no| no.code);
        let read = || Err("unavailable".into());
        assert_eq!(taken(&mut lately, &first), read());
        lately.keep(5, first.id, args("one"));
        assert_eq!(taken(&mut lately, &other), read(), "another action of the same record");
        assert_eq!(
            taken(&mut lately, &action(1, 5 + rows)),
            read(),
            "a later record in the same place"
        );
        assert_eq!(taken(&mut lately, &first), Ok(args("one")));
        assert_eq!(taken(&mut lately, &first), read(), "asked for twice");
        lately.keep(5, first.id, args("one"));
        lately.keep(5 + rows, other.id, args("two"));
        assert_eq!(taken(&mut lately, &first), read(), "a later one took its place");
        assert_eq!(taken(&mut lately, &action(2, 5 + rows)), Ok(args("two")));
    }
}
