//! Counters for operators, what is written to the log, and what is sent of both, and of calls, to a collector. No argument,
//! answer, token or name of a person is ever a label or an attribute.

mod executions;
mod log;
mod otlp;

pub use log::init;
pub use otlp::{Sending, Settings, Wrong};

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::door::Entry;
use crate::kernel::engine::Answer;
use crate::kernel::{State, Tool};
use crate::processor::Handle;
use executions::Executions;
use otlp::{Dropped, Spans};

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
    /// Where calls are told of one by one; `None` where nobody listens.
    spans: Option<Spans>,
    dropped: Dropped,
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
            spans: None,
            dropped: Dropped::default(),
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
        made.dropped.register(registry);
        made
    }

    /// Counters, and what sends them, calls and the log to a collector where the settings or the environment name one.
    ///
    /// # Errors
    /// [`Wrong`] where that can never work.
    pub fn started(settings: &Settings) -> Result<(Arc<Self>, Sending), Wrong> {
        let mut made = Self::new();
        let (spans, sending) = otlp::start(settings, &made.dropped)?;
        made.spans = spans;
        Ok((Arc::new(made), sending))
    }

    /// Has the counters sent from now on, as `/metrics` shows them.
    pub fn send(self: &Arc<Self>, handle: &Handle, sending: &mut Sending) {
        let (telemetry, handle) = (Arc::clone(self), handle.clone());
        sending.measure(move || telemetry.text(&handle.snapshot(), handle.now()));
    }

    /// Counts a call that is over.
    pub fn called(&self, over: &Over<'_>) {
        let labels = CallLabels {
            via: over.entry.caller.via,
            tool: over.tool.map_or("unknown", |tool| tool.name),
            outcome: over.code().map_or(Cow::Borrowed("ok"), Cow::clone),
        };
        self.calls.get_or_create(&labels).inc();
        let elapsed = over.begun.elapsed();
        self.durations.observe(elapsed.as_secs_f64());
        if let Some(spans) = &self.spans {
            spans.tell(over, elapsed);
        }
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
        self.executions.broker(is_up);
    }

    /// What a module's consumer has: not given out yet, given out and not acknowledged, given out more than once.
    pub fn consumer(&self, module: &str, lag: u64, unacknowledged: usize, redelivered: usize) {
        self.executions.consumer(module, lag, unacknowledged, redelivered);
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
