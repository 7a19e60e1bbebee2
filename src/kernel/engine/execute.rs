//! Executions in the journal: an attempt was handed over, and what came of it. A report counts once, for the attempt that is
//! on its way, from the worker that it was given to.

use std::sync::Arc;

use jiff::Timestamp;
use projections::event::{Attempted, Moved, OutcomeRefused, names};
use projections::{Action, Actor, ActorKind, Body, Event, Id, Stage};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Engine, Step, action_id, raw, said, veiled};
use crate::kernel::execution::{self, BUILT_IN, Report, Task, Word};
use crate::kernel::state::Unfit;
use crate::kernel::{Past, Rejection, leak, text};

/// What is kept of a worker's name.
const WORKER_CHARS_MAX: usize = 64;
/// The longest result that is kept of an outcome that does not count, in bytes.
const RESULT_BYTES_MAX: usize = 2_000;
/// What is kept of a reason.
const REASON_CHARS_MAX: usize = 500;

impl Engine {
    /// The worker that an action's work goes to.
    pub fn worker_of(&self, action: &Action) -> &str {
        execution::worker_of(&self.registry, &self.state, action)
    }

    /// Journals that an attempt was handed to its worker, with when word of it must have come; `None` where it is no longer
    /// waited for.
    pub fn handed_over(
        &mut self,
        id: Id<Action>,
        attempt: u32,
        deadline: Timestamp,
        now: Timestamp,
    ) -> Result<Option<String>, Unfit> {
        let Some(action) = self.state.actions.get(id).cloned() else {
            return Ok(None);
        };
        if action.stage != Stage::Executing || action.attempt != attempt || action.is_handed_over {
            return Ok(None);
        }
        let now = self.hour(now);
        let mut facts = Attempted::of(id.to_string(), attempt);
        facts.worker = Some(self.worker_of(&action).to_owned().into());
        facts.due = Some(deadline);
        let event = said(names::PUBLISHED, &facts);
        self.system(now, Some(action.org.to_string()), vec![event]).map(Some)
    }

    /// Takes a worker's report. The answer is the receipt that lets the worker forget the attempt, or why it does not count.
    pub fn hear(&mut self, report: &Report, now: Timestamp, past: &dyn Past) -> Result<Step, Unfit> {
        let found = action_id(&report.action).and_then(|id| self.state.actions.get(id).cloned());
        let Some(action) = found else {
            let no = Rejection::not_found("action", &leak::veil(&report.action));
            return self.refuse_report(report, None, now, no);
        };
        match self.fence(&action, report) {
            Err(no) => self.refuse_report(report, Some(&action), now, no),
            Ok(()) if action.stage != Stage::Executing => self.heard_before(&action, report, now),
            Ok(()) => self.take(&action, report, now, past),
        }
    }

    /// Right worker, right digest, right attempt, and not settled otherwise.
    fn fence(&self, action: &Action, report: &Report) -> Result<(), Rejection> {
        let refused =
            |code, message: String| Err(Rejection::new(code, message).current(json!({"status": action.stage})));
        let worker = self.worker_of(action);
        if report.worker != worker {
            return refused("wrong_worker", format!("{} is the work of `{worker}`", action.id));
        }
        if report.digest != action.digest.to_string() {
            return refused("wrong_digest", "this is not the plan that was confirmed".to_owned());
        }
        if report.attempt != action.attempt {
            let message = format!("attempt {} is not the current one, {}", report.attempt, action.attempt);
            return refused("wrong_attempt", message);
        }
        let same = match &report.word {
            Word::Succeeded { .. } => Stage::Succeeded,
            Word::Failed { .. } => Stage::Failed,
            Word::Unknown { .. } => Stage::Unknown,
        };
        if action.stage == Stage::Executing || action.stage == same {
            return Ok(());
        }
        refused("already_settled", format!("{} is {}", action.id, action.stage))
    }

