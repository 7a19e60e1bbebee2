//! The processor: the one task that owns a journal and the state folded from it, and the handle that everybody else holds.
//!
//! Step, append, and only when it is durable: publish the new state and answer. Requests that arrive while the disk is busy
//! share the next group commit.

mod due;
mod folding;
mod handle;
mod indexed;
mod joining;
mod opening;
mod plain;
mod recent;
mod sentry;
mod tight;

pub use folding::fold;
pub use handle::{Handle, Told};
pub use opening::{Boot, Error as Failed, Opening, open, open_watched};
pub use plain::Plain;
pub use recent::States;
pub use tight::Tight;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use journal::{Log, Priority};
use projections::Record;
use projections::event::names;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::kernel::state::Unfit;
use crate::kernel::{Engine, Past, Rejection, Snapshot};
use recent::Recent;
use sentry::Sentry;
use tight::Room;

/// Most requests that wait; more are told to come back.
const WAITING_MAX: usize = 4096;
/// Most requests in one step of the processor.
const TOGETHER_MAX: usize = 512;
/// How long until it is tried again whether there is room.
const RETRY: Duration = Duration::from_secs(1);
/// A batch takes no further request when its records have so many bytes.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Where the hour comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Why nothing can be done any more until a restart.
#[derive(Clone, Debug, Error)]
#[error("the journal is closed: {0}")]
pub struct Closed(pub Arc<str>);

/// What a request leaves: records to append, and what to say when they are durable (or cannot be).
struct Outcome {
    records: Vec<String>,
    then: Box<dyn FnOnce(Result<(), Rejection>) + Send>,
}

type Request = Box<dyn FnOnce(&mut Engine, Timestamp, &dyn Past) -> Result<Outcome, Unfit> + Send>;

/// The answer when the journal cannot take more.
pub fn unavailable(why: &str) -> Rejection {
    let mut no =
        Rejection::new("unavailable", format!("nothing was done: {why}")).hint("try again later, or tell the operator");
    no.retry_after_ms = Some(1_000);
    no
}

/// The answer when nobody can tell before the next start.
fn uncertain(why: &str) -> Rejection {
    Rejection::new("unavailable", why).hint(
        "ask again when the server is back: the same call or confirmation given twice does nothing twice, and get_pending_action tells",
    )
}

fn busy() -> Rejection {
    unavailable("too many requests are waiting")
}

/// The task behind the handle.
pub(crate) struct Processor {
    engine: Engine,
    log: Arc<dyn Log>,
    recent: Recent,
    clock: Clock,
    inbox: mpsc::Receiver<Request>,
    published: Arc<ArcSwap<crate::kernel::State>>,
    durable: Arc<watch::Sender<u64>>,
    closed: Arc<watch::Sender<Option<Arc<str>>>>,
    /// Whether the journal took back what it had accepted, because the disk is full.
    taken_back: Arc<AtomicBool>,
    /// Where the last work was refused, nobody's refusal shares a batch with it.
    room: Room,
    sentry: Sentry,
    answers: mpsc::UnboundedSender<Answers>,
}

impl Processor {
    /// Runs until every handle is gone or the journal closes.
    pub(crate) async fn run(mut self) {
        let mut waiting: Vec<Request> = Vec::with_capacity(TOGETHER_MAX);
        let (mut closed, mut durable) = (self.closed.subscribe(), self.durable.subscribe());
        let (mut tight, mut tried) = (self.room.watched(), Instant::now());
        loop {
            let (pause, watched) = (self.pause(), self.sentry.next(self.room.is_tight()));
            tokio::select! {
                biased;
                _ = closed.wait_for(Option::is_some) => return,
                position = reached(&mut durable, watched) => {
                    waiting.extend(self.watched(position));
                },
                () = tokio::time::sleep(pause) => {
                    waiting.push(Box::new(due::expire));
                    waiting.push(Box::new(due::work));
                    waiting.extend(self.watched(0));
                    // However much is due, those who call wait for one turn of it at most.
                    waiting.extend(std::iter::from_fn(|| self.inbox.try_recv().ok()).take(TOGETHER_MAX));
                }
                // Not so long after the last request, but after the last try: refusals alone must not put it off for ever.
                () = tokio::time::sleep_until(tried + RETRY), if self.room.is_tight() => {
                    tried = Instant::now();
                    waiting.extend(self.room.resume());
                }
                Ok(()) = tight.changed() => {}
                taken = self.inbox.recv_many(&mut waiting, TOGETHER_MAX) => if taken == 0 { return },
            }
            if !self.together(waiting.drain(..)) {
                return;
            }
        }
    }

