//! What is sent to a collector, over OTLP with protobuf over HTTP (OpenTelemetry Protocol 1.x): a span per call, the counters
//! of `/metrics`, and our own lines of the log. The only place that knows OpenTelemetry.
//!
//! What is sent is made here and nowhere else, from what may be known to everybody: names of tools, codes, numbers. A collector
//! that is away, slow or refuses holds nothing up: queues are bounded, and what does not fit is counted.

mod logs;
mod metrics;
mod queue;
mod settings;
mod spans;

pub use logs::Lines;
pub use settings::{Settings, Wrong};
pub use spans::Spans;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::execution::perform::Post;
use queue::{Collector, Line, Signal};
use settings::Target;

/// How long a stop waits for what is still to be sent.
const LAST: Duration = Duration::from_secs(2);
/// The name of what is observed, and of who observes.
const NAME: &str = "orkestra";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SignalLabel {
    signal: &'static str,
}

/// What could not be sent: spans, lines, and reports of counters.
#[derive(Clone, Default)]
pub struct Dropped(Family<SignalLabel, Counter>);

impl Dropped {
    /// Shows it beside the other counters.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "telemetry_dropped",
            "Spans, lines of the log and reports of counters that did not reach the collector",
            self.0.clone(),
        );
    }

    fn of(&self, signal: Signal) -> Counter {
        let label = SignalLabel { signal: signal.word() };
        self.0.get_or_create(&label).clone()
    }
}

/// What sends, while the process runs; where nothing is to be sent, nothing.
pub struct Sending(Option<Running>);

struct Running {
    collector: Arc<Collector>,
    about: Arc<About>,
    every: Duration,
    dropped: Dropped,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// Of whom everything is.
struct About {
    attributes: ResourceAttributesWithSchema,
    began: SystemTime,
}

/// Starts what sends calls and the log. Nothing is waited for, and a collector that is away is no error.
///
/// # Errors
/// [`Wrong`] where that can never work.
pub fn start(settings: &Settings, dropped: &Dropped) -> Result<(Option<Spans>, Sending), Wrong> {
    let environment = |name: &str| std::env::var(name).ok();
    let Some(target) = Target::wanted(settings, environment)? else {
        return Ok((None, Sending(None)));
    };
    let stop = CancellationToken::new();
    let post = Post::new().map_err(Wrong::new)?;
    let collector = Arc::new(Collector::new(post, target, stop.clone()));
    let resource = settings::resource(environment)?;
    let about = Arc::new(About {
        attributes: (&resource).into(),
        began: SystemTime::now(),
    });
    let line = |signal| Line::new(Arc::clone(&collector), signal, dropped.of(signal));
    let mut tasks = JoinSet::new();
    let of_whom = Arc::clone(&about);
    let encode = move |batch| spans::encode(batch, &of_whom.attributes);
    let spans = queue::open(&mut tasks, line(Signal::Spans), encode);
    let of_whom = Arc::clone(&about);
    logs::to(queue::open(&mut tasks, line(Signal::Logs), move |batch| {
        logs::encode(batch, &of_whom)
    }));
    let running = Running {
        collector,
        about,
        every: Duration::from_secs(settings.metrics_seconds.get().into()),
        dropped: dropped.clone(),
        stop,
        tasks,
    };
    Ok((Some(Spans::new(spans, resource)), Sending(Some(running))))
}

impl Sending {
    /// Sends what `text` says (the OpenMetrics text format) at every interval, and once more at the end.
    pub fn measure(&mut self, text: impl Fn() -> String + Send + Sync + 'static) {
        let Some(running) = &mut self.0 else { return };
        let signal = Signal::Metrics;
        let mut line = Line::new(Arc::clone(&running.collector), signal, running.dropped.of(signal));
        let (every, stop, about) = (running.every, running.stop.clone(), Arc::clone(&running.about));
        running.tasks.spawn(async move {
            loop {
                let is_last = tokio::time::timeout(every, stop.cancelled()).await.is_ok();
                let body = metrics::encode(&text(), &about, SystemTime::now());
                // The next report says all that this one does: it is not tried again.
                line.send(body, 1, 1).await;
                if is_last {
                    return;
                }
            }
        });
    }

    /// Sends what is left, for two seconds at most.
    pub async fn stop(self) {
        let Some(mut running) = self.0 else { return };
        running.stop.cancel();
        let all = async { while running.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST, all).await.is_err() {
            tracing::warn!("the collector does not take what is left; the end is not waited for");
        }
    }
}

impl About {
    fn resource(&self) -> ProtoResource {
        ProtoResource {
            attributes: self.attributes.attributes.0.clone(),
            ..ProtoResource::default()
        }
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: NAME.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// Nanoseconds since 1970, as OTLP counts.
fn nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
