//! The recorded past: reading a record, and finding the records that something can be found by.

use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;

use projections::facets::{Facets, Index};
use projections::{Record, Timestamp};

use crate::kernel::record_view::unread;
use crate::kernel::state::{Kind, State};
use crate::kernel::{Rejection, View};

/// The tool of an action, by the action's identifier.
type ToolOf<'a> = Rc<dyn Fn(&str) -> Option<String> + 'a>;

/// What records are looked for. What is found depends on the records alone, never on how they are looked for.
#[derive(Clone)]
pub struct Search<'a> {
    /// What each of them is found by; every one of these must fit, and all fit where there is none.
    pub by: Rc<[(Index, String)]>,
    /// The positions among which they are looked for.
    pub range: RangeInclusive<u64>,
    /// Whether the newest comes first.
    pub newest_first: bool,
    /// The tool of an action, for events that name only the action.
    pub tool_of: ToolOf<'a>,
}

impl Search<'_> {
    /// Whether the record at a position is one of them.
    ///
    /// # Errors
    /// `unavailable` where it cannot be read.
    pub fn fits(&self, seq: u64, text: &str) -> Result<bool, Rejection> {
        if self.by.is_empty() {
            return Ok(true);
        }
        let mut room = String::new();
        let record = Record::parse(seq, text, &mut room).map_err(unread)?;
        let facets = Facets::of(&record, &*self.tool_of);
        Ok(self.by.iter().all(|(index, value)| facets.has(*index, value)))
    }

    /// The same among other positions.
    #[must_use]
    pub fn within(&self, range: RangeInclusive<u64>) -> Self {
        Self { range, ..self.clone() }
    }

    /// The positions in the order that was asked for.
    pub fn positions(&self) -> Box<dyn Iterator<Item = u64>> {
        let range = self.range.clone();
        if self.newest_first {
            Box::new(range.rev())
        } else {
            Box::new(range)
        }
    }
}

/// Found records with their positions, read as they are asked for.
pub type Hits<'p> = Box<dyn Iterator<Item = Result<(u64, String), Rejection>> + 'p>;

/// Records that are already in the journal; what they say never changes.
pub trait Past {
    /// The JSON text of a record; `None` where there is none at that position.
    fn record(&self, seq: u64) -> Result<Option<String>, Rejection>;

    /// The records that are looked for, in order. This one reads every record of the range; others may know where to look,
    /// and must find the same.
    fn find<'p>(&'p self, search: Search<'p>) -> Hits<'p> {
        let found = search.positions().filter_map(move |seq| {
            let text = self.record(seq).transpose()?;
            let fits = text.and_then(|text| Ok(search.fits(seq, &text)?.then_some((seq, text))));
            fits.transpose()
        });
        Box::new(found)
    }

    /// The state at a position that is on record. This one folds every record up to there; others may have kept states nearer,
    /// and must come to the same.
    ///
    /// # Errors
    /// `unavailable` where a record cannot be read.
    fn state_at(&self, kinds: &[Kind], position: u64) -> Result<Arc<State>, Rejection> {
        let mut state = State::unindexed(kinds);
        for seq in 1..=position {
            let text = self.record(seq)?;
            let text = text.ok_or_else(|| Rejection::new("unavailable", format!("record {seq} cannot be read")))?;
            let told = |cause: &dyn std::fmt::Display| Rejection::new("unavailable", cause.to_string());
            state.apply(seq, &text).map_err(|cause| told(&cause))?;
        }
        Ok(Arc::new(state))
    }
}

/// The first record up to `last` at or after an hour; the position after `last` where there is none. Hours never go back, so
/// halving finds it.
///
/// # Errors
/// `unavailable` where a record cannot be read.
pub fn position_at(past: &dyn Past, last: u64, at: Timestamp) -> Result<u64, Rejection> {
    let (mut low, mut high) = (1, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let earlier = match past.record(middle)? {
            Some(text) => {
                let mut room = String::new();
                Record::parse(middle, &text, &mut room).map_err(unread)?.at < at
            }
            None => false,
        };
        if earlier {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

impl View<'_> {
    /// The records among some positions, none newer than the state, that are found by all of `by`; those of the caller's
    /// organisation and of none. What others do takes no room in a page and tells nobody anything.
    pub fn records(&self, by: &[(Index, String)], range: RangeInclusive<u64>, newest_first: bool) -> Hits<'_> {
        let (from, to) = range.into_inner();
        let ours = (Index::Org, self.caller.org.clone());
        self.past.find(Search {
            // The rarest first.
            by: by.iter().cloned().chain([ours]).collect(),
            range: from.max(1)..=to.min(self.state.position),
            newest_first,
            tool_of: Rc::new(|id| Some(self.state.actions.get(id.parse().ok()?)?.tool.to_string())),
        })
    }

    /// [`position_at`], up to the state's position.
    ///
    /// # Errors
    /// `unavailable` where a record cannot be read.
    pub fn position_at(&self, at: Timestamp) -> Result<u64, Rejection> {
        position_at(self.past, self.state.position, at)
    }
}