    fn take(&mut self, action: &Action, report: &Report, now: Timestamp, past: &dyn Past) -> Result<Step, Unfit> {
        let now = self.hour(now);
        let terms = self.registry.terms.clone();
        let mut facts = Attempted::of(action.id.to_string(), report.attempt);
        facts.worker = Some(report.worker.clone().into());
        let trace = report.trace.clone();
        let more = report.attempt < terms.attempts_max;
        match &report.word {
            Word::Succeeded { result } => match execution::task(past, action) {
                Ok(task) => self.succeed(action, facts, task, result.as_deref(), (now, trace)),
                Err(no) => {
                    let why = format!("it was reported as done, but {}", no.message);
                    self.end_attempt(action, names::UNKNOWN, reasoned(facts, &why), Vec::new(), (now, trace))
                }
            },
            Word::Failed { reason, may_retry } => {
                facts.yes = *may_retry && more;
                facts.due = facts.yes.then(|| terms.next(report.attempt, now));
                self.end_attempt(action, names::FAILED, reasoned(facts, reason), Vec::new(), (now, trace))
            }
            Word::Unknown { reason } => self.lose(action, reasoned(facts, reason), (now, trace)),
        }
    }

    /// The changes are made in the same record. They were held for, so they fit; should they not, nobody loses the server
    /// over it.
    fn succeed(
        &mut self,
        action: &Action,
        facts: Attempted<'_>,
        task: Task,
        result: Option<&RawValue>,
        (now, trace): (Timestamp, Option<String>),
    ) -> Result<Step, Unfit> {
        let told = told(&task.result, result);
        let facts = Attempted {
            result: Some(&told),
            yes: true,
            ..facts
        };
        let mut events = vec![said(names::SUCCEEDED, &facts)];
        events.extend(done(action, task.events));
        let body = self.told_by(action, &facts, now, events, trace.clone());
        match self.trial(&body) {
            Ok(()) => self.heard(action, body),
            Err(cause) => {
                let why = format!("it was reported as done, but its changes no longer fit: {cause}");
                let facts = reasoned(Attempted::of(action.id.to_string(), facts.attempt), &why);
                self.end_attempt(action, names::UNKNOWN, facts, Vec::new(), (now, trace))
            }
        }
    }

    /// Nobody knows whether it happened: an operator has to find out, unless doing it twice does no harm.
    fn lose(
        &mut self,
        action: &Action,
        facts: Attempted<'_>,
        (now, trace): (Timestamp, Option<String>),
    ) -> Result<Step, Unfit> {
        let harmless = self.registry.tool(&action.tool).is_some_and(|tool| tool.may_repeat);
        let mut more = Vec::new();
        if harmless && facts.attempt < self.registry.terms.attempts_max {
            let mut again = Attempted::of(action.id.to_string(), facts.attempt + 1);
            again.due = Some(self.registry.terms.next(facts.attempt, now));
            more.push(said(names::RETRIED, &again));
        }
        self.end_attempt(action, names::UNKNOWN, facts, more, (now, trace))
    }

    fn end_attempt(
        &mut self,
        action: &Action,
        name: &'static str,
        facts: Attempted<'_>,
        more: Vec<Event>,
        (now, trace): (Timestamp, Option<String>),
    ) -> Result<Step, Unfit> {
        let mut events = vec![said(name, &facts)];
        events.extend(more);
        let body = self.told_by(action, &facts, now, events, trace);
        self.heard(action, body)
    }

    /// A worker's word as a record: the system's, through the worker that it names.
    fn told_by(
        &self,
        action: &Action,
        facts: &Attempted<'_>,
        now: Timestamp,
        events: Vec<Event>,
        trace: Option<String>,
    ) -> Body {
        let actor = Actor {
            kind: ActorKind::System,
            client: facts.worker.as_deref().map(ToOwned::to_owned),
            via: "worker".into(),
            ..Actor::system()
        };
        let mut body = Body::new(self.hour(now), Some(action.org.to_string()), actor, events);
        body.trace = trace;
        body
    }

    fn heard(&mut self, action: &Action, body: Body) -> Result<Step, Unfit> {
        let text = self.fold(body)?;
        let stage = self.state.actions.get(action.id).map(|action| action.stage);
        let answer = json!({
            "status": "accepted", "actionId": action.id.to_string(), "is": stage, "position": self.state.position,
        });
        Ok(Step {
            records: vec![text],
            answer: Ok(answer),
        })
    }

    /// The same word of the same attempt again: the worker did not hear that it counts.
    fn heard_before(&mut self, action: &Action, report: &Report, now: Timestamp) -> Result<Step, Unfit> {
        let event = said(names::REPEATED, &Moved::of(action.id.to_string()));
        let mut facts = Attempted::of(action.id.to_string(), report.attempt);
        facts.worker = Some(report.worker.clone().into());
        let body = self.told_by(action, &facts, now, vec![event], report.trace.clone());
        self.heard(action, body)
    }

