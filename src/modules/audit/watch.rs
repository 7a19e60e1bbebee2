//! The watch: folds records into what they add up to. The same records give the same alarms, whenever they are read.
//!
//! What an alert has as its evidence is spent: it never counts again. So a watch that begins anew, over records that were
//! looked at before, raises nothing twice.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use projections::event::names;
use projections::{Id, Record, Unread};

use super::alarm::{Alarm, spent};
use super::detectors::detector;
use super::entity::AlertKind;
use super::signs::{Doer, Sign, doer, handle, signs};
use crate::kernel::identity::Member;
use crate::kernel::{Registry, State, text};

/// Most signs of one member and kind that are remembered, the newest.
const SIGNS_MAX: usize = 1_024;
/// So often an alert goes on within the time its detector looks at; what more happens is told with the next one.
const AGAIN_MAX: usize = 3;
/// With more members and kinds than this, those of which nothing is recent are forgotten.
const SUBJECTS_MAX: usize = 1_024;

#[derive(Clone, Debug)]
struct Seen {
    seq: u64,
    at: Timestamp,
    others: Vec<Id<Member>>,
    sign: Sign,
}

/// Recent signs, by organisation, kind and who did it.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    seen: BTreeMap<Subject, VecDeque<Seen>>,
    /// When alerts were due.
    told: BTreeMap<Subject, VecDeque<Timestamp>>,
    /// What goes on after it was told often enough for now.
    held: BTreeMap<Subject, Alarm>,
}

/// The organisation, the kind, and who did it.
type Subject = (String, AlertKind, Id<Member>);

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

/// The hour of a record, where it is a sign of anything.
///
/// # Errors
/// [`Unread`] where the record cannot be read.
pub fn signed_at(seq: u64, text: &str, state: &State, registry: &Registry) -> Result<Option<Timestamp>, Unread> {
    let mut room = String::new();
    let record = Record::parse(seq, text, &mut room)?;
    let is_sign = record.org.is_some() && doer(&record, state).is_some() && !signs(&record, state, registry).is_empty();
    Ok(is_sign.then_some(record.at))
}

impl Watch {
    /// Folds a record in, and says what it completed. `state` is one that has the record.
    ///
    /// # Errors
    /// [`Unread`] where the record cannot be read.
    pub fn look(&mut self, seq: u64, text: &str, state: &State, registry: &Registry) -> Result<Vec<Alarm>, Unread> {
        let mut room = String::new();
        let record = Record::parse(seq, text, &mut room)?;
        let (Some(org), Some(Doer { who, others })) = (record.org.as_deref(), doer(&record, state)) else {
            return Ok(Vec::new());
        };
        let mut kinds = Vec::new();
        for sign in signs(&record, state, registry) {
            let kind = sign.kind;
            let seen = self.seen.entry((org.to_owned(), kind, who)).or_default();
            seen.push_back(Seen {
                seq,
                at: record.at,
                others: others.clone(),
                sign,
            });
            while seen.len() > SIGNS_MAX || seen.front().is_some_and(|seen| !is_recent(kind, seen.at, record.at)) {
                seen.pop_front();
            }
            kinds.push(kind);
        }
        kinds.sort();
        kinds.dedup();
        self.forget(record.at);
        let due = kinds
            .into_iter()
            .filter_map(|kind| self.due((org.to_owned(), kind, who), record.at, state));
        Ok(due.collect())
    }

    /// What the unspent signs add up to, if that is enough.
    fn due(&mut self, subject: Subject, now: Timestamp, state: &State) -> Option<Alarm> {
        let (org, kind, who) = &subject;
        let (kind, who, detector) = (*kind, *who, detector(*kind)?);
        let spent = spent(org, kind, who, state);
        let seen = self.seen.get(&subject)?;
        let recent = |seen: &&Seen| seen.seq > spent && is_recent(kind, seen.at, now);
        let fresh: Vec<&Seen> = seen.iter().filter(recent).collect();
        let events = fresh.iter().map(|seen| seen.sign.count).sum();
        let (first, last) = fresh.first().copied().zip(fresh.last().copied())?;
        if events < detector.least {
            return None;
        }
        let mut evidence = BTreeMap::new();
        for seen in &fresh {
            *evidence.entry(seen.seq).or_default() += seen.sign.count;
        }
        let others = fresh
            .iter()
            .flat_map(|seen| seen.others.iter().chain(&seen.sign.gained));
        let mut alarm = Alarm {
            org: org.clone(),
            kind,
            severity: detector.severity,
            about: vec![who],
            evidence,
            first_at: first.at,
            last_at: last.at,
            summary: sentence(kind, &handle(who, state), events, &last.sign.what, last.at),
        };
        alarm.also_about(others.copied());
        self.told_now(subject, alarm, now)
    }

    /// The alarm, or nothing where the alert was raised often enough just now: then it is held.
    fn told_now(&mut self, subject: Subject, mut alarm: Alarm, now: Timestamp) -> Option<Alarm> {
        if let Some(held) = self.held.remove(&subject) {
            alarm.take_in(held);
        }
        let told = self.told.entry(subject.clone()).or_default();
        told.retain(|at| is_recent(alarm.kind, *at, now));
        if told.len() >= AGAIN_MAX {
            self.held.insert(subject, alarm);
            return None;
        }
        told.push_back(now);
        Some(alarm)
    }

    /// What was held and is to be told by now.
    pub fn late(&mut self, now: Timestamp) -> Vec<Alarm> {
        let held = std::mem::take(&mut self.held).into_iter();
        held.filter_map(|(subject, alarm)| self.told_now(subject, alarm, now))
            .collect()
    }

    /// The hour at which something that is held is to be told.
    pub fn next_late(&self) -> Option<Timestamp> {
        let hours = self.held.keys().filter_map(|subject| {
            let within = detector(subject.1)?.within + SignedDuration::from_nanos(1);
            self.told.get(subject)?.front()?.checked_add(within).ok()
        });
        hours.min()
    }

    /// Forgets what no detector waits for any more.
    fn forget(&mut self, now: Timestamp) {
        if self.seen.len() <= SUBJECTS_MAX {
            return;
        }
        self.seen
            .retain(|(_, kind, _), seen| seen.back().is_some_and(|seen| is_recent(*kind, seen.at, now)));
        let seen = &self.seen;
        let held = &self.held;
        self.told
            .retain(|subject, _| seen.contains_key(subject) || held.contains_key(subject));
    }
}

fn is_recent(kind: AlertKind, at: Timestamp, now: Timestamp) -> bool {
    detector(kind).is_some_and(|detector| now.duration_since(at) <= detector.within)
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
