//! What waits to be sent, and the sending: bounded, tried again for a while, then dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::HeaderMap;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prometheus_client::metrics::counter::Counter;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::settings::Target;
use crate::execution::perform::Post;

/// Most that waits of one signal.
const WAITING_MAX: usize = 2048;
/// Most in one request.
const BATCH_MAX: usize = 512;
/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// How often one batch is tried.
const TRIES: u32 = 5;
/// The pause before the second try; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, also where the collector asks for a longer one.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Answers that ask for another try (OTLP, "Retryable Response Codes").
const PASSING: [u16; 4] = [429, 502, 503, 504];

/// The kinds of what is sent.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// Calls.
    Spans,
    /// Lines.
    Logs,
    /// Counters.
    Metrics,
}

impl Signal {
    /// Its name in the counter of what was dropped.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Spans => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
        }
    }
}

/// Who takes what is sent.
pub struct Collector {
    post: Post,
    base: String,
    headers: HeaderMap,
    stop: CancellationToken,
}

impl Collector {
    /// Nobody is asked yet.
    pub fn new(post: Post, target: Target, stop: CancellationToken) -> Self {
        Self {
            post,
            base: target.base,
            headers: target.headers,
            stop,
        }
    }

    /// How many of a request it did not want.
    async fn ask(&self, signal: Signal, body: &[u8]) -> Result<u64, No> {
        let url = format!("{}{}", self.base, signal.path());
        let asked = self.post.bytes(&url, self.headers.clone(), body.to_vec()).await;
        let answer = asked.map_err(|why| No { why, again: Some(None) })?;
        match answer.status {
            200..=299 => Ok(unwanted(&answer.body)),
            status => Err(No {
                why: format!("it answers {status}"),
                again: PASSING.contains(&status).then_some(answer.retry_after),
            }),
        }
    }
}

/// Why a request was not taken.
struct No {
    why: String,
    /// Whether another try may do better, and when.
    again: Option<Option<Duration>>,
}

/// What a collector that took a request left out of it. The three answers of OTLP are the same but for the names of fields.
fn unwanted(body: &[u8]) -> u64 {
    let partial = ExportLogsServiceResponse::decode(body).ok();
    let partial = partial.and_then(|answer| answer.partial_success);
    partial.map_or(0, |partial| partial.rejected_log_records.try_into().unwrap_or(0))
}

/// Sends one signal.
pub struct Line {
    collector: Arc<Collector>,
    signal: Signal,
    dropped: Counter,
    is_away: bool,
}

impl Line {
    /// Nothing is sent yet.
    pub fn new(collector: Arc<Collector>, signal: Signal, dropped: Counter) -> Self {
        Self {
            collector,
            signal,
            dropped,
            is_away: false,
        }
    }

    /// Sends a request with so many items; what is not taken is counted.
    pub async fn send(&mut self, body: Vec<u8>, items: usize, tries: u32) {
        let collector = Arc::clone(&self.collector);
        let mut pause = PAUSE;
        for left in (0..tries).rev() {
            match collector.ask(self.signal, &body).await {
                Ok(unwanted) => {
                    self.reached();
                    self.dropped.inc_by(unwanted);
                    return;
                }
                Err(no) => {
                    self.missed(&no.why);
                    let Some(asked) = no.again.filter(|_| left > 0 && !collector.stop.is_cancelled()) else {
                        break;
                    };
                    let pause_now = asked.unwrap_or(pause).min(PAUSE_MAX);
                    // At the end there is one last try, at once.
                    drop(tokio::time::timeout(pause_now, collector.stop.cancelled()).await);
                    pause *= 2;
                }
            }
        }
        self.dropped.inc_by(u64::try_from(items).unwrap_or(u64::MAX));
    }

    /// Said once, and not for each request.
    fn missed(&mut self, why: &str) {
        if !std::mem::replace(&mut self.is_away, true) {
            let signal = self.signal.word();
            tracing::warn!(
                signal,
                why,
                "the collector does not take telemetry; what does not reach it is counted"
            );
        }
    }

    fn reached(&mut self) {
        if std::mem::take(&mut self.is_away) {
            tracing::info!(signal = self.signal.word(), "the collector takes telemetry again");
        }
    }
}

/// Where something is put to be sent; never waits.
#[derive(Debug)]
pub struct Queue<T> {
    to: mpsc::Sender<T>,
    signal: Signal,
    dropped: Counter,
    was_full: AtomicBool,
}

impl<T> Queue<T> {
    /// Puts one in, or counts it where there is no room.
    pub fn put(&self, item: T) {
        if let Err(cause) = self.to.try_send(item) {
            self.dropped.inc();
            let is_full = matches!(cause, mpsc::error::TrySendError::Full(_));
            if is_full && !self.was_full.swap(true, Ordering::Relaxed) {
                let signal = self.signal.word();
                tracing::warn!(
                    signal,
                    "telemetry is dropped and counted: it comes faster than it is taken"
                );
            }
        }
    }
}

/// Opens a queue and starts what empties it.
pub fn open<T: Send + 'static>(
    tasks: &mut JoinSet<()>,
    line: Line,
    encode: impl Fn(Vec<T>) -> Vec<u8> + Send + 'static,
) -> Queue<T> {
    let (to, from) = mpsc::channel(WAITING_MAX);
    let queue = Queue {
        to,
        signal: line.signal,
        dropped: line.dropped.clone(),
        was_full: AtomicBool::new(false),
    };
    tasks.spawn(empty(from, line, encode));
    queue
}

async fn empty<T>(mut from: mpsc::Receiver<T>, mut line: Line, encode: impl Fn(Vec<T>) -> Vec<u8>) {
    let stop = line.collector.stop.clone();
    loop {
        let mut batch = Vec::new();
        gather(&mut from, &mut batch, &stop).await;
        if batch.is_empty() {
            return;
        }
        let items = batch.len();
        line.send(encode(batch), items, TRIES).await;
    }
}

/// Takes what comes within a second of the first. Nothing where nothing comes any more.
async fn gather<T>(from: &mut mpsc::Receiver<T>, batch: &mut Vec<T>, stop: &CancellationToken) {
    let mut until = None;
    while batch.len() < BATCH_MAX {
        let room = BATCH_MAX - batch.len();
        let taking = from.recv_many(batch, room);
        let over = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            taken = taking => if taken == 0 { return },
            () = over => return,
            // What was put in before is still taken, and then there is nothing more.
            () = stop.cancelled() => from.close(),
        }
        until.get_or_insert_with(|| Instant::now() + GATHER);
    }
}