    /// Journals an outcome that was not understood.
    pub fn refuse_outcome(&mut self, worker: &str, no: &Rejection, now: Timestamp) -> Result<String, Unfit> {
        let facts = OutcomeRefused {
            action: "".into(),
            attempt: 0,
            worker: text::clip(worker, WORKER_CHARS_MAX).into(),
            outcome: None,
            reason: None,
            result: None,
            code: no.code.clone(),
            message: text::clip(&leak::veil(&no.message), REASON_CHARS_MAX).into(),
        };
        self.system(self.hour(now), None, vec![said(names::OUTCOME_REFUSED, &facts)])
    }

    /// What was said is kept: an outcome that comes too late is the best evidence there is.
    fn refuse_report(
        &mut self,
        report: &Report,
        action: Option<&Action>,
        now: Timestamp,
        no: Rejection,
    ) -> Result<Step, Unfit> {
        let (reason, result) = match &report.word {
            Word::Succeeded { result } => (None, result.as_deref()),
            Word::Failed { reason, .. } | Word::Unknown { reason } => (Some(reason), None),
        };
        let result = result
            .filter(|result| result.get().len() <= RESULT_BYTES_MAX)
            .map(veiled);
        let facts = OutcomeRefused {
            action: text::clip(&leak::veil(&report.action), 64).into(),
            attempt: report.attempt,
            worker: text::clip(&report.worker, WORKER_CHARS_MAX).into(),
            outcome: Some(report.word.name().into()),
            reason: reason.map(|reason| text::clip(&leak::veil(reason), REASON_CHARS_MAX).into()),
            result: result.as_deref(),
            code: no.code.clone(),
            message: leak::veil(&no.message),
        };
        let org = action.map(|action| action.org.to_string());
        let text = self.system(self.hour(now), org, vec![said(names::OUTCOME_REFUSED, &facts)])?;
        Ok(Step {
            records: vec![text],
            answer: Err(no),
        })
    }

    /// Gives up waiting for word of attempts that are overdue; the records say so, in order.
    pub fn give_up(&mut self, now: Timestamp) -> Result<Vec<String>, Unfit> {
        let awaited = self.state.actions.awaited();
        let overdue = awaited.take_while(|action| action.due.is_some_and(|due| due <= now));
        let overdue = overdue.cloned().collect();
        self.lose_all(overdue, now, "no word came in time")
    }

    /// Gives up attempts that nobody will ever report on: a worker inside this process died with the last one.
    pub fn give_up_built_in(&mut self, now: Timestamp) -> Result<Vec<String>, Unfit> {
        let awaited = self.state.actions.awaited();
        let lost = awaited
            .filter(|action| self.worker_of(action) == BUILT_IN)
            .cloned()
            .collect();
        self.lose_all(lost, now, "the server stopped while it was at it")
    }

    fn lose_all(&mut self, lost: Vec<Arc<Action>>, now: Timestamp, why: &str) -> Result<Vec<String>, Unfit> {
        let mut records = Vec::new();
        for action in lost {
            let facts = reasoned(Attempted::of(action.id.to_string(), action.attempt), why);
            records.extend(self.lose(&action, facts, (now, None))?.records);
        }
        Ok(records)
    }

    /// Whether a record would fit.
    pub(super) fn trial(&self, body: &Body) -> Result<(), Unfit> {
        let seq = self.state.position + 1;
        let text = body.text().map_err(|cause| projections::Unread::Text { seq, cause })?;
        self.state.clone().apply(seq, &text)
    }
}

fn reasoned<'a>(mut facts: Attempted<'a>, why: &str) -> Attempted<'a> {
    facts.reason = Some(text::clip(&leak::veil(why), REASON_CHARS_MAX).into());
    facts
}

/// What follows once it is done: its changes, and the end of what it undoes.
pub(super) fn done(action: &Action, mut changes: Vec<Event>) -> Vec<Event> {
    if let Some(undone) = &action.undoes {
        let mut moved = Moved::of(undone.to_string());
        moved.by = Some(action.id.to_string().into());
        changes.push(said(names::UNDONE, &moved));
    }
    changes
}

/// The receipt's facts, with what the worker has to say.
fn told(receipt: &RawValue, worker: Option<&RawValue>) -> Box<RawValue> {
    let mut told: Value = serde_json::from_str(receipt.get()).unwrap_or_default();
    if let (Value::Object(members), Some(said)) = (&mut told, worker) {
        members.insert(
            "worker".to_owned(),
            serde_json::from_str(said.get()).unwrap_or_default(),
        );
    }
    raw(&told)
}
