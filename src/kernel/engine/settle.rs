//! What operators settle: an execution that failed, or of which nobody knows, is tried again or reconciled with evidence.

use jiff::Timestamp;
use projections::event::{Attempted, Work, names};
use projections::{Action, Actor, Body, Event, Id, Stage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::confirm::refusal;
use super::execute::done;
use super::operate::Refused;
use super::over::caller_of;
use super::propose::{Audience, Offer};
use super::{Engine, Step, action_id, raw, receipt, said};
use crate::kernel::execution::{self, Task};
use crate::kernel::state::Unfit;
use crate::kernel::{Past, Rejection, proposal, text};

/// What is kept of a note or of evidence.
const SAID_CHARS_MAX: usize = 2_000;

/// What an operator orders.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Another attempt.
    Retry {
        /// Why; kept in the journal.
        note: String,
    },
    /// The end, with evidence.
    Reconcile(Settled),
}

/// What an operator established.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settled {
    /// Whether it happened.
    pub happened: bool,
    /// How that is known.
    pub evidence: String,
}

impl Engine {
    /// Carries out an operator's order on an action of an organisation; a no is journaled too.
    pub fn settle(
        &mut self,
        (actor, org): (Actor, &str),
        id: &str,
        order: &Order,
        now: Timestamp,
        past: &dyn Past,
    ) -> Result<Step, Unfit> {
        let found = action_id(id).filter(|id| self.state.actions.get(*id).is_some_and(|action| *action.org == *org));
        let done = match (found, order) {
            (None, _) => Err(Rejection::not_found("action", id).into()),
            (Some(id), Order::Retry { note }) => self.retry(actor.clone(), id, note, now, past),
            (Some(id), Order::Reconcile(settled)) => self.reconcile(actor.clone(), id, settled, now, past),
        };
        match done {
            Ok((text, answer)) => Ok(Step {
                records: vec![text],
                answer: Ok(answer),
            }),
            Err(Refused::Unfit(unfit)) => Err(unfit),
            Err(Refused::No(no)) => {
                let body = Body::new(self.hour(now), Some(org.to_owned()), actor, vec![refusal(id, &no)]);
                Ok(Step {
                    records: vec![self.fold(body)?],
                    answer: Err(*no),
                })
            }
        }
    }

    /// Orders another attempt under the same idempotency key.
    ///
    /// # Errors
    /// [`Refused::No`] where there is nothing to try again, or where the plan would do something else today.
    pub fn retry(
        &mut self,
        actor: Actor,
        id: Id<Action>,
        note: &str,
        now: Timestamp,
        past: &dyn Past,
    ) -> Result<(String, Value), Refused> {
        let action = self.settleable(id)?;
        let mut facts = Attempted::of(id.to_string(), action.attempt + 1);
        facts.reason = Some(text::clip(note, SAID_CHARS_MAX).into()).filter(|_| !note.is_empty());
        let again = if action.stage == Stage::Failed {
            Some(self.decided_again(&action, past)?)
        } else {
            None
        };
        let work = again.as_ref().map(|(_, work)| work.as_ref());
        facts.work = work;
        if let Some((offer, _)) = &again {
            facts.holds = offer.plan.touched(&action.org).into_iter().map(Into::into).collect();
        }
        self.settle_as(actor, &action, vec![said(names::RETRIED, &facts)], now)
    }

    /// Settles an execution with evidence; where it happened, its changes are made now.
    ///
    /// # Errors
    /// [`Refused::No`] where there is nothing to settle, no evidence is given, or the changes no longer fit.
    pub fn reconcile(
        &mut self,
        actor: Actor,
        id: Id<Action>,
        settled: &Settled,
        now: Timestamp,
        past: &dyn Past,
    ) -> Result<(String, Value), Refused> {
        let action = self.settleable(id)?;
        let evidence = settled.evidence.trim();
        if evidence.is_empty() {
            return Err(Rejection::argument("evidence", "must say how this is known").into());
        }
        second_person(&action, &actor)?;
        let mut facts = Attempted::of(id.to_string(), action.attempt);
        facts.reason = Some(text::clip(evidence, SAID_CHARS_MAX).into());
        if !settled.happened {
            return self.settle_as(actor, &action, vec![said(names::RECONCILED, &facts)], now);
        }
        let task = self.task_today(&action, past)?;
        facts.yes = true;
        facts.result = Some(&task.result);
        let mut events = vec![said(names::RECONCILED, &facts)];
        events.extend(done(&action, task.events));
        self.settle_as(actor, &action, events, now)
    }

