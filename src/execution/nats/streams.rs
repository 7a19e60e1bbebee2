//! The streams and consumers, in one table; at a start they are made where they are missing and compared where they are not.

mod difference;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, FromConsumer as _, pull};
use async_nats::jetstream::context::{Context, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use futures_util::StreamExt as _;
use thiserror::Error;

pub use difference::Difference;
use difference::{changed, missing, of_consumer, of_stream};

use crate::kernel::Registry;
use crate::kernel::execution::BUILT_IN;

/// Executions on their way to workers.
pub const EXECUTIONS: &str = "ORKESTRA_EXECUTIONS";
/// Executions that no worker took.
pub const DEAD: &str = "ORKESTRA_DEAD";
/// Where a consumer says whose it is.
const WORKER: &str = "orkestra-worker";
/// The record feed.
pub const JOURNAL: &str = "ORKESTRA_JOURNAL";
/// How long a record stays in the feed; the journal has it for ever.
const FEED_FOR: Duration = Duration::from_hours(30 * 24);
/// What differs when a consumer is another worker's.
const OWNER: &str = "worker";
/// How long the broker knows a published attempt again. A server that comes back later asks what is still there.
const DUPLICATE_WINDOW: Duration = Duration::from_hours(1);
/// How long a dead letter is kept.
const DEAD_FOR: Duration = Duration::from_hours(30 * 24);
/// A worker that says nothing for so long is taken for dead.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// How often an attempt is given to workers that die of it.
pub const MAX_DELIVER: i64 = 5;

/// Where an attempt is published.
pub fn subject(module: &str, tool: &str) -> String {
    format!("orkestra.exec.{module}.{tool}")
}

/// What must be there: each module that writes has a consumer of its own, so that it can be given to another worker without
/// touching the others.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Copies of each stream.
    pub replicas: usize,
    /// The worker of each module.
    pub modules: BTreeMap<String, String>,
    /// A worker that says nothing for so long is taken for dead.
    pub ack_wait: Duration,
    /// Whether there is a record feed.
    pub feed: bool,
}

impl Wanted {
    /// What the modules and their routes need, as the settings have it.
    pub fn by(registry: &Registry, settings: &super::Settings) -> Self {
        Self {
            feed: settings.feed,
            ..Self::of(registry, settings.replicas)
        }
    }

    /// What the modules and their routes need.
    pub fn of(registry: &Registry, replicas: usize) -> Self {
        let writing = registry.tools().iter().filter(|tool| !tool.is_read());
        let modules = writing.map(|tool| {
            let worker = registry.terms.routes.get(tool.module).map_or(BUILT_IN, String::as_str);
            (tool.module.to_owned(), worker.to_owned())
        });
        Self {
            replicas,
            modules: modules.collect(),
            ack_wait: ACK_WAIT,
            feed: false,
        }
    }

    fn streams(&self) -> Vec<Config> {
        let stream = |name: &str, subject: &str| Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            storage: StorageType::File,
            num_replicas: self.replicas,
            ..Config::default()
        };
        let feed = Config {
            max_age: FEED_FOR,
            duplicate_window: DUPLICATE_WINDOW,
            ..stream(JOURNAL, "orkestra.journal.>")
        };
        let always = [
            Config {
                retention: RetentionPolicy::WorkQueue,
                // Full means no: the outbox keeps what the stream does not take.
                discard: DiscardPolicy::New,
                duplicate_window: DUPLICATE_WINDOW,
                ..stream(EXECUTIONS, "orkestra.exec.>")
            },
            Config {
                max_age: DEAD_FOR,
                duplicate_window: DUPLICATE_WINDOW,
                ..stream(DEAD, "orkestra.dead.>")
            },
        ];
        always.into_iter().chain(self.feed.then_some(feed)).collect()
    }

    fn consumers(&self) -> impl Iterator<Item = pull::Config> {
        self.modules.iter().map(|(module, worker)| pull::Config {
            durable_name: Some(module.clone()),
            filter_subject: subject(module, ">"),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            max_deliver: MAX_DELIVER,
            metadata: HashMap::from([(WORKER.to_owned(), worker.clone())]),
            ..pull::Config::default()
        })
    }
}

/// The modules that the broker's consumers give to a worker.
///
/// # Errors
/// [`Error`] where the broker is away or refuses.
pub async fn modules_of(context: &Context, worker: &str) -> Result<Vec<String>, Error> {
    let stream = context.get_stream(EXECUTIONS).await.map_err(told(EXECUTIONS))?;
    let mut consumers = stream.consumers();
    let mut modules = Vec::new();
    while let Some(consumer) = consumers.next().await {
        let consumer = consumer.map_err(told(EXECUTIONS))?;
        if owner(&consumer.config.metadata) == worker {
            modules.push(consumer.name);
        }
    }
    Ok(modules)
}

