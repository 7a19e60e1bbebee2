//! A worker outside the server: pulls attempts, carries them out, and acknowledges each only when its outcome is journaled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::{AckKind, Message as Delivery};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::streams::{self, EXECUTIONS};
use super::{Line, PAUSE, TRACE, intake};
use crate::execution::message::{Message, Outcome, Receipt};
use crate::execution::perform::Performers;

/// Outcomes that a worker remembers, to say the same of an attempt that is given out again.
const REMEMBERED_MAX: usize = 10_000;

/// How long the broker keeps an unanswered pull.
const EXPIRES: Duration = Duration::from_secs(5);

/// The shortest pause between two signs of life.
const SHORTEST: Duration = Duration::from_millis(10);

/// What a worker is.
#[derive(Clone)]
pub struct Worker {
    /// Its name: its consumer's, and the last word of the subject it reports on.
    pub name: String,
    /// Only these modules; where empty, all that the broker's consumers say are its.
    pub modules: Vec<String>,
    /// Attempts of one module at once.
    pub concurrency: usize,
    /// What it can do.
    pub performers: Performers,
}

/// Why a worker cannot begin.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Unready(String);

#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Outcome>>);

impl Memory {
    fn recall(&self, id: &str) -> Option<Outcome> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn keep(&self, id: String, outcome: Outcome) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Identifiers begin with their time: the first is the oldest.
        while known.len() >= REMEMBERED_MAX {
            known.pop_first();
        }
        known.insert(id, outcome);
    }
}

/// Works until stopped; then finishes what it began.
///
/// # Errors
/// [`Unready`] where nothing at the broker is this worker's.
pub async fn run(line: &Line, worker: Worker, stop: CancellationToken) -> Result<(), Unready> {
    let modules = modules(line, &worker, &stop).await?;
    let shared = Arc::new(Shared {
        line: line.clone(),
        worker,
        memory: Memory::default(),
    });
    let mut pulling = JoinSet::new();
    for module in modules {
        pulling.spawn(pull(Arc::clone(&shared), module, stop.clone()));
    }
    while pulling.join_next().await.is_some() {}
    Ok(())
}

/// What is asked for, or else what the broker's consumers say; waits for the broker.
async fn modules(line: &Line, worker: &Worker, stop: &CancellationToken) -> Result<Vec<String>, Unready> {
    if !worker.modules.is_empty() {
        return Ok(worker.modules.clone());
    }
    loop {
        match streams::modules_of(&line.context, &worker.name).await {
            Ok(modules) if modules.is_empty() => {
                return Err(Unready(format!("no module is routed to the worker `{}`", worker.name)));
            }
            Ok(modules) => return Ok(modules),
            Err(cause) => tracing::warn!(%cause, "waiting for the broker and its streams"),
        }
        pause(stop).await;
        if stop.is_cancelled() {
            return Ok(Vec::new());
        }
    }
}

struct Shared {
    line: Line,
    worker: Worker,
    memory: Memory,
}

