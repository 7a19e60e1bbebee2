//! The sentry: looks at what became durable and has alerts raised. It sees durable records only, so nothing is ever taken
//! back; what it had not looked at when the server stopped, it looks at after the next start.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use journal::Log;

use super::{Outcome, Request};
use crate::kernel::engine::Refused;
use crate::kernel::state::Unfit;
use crate::kernel::{Registry, State};
use crate::modules::audit::watch::{may_matter, signed_at};
use crate::modules::audit::{Alarm, Watch, raise};

/// How far a start looks back from the newest sign: no detector waits longer.
const BACK_MAX: SignedDuration = SignedDuration::from_mins(30);
/// Most records that a start looks at. With more in so short a time, a pattern that had only begun is not completed by
/// what came before the stop.
const BACK_RECORDS_MAX: u64 = 32_768;

/// An alarm on its way: kept until an alert that has its evidence is durable.
struct Due {
    alarm: Alarm,
    /// Whether the state never takes it; a fault of the program.
    is_refused: AtomicBool,
}

pub(super) struct Sentry {
    registry: Arc<Registry>,
    watch: Watch,
    /// Records to look at when they are durable.
    waiting: VecDeque<(u64, String)>,
    due: Vec<Arc<Due>>,
    /// Whether something is due that was not asked for since it came up, or since it was taken back.
    is_new: bool,
}

impl Sentry {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            watch: Watch::default(),
            waiting: VecDeque::new(),
            due: Vec::new(),
            is_new: false,
        }
    }

    /// Looks back over the newest records of a journal whose state is `state`.
    pub(super) fn recalled(registry: Arc<Registry>, log: &dyn Log, state: &State) -> Result<Self, journal::Error> {
        let mut sentry = Self::new(registry);
        let first = state.position.saturating_sub(BACK_RECORDS_MAX) + 1;
        // From the newest sign, and not from today: nobody looked while the server was down.
        let mut signs: VecDeque<(u64, Timestamp, String)> = VecDeque::new();
        for line in log.read(first)? {
            let line = line?;
            if !may_matter(&line.text) {
                continue;
            }
            if let Ok(Some(at)) = signed_at(line.seq, &line.text, state, &sentry.registry) {
                let horizon = at.checked_sub(BACK_MAX).unwrap_or(Timestamp::UNIX_EPOCH);
                signs.push_back((line.seq, at, line.text));
                while signs.pop_front_if(|(_, at, _)| *at < horizon).is_some() {}
            }
        }
        for (seq, _, text) in signs {
            sentry.one(seq, &text, state);
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

    /// Forgets what follows `position`: it was never written. What was raised there is due again.
    pub(super) fn cut(&mut self, position: u64) {
        self.waiting.retain(|(seq, _)| *seq <= position);
        self.is_new = !self.due.is_empty();
    }

    /// From which durable position on there is something to do. While nothing but refusals is journaled, asking again waits.
    pub(super) fn next(&self, is_tight: bool) -> Option<u64> {
        if self.is_new && !is_tight {
            return Some(0);
        }
        self.waiting.front().map(|(seq, _)| *seq)
    }

    /// The hour at which there is something to do, whatever is journaled.
    pub(super) fn hour(&self) -> Option<Timestamp> {
        self.watch.next_late()
    }

    fn one(&mut self, seq: u64, text: &str, state: &State) {
        match self.watch.look(seq, text, state, &self.registry) {
            Ok(alarms) => alarms.into_iter().for_each(|alarm| self.put(alarm)),
            Err(cause) => tracing::error!(%cause, "a record could not be looked at"),
        }
    }

    /// Has an alarm raised, with what an earlier one of the same alert knows that is not durable yet.
    fn put(&mut self, mut alarm: Alarm) {
        let (same, others) = std::mem::take(&mut self.due)
            .into_iter()
            .partition(|due| due.alarm.is_like(&alarm));
        self.due = others;
        for due in same {
            alarm.take_in(due.alarm.clone());
        }
        self.due.push(Arc::new(Due {
            alarm,
            is_refused: AtomicBool::new(false),
        }));
        self.is_new = true;
    }

    /// The request that raises what is due, if anything is: looks at everything up to a durable position first. `state` may
    /// be ahead of what is durable, `published` is not.
    pub(super) fn request(
        &mut self,
        durable: u64,
        now: Timestamp,
        state: &State,
        published: &State,
    ) -> Option<Request> {
        while let Some((seq, text)) = self.waiting.pop_front_if(|(seq, _)| *seq <= durable) {
            self.one(seq, &text, state);
        }
        for alarm in self.watch.late(now) {
            self.put(alarm);
        }
        self.due
            .retain(|due| !due.is_refused.load(Ordering::Acquire) && !due.alarm.is_spent(published));
        self.is_new = false;
        let unraised = self.due.iter().filter(|due| !due.alarm.is_spent(state));
        let unraised: Vec<Arc<Due>> = unraised.cloned().collect();
        if unraised.is_empty() {
            return None;
        }
        Some(Box::new(move |engine, now, _| {
            let mut records = Vec::new();
            for due in &unraised {
                match raise(engine, &due.alarm, now) {
                    Ok(text) => records.extend(text),
                    Err(Refused::Unfit(unfit)) => return Err::<Outcome, Unfit>(unfit),
                    Err(Refused::No(no)) => {
                        due.is_refused.store(true, Ordering::Release);
                        tracing::error!(why = no.message, "an alert could not be raised");
                    }
                }
            }
            Ok(Outcome {
                records,
                then: Box::new(|_| ()),
            })
        }))
    }
}
