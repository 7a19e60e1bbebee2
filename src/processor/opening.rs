//! Opening: fold the journal into a state, end what ended while nobody was here, and say what was found.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use journal::Log;
use projections::event::{self, Recovered, Started, names};
use projections::{Actor, Id, Stage};
use serde::Serialize;
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use super::handle::Turns;
use super::recent::Recent;
use super::sentry::Sentry;
use super::tight::Room;
use super::{Clock, Handle, Processor, WAITING_MAX, answering, folding};
use crate::kernel::engine::bootstrap;
use crate::kernel::state::Unfit;
use crate::kernel::token::ConfirmKey;
use crate::kernel::{Engine, Plan, Registry, State, View};
use crate::modules::organizations::founding::{Founding, found};

/// What a start needs.
pub struct Opening {
    /// The journal.
    pub log: Arc<dyn Log>,
    /// What there is to call.
    pub registry: Arc<Registry>,
    /// The key that confirm tokens derive from.
    pub key: ConfirmKey,
    /// Where the hour comes from.
    pub clock: Clock,
    /// The state of a checkpoint, if there is a good one.
    pub checkpoint: Option<State>,
    /// Why there is no good one, although there was one.
    pub doubt: Option<String>,
    /// What was cut off the journal at the start: file, offset, bytes.
    pub torn: Option<(String, u64, u64)>,
    /// What to found in an empty journal.
    pub founding: Option<Founding>,
    /// Whether a read's answer waits until it is journaled durably.
    pub wait_for_reads: bool,
}

/// What was found at the start.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Boot {
    /// The position of the checkpoint that the start began from.
    pub checkpoint: u64,
    /// Records read after it.
    pub replayed: u64,
    /// Pending actions restored.
    pub pending: u64,
    /// Actions whose offer ended while the server was down.
    pub expired: u64,
    /// Executions without an outcome.
    pub without_outcome: u64,
    /// Whether the journal was empty.
    pub first: bool,
    /// Why the whole journal was read although there was a checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<String>,
}

