//! Confirming: the same plan or nothing. The system decides again on today's state and insists on the previewed digest.

use std::sync::Arc;

use jiff::Timestamp;
use projections::event::{Attempted, ConfirmRefused, Moved, names};
use projections::{Action, Event, Stage};
use serde_json::{Map, Value, json};

use super::drawn::Waiting;
use super::execute::done;
use super::gate::Gate;
use super::over::caller_of;
use super::propose::{Audience, Offer, Wanted};
use super::receipt::{self, receipt};
use super::settle::work;
use super::{Call, Engine, LIFETIME, Step, action_id, raw, said};
use crate::args;
use crate::kernel::arg::{Args, Str};
use crate::kernel::identity::ConfirmPolicy;
use crate::kernel::past::Past;
use crate::kernel::principal::Caller;
use crate::kernel::state::Unfit;
use crate::kernel::tool::Tool;
use crate::kernel::{Rejection, leak, preview, proposal};

args! {
    /// Arguments of `confirm_action`.
    pub struct ConfirmArgs {
        /// The pending action.
        action_id: Str<1, 64>,
        /// The token that came with the preview; a human approver leaves it out.
        confirm_token: Option<Str<16, 128>>,
        /// Why; kept in the journal.
        note: Option<Str<0, 500>>,
    }
}

/// What confirming comes to.
pub(super) enum Carried {
    /// What happens.
    Events(Vec<Event>),
    /// It is refused; the offer stands.
    Refused(Rejection),
    /// The plan would be another one today, or none: why there is none.
    Stale(Option<Rejection>),
}

impl Engine {
    pub(super) fn confirm(&mut self, call: &Call, now: Timestamp, past: &dyn Past) -> Result<Step, Unfit> {
        let now = self.hour(now);
        let args = match ConfirmArgs::read(super::without_injected(&call.args).0) {
            Ok(args) => args,
            Err(no) => return self.refuse_confirm(call, now, "", no),
        };
        let found = action_id(&args.action_id).and_then(|id| self.state.actions.get(id).cloned());
        let Some(action) = found.filter(|action| *action.org == *call.caller.org) else {
            return self.refuse_confirm(
                call,
                now,
                &args.action_id,
                Rejection::not_found("action", &args.action_id),
            );
        };
        let registry = Arc::clone(&self.registry);
        let Some(tool) = registry.tool(&action.tool) else {
            return self.refuse_confirm(call, now, &args.action_id, super::unknown_tool(&action.tool));
        };
        match self.gate(tool, &action, call, &args, now) {
            Err(no) if no.code == "token_expired" && action.stage == Stage::Pending => {
                self.expire_one(call, &action, now, no)
            }
            Err(no) => self.refuse_confirm(call, now, &args.action_id, no),
            Ok(_) if action.stage != Stage::Pending => self.again(call, now, &action, past),
            Ok(Gate::OneMore) => self.approve(call, now, &action, args.note.as_deref()),
            Ok(Gate::Open) => self.carry_out(tool, &action, call, now, args.note.as_deref(), past),
        }
    }

    fn carry_out(
        &mut self,
        tool: &Tool,
        action: &Action,
        call: &Call,
        now: Timestamp,
        note: Option<&str>,
        past: &dyn Past,
    ) -> Result<Step, Unfit> {
        let args = proposal::args(past, action);
        let carried = args.map(|args| self.carried(tool, action, args, note, past));
        match carried.unwrap_or_else(Carried::Refused) {
            Carried::Events(events) => {
                let text = self.commit(now, &call.caller, events)?;
                let answer = receipt(action, &text, self.state.position, false);
                Ok(Step {
                    records: vec![text],
                    answer,
                })
            }
            Carried::Refused(no) => self.refuse_confirm(call, now, &action.id.to_string(), no),
            Carried::Stale(why) => match proposal::args(past, action) {
                Ok(args) => self.stale(tool, action, call, now, args, why, past),
                Err(no) => self.refuse_confirm(call, now, &action.id.to_string(), no),
            },
        }
    }

    /// What confirming comes to on the state as it is; nothing is written.
    pub(super) fn carried(
        &self,
        tool: &Tool,
        action: &Action,
        args: Map<String, Value>,
        note: Option<&str>,
        past: &dyn Past,
    ) -> Carried {
        let (proposer, bound) = (caller_of(action), (action.id, action.proposed_at));
        match self.decide(tool, &proposer, args, bound, past, Audience::Nobody) {
            Ok(offer) if offer.digest == action.digest && offer.plan.blockers.is_empty() => {
                Self::executed(action, note, &offer).map_or_else(Carried::Refused, Carried::Events)
            }
            // It waits for somebody else's work to end; the offer stands.
            Err(no) if no.code == "in_flight" => Carried::Refused(no),
            changed => Carried::Stale(changed.err()),
        }
    }

    fn executed(action: &Action, note: Option<&str>, offer: &Offer) -> Result<Vec<Event>, Rejection> {
        let mut confirmed = Moved::of(action.id.to_string());
        confirmed.note = note.map(Into::into);
        if offer.plan.effects.is_empty() {
            return Ok(Self::at_once(action, &confirmed, offer));
        }
        let work = work(offer, &action.tool)?;
        confirmed.holds = offer.plan.touched(&action.org).into_iter().map(Into::into).collect();
        confirmed.work = Some(&work);
        Ok(vec![said(names::CONFIRMED, &confirmed)])
    }

