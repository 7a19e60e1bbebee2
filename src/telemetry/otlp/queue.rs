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
        let answer = asked.map_err(|why| No {
            why,
            is_passing: true,
            after: None,
        })?;
        match answer.status {
            200..=299 => Ok(unwanted(&answer.body)),
            status => Err(No {
                why: format!("it answers {status}"),
                is_passing: PASSING.contains(&status),
                after: answer.retry_after,
            }),
        }
    }
}

/// Why a request was not taken.
struct No {
    why: String,
    /// Whether another try may do better.
    is_passing: bool,
    /// When, where it says so.
    after: Option<Duration>,
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
                    if left == 0 || !no.is_passing || collector.stop.is_cancelled() {
                        break;
                    }
                    let now = no.after.unwrap_or(pause).min(PAUSE_MAX);
                    // At the end there is one last try, at once.
                    drop(tokio::time::timeout(now, collector.stop.cancelled()).await);
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

/// Where something is put to be sent; never waits, and says nothing, because a line of the log may be what is put in.
#[derive(Debug)]
pub struct Queue<T> {
    to: mpsc::Sender<T>,
    dropped: Counter,
    was_full: Arc<AtomicBool>,
}

impl<T> Queue<T> {
    /// Puts one in, or counts it where there is no room or nobody to take it.
    pub fn put(&self, item: T) {
        if let Err(cause) = self.to.try_send(item) {
            self.dropped.inc();
            if matches!(cause, mpsc::error::TrySendError::Full(_)) {
                self.was_full.store(true, Ordering::Relaxed);
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
        dropped: line.dropped.clone(),
        was_full: Arc::default(),
    };
    tasks.spawn(empty(from, Arc::clone(&queue.was_full), line, encode));
    queue
}

async fn empty<T>(
    mut from: mpsc::Receiver<T>,
    was_full: Arc<AtomicBool>,
    mut line: Line,
    encode: impl Fn(Vec<T>) -> Vec<u8>,
) {
    let (stop, mut is_told) = (line.collector.stop.clone(), false);
    loop {
        let mut batch = Vec::new();
        gather(&mut from, &mut batch, &stop).await;
        if was_full.load(Ordering::Relaxed) && !std::mem::replace(&mut is_told, true) {
            let signal = line.signal.word();
            tracing::warn!(
                signal,
                "telemetry is dropped and counted: it comes faster than it is taken"
            );
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> (Queue<usize>, mpsc::Receiver<usize>) {
        let (to, from) = mpsc::channel(WAITING_MAX);
        let queue = Queue {
            to,
            dropped: Counter::default(),
            was_full: Arc::default(),
        };
        (queue, from)
    }

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_and_counted_and_the_rest_comes_in_batches() {
        let (queue, mut from) = queue();
        for number in 0..WAITING_MAX + 7 {
            queue.put(number);
        }
        assert_eq!(queue.dropped.get(), 7);
        assert!(queue.was_full.load(Ordering::Relaxed));
        let (stop, mut all) = (CancellationToken::new(), Vec::new());
        stop.cancel();
        loop {
            let mut batch = Vec::new();
            gather(&mut from, &mut batch, &stop).await;
            assert!(batch.len() <= BATCH_MAX);
            if batch.is_empty() {
                break;
            }
            all.extend(batch);
        }
        assert_eq!(all, (0..WAITING_MAX).collect::<Vec<_>>());
        queue.put(0);
        assert_eq!(queue.dropped.get(), 8, "nobody takes it any more");
    }

    #[tokio::test]
    async fn a_lone_one_waits_a_second_for_others() {
        let (queue, mut from) = queue();
        let (stop, mut batch) = (CancellationToken::new(), Vec::new());
        queue.put(1);
        let begun = Instant::now();
        let later = async {
            tokio::time::sleep(GATHER / 2).await;
            queue.put(2);
            tokio::time::sleep(GATHER).await;
            queue.put(3);
        };
        let gathering = gather(&mut from, &mut batch, &stop);
        let ((), ()) = tokio::join!(later, gathering);
        assert!(begun.elapsed() >= GATHER);
        assert_eq!(batch, [1, 2]);
    }
}
