//! The sentry: looks at what became durable and has alerts raised. It sees durable records only, so nothing is ever taken
//! back; what it had not looked at when the server stopped, it looks at after the next start.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use journal::Log;
use projections::Record;

use super::{Outcome, Request};
use crate::kernel::State;
use crate::kernel::engine::Refused;
use crate::kernel::state::Unfit;
use crate::modules::audit::watch::{Alarm, may_matter};
use crate::modules::audit::{Watch, raise};

/// How far a start looks back: no detector waits longer.
const BACK_MAX: SignedDuration = SignedDuration::from_mins(30);
/// Most records that a start looks at. With more in so short a time, a pattern that had only begun is not completed by
/// what came before the stop.
const BACK_RECORDS_MAX: u64 = 32_768;

#[derive(Default)]
pub(super) struct Sentry {
    watch: Watch,
    /// Records to look at when they are durable.
    waiting: VecDeque<(u64, String)>,
    due: Vec<Alarm>,
}

impl Sentry {
    /// Looks back over the newest records of a journal whose state is `state`.
    pub(super) fn recalled(log: &dyn Log, state: &State) -> Result<Self, journal::Error> {
        let mut sentry = Self::default();
        let horizon = state.at.checked_sub(BACK_MAX).unwrap_or(Timestamp::UNIX_EPOCH);
        for line in log.read(state.position.saturating_sub(BACK_RECORDS_MAX) + 1)? {
            let line = line?;
            if may_matter(&line.text) && is_since(line.seq, &line.text, horizon) {
                sentry.one(line.seq, &line.text, state);
            }
        }
        Ok(sentry)
    }

    /// Keeps what may matter of records that follow `position`, until they are durable.
    pub(super) fn note(&mut self, position: u64, texts: &[String]) {
        for (seq, text) in (position + 1..).zip(texts) {
            if may_matter(text) {
                self.waiting.push_back((seq, text.clone()));
            }
        }
    }

    /// Forgets what follows `position`: it was never written.
    pub(super) fn cut(&mut self, position: u64) {
        self.waiting.retain(|(seq, _)| *seq <= position);
    }

    /// From which durable position on there is something to do.
    pub(super) fn next(&self) -> Option<u64> {
        if self.due.is_empty() {
            self.waiting.front().map(|(seq, _)| *seq)
        } else {
            Some(0)
        }
    }

    /// Looks at everything up to a durable position.
    fn look(&mut self, durable: u64, state: &State) {
        while let Some((seq, text)) = self.waiting.pop_front_if(|(seq, _)| *seq <= durable) {
            self.one(seq, &text, state);
        }
    }

    fn one(&mut self, seq: u64, text: &str, state: &State) {
        match self.watch.look(seq, text, state) {
            Ok(alarms) => self.put(alarms),
            Err(cause) => tracing::error!(%cause, "a record could not be looked at"),
        }
    }

    /// A later alarm has the evidence of an earlier one.
    fn put(&mut self, alarms: Vec<Alarm>) {
        for alarm in alarms {
            let same = |due: &Alarm| {
                due.org == alarm.org && due.kind == alarm.kind && due.about.first() == alarm.about.first()
            };
            self.due.retain(|due| !same(due));
            self.due.push(alarm);
        }
    }

    /// The request that raises what is due, if anything is.
    pub(super) fn request(&mut self, durable: u64, state: &State) -> Option<Request> {
        self.look(durable, state);
        if self.due.is_empty() {
            return None;
        }
        let due = std::mem::take(&mut self.due);
        Some(Box::new(move |engine, now, _| {
            let mut records = Vec::new();
            for alarm in &due {
                match raise(engine, alarm, now) {
                    Ok(text) => records.extend(text),
                    Err(Refused::Unfit(unfit)) => return Err::<Outcome, Unfit>(unfit),
                    Err(Refused::No(no)) => tracing::error!(why = no.message, "an alert could not be raised"),
                }
            }
            Ok(Outcome {
                records,
                then: Box::new(|_| ()),
            })
        }))
    }
}

fn is_since(seq: u64, text: &str, horizon: Timestamp) -> bool {
    let mut room = String::new();
    Record::parse(seq, text, &mut room).is_ok_and(|record| record.at >= horizon)
}