    /// Nothing outside is needed: it is confirmed and done in one record.
    fn at_once(action: &Action, confirmed: &Moved<'_>, offer: &Offer) -> Vec<Event> {
        let result = raw(&receipt::facts(offer));
        let mut facts = Attempted::of(action.id.to_string(), 1);
        facts.result = Some(&result);
        facts.yes = true;
        let mut events = vec![said(names::CONFIRMED, confirmed)];
        events.extend(done(action, offer.plan.events()));
        events.push(said(names::SUCCEEDED, &facts));
        events
    }

    /// Never executes: the old action ends, and where the tool still makes a plan, a new one takes its place.
    #[expect(
        clippy::too_many_arguments,
        reason = "a stale preview is answered with everything the caller needs to go on"
    )]
    fn stale(
        &mut self,
        tool: &Tool,
        action: &Action,
        call: &Call,
        now: Timestamp,
        args: Map<String, Value>,
        why: Option<Rejection>,
        past: &dyn Past,
    ) -> Result<Step, Unfit> {
        let proposer = caller_of(action);
        // The gate has told it already.
        let policy = self.policy_now(tool, action, &proposer).unwrap_or(ConfirmPolicy::Dual);
        let wanted = Wanted::again(action, &args).ok();
        let fresh = projections::Id::derive(now, format!("{}|{}", action.key, self.state.position + 1).as_bytes());
        let offer = if why.is_some() {
            None
        } else {
            self.decide(tool, &proposer, args, (fresh, now), past, Audience::Caller)
                .ok()
        };
        let offer = offer.filter(|offer| offer.plan.blockers.is_empty() && !offer.plan.is_noop());
        let mut no = Rejection::new(
            "preview_stale",
            "things have changed since this preview; nothing was done",
        );
        let shown = offer
            .zip(wanted)
            .map(|(offer, wanted)| (preview::preview(tool, &offer.plan, offer.hour), offer, wanted));
        let events = if let Some((preview, offer, wanted)) = &shown {
            no = no.hint("look at the new preview, then confirm it with its own token");
            Self::offering(tool, now, wanted, (offer, preview), Some(action.id), policy)
        } else {
            no = no.hint("the call would not do the same today; read the current state and decide anew");
            vec![said(names::SUPERSEDED, &Moved::of(action.id.to_string()))]
        };
        let refused = refusal(&action.id.to_string(), &no);
        let records = vec![
            self.commit(now, &proposer_in(call, &proposer), events)?,
            self.commit(now, &call.caller, vec![refused])?,
        ];
        let current = match (shown, why) {
            (Some((preview, offer, _)), _) => {
                let waiting = Waiting {
                    policy,
                    expires_at: now + LIFETIME,
                    offer,
                    preview,
                    dropped: Vec::new(),
                };
                self.pending(&proposer, waiting)
            }
            (None, Some(why)) => why.to_json(),
            (None, None) => json!({"status": "noop"}),
        };
        Ok(Step {
            records,
            answer: Err(no.current(current)),
        })
    }

    fn approve(&mut self, call: &Call, now: Timestamp, action: &Action, note: Option<&str>) -> Result<Step, Unfit> {
        let mut moved = Moved::of(action.id.to_string());
        moved.note = note.map(Into::into);
        let text = self.commit(now, &call.caller, vec![said(names::APPROVED, &moved)])?;
        let answer = json!({"status": "pending", "actionId": action.id.to_string(), "approvals": 1, "needed": 2, "asOf": self.state.position});
        Ok(Step {
            records: vec![text],
            answer: Ok(answer),
        })
    }

    /// Confirmed before: the same receipt again, and never a second execution.
    fn again(&mut self, call: &Call, now: Timestamp, action: &Action, past: &dyn Past) -> Result<Step, Unfit> {
        let answer = past
            .record(action.last_seq)
            .and_then(|text| text.ok_or_else(|| Rejection::new("unavailable", "the receipt is not durable yet")))
            .and_then(|text| receipt(action, &text, action.last_seq, true));
        let event = said(names::REPEATED, &Moved::of(action.id.to_string()));
        let text = self.commit(now, &call.caller, vec![event])?;
        Ok(Step {
            records: vec![text],
            answer,
        })
    }

    fn expire_one(&mut self, call: &Call, action: &Action, now: Timestamp, no: Rejection) -> Result<Step, Unfit> {
        let expired = self.system(
            now,
            Some(action.org.to_string()),
            vec![said(names::EXPIRED, &Moved::of(action.id.to_string()))],
        )?;
        let mut step = self.refuse_confirm(call, now, &action.id.to_string(), no)?;
        step.records.insert(0, expired);
        Ok(step)
    }

    pub(super) fn refuse_confirm(
        &mut self,
        call: &Call,
        now: Timestamp,
        action: &str,
        no: Rejection,
    ) -> Result<Step, Unfit> {
        let text = self.commit(now, &call.caller, vec![refusal(action, &no)])?;
        Ok(Step {
            records: vec![text],
            answer: Err(no),
        })
    }
}

pub(super) fn refusal(action: &str, no: &Rejection) -> Event {
    let action = crate::kernel::text::clip(&leak::veil(action), 64);
    said(
        names::CONFIRM_REFUSED,
        &ConfirmRefused {
            action: action.into(),
            code: no.code.clone(),
            message: leak::veil(&no.message),
        },
    )
}

/// A new offer after a stale preview is the proposer's, whoever confirmed.
fn proposer_in(call: &Call, proposer: &Caller) -> Caller {
    if call.caller.member == proposer.member {
        call.caller.clone()
    } else {
        proposer.clone()
    }
}