/// Takes a module's attempts, never more than there is room for: what waits here would be taken for dead.
async fn pull(shared: Arc<Shared>, module: String, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    let places = Arc::new(Semaphore::new(shared.worker.concurrency.max(1)));
    let mut said = String::new();
    while !stop.is_cancelled() {
        let found = shared
            .line
            .context
            .get_consumer_from_stream(module.as_str(), EXECUTIONS)
            .await;
        let taken = match found {
            Ok(consumer) => match streams::owner(&consumer.cached_info().config.metadata) {
                owner if owner == shared.worker.name => take(&shared, &consumer, &places, &tasks, &stop).await,
                owner => Err(format!("it is the worker `{owner}`'s")),
            },
            Err(cause) => Err(cause.to_string()),
        };
        if let Err(cause) = taken {
            if cause != said {
                tracing::warn!(module, cause, "nothing can be taken; trying on");
            }
            said = cause;
            pause(&stop).await;
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn take(
    shared: &Arc<Shared>,
    consumer: &Consumer<pull::Config>,
    places: &Arc<Semaphore>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), String> {
    let beat = consumer.cached_info().config.ack_wait / 3;
    while !stop.is_cancelled() {
        let Ok(first) = Arc::clone(places).acquire_owned().await else {
            return Ok(());
        };
        let mut free = vec![first];
        free.extend(std::iter::from_fn(|| Arc::clone(places).try_acquire_owned().ok()));
        let batch = consumer
            .batch()
            .max_messages(free.len())
            .expires(EXPIRES)
            .messages()
            .await;
        let mut batch = batch.map_err(|cause| cause.to_string())?;
        loop {
            let delivery = tokio::select! {
                // What is here already is done; what is not goes to somebody else.
                delivery = batch.next() => delivery,
                () = at_last(stop) => return Ok(()),
            };
            let (Some(delivery), Some(place)) = (delivery, free.pop()) else {
                break;
            };
            let delivery = delivery.map_err(|cause| cause.to_string())?;
            let shared = Arc::clone(shared);
            tasks.spawn(async move {
                one(&shared, delivery, beat).await;
                drop(place);
            });
        }
    }
    Ok(())
}

/// A moment after the stop.
async fn at_last(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
}

async fn pause(stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(PAUSE) => {}
    }
}

/// One attempt, from its delivery to its acknowledgement.
async fn one(shared: &Shared, delivery: Delivery, beat: Duration) {
    let Shared { line, worker, memory } = shared;
    let Ok(message) = serde_json::from_slice::<Message>(&delivery.payload) else {
        // Nobody could ever read it; the server knows after its deadline.
        tracing::error!(subject = %delivery.subject, "an execution cannot be read");
        drop(delivery.ack_with(AckKind::Term).await);
        return;
    };
    let known = memory.recall(&message.id());
    let outcome = if let Some(outcome) = known {
        outcome
    } else {
        let (performers, now) = (&worker.performers, Timestamp::now());
        let word = if delivery.info().is_ok_and(|info| info.delivered > 1) {
            alive(&delivery, beat, performers.carry_out_again(&message, now)).await
        } else {
            alive(&delivery, beat, performers.carry_out(&message, now)).await
        };
        let outcome = Outcome::of(&message, &word);
        memory.keep(message.id(), outcome.clone());
        outcome
    };
    let told = report(line, worker, &outcome, message.trace.as_deref());
    if alive(&delivery, beat, told).await == Told::GiveBack {
        drop(delivery.ack_with(AckKind::Nak(Some(PAUSE))).await);
        return;
    }
    if let Err(cause) = delivery.double_ack().await {
        tracing::warn!(action = message.action, %cause, "an execution could not be acknowledged");
    }
}

/// Does something long, and tells the broker now and then that it is not dead.
async fn alive<T>(delivery: &Delivery, beat: Duration, work: impl Future<Output = T>) -> T {
    let mut beat = tokio::time::interval(beat.max(SHORTEST));
    beat.reset();
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = beat.tick() => drop(delivery.ack_with(AckKind::Progress).await),
        }
    }
}

/// What becomes of an attempt after its report.
#[derive(PartialEq)]
enum Told {
    /// It may be forgotten.
    Forget,
    /// It is somebody else's.
    GiveBack,
}

/// Reports until the server says what becomes of the attempt.
async fn report(line: &Line, worker: &Worker, outcome: &Outcome, trace: Option<&str>) -> Told {
    let Ok(text) = serde_json::to_vec(outcome) else {
        return Told::Forget;
    };
    let mut headers = HeaderMap::new();
    if let Some(trace) = trace {
        headers.insert(TRACE, trace);
    }
    let mut wait = Duration::from_millis(100);
    loop {
        let subject = intake::subject(&worker.name);
        let answer = line
            .client
            .request_with_headers(subject, headers.clone(), text.clone().into())
            .await;
        let receipt = answer
            .ok()
            .and_then(|answer| serde_json::from_slice::<Receipt>(&answer.payload).ok());
        match receipt {
            Some(receipt) if receipt.r#final => {
                if !receipt.accepted {
                    tracing::warn!(action = outcome.action, attempt = outcome.attempt, answer = %receipt.answer, "an outcome does not count");
                }
                return if receipt.gives_back() {
                    Told::GiveBack
                } else {
                    Told::Forget
                };
            }
            _ => tokio::time::sleep(wait).await,
        }
        wait = (wait * 2).min(Duration::from_secs(10));
    }
}
