//! Proposing: a write is planned, shown and journaled; nothing else happens.

use jiff::Timestamp;
use projections::event::{Moved, Proposed, names};
use projections::{Action, Digest, Event, Id};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::drawn::{Drawn, Then, Waiting};
use super::{Call, Engine, LIFETIME, PENDING_PER_CALLER_MAX, Step, proposal_key, raw, said, without_injected};
use crate::kernel::authority::{self, gains, place};
use crate::kernel::identity::ConfirmPolicy;
use crate::kernel::past::Past;
use crate::kernel::plan::Plan;
use crate::kernel::principal::Caller;
use crate::kernel::state::Unfit;
use crate::kernel::tool::{Run, Tool};
use crate::kernel::view::View;
use crate::kernel::{Rejection, execution, json as canonical, policy, preview, reaction};

/// A plan with all that it is bound to.
pub(super) struct Offer {
    pub(super) id: Id<Action>,
    pub(super) plan: Plan,
    pub(super) digest: Digest,
    pub(super) resolved: Map<String, Value>,
    /// The hour that it was decided for.
    pub(super) hour: Timestamp,
}

/// What was asked for, in canonical form.
pub(super) struct Wanted {
    /// The arguments as they are journaled.
    pub(super) args: Box<RawValue>,
    /// What equal calls of one caller have in common.
    pub(super) key: Digest,
}

impl Wanted {
    pub(super) fn of(call: &Call, args: &Map<String, Value>) -> Result<Self, Rejection> {
        Self::with(args, |text| proposal_key(call, text))
    }

    /// The same call as the one that an action stands for.
    pub(super) fn again(action: &Action, args: &Map<String, Value>) -> Result<Self, Rejection> {
        Self::with(args, |_| action.key)
    }

    fn with(args: &Map<String, Value>, key: impl FnOnce(&str) -> Digest) -> Result<Self, Rejection> {
        let bad = |cause: serde_json::Error| Rejection::argument("arguments", cause.to_string());
        let text = canonical::canonical_object(args).map_err(bad)?;
        let key = key(&text);
        let args = RawValue::from_string(text).map_err(bad)?;
        Ok(Self { args, key })
    }
}

/// Who will see a plan.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Audience {
    /// Whoever called: what only a preview shows is wanted too.
    Caller,
    /// Nobody: it is compared with what was shown before.
    Nobody,
}

impl Engine {
    pub(super) fn propose(&mut self, tool: &Tool, call: &Call, now: Timestamp, past: &dyn Past) -> Result<Step, Unfit> {
        let now = self.hour(now);
        let drawn = self.draw(tool, call, now, past);
        let text = self.commit(now, &call.caller, drawn.events)?;
        let answer = match drawn.then {
            Then::Say(answer) => *answer,
            Then::Wait(waiting) => Ok(self.pending(&call.caller, *waiting)),
        };
        Ok(Step {
            records: vec![text],
            answer,
        })
    }

    /// What a proposal comes to on the state as it is; nothing is written.
    pub(super) fn draw(&self, tool: &Tool, call: &Call, now: Timestamp, past: &dyn Past) -> Drawn {
        self.drawn(tool, call, now, past)
            .unwrap_or_else(|no| self.refused(call, no))
    }

    fn drawn(&self, tool: &Tool, call: &Call, now: Timestamp, past: &dyn Past) -> Result<Drawn, Rejection> {
        let (args, dropped) = without_injected(&call.args);
        let wanted = Wanted::of(call, &args)?;
        let key = wanted.key;
        let equal = self.state.actions.equal(&key);
        let equal = equal.filter(|action| now < action.expires_at);
        let (id, hour) = match equal {
            Some(action) => (action.id, action.proposed_at),
            None => (self.fresh_id(&key, now), now),
        };
        let decide = |args, bound| self.decide(tool, &call.caller, args, bound, past, Audience::Caller);
        let Some(action) = equal else {
            let offer = decide(args, (id, hour))?;
            return self.offered(tool, call, now, &wanted, offer, None, dropped);
        };
        let offer = decide(args.clone(), (id, hour))?;
        if action.digest == offer.digest {
            return self.repeated(tool, call, action, offer, dropped);
        }
        let offer = decide(args, (self.fresh_id(&key, now), now))?;
        self.offered(tool, call, now, &wanted, offer, Some(action.id), dropped)
    }