    /// What the sentry has raised after everything up to a durable position.
    fn watched(&mut self, durable: u64) -> Option<Request> {
        let published = self.published.load();
        self.sentry
            .request(durable, (self.clock)(), self.engine.state(), &published)
    }

    /// How long until something is due by the hour alone.
    fn pause(&self) -> Duration {
        if !self.room.is_tight() && self.engine.has_work((self.clock)()) {
            return Duration::ZERO;
        }
        let hours = [self.engine.next_deadline(), self.sentry.hour()];
        let Some(due) = hours.into_iter().flatten().min() else {
            return Duration::from_hours(1);
        };
        let left = due.duration_since((self.clock)());
        // What is overdue already could not be journaled: the disk is asked again, but not all the time.
        let least = Duration::from_millis(if left.is_negative() { 500 } else { 1 });
        Duration::try_from(left)
            .unwrap_or_default()
            .clamp(least, Duration::from_hours(1))
    }

    /// Takes several requests into one group commit. False when nothing can go on.
    fn together(&mut self, requests: impl Iterator<Item = Request>) -> bool {
        if self.taken_back.swap(false, Ordering::AcqRel) {
            self.back_to_durable();
        }
        let mut requests = requests.peekable();
        while requests.peek().is_some() {
            let before = self.engine.state().clone();
            let most = if self.room.is_tight() { 1 } else { TOGETHER_MAX };
            let (mut records, mut thens, mut bytes) = (Vec::new(), Vec::new(), 0);
            // A batch is written whole or not at all, so one caller's large records must not refuse everybody's.
            while let Some(request) = requests.next_if(|_| bytes < BATCH_BYTES_MAX && thens.len() < most) {
                match request(&mut self.engine, (self.clock)(), &self.recent) {
                    Ok(outcome) => {
                        let position = before.position + len(&records);
                        self.recent.push(position, &outcome.records);
                        self.sentry.note(position, &outcome.records);
                        bytes += outcome.records.iter().map(String::len).sum::<usize>();
                        records.extend(outcome.records);
                        thens.push(outcome.then);
                    }
                    Err(unfit) => {
                        self.stop(&format!("a step does not fit the state: {unfit}"));
                        return false;
                    }
                }
            }
            if !self.append(before, records, thens) {
                return false;
            }
        }
        true
    }

