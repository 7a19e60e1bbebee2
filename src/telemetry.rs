//! Counters for operators, and what is written to the log. No argument, token or name of a person is ever a label.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::door::Entry;
use crate::kernel::engine::Answer;
use crate::kernel::{State, Tool};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    via: &'static str,
    tool: &'static str,
    outcome: Cow<'static, str>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabel {
    reason: String,
}

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
struct Executions {
    waiting: Gauge,
    oldest_seconds: Gauge,
    attempts: Family<OutcomeLabel, Gauge>,
    broker: Gauge,
    lag: Family<ModuleLabel, Gauge>,
    unacknowledged: Family<ModuleLabel, Gauge>,
    redelivered: Family<ModuleLabel, Gauge>,
}

/// A call that is over, as telemetry sees it: never what was asked or answered.
pub struct Over<'a> {
    /// Who called, and how.
    pub entry: &'a Entry,
    /// The tool; `None` for a name that no tool has, which must not fill the memory with labels.
    pub tool: Option<&'a Tool>,
    /// The answer; only whether it is a "no", and its code, is looked at.
    pub answer: &'a Answer,
    /// Where the journal stood after its records.
    pub position: Option<u64>,
    /// When it began.
    pub begun: Instant,
}

impl<'a> Over<'a> {
    /// The code of a "no".
    fn code(&self) -> Option<&'a Cow<'static, str>> {
        self.answer.as_ref().err().map(|no| &no.code)
    }
}

/// All counters of a process.
pub struct Telemetry {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    durations: Histogram,
    away: Family<ReasonLabel, Counter>,
    position: Gauge,
    pending: Gauge,
    executing: Gauge,
    executions: Executions,
    folded: Mutex<BTreeMap<&'static str, u64>>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl Telemetry {
    /// Fresh counters.
    pub fn new() -> Self {
        let buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
        let mut made = Self {
            registry: Registry::with_prefix("orkestra"),
            calls: Family::default(),
            durations: Histogram::new(buckets),
            away: Family::default(),
            position: Gauge::default(),
            pending: Gauge::default(),
            executing: Gauge::default(),
            executions: Executions::default(),
            folded: Mutex::default(),
        };
        let registry = &mut made.registry;
        registry.register("calls", "Calls of tools by door, tool and outcome", made.calls.clone());
        registry.register("call_duration_seconds", "How long calls took", made.durations.clone());
        registry.register(
            "turned_away",
            "Requests turned away before they became calls",
            made.away.clone(),
        );
        registry.register("journal_position", "The newest durable record", made.position.clone());
        registry.register(
            "pending_actions",
            "Actions that wait for a confirmation",
            made.pending.clone(),
        );
        registry.register(
            "executing_actions",
            "Actions on their way through a worker",
            made.executing.clone(),
        );
        made.executions.register(registry);
        made
    }

    /// Counts a call that is over.
    pub fn called(&self, over: &Over<'_>) {
        let labels = CallLabels {
            via: over.entry.caller.via,
            tool: over.tool.map_or("unknown", |tool| tool.name),
            outcome: over.code().map_or(Cow::Borrowed("ok"), Cow::clone),
        };
        self.calls.get_or_create(&labels).inc();
        self.durations.observe(over.begun.elapsed().as_secs_f64());
    }

    /// Counts a request that did not become a call.
    pub fn turned_away(&self, reason: &'static str) {
        self.away
            .get_or_create(&ReasonLabel {
                reason: reason.to_owned(),
            })
            .inc();
        *self
            .folded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(reason)
            .or_insert(0) += 1;
    }

    /// What was turned away since the last time, to journal it.
    pub fn take_turned_away(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut *self.folded.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the broker is there.
    pub fn broker(&self, is_up: bool) {
        self.executions.broker.set(i64::from(is_up));
    }

    /// What a module's consumer has: not given out yet, given out and not acknowledged, given out more than once.
    pub fn consumer(&self, module: &str, lag: u64, unacknowledged: usize, redelivered: usize) {
        let label = ModuleLabel {
            module: module.to_owned(),
        };
        let executions = &self.executions;
        executions
            .lag
            .get_or_create(&label)
            .set(i64::try_from(lag).unwrap_or(i64::MAX));
        executions
            .unacknowledged
            .get_or_create(&label)
            .set(size(unacknowledged));
        executions.redelivered.get_or_create(&label).set(size(redelivered));
    }

    /// Everything as OpenMetrics text.
    pub fn text(&self, state: &State, now: Timestamp) -> String {
        self.position.set(i64::try_from(state.position).unwrap_or(i64::MAX));
        self.pending.set(size(state.actions.pending_len()));
        self.executing.set(size(state.actions.executing().count()));
        self.executions.look(state, now);
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }
}

fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Executions {
    fn register(&self, registry: &mut Registry) {
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

    fn look(&self, state: &State, now: Timestamp) {
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

/// The crates whose log lines are written by this house: they name neither tokens nor what callers sent.
const OURS: [&str; 3] = ["orkestra", "journal", "projections"];

/// Whether a line may be written, whatever `RUST_LOG` asks for: what other crates say below an error can hold whole requests,
/// bearer and confirm tokens included.
fn may_be_said(meta: &tracing::Metadata<'_>) -> bool {
    let crate_name = meta.target().split("::").next().unwrap_or_default();
    *meta.level() == tracing::Level::ERROR || OURS.contains(&crate_name)
}

/// Sends the log to standard error; `RUST_LOG` says how much, `ORKESTRA_LOG=json` in which form.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,rmcp=error"));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let lines = match std::env::var("ORKESTRA_LOG").as_deref() {
        Ok("json") => lines.json().boxed(),
        _ => lines.with_target(false).boxed(),
    };
    let said = lines.with_filter(filter_fn(may_be_said));
    // A second call in one process (tests) keeps the first.
    drop(tracing_subscriber::registry().with(filter).with(said).try_init());
}
