//! The handle on the processor: how everybody else calls tools, reads snapshots and follows the journal.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use journal::Log;
use projections::Event;
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::recent::Recent;
use super::{Boot, Clock, Outcome, Request, Tight, busy, unavailable};
use crate::kernel::engine::{self, Answer, Call, Reading, Step};
use crate::kernel::state::Unfit;
use crate::kernel::token::ConfirmKey;
use crate::kernel::tool::Long;
use crate::kernel::{Caller, Engine, Past, Registry, Rejection, Snapshot};

/// An answer, and the position that the journal had after the records of the call; `None` where there are none, or not yet.
pub type Told = (Answer, Option<u64>);

/// The way to the processor; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(super) inbox: mpsc::Sender<Request>,
    pub(super) published: Arc<ArcSwap<crate::kernel::State>>,
    pub(super) registry: Arc<Registry>,
    pub(super) log: Arc<dyn Log>,
    pub(super) recent: Recent,
    pub(super) clock: Clock,
    pub(super) durable: watch::Receiver<u64>,
    pub(super) closed: watch::Receiver<Option<Arc<str>>>,
    pub(super) tight: watch::Receiver<Option<Tight>>,
    pub(super) boot: Arc<Boot>,
    pub(super) key: ConfirmKey,
    pub(super) wait_for_reads: bool,
    /// Turns for answers that may take long.
    pub(super) turns: Turns,
}

/// So many answers that may read much of the journal are made at once; others wait.
const READING_MAX: usize = 2;
/// So many answers that may add much up are made at once.
const ADDING_MAX: usize = 16;

/// Turns for answers that may take long, by why they do.
#[derive(Clone)]
pub(super) struct Turns {
    reads: Arc<Semaphore>,
    adds_up: Arc<Semaphore>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            reads: Arc::new(Semaphore::new(READING_MAX)),
            adds_up: Arc::new(Semaphore::new(ADDING_MAX)),
        }
    }

    fn of(&self, why: Long) -> Arc<Semaphore> {
        Arc::clone(match why {
            Long::Reads => &self.reads,
            Long::AddsUp => &self.adds_up,
        })
    }
}

impl Handle {
    /// Calls a tool in the name of a caller. The answer comes after what it says is durable.
    pub async fn call(&self, caller: Caller, tool: &str, args: Map<String, Value>) -> Answer {
        self.told(caller, tool, args).await.0
    }

    /// [`Handle::call`], with where the journal stood after its records.
    pub async fn told(&self, caller: Caller, tool: &str, args: Map<String, Value>) -> Told {
        let call = Call {
            caller,
            tool: tool.to_owned(),
            args,
        };
        match self.registry.tool(tool).filter(|tool| tool.is_read()) {
            None => self.step(move |engine, now, past| engine.call(&call, now, past)).await,
            Some(tool) => {
                let reading = match tool.long {
                    Some(why) => match self.aside(why, call).await {
                        Ok(reading) => reading,
                        Err(no) => return (Err(no), None),
                    },
                    None => engine::answer(&self.registry, &self.snapshot(), &call, self.now(), &self.recent),
                };
                self.note(reading).await
            }
        }
    }