    fn settleable(&self, id: Id<Action>) -> Result<Action, Rejection> {
        let found = self.state.actions.get(id);
        let action = found.ok_or_else(|| Rejection::not_found("action", &id.to_string()))?;
        if matches!(action.stage, Stage::Unknown | Stage::Failed) {
            return Ok(Action::clone(action));
        }
        Err(Rejection::new("not_settleable", format!("{id} is {}", action.stage))
            .hint("only executions that failed, or of which nobody knows, can be tried again or reconciled")
            .current(json!({"status": action.stage})))
    }

    /// What was confirmed while it is held for; else the same decided again, because things may have moved on.
    fn task_today(&self, action: &Action, past: &dyn Past) -> Result<Task, Rejection> {
        if action.stage == Stage::Unknown {
            return execution::task(past, action);
        }
        let (_, work) = self.decided_again(action, past)?;
        let broken = |_| Rejection::new("unavailable", "the work cannot be read");
        let work: Work<'_> = serde_json::from_str(work.get()).map_err(broken)?;
        Ok(Task {
            plan: work.plan.into_owned(),
            events: work.events,
            result: work.result.to_owned(),
            trace: None,
        })
    }

    fn decided_again(&self, action: &Action, past: &dyn Past) -> Result<(Offer, Box<RawValue>), Rejection> {
        let tool = self.registry.tool(&action.tool);
        let tool = tool.ok_or_else(|| super::unknown_tool(&action.tool))?;
        let args = proposal::args(past, action)?;
        let bound = (action.id, action.proposed_at);
        let offer = self.decide(tool, &caller_of(action), args, bound, past, Audience::Nobody)?;
        if offer.digest != action.digest || !offer.plan.blockers.is_empty() {
            return Err(Rejection::new(
                "preview_stale",
                "things have changed since this was confirmed: it would do something else today",
            )
            .hint("reconcile it as failed, and have the tool called again"));
        }
        let work = work(&offer, tool.name)?;
        Ok((offer, work))
    }

    fn settle_as(
        &mut self,
        actor: Actor,
        action: &Action,
        events: Vec<Event>,
        now: Timestamp,
    ) -> Result<(String, Value), Refused> {
        let body = Body::new(self.hour(now), Some(action.org.to_string()), actor, events);
        self.trial(&body).map_err(|cause| {
            Rejection::new("preview_stale", format!("its changes no longer fit: {cause}"))
                .hint("reconcile it as failed, and have the tool called again")
        })?;
        let text = self.fold(body)?;
        let after = self.state.actions.get(action.id);
        let answer = json!({
            "actionId": action.id.to_string(),
            "status": after.map(|action| action.stage),
            "attempt": after.map(|action| action.attempt),
            "asOf": self.state.position,
        });
        Ok((text, answer))
    }
}

/// What needed two people to be confirmed needs somebody else to be settled.
fn second_person(action: &Action, actor: &Actor) -> Result<(), Rejection> {
    let Some(me) = actor.principal_id.as_ref().filter(|_| &*action.policy == "dual") else {
        return Ok(());
    };
    if action.approvals.contains(me) || action.proposer.principal_id.as_ref() == Some(me) {
        return Err(Rejection::new(
            "approver_required",
            "you proposed or approved this; somebody else must settle it",
        ));
    }
    Ok(())
}

/// What is kept of an offer for its worker.
pub(super) fn work(offer: &Offer, tool: &str) -> Result<Box<RawValue>, Rejection> {
    let result = raw(&receipt::facts(offer));
    Ok(raw(&Work {
        plan: offer.plan.essence(tool)?.into(),
        events: offer.plan.events(),
        result: &result,
    }))
}