/// Whose a consumer is.
pub(super) fn owner(metadata: &HashMap<String, String>) -> String {
    metadata.get(WORKER).cloned().unwrap_or_default()
}

/// Why nothing could be looked at.
#[derive(Debug, Error)]
#[error("{of}: {cause}")]
pub struct Error {
    of: String,
    cause: String,
}

fn told<E: fmt::Display>(of: &str) -> impl FnOnce(E) -> Error {
    let of = of.to_owned();
    move |cause| Error {
        of,
        cause: cause.to_string(),
    }
}

/// How far a check may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only look.
    Look,
    /// Make what is missing.
    Make,
    /// Make what is missing and change what differs.
    Apply,
}

/// Says what is missing or differs, and does about it what the mode allows.
///
/// # Errors
/// [`Error`] where the broker is away or refuses.
pub async fn check(context: &Context, wanted: &Wanted, mode: Mode) -> Result<Vec<Difference>, Error> {
    let mut differences = Vec::new();
    for config in wanted.streams() {
        let name = config.name.clone();
        let stream = match (context.get_stream(&name).await, mode) {
            (Ok(stream), _) => stream,
            (Err(cause), Mode::Look) if is_missing(&cause) => {
                differences.push(missing(&name));
                continue;
            }
            (Err(cause), _) if is_missing(&cause) => {
                context.create_stream(config.clone()).await.map_err(told(&name))?
            }
            (Err(cause), _) => return Err(told(&name)(cause)),
        };
        let mut found = of_stream(&stream.cached_info().config, &config);
        if mode == Mode::Apply && !found.is_empty() {
            let kept = with_wanted(stream.cached_info().config.clone(), config);
            context.update_stream(&kept).await.map_err(told(&name))?;
            changed(&mut found);
        }
        differences.extend(found);
        if name == EXECUTIONS {
            differences.extend(consumers(&stream, wanted, mode).await?);
        }
    }
    Ok(differences)
}

/// Streams that hold most of what their limits allow.
///
/// # Errors
/// [`Error`] where the broker is away or refuses.
pub async fn full(context: &Context, wanted: &Wanted) -> Result<Vec<String>, Error> {
    let mut full = Vec::new();
    for config in wanted.streams() {
        let stream = context.get_stream(&config.name).await.map_err(told(&config.name))?;
        let (limits, state) = (&stream.cached_info().config, &stream.cached_info().state);
        let kinds = [
            ("bytes", state.bytes, limits.max_bytes),
            ("messages", state.messages, limits.max_messages),
        ];
        for (of, held, most) in kinds {
            // No limit is -1.
            if u64::try_from(most).is_ok_and(|most| held >= most - most / 10) {
                full.push(format!("{} holds {held} of at most {most} {of}", config.name));
            }
        }
    }
    Ok(full)
}

fn is_missing(cause: &GetStreamError) -> bool {
    matches!(cause.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

async fn consumers(stream: &Stream, wanted: &Wanted, mode: Mode) -> Result<Vec<Difference>, Error> {
    let mut differences = Vec::new();
    for config in wanted.consumers() {
        let name = config.durable_name.clone().unwrap_or_default();
        let Ok(found) = stream.consumer_info(&name).await else {
            if mode == Mode::Look {
                differences.push(missing(&format!("{EXECUTIONS}/{name}")));
            } else {
                stream.create_consumer(config).await.map_err(told(&name))?;
            }
            continue;
        };
        let mut differ = of_consumer(&found.config, &config, &name);
        if mode == Mode::Apply && !differ.is_empty() {
            stream.update_consumer(config).await.map_err(told(&name))?;
            changed(&mut differ);
        } else if mode == Mode::Make
            && let Some(owner) = differ.iter_mut().find(|one| one.what == OWNER)
        {
            // Whose a module is, only the routes say: another worker would take what it may not report on.
            let kept = pull::Config::try_from_consumer_config(found.config).map_err(told(&name))?;
            let metadata = config.metadata;
            stream
                .update_consumer(pull::Config { metadata, ..kept })
                .await
                .map_err(told(&name))?;
            owner.changed = true;
        }
        differences.extend(differ);
    }
    Ok(differences)
}

/// What is wanted, and otherwise what operators set: limits above all.
fn with_wanted(found: Config, wanted: Config) -> Config {
    Config {
        subjects: wanted.subjects,
        retention: wanted.retention,
        discard: wanted.discard,
        num_replicas: wanted.num_replicas,
        max_age: wanted.max_age,
        duplicate_window: wanted.duplicate_window,
        ..found
    }
}
