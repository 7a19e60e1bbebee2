//! Executions, as the state and the broker have them.

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::size;
use crate::kernel::State;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ModuleLabel {
    module: String,
}

/// Executions, as the state and the broker have them.
#[derive(Default)]
pub(super) struct Executions {
    waiting: Gauge,
    oldest_seconds: Gauge,
    attempts: Family<OutcomeLabel, Gauge>,
    broker: Gauge,
    lag: Family<ModuleLabel, Gauge>,
    unacknowledged: Family<ModuleLabel, Gauge>,
    redelivered: Family<ModuleLabel, Gauge>,
}

impl Executions {
    pub(super) fn broker(&self, is_up: bool) {
        self.broker.set(i64::from(is_up));
    }

    pub(super) fn consumer(&self, module: &str, lag: u64, unacknowledged: usize, redelivered: usize) {
        let label = ModuleLabel {
            module: module.to_owned(),
        };
        self.lag
            .get_or_create(&label)
            .set(i64::try_from(lag).unwrap_or(i64::MAX));
        self.unacknowledged.get_or_create(&label).set(size(unacknowledged));
        self.redelivered.get_or_create(&label).set(size(redelivered));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "executions_waiting",
            "Attempts that wait to be handed over",
            self.waiting.clone(),
        );
        registry.register(
            "executions_oldest_waiting_seconds",
            "How long the oldest of them is due",
            self.oldest_seconds.clone(),
        );
        registry.register(
            "attempts",
            "Attempts by what became of them, since the start and what was read for it",
            self.attempts.clone(),
        );
        registry.register("broker_up", "Whether NATS is there", self.broker.clone());
        registry.register(
            "consumer_lag",
            "Attempts that no worker has yet, by module",
            self.lag.clone(),
        );
        registry.register(
            "consumer_unacknowledged",
            "Attempts that a worker has, by module",
            self.unacknowledged.clone(),
        );
        registry.register(
            "consumer_redelivered",
            "Attempts of those that were given out more than once, by module",
            self.redelivered.clone(),
        );
    }

    pub(super) fn look(&self, state: &State, now: Timestamp) {
        self.waiting.set(size(state.actions.outbox_len()));
        let oldest = state.actions.outbox().next().and_then(|action| action.due);
        let seconds = oldest.map_or(0, |due| now.duration_since(due).as_secs().max(0));
        self.oldest_seconds.set(seconds);
        let tally = state.actions.tally();
        for (outcome, count) in [
            ("published", tally.published),
            ("succeeded", tally.succeeded),
            ("failed_for_now", tally.failed_for_now),
            ("failed", tally.failed),
            ("unknown", tally.unknown),
            ("retried", tally.retried),
            ("reconciled", tally.reconciled),
            ("refused", tally.refused),
        ] {
            let gauge = self.attempts.get_or_create(&OutcomeLabel { outcome });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}