    fn fresh_id(&self, key: &Digest, now: Timestamp) -> Id<Action> {
        Id::derive(now, format!("{key}|{}", self.state.position + 1).as_bytes())
    }

    /// Decides on the state as it is. The same arguments, action, hour and state give the same plan.
    pub(super) fn decide(
        &self,
        tool: &Tool,
        caller: &Caller,
        args: Map<String, Value>,
        (id, hour): (Id<Action>, Timestamp),
        past: &dyn Past,
        audience: Audience,
    ) -> Result<Offer, Rejection> {
        let Run::Decide(run) = &tool.run else {
            return Err(super::unknown_tool(tool.name));
        };
        let mut view = View::new(&self.state, caller, hour, &self.registry, past, Some(id));
        view.rights = authority::rights(&self.state, caller, hour.max(self.state.at));
        let view = if audience == Audience::Nobody {
            view.unseen()
        } else {
            view
        };
        let mut plan = run(args, &view)?;
        place::keep(&view, &tool.permission, tool.reach, &plan)?;
        gains::check(&view, &plan)?;
        execution::route(&view, tool, &mut plan);
        if view.is_shown {
            preview::name_ids(&mut plan, &view);
            reaction::name_reactors(&mut plan, &view);
        }
        let resolved = view.take_resolved().into_iter().collect();
        self.free(&plan, caller)?;
        let digest = plan.digest(tool.name)?;
        Ok(Offer {
            id,
            plan,
            digest,
            resolved,
            hour,
        })
    }

    /// Refuses what somebody else's work holds.
    fn free(&self, plan: &Plan, caller: &Caller) -> Result<(), Rejection> {
        if !self.state.actions.is_holding() {
            return Ok(());
        }
        let touched = plan.touched(&caller.org);
        let Some(holder) = touched.iter().find_map(|thing| self.state.actions.holder(thing)) else {
            return Ok(());
        };
        Err(Rejection::new(
            "in_flight",
            format!("{holder} is being carried out and holds what this would change"),
        )
        .hint("wait for its outcome, then call again")
        .next("get_pending_action", json!({"actionId": holder.to_string()})))
    }

    #[expect(clippy::too_many_arguments, reason = "an offer is bound to all of these")]
    fn offered(
        &self,
        tool: &Tool,
        call: &Call,
        now: Timestamp,
        wanted: &Wanted,
        offer: Offer,
        replaces: Option<Id<Action>>,
        dropped: Vec<String>,
    ) -> Result<Drawn, Rejection> {
        if !offer.plan.blockers.is_empty() {
            return Ok(self.answered_at_once(tool, call, now, blocked(tool, offer)));
        }
        if offer.plan.is_noop() {
            let answer = json!({"status": "noop", "summary": offer.plan.summary, "result": offer.plan.result, "asOf": self.state.position});
            return Ok(self.answered_at_once(tool, call, now, answer));
        }
        let waiting = self
            .state
            .actions
            .open_of(projections::actions::caller(&call.caller.actor()));
        if waiting >= PENDING_PER_CALLER_MAX && replaces.is_none() {
            return Err(Rejection::new(
                "limit_exceeded",
                format!("{waiting} actions are waiting for a confirmation already"),
            )
            .hint("confirm or cancel some of them first")
            .next("list_pending_actions", json!({})));
        }
        let policy = policy::confirm_policy(&self.state, &call.caller, tool)?;
        let preview = preview::preview(tool, &offer.plan, offer.hour);
        let events = Self::offering(tool, now, wanted, (&offer, &preview), replaces, policy);
        Ok(Drawn::waiting(
            events,
            policy,
            now + LIFETIME,
            (offer, preview),
            dropped,
        ))
    }

