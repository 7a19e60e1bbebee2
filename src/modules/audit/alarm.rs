//! What is to be raised, and what of it is told already.

use std::collections::BTreeMap;

use jiff::Timestamp;
use projections::Id;

use super::entity::{Alert, AlertKind, SUBJECT, Severity, subject};
use crate::kernel::State;
use crate::kernel::identity::Member;

/// Most members that an alert is about: who did it, and the first others.
pub const ABOUT_MAX: usize = 50;

/// That an alert is to be raised.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// The organisation.
    pub org: String,
    /// What it is about.
    pub kind: AlertKind,
    /// How much it matters.
    pub severity: Severity,
    /// Whom it is about: who did it, on whose behalf, who proposed it, who got something by it.
    pub about: Vec<Id<Member>>,
    /// The records, and how many events each of them holds.
    pub evidence: BTreeMap<u64, u64>,
    /// The hour of the first.
    pub first_at: Timestamp,
    /// The hour of the last.
    pub last_at: Timestamp,
    /// What happened, in one sentence.
    pub summary: String,
}

impl Alarm {
    /// Says that it is also about others.
    pub fn also_about(&mut self, others: impl IntoIterator<Item = Id<Member>>) {
        add_to(&mut self.about, others);
    }

    /// Whether another one would be the same alert.
    pub fn is_like(&self, other: &Self) -> bool {
        self.org == other.org && self.kind == other.kind && self.about.first() == other.about.first()
    }

    /// Takes in what an earlier one knows that was not raised yet.
    pub fn take_in(&mut self, earlier: Self) {
        self.also_about(earlier.about);
        self.first_at = self.first_at.min(earlier.first_at);
        for (seq, events) in earlier.evidence {
            self.evidence.entry(seq).or_insert(events);
        }
    }

    /// Whether a state holds all of it in an alert.
    pub fn is_spent(&self, state: &State) -> bool {
        let Some(who) = self.about.first() else { return true };
        let newest = self.evidence.last_key_value().map(|(seq, _)| *seq);
        newest.is_none_or(|newest| newest <= spent(&self.org, self.kind, *who, state))
    }
}

/// Adds members to those whom an alert is about.
pub fn add_to(about: &mut Vec<Id<Member>>, others: impl IntoIterator<Item = Id<Member>>) {
    for other in others {
        if about.len() < ABOUT_MAX && !about.contains(&other) {
            about.push(other);
        }
    }
}

/// The newest record that is evidence already; 0 where none is.
pub fn spent(org: &str, kind: AlertKind, who: Id<Member>, state: &State) -> u64 {
    let alerts = state.table::<Alert>().into_iter();
    let alerts = alerts.flat_map(|table| table.find(org, SUBJECT, &subject(kind, who)));
    let newest = alerts.filter_map(|alert| alert.evidence.last().copied());
    newest.max().unwrap_or(0)
}