/// Why a start failed.
#[derive(Debug, Error)]
pub enum Error {
    /// A mistake in this program.
    #[error("reading the journal panicked; the log says where")]
    Panicked,
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A record does not fit.
    #[error("the journal does not fit this program: {0}")]
    Unfit(#[from] Unfit),
    /// The first organisation cannot be founded.
    #[error("the first organisation cannot be founded: {0}")]
    Founding(String),
}

/// Folds the journal and starts the processor as a task of the current runtime.
pub fn open(opening: Opening) -> Result<Handle, Error> {
    open_watched(opening, &mut |_, _| {})
}

/// [`open`]; `progress` hears how many records of how many were folded.
pub fn open_watched(mut opening: Opening, progress: &mut dyn FnMut(u64, u64)) -> Result<Handle, Error> {
    let now = (opening.clock)();
    let (mut engine, checkpoint, rebuilt) = folded(&mut opening, progress)?;
    let replayed = engine.state().position - checkpoint;
    let first = engine.state().position == 0;
    let recent = Recent::new(Arc::clone(&opening.log));
    let mut records = Vec::new();
    if let (true, Some(founding)) = (first, &opening.founding) {
        records.push(found_first(&mut engine, founding, now, &recent)?);
    }
    let expired = engine.expire(now)?;
    let boot = Boot {
        checkpoint,
        replayed,
        first,
        rebuilt,
        ..counted(engine.state(), &expired)
    };
    records.extend(expired);
    records.push(engine.system(now, None, started(&boot, opening.torn.as_ref()))?);
    write(opening.log.as_ref(), records)?;
    let sentry = Sentry::recalled(Arc::clone(&opening.registry), opening.log.as_ref(), engine.state())?;
    Ok(start(
        (engine, sentry),
        opening.log,
        opening.registry,
        opening.clock,
        recent,
        boot,
        opening.wait_for_reads,
    ))
}

/// The engine at the journal's end, the position it began from, and why that is 0 in spite of a checkpoint.
fn folded(opening: &mut Opening, progress: &mut dyn FnMut(u64, u64)) -> Result<(Engine, u64, Option<String>), Error> {
    let (checkpoint, mut doubt) = (opening.checkpoint.take(), opening.doubt.take());
    let engine = |state| Engine::new(Arc::clone(&opening.registry), state, opening.key.clone());
    if let Some(mut state) = checkpoint {
        let position = state.position;
        match read(&mut state, opening.log.as_ref(), progress) {
            Ok(()) => return Ok((engine(state), position, None)),
            Err(Error::Unfit(cause)) => doubt = Some(format!("the journal does not go on from it: {cause}")),
            Err(cause) => return Err(cause),
        }
    }
    if let Some(why) = &doubt {
        tracing::warn!(why, "the checkpoint is not used: the whole journal is read");
    }
    let mut state = State::unindexed(&opening.registry.kinds());
    read(&mut state, opening.log.as_ref(), progress)?;
    Ok((engine(state), 0, doubt))
}

fn read(state: &mut State, log: &dyn Log, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
    let from = state.position;
    let all = log.durable().saturating_sub(from);
    folding::fold(state, log.read(from + 1)?, &mut |position| {
        progress(position - from, all);
    })
}

fn counted(state: &State, expired: &[String]) -> Boot {
    let expired = expired
        .iter()
        .map(|text| text.matches(names::EXPIRED).count())
        .sum::<usize>();
    let size = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Boot {
        pending: size(state.actions.pending_len()),
        expired: size(expired),
        without_outcome: size(
            state
                .actions
                .executing()
                .filter(|action| action.stage == Stage::Executing)
                .count(),
        ),
        ..Boot::default()
    }
}

fn started(boot: &Boot, torn: Option<&(String, u64, u64)>) -> Vec<projections::Event> {
    let facts = Started {
        version: env!("CARGO_PKG_VERSION").into(),
        pending: boot.pending,
        expired: boot.expired,
        without_outcome: boot.without_outcome,
        rebuilt: boot.rebuilt.as_deref().map(Into::into),
    };
    let cut = torn.map(|(file, offset, bytes)| {
        event::event(
            names::RECOVERED,
            &Recovered {
                file: file.as_str().into(),
                offset: *offset,
                bytes: *bytes,
            },
        )
    });
    cut.into_iter()
        .chain([event::event(names::STARTED, &facts)])
        .flatten()
        .collect()
}

fn found_first(engine: &mut Engine, founding: &Founding, now: Timestamp, past: &Recent) -> Result<String, Error> {
    let failed = |why: String| Error::Founding(why);
    let nobody = bootstrap("", Id::default());
    let mut plan = Plan::new("Found the first organisation");
    let seed = Id::derive(now, founding.slug.as_bytes());
    let (org, _) = {
        let view = View::new(engine.state(), &nobody, now, engine.registry(), past, Some(seed));
        found(&mut plan, &view, founding).map_err(|no| failed(no.message))?
    };
    engine
        .operate(Actor::system(), org.to_string(), &plan, now)
        .map_err(|no| failed(no.to_string()))
}

/// Appends and waits: nothing is served before the boot records are durable.
fn write(log: &dyn Log, records: Vec<String>) -> Result<(), Error> {
    let (done, result) = std::sync::mpsc::channel();
    log.append(records, Box::new(move |outcome| drop(done.send(outcome))))?;
    result
        .recv()
        .map_err(|_| Error::Founding("the journal stopped".to_owned()))??;
    Ok(())
}

fn start(
    (engine, sentry): (Engine, Sentry),
    log: Arc<dyn Log>,
    registry: Arc<Registry>,
    clock: Clock,
    recent: Recent,
    boot: Boot,
    wait_for_reads: bool,
) -> Handle {
    let (inbox, requests) = mpsc::channel(WAITING_MAX);
    let published = Arc::new(ArcSwap::from_pointee(engine.state().clone()));
    let (durable, durable_seen) = watch::channel(engine.state().position);
    let (closed, closed_seen) = watch::channel(None);
    let (room, tight_seen) = Room::new();
    let (answers, answers_seen) = mpsc::unbounded_channel();
    let key = engine.key().clone();
    let processor = Processor {
        engine,
        log: Arc::clone(&log),
        recent: recent.clone(),
        clock: Arc::clone(&clock),
        inbox: requests,
        published: Arc::clone(&published),
        durable: Arc::new(durable),
        closed: Arc::new(closed),
        taken_back: Arc::default(),
        room,
        sentry,
        answers,
    };
    tokio::spawn(answering(answers_seen));
    tokio::spawn(processor.run());
    Handle {
        inbox,
        published,
        registry,
        log,
        recent,
        clock,
        durable: durable_seen,
        closed: closed_seen,
        tight: tight_seen,
        boot: Arc::new(boot),
        key,
        wait_for_reads,
        turns: Turns::new(),
    }
}
