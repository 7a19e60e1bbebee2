//! Executions: on what terms work is given to workers, and what a worker may say of it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use projections::event::{Attempted, Moved, Work, names};
use projections::{Action, Event, Record};
use serde_json::value::RawValue;

use crate::kernel::plan::Effect;
use crate::kernel::record_view::unread;
use crate::kernel::{Past, Plan, Registry, Rejection, State, Tool, View};

/// The effect of a plan whose tool belongs to a routed module: the work is somebody else's.
pub const EXTERNAL: &str = "external";

/// The worker inside the server, and the one that `orkestra worker` starts.
pub const BUILT_IN: &str = "orkestra";

/// On what terms work is given out.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Which worker the writes of a module go to, by the module's toolset name; the others need one only for their effects.
    pub routes: BTreeMap<String, String>,
    /// How long an attempt may take before nobody knows what came of it.
    pub patience: SignedDuration,
    /// Most attempts of one execution that are made without being asked for.
    pub attempts_max: u32,
    /// The pause before the second attempt; each further one is twice as long.
    pub pause: SignedDuration,
}

/// The longest pause between two attempts.
const PAUSE_MAX: SignedDuration = SignedDuration::from_mins(5);

impl Default for Terms {
    fn default() -> Self {
        Self {
            routes: BTreeMap::new(),
            patience: SignedDuration::from_mins(5),
            attempts_max: 5,
            pause: SignedDuration::from_secs(1),
        }
    }
}

impl Terms {
    /// When the attempt after a failed one begins.
    pub fn next(&self, failed: u32, now: Timestamp) -> Timestamp {
        let doubled = 1_i32.checked_shl(failed.saturating_sub(1).min(20)).unwrap_or(1);
        now + self.pause.saturating_mul(doubled).min(PAUSE_MAX)
    }
}

/// Says in a plan that a worker has to carry it out, where the tool's module is routed. What undoes something goes to
/// whoever did it.
pub fn route(view: &View<'_>, tool: &Tool, plan: &mut Plan) {
    let undone = plan.undoes.and_then(|id| view.state.actions.get(id));
    let undone = undone.and_then(|action| view.registry.tool(&action.tool));
    let worker = view.registry.terms.routes.get(undone.unwrap_or(tool).module);
    if let (Some(worker), false) = (worker, plan.changes.is_empty()) {
        plan.effects.push(Effect {
            kind: EXTERNAL.into(),
            detail: serde_json::json!({"worker": worker}),
        });
    }
}

/// The module whose work an action is.
pub fn module_of(registry: &Registry, state: &State, action: &Action) -> Option<&'static str> {
    let undone = action.undoes.as_deref().and_then(|id| state.actions.get(*id));
    let tool = undone.map_or(&action.tool, |undone| &undone.tool);
    registry.tool(tool).map(|tool| tool.module)
}

/// The worker that an action's work goes to.
pub fn worker_of<'a>(registry: &'a Registry, state: &State, action: &Action) -> &'a str {
    let routed = module_of(registry, state, action).and_then(|module| registry.terms.routes.get(module));
    routed.map_or(BUILT_IN, String::as_str)
}

/// What came of one attempt.
#[derive(Clone, Debug)]
pub enum Word {
    /// It did what was planned.
    Succeeded {
        /// What the worker has to say beyond that; kept in the receipt.
        result: Option<Box<RawValue>>,
    },
    /// It did nothing.
    Failed {
        /// Why.
        reason: String,
        /// Whether another attempt may do better.
        may_retry: bool,
    },
    /// The worker cannot tell.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl Word {
    /// The word of it, as in an outcome.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// What a worker reports.
#[derive(Clone, Debug)]
pub struct Report {
    /// The action, as the worker names it.
    pub action: String,
    /// The attempt.
    pub attempt: u32,
    /// The digest of what it did.
    pub digest: String,
    /// Who reports, as its credentials say.
    pub worker: String,
    /// The W3C trace context that it was done in.
    pub trace: Option<String>,
    /// What came of it.
    pub word: Word,
}

/// The work of a confirmed action, with its own texts.
#[derive(Clone, Debug)]
pub struct Task {
    /// The canonical text that the digest is of.
    pub plan: String,
    /// The changes that are made when it succeeded.
    pub events: Vec<Event>,
    /// `result` and `undo` of the receipt.
    pub result: Box<RawValue>,
    /// The W3C trace context of the confirmation.
    pub trace: Option<String>,
}

/// Reads back what was confirmed.
///
/// # Errors
/// `unavailable` where the journal cannot be read or the action was confirmed without work for anybody.
pub fn task(past: &dyn Past, action: &Action) -> Result<Task, Rejection> {
    let missing = || Rejection::new("unavailable", format!("no work is recorded for {}", action.id));
    let seq = action.confirmed_seq.ok_or_else(missing)?;
    let text = past.record(seq)?.ok_or_else(missing)?;
    let mut room = String::new();
    let record = Record::parse(seq, &text, &mut room).map_err(unread)?;
    let id = action.id.to_string();
    let found = record.events.iter().find_map(|entry| {
        let facts = entry.data?.get();
        let (of, work) = if entry.name == names::CONFIRMED {
            let moved: Moved<'_> = serde_json::from_str(facts).ok()?;
            (moved.action, moved.work?)
        } else if entry.name == names::RETRIED {
            let retried: Attempted<'_> = serde_json::from_str(facts).ok()?;
            (retried.action, retried.work?)
        } else {
            return None;
        };
        (of == id).then(|| serde_json::from_str::<Work<'_>>(work.get()).ok())?
    });
    let work = found.ok_or_else(missing)?;
    Ok(Task {
        plan: work.plan.into_owned(),
        events: work.events,
        result: work.result.to_owned(),
        trace: record.trace.map(std::borrow::Cow::into_owned),
    })
}
