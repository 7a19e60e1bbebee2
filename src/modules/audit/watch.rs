//! The watch: folds records into what they add up to. The same records give the same alarms, whenever they are read.
//!
//! What an alert has as its evidence is spent: it never counts again. So a watch that begins anew, over records that were
//! looked at before, raises nothing twice.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use projections::event::names;
use projections::{Id, Record, Unread};

use super::detectors::{Detector, detector};
use super::entity::{Alert, AlertKind, SUBJECT, Severity, subject};
use super::signs::{Sign, doer, handle, signs};
use crate::kernel::State;
use crate::kernel::identity::Member;
use crate::kernel::text;

/// Most signs of one member and kind that are remembered, the newest.
const SIGNS_MAX: usize = 1_024;
/// With more members and kinds than this, those of which nothing is recent are forgotten.
const SUBJECTS_MAX: usize = 1_024;

/// That an alert is to be raised.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// The organisation.
    pub org: String,
    /// What it is about.
    pub kind: AlertKind,
    /// How much it matters.
    pub severity: Severity,
    /// Whom it is about: who did it, on whose behalf, who got something by it.
    pub about: Vec<Id<Member>>,
    /// The records, oldest first.
    pub evidence: Vec<u64>,
    /// How many events they hold.
    pub events: u64,
    /// The hour of the first.
    pub first_at: Timestamp,
    /// The hour of the last.
    pub last_at: Timestamp,
    /// What happened, in one sentence.
    pub summary: String,
}

#[derive(Clone, Debug)]
struct Seen {
    seq: u64,
    at: Timestamp,
    sponsor: Option<Id<Member>>,
    sign: Sign,
}

/// Recent signs, by organisation, kind and who did it.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    seen: BTreeMap<(String, AlertKind, Id<Member>), VecDeque<Seen>>,
}

/// Whether a record's text may be a sign of anything. It costs very little, because every record is asked: what came first
/// in a record that only answered or offered something is not the name of a change.
pub fn may_matter(text: &str) -> bool {
    const FIRST: &str = "\"events\":[{\"type\":\"";
    let name = text.split_once(FIRST).map_or("", |(_, rest)| rest);
    let quiet = [
        "call.",
        names::PROPOSED,
        names::REPEATED,
        names::PUBLISHED,
        "limits.",
        "system.",
    ];
    !quiet.iter().any(|quiet| name.starts_with(quiet))
}

impl Watch {
    /// Folds a record in, and says what it completed. `state` is one that has the record.
    ///
    /// # Errors
    /// [`Unread`] where the record cannot be read.
    pub fn look(&mut self, seq: u64, text: &str, state: &State) -> Result<Vec<Alarm>, Unread> {
        let mut room = String::new();
        let record = Record::parse(seq, text, &mut room)?;
        let (Some(org), Some((who, sponsor))) = (record.org.as_deref(), doer(&record, state)) else {
            return Ok(Vec::new());
        };
        let mut kinds = Vec::new();
        for sign in signs(&record, state) {
            kinds.push(sign.kind);
            let seen = self.seen.entry((org.to_owned(), sign.kind, who)).or_default();
            seen.push_back(Seen {
                seq,
                at: record.at,
                sponsor,
                sign,
            });
            let surplus = seen.len().saturating_sub(SIGNS_MAX);
            seen.drain(..surplus);
        }
        kinds.sort();
        kinds.dedup();
        self.forget(record.at);
        let due = kinds
            .into_iter()
            .filter_map(|kind| self.due(org, kind, who, record.at, state));
        Ok(due.collect())
    }

    /// What the unspent signs add up to, if that is enough.
    fn due(&self, org: &str, kind: AlertKind, who: Id<Member>, now: Timestamp, state: &State) -> Option<Alarm> {
        let detector = detector(kind)?;
        let spent = spent(org, kind, who, state);
        let seen = self.seen.get(&(org.to_owned(), kind, who))?;
        let recent = |seen: &&Seen| seen.seq > spent && is_recent(detector, seen.at, now);
        let fresh: Vec<&Seen> = seen.iter().filter(recent).collect();
        let events = fresh.iter().map(|seen| seen.sign.count).sum();
        let (first, last) = fresh.first().copied().zip(fresh.last().copied())?;
        if events < detector.least {
            return None;
        }
        let mut about = vec![who];
        let others = fresh
            .iter()
            .flat_map(|seen| seen.sponsor.iter().chain(&seen.sign.gained));
        for other in others {
            if !about.contains(other) {
                about.push(*other);
            }
        }
        let mut evidence: Vec<u64> = fresh.iter().map(|seen| seen.seq).collect();
        evidence.dedup();
        Some(Alarm {
            org: org.to_owned(),
            kind,
            severity: detector.severity,
            about,
            evidence,
            events,
            first_at: first.at,
            last_at: last.at,
            summary: sentence(kind, &handle(who, state), events, &last.sign.what, last.at),
        })
    }

    /// Forgets what no detector waits for any more.
    fn forget(&mut self, now: Timestamp) {
        if self.seen.len() <= SUBJECTS_MAX {
            return;
        }
        self.seen.retain(|(_, kind, _), seen| {
            let waits = |seen: &Seen| detector(*kind).is_some_and(|detector| is_recent(detector, seen.at, now));
            seen.back().is_some_and(waits)
        });
    }
}

fn is_recent(detector: &Detector, at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) <= detector.within
}

/// The newest record that is evidence already.
fn spent(org: &str, kind: AlertKind, who: Id<Member>, state: &State) -> u64 {
    let alerts = state.table::<Alert>().into_iter();
    let alerts = alerts.flat_map(|table| table.find(org, SUBJECT, &subject(kind, who)));
    alerts
        .filter_map(|alert| alert.evidence.last().copied())
        .max()
        .unwrap_or(0)
}

fn sentence(kind: AlertKind, who: &str, events: u64, what: &str, at: Timestamp) -> String {
    let count = |noun: &str| text::count(usize::try_from(events).unwrap_or(usize::MAX), noun);
    let minutes = detector(kind).map_or(0, |detector| detector.within.as_mins());
    match kind {
        AlertKind::MassDelete => format!("{who} deleted {} within {minutes} minutes", count("thing")),
        AlertKind::AgentBurst => format!("{who} carried out {} within {minutes} minutes", count("action")),
        AlertKind::OffHoursSensitive => format!("{who} confirmed {what} outside working hours, at {at}"),
        AlertKind::ConfirmRefusals => {
            let refusals = count("confirm");
            format!("{refusals} of {who} were refused within {minutes} minutes, the last with {what}")
        }
        _ => format!("{who} {what}"),
    }
}