    /// The events of a new offer, with the end of the one it replaces.
    pub(super) fn offering(
        tool: &Tool,
        now: Timestamp,
        wanted: &Wanted,
        (offer, preview): (&Offer, &Value),
        replaces: Option<Id<Action>>,
        policy: ConfirmPolicy,
    ) -> Vec<Event> {
        let plan = raw(preview);
        let proposed = Proposed {
            action: offer.id.to_string().into(),
            tool: tool.name.into(),
            kind: tool.kind.word().into(),
            risk: preview::risk(tool, &offer.plan).word().into(),
            policy: policy.word().into(),
            args: &wanted.args,
            key: wanted.key,
            digest: offer.digest,
            plan: &plan,
            now,
            expires_at: now + LIFETIME,
            decider: tool.decider,
            replaces: replaces.map(|id| id.to_string().into()),
            undoes: offer.plan.undoes.map(|id| id.to_string().into()),
        };
        let mut events = Vec::new();
        if let Some(old) = replaces {
            let mut moved = Moved::of(old.to_string());
            moved.by = Some(offer.id.to_string().into());
            events.push(said(names::SUPERSEDED, &moved));
        }
        events.push(said(names::PROPOSED, &proposed));
        events
    }

    /// What the proposer hears of a pending action.
    pub(super) fn pending(&self, caller: &Caller, waiting: Waiting) -> Value {
        let Waiting {
            policy,
            expires_at,
            offer,
            preview,
            dropped,
        } = waiting;
        let own = policy == ConfirmPolicy::ItsProposer || (policy == ConfirmPolicy::Human && caller.is_human());
        let token = own.then(|| {
            self.key
                .confirm_token(&caller.org, &caller.member.to_string(), offer.id, &offer.digest)
        });
        let mut notices: Vec<String> = Vec::new();
        if !dropped.is_empty() {
            notices.push(format!("ignored what the host added: {}", dropped.join(", ")));
        }
        let mut said = json!({
            "status": "pending",
            "actionId": offer.id.to_string(),
            "confirmToken": token,
            "expiresAt": expires_at,
            "risk": preview.get("risk"),
            "asOf": self.state.position,
            "notices": notices,
        });
        if let Value::Object(members) = &mut said {
            members.insert("preview".to_owned(), preview::first(preview));
            if !own {
                members.insert(
                    "approvers".to_owned(),
                    json!({"policy": policy.word(), "who": "any human who may do this"}),
                );
            }
            if !offer.resolved.is_empty() {
                members.insert("resolved".to_owned(), Value::Object(offer.resolved));
            }
        }
        said
    }

    fn repeated(
        &self,
        tool: &Tool,
        call: &Call,
        action: &Action,
        offer: Offer,
        dropped: Vec<String>,
    ) -> Result<Drawn, Rejection> {
        let policy = policy::still(&self.state, &call.caller, tool, &action.policy)?;
        let events = vec![said(names::REPEATED, &Moved::of(action.id.to_string()))];
        let preview = preview::preview(tool, &offer.plan, offer.hour);
        Ok(Drawn::waiting(
            events,
            policy,
            action.expires_at,
            (offer, preview),
            dropped,
        ))
    }

    fn answered_at_once(&self, tool: &Tool, call: &Call, now: Timestamp, answer: Value) -> Drawn {
        let event = super::answered(call, &answer, (self.state.position, tool.decider), now);
        Drawn::said(vec![event], Ok(answer))
    }
}

fn blocked(tool: &Tool, offer: Offer) -> Value {
    let preview = preview::first(preview::preview(tool, &offer.plan, offer.hour));
    json!({"status": "blocked", "blockers": offer.plan.blockers, "preview": preview})
}