    fn append(&mut self, before: crate::kernel::State, records: Vec<String>, thens: Thens) -> bool {
        if records.is_empty() {
            for then in thens {
                then(Ok(()));
            }
            return true;
        }
        let priority = priority(&records);
        let after: Snapshot = Arc::new(self.engine.state().clone());
        let (published, durable, closed, taken_back) = (
            Arc::clone(&self.published),
            Arc::clone(&self.durable),
            Arc::clone(&self.closed),
            Arc::clone(&self.taken_back),
        );
        let (room, clock) = (self.room.clone(), Arc::clone(&self.clock));
        let thens = Arc::new(std::sync::Mutex::new(Some(thens)));
        let (later, answers) = (Arc::clone(&thens), self.answers.clone());
        let done = move |result: Result<u64, journal::Error>| {
            let said = match &result {
                Ok(seq) => {
                    published.store(after);
                    durable.send_replace(*seq);
                    Ok(())
                }
                Err(cause @ journal::Error::Full { .. }) => {
                    taken_back.store(true, Ordering::Release);
                    room.tighten(clock(), &cause.to_string());
                    Err(unavailable(&cause.to_string()))
                }
                Err(journal::Error::Uncertain { reason }) => {
                    closed.send_replace(Some(Arc::clone(reason)));
                    Err(uncertain(&format!("it is not known whether this was done: {reason}")))
                }
                Err(cause) => {
                    closed.send_replace(Some(Arc::from(cause.to_string())));
                    Err(unavailable(&cause.to_string()))
                }
            };
            // Waking every caller from the writer's thread would wake a core for each: one task does it for all.
            if let Err(mpsc::error::SendError((thens, said))) = answers.send((later, said)) {
                answer_all(&thens, &said);
            }
        };
        match self
            .log
            .append_after(priority, before.position, records, Box::new(done))
        {
            Ok(_) => true,
            Err(cause) => {
                self.room.tighten((self.clock)(), &cause.to_string());
                // Nothing was written: the state goes back to what the journal holds, and everybody hears why.
                if matches!(cause, journal::Error::Moved { .. }) {
                    self.back_to_durable();
                } else {
                    self.recent.cut(before.position);
                    self.sentry.cut(before.position);
                    self.engine.reset(before);
                }
                answer_all(&thens, &Err(unavailable(&cause.to_string())));
                self.log.closed().is_none_or(|why| {
                    self.stop(&why);
                    false
                })
            }
        }
    }

    /// What was decided on records that the journal took back never happened.
    fn back_to_durable(&mut self) {
        let durable = crate::kernel::State::clone(&self.published.load());
        tracing::warn!(position = durable.position, "the disk is full: back to what is durable");
        self.recent.cut(durable.position);
        self.sentry.cut(durable.position);
        self.engine.reset(durable);
    }

    fn stop(&self, why: &str) {
        tracing::error!(why, "the processor stops");
        self.closed.send_replace(Some(Arc::from(why)));
    }
}

type Thens = Vec<Box<dyn FnOnce(Result<(), Rejection>) + Send>>;

/// Those who wait for one append, and what they are told.
type Answers = (Arc<std::sync::Mutex<Option<Thens>>>, Result<(), Rejection>);

/// Tells everybody what came of their append, in order, until the processor and the writer are gone.
async fn answering(mut answers: mpsc::UnboundedReceiver<Answers>) {
    while let Some((thens, said)) = answers.recv().await {
        answer_all(&thens, &said);
    }
}

fn answer_all(thens: &std::sync::Mutex<Option<Thens>>, said: &Result<(), Rejection>) {
    let taken = thens.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    for then in taken.into_iter().flatten() {
        then(said.clone());
    }
}

/// The reserve of a full disk is for those who are told "no".
fn priority(records: &[String]) -> Priority {
    if records.iter().all(|text| is_refusal(text)) {
        Priority::Refusal
    } else {
        Priority::Normal
    }
}

fn is_refusal(text: &str) -> bool {
    let mut room = String::new();
    Record::parse(0, text, &mut room)
        .is_ok_and(|record| record.events.iter().all(|event| names::is_refusal(&event.name)))
}

/// Waits until a record is durable, if one is waited for; the durable position.
async fn reached(durable: &mut watch::Receiver<u64>, seq: Option<u64>) -> u64 {
    let Some(seq) = seq else {
        return std::future::pending().await;
    };
    let waited = durable.wait_for(|position| *position >= seq).await;
    match waited.map(|position| *position) {
        Ok(position) => position,
        // The processor holds the sender.
        Err(_) => std::future::pending().await,
    }
}

fn len(records: &[String]) -> u64 {
    u64::try_from(records.len()).unwrap_or(u64::MAX)
}