    /// Answers what may take long: not on a thread that others wait for, and only some at once.
    async fn aside(&self, why: Long, call: Call) -> Result<Reading, Rejection> {
        let turn = self.turns.of(why).acquire_owned();
        let turn = turn.await.map_err(|_| self.gone())?;
        let handle = self.clone();
        let made = tokio::task::spawn_blocking(move || {
            // Held until the answer is made: whoever asked may have gone meanwhile.
            let _turn = turn;
            let (snapshot, now) = (handle.snapshot(), handle.now());
            engine::answer(&handle.registry, &snapshot, &call, now, &handle.recent)
        });
        match made.await {
            Ok(reading) => Ok(reading),
            // The door answers a panic, as it does that of any other tool.
            Err(cause) => match cause.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(self.gone()),
            },
        }
    }

    async fn note(&self, reading: Reading) -> Told {
        // Whoever reads the security log is never answered before that is on record.
        if self.wait_for_reads || !reading.also.is_empty() {
            return self.step(move |engine, now, _| engine.note(reading, now)).await;
        }
        let answer = reading.answer.clone();
        let quiet: Request = Box::new(move |engine, now, _| {
            let step = engine.note(reading, now)?;
            Ok(Outcome {
                records: step.records,
                then: Box::new(|_| ()),
            })
        });
        let sent = self.inbox.try_send(quiet).map_err(|_| busy());
        (sent.and(answer), None)
    }

    async fn step(
        &self,
        run: impl FnOnce(&mut Engine, Timestamp, &dyn Past) -> Result<Step, Unfit> + Send + 'static,
    ) -> Told {
        let stepped = self.ask(move |engine, now, past| {
            let step = run(engine, now, past)?;
            Ok((step.records, (step.answer, engine.state().position)))
        });
        match stepped.await {
            Ok((answer, position)) => (answer, Some(position)),
            Err(no) => (Err(no), None),
        }
    }

    /// Journals events in a caller's name (folded refusals).
    pub async fn record(&self, caller: Caller, events: Vec<Event>) -> Result<(), Rejection> {
        self.ask(move |engine, now, _| engine.record(now, &caller, events).map(|text| (vec![text], ())))
            .await
    }

    /// Journals what concerns the log as a whole, and so every organisation; its record, and the hour of that.
    pub async fn record_for_all(&self, caller: Caller, events: Vec<Event>) -> Result<(u64, Timestamp), Rejection> {
        self.ask(move |engine, now, _| {
            let text = engine.record_for_all(now, &caller, events)?;
            let state = engine.state();
            Ok((vec![text], (state.position, state.at)))
        })
        .await
    }

    /// Journals events of the system itself.
    pub async fn system(&self, events: Vec<Event>) -> Result<(), Rejection> {
        self.ask(move |engine, now, _| engine.system(now, None, events).map(|text| (vec![text], ())))
            .await
    }

    /// Runs something on the engine; what it gives back comes after its records are durable.
    pub async fn ask<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Engine, Timestamp, &dyn Past) -> Result<(Vec<String>, T), Unfit> + Send + 'static,
    ) -> Result<T, Rejection> {
        let (reply, answer) = oneshot::channel();
        let request: Request = Box::new(move |engine, now, past| {
            let (records, said) = run(engine, now, past)?;
            let then = move |durable: Result<(), Rejection>| {
                // The caller may have gone; what was journaled stands all the same.
                let _ = reply.send(durable.map(|()| said));
            };
            Ok(Outcome {
                records,
                then: Box::new(then),
            })
        });
        self.inbox.send(request).await.map_err(|_| self.gone())?;
        answer.await.map_err(|_| self.gone())?
    }

    fn gone(&self) -> Rejection {
        let why = self.closed.borrow().clone();
        unavailable(why.as_deref().unwrap_or("the server is stopping"))
    }

    /// The newest durable state.
    pub fn snapshot(&self) -> Snapshot {
        self.published.load_full()
    }

    /// The newest state at or after a position; waits up to `patience`.
    pub async fn snapshot_at_least(&self, position: u64, patience: Duration) -> Option<Snapshot> {
        let mut durable = self.durable.clone();
        let reached = tokio::time::timeout(patience, durable.wait_for(|now| *now >= position)).await;
        reached.is_ok_and(|waited| waited.is_ok()).then(|| self.snapshot())
    }

    /// What there is to call.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The journal, for reading.
    pub fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// The recorded past, for reading.
    pub fn past(&self) -> &dyn Past {
        &self.recent
    }

    /// Finds records through rows from now on.
    pub fn attach(&self, rows: projections::store::Rows) {
        self.recent.attach(rows);
    }

    /// Comes by states of the past so from now on.
    pub fn travel(&self, states: super::recent::States) {
        self.recent.travel(states);
    }

    /// The confirm token of an action, for its proposer's eyes only.
    pub fn confirm_token(&self, action: &projections::Action) -> String {
        let proposer = action.proposer.principal_id.as_deref().unwrap_or_default();
        self.key.confirm_token(&action.org, proposer, action.id, &action.digest)
    }

    /// The hour.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Follows the durable position.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.durable.clone()
    }

    /// Follows whether the journal has closed, and why.
    pub fn closed(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.closed.clone()
    }

    /// Since when and why work is refused, while the disk is full.
    pub fn tight(&self) -> Option<Tight> {
        self.tight.borrow().clone()
    }

    /// What was found at the start.
    pub fn boot(&self) -> &Boot {
        &self.boot
    }
}
