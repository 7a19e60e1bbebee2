//! Reacting: paying what is owed, and striking the hours that were waited for. What is done is decided by the same functions
//! as a call, and recorded like a call that was confirmed at once; the record says what it reacts to.

use std::collections::BTreeSet;

use jiff::Timestamp;
use projections::cause::{Fired, Passed, PassedOne};
use projections::event::{Attempted, Moved, names};
use projections::{Actor, Body, Cause, Event, Id, Record};
use serde_json::json;

use super::propose::{Audience, Offer, Wanted};
use super::{Call, Engine, admit, answered, bootstrap, raw, receipt, rejected, said, settle};
use crate::kernel::identity::ConfirmPolicy;
use crate::kernel::past::Past;
use crate::kernel::reaction::{Act, Debt, Next};
use crate::kernel::schedule::Due;
use crate::kernel::state::Unfit;
use crate::kernel::tool::Tool;
use crate::kernel::view::View;
use crate::kernel::{Rejection, leak, preview};

/// Most reactions that one record says came to nothing.
const PASSED_PER_RECORD: usize = 100;

/// So many reactions are asked for in one turn, whatever comes of them; those who call come in between.
const ASKED_PER_TURN: usize = 256;

/// What a turn left behind.
#[derive(Debug, Default)]
pub struct Worked {
    /// Record texts, in order.
    pub records: Vec<String>,
    /// What a module of this program gets wrong, for the operator's log.
    pub faults: Vec<String>,
}

/// What a debt comes to next, not written.
enum Turn {
    Pass(String),
    Record(Box<Caused>),
}

/// A record that nobody called for.
pub struct Caused {
    actor: Actor,
    org: String,
    /// What it says it reacts to.
    pub cause: Option<Cause>,
    /// What it says happened.
    pub events: Vec<Event>,
}

impl Engine {
    /// Whether there is something to do that nobody called for: an hour came, or a reaction is owed.
    pub fn has_work(&self, now: Timestamp) -> bool {
        !self.state.debts.is_empty() || self.next_timer().is_some_and(|at| at <= self.hour(now))
    }

    /// The next hour that something waits for.
    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.state.next_timers(&self.stuck).next().map(|due| due.at)
    }

    /// Strikes hours and pays debts, the oldest first, in at most about `most` records.
    ///
    /// # Errors
    /// [`Unfit`] where the state does not take its own record.
    pub fn work(&mut self, now: Timestamp, past: &dyn Past, most: usize) -> Result<Worked, Unfit> {
        let now = self.hour(now);
        let mut worked = Worked::default();
        self.strike(now, past, most, &mut worked)?;
        self.pay(now, past, most, &mut worked)?;
        Ok(worked)
    }

    fn strike(&mut self, now: Timestamp, past: &dyn Past, most: usize, worked: &mut Worked) -> Result<(), Unfit> {
        for due in self.state.due(now, most, &self.stuck) {
            if !self.state.waits(&due) {
                continue;
            }
            match self.struck(&due, now, past) {
                Ok(caused) => worked.records.push(self.commit_caused(now, caused)?),
                Err(no) => worked
                    .faults
                    .push(format!("{} of {}: {}", due.timer, due.id, no.message)),
            }
            if self.state.waits(&due) {
                worked.faults.push(format!("{} of {} stays due", due.timer, due.id));
                self.stuck.insert(due);
            }
        }
        Ok(())
    }

    fn struck(&self, due: &Due, now: Timestamp, past: &dyn Past) -> Result<Caused, Rejection> {
        let none = || Rejection::new("unavailable", format!("{} does not wait for hours", due.kind));
        let strike = self.registry.strike(due.kind).ok_or_else(none)?;
        let org = self.state.any(due.kind).and_then(|table| table.org_of(&due.id));
        let caller = bootstrap(&org.unwrap_or_default(), Id::default());
        let seed = Id::derive(now, format!("{}|{}|{}", due.id, due.timer, due.at).as_bytes());
        let struck = strike(
            &View::new(&self.state, &caller, now, &self.registry, past, Some(seed)),
            due,
        )?;
        let fired = Fired {
            kind: due.kind.to_owned(),
            id: due.id.clone(),
            timer: due.timer.to_owned(),
            due: due.at,
            owes: struck.owes,
        };
        let events = [said(names::FIRED, &fired)].into_iter().chain(struck.plan.events());
        Ok(Caused {
            actor: Actor::system(),
            org: caller.org,
            cause: None,
            events: events.collect(),
        })
    }

    /// Only debts of records that were there before, for the past knows no others yet.
    fn pay(&mut self, now: Timestamp, past: &dyn Past, most: usize, worked: &mut Worked) -> Result<(), Unfit> {
        let horizon = self.state.position - u64::try_from(worked.records.len()).unwrap_or(0);
        let mut asked = 0;
        while worked.records.len() < most && asked < ASKED_PER_TURN {
            let mut passed: Vec<(String, PassedOne)> = Vec::new();
            let mut found = None;
            for debt in self.state.debts.iter().take_while(|debt| debt.seq <= horizon) {
                let other = passed.first().is_some_and(|(org, _)| *org != debt.org);
                if other || passed.len() >= PASSED_PER_RECORD {
                    break;
                }
                asked += 1;
                match self.turn(debt, now, past) {
                    Turn::Pass(why) => passed.push((debt.org.clone(), one(debt, why))),
                    Turn::Record(caused) => {
                        found = Some(*caused);
                        break;
                    }
                }
            }
            let Some(caused) = all_passed(passed).or(found) else {
                return Ok(());
            };
            worked.records.push(self.commit_caused(now, caused)?);
        }
        Ok(())
    }

    fn commit_caused(&mut self, now: Timestamp, caused: Caused) -> Result<String, Unfit> {
        let mut body = Body::new(now, Some(caused.org), caused.actor, caused.events);
        body.cause = caused.cause;
        self.fold(body)
    }

    fn turn(&self, debt: &Debt, now: Timestamp, past: &dyn Past) -> Turn {
        let kind = self.state.kind_of(&debt.by).unwrap_or_default();
        let Some(reactor) = self.registry.reactor(kind) else {
            return Turn::Pass("nothing reacts so any more".to_owned());
        };
        let caller = bootstrap(&debt.org, Id::default());
        let seed = seed(debt, now);
        let view = View::new(&self.state, &caller, now, &self.registry, past, Some(seed));
        let caused = |actor, ends, events| {
            Turn::Record(Box::new(Caused {
                actor,
                org: debt.org.clone(),
                cause: Some(debt.cause(ends)),
                events,
            }))
        };
        match (reactor.next)(&view, debt, self.state.debts.stop(debt)) {
            Ok(Next::Act(act)) => caused(act.caller.actor(), false, self.acted(*act, seed, now, past)),
            Ok(Next::End(plan)) => caused(Actor::system(), true, plan.events()),
            Ok(Next::Pass(why)) if debt.steps.is_empty() => Turn::Pass(why),
            Ok(Next::Pass(_)) => caused(Actor::system(), true, Vec::new()),
            Err(no) => Turn::Pass(format!("it cannot be told what to do: {}", no.message)),
        }
    }

    fn acted(&self, act: Act, id: Id<projections::Action>, now: Timestamp, past: &dyn Past) -> Vec<Event> {
        let call = Call {
            caller: act.caller,
            tool: act.tool,
            args: act.args,
        };
        let decider = self.registry.tool(&call.tool).map_or(1, |tool| tool.decider);
        let at = (self.state.position, decider);
        let offered = self.offer(&call, id, now, past);
        let done = offered.and_then(|(tool, offer)| match offer.plan.blockers.first() {
            Some(blocker) => Err(blocker.clone()),
            None if offer.plan.is_noop() => {
                let said = json!({"status": "noop", "summary": offer.plan.summary});
                Ok(vec![answered(&call, &said, at, now)])
            }
            None => Self::at_once_for(tool, &call, now, &offer),
        });
        done.unwrap_or_else(|no| vec![rejected(&call, &no, at)])
    }

    fn offer(
        &self,
        call: &Call,
        id: Id<projections::Action>,
        now: Timestamp,
        past: &dyn Past,
    ) -> Result<(&Tool, Offer), Rejection> {
        let tool = self.registry.tool(&call.tool);
        let tool = tool.ok_or_else(|| super::unknown_tool(&call.tool))?;
        admit(&self.state, &call.caller, tool, now)?;
        leak::none_in(&call.args, None)?;
        let offer = self.decide(tool, &call.caller, call.args.clone(), (id, now), past, Audience::Caller)?;
        Ok((tool, offer))
    }

    /// Proposed and confirmed in one record: whoever made the reactor confirmed what it does, once.
    fn at_once_for(tool: &Tool, call: &Call, now: Timestamp, offer: &Offer) -> Result<Vec<Event>, Rejection> {
        let wanted = Wanted::of(call, &call.args)?;
        let (shown, policy) = (
            preview::preview(tool, &offer.plan, offer.hour),
            ConfirmPolicy::ItsProposer,
        );
        let mut events = Self::offering(tool, now, &wanted, (offer, &shown), None, policy);
        let mut confirmed = Moved::of(offer.id.to_string());
        if offer.plan.effects.is_empty() {
            let result = raw(&receipt::facts(offer));
            let mut done = Attempted::of(offer.id.to_string(), 1);
            done.result = Some(&result);
            done.yes = true;
            events.push(said(names::CONFIRMED, &confirmed));
            events.extend(offer.plan.events());
            events.push(said(names::SUCCEEDED, &done));
        } else {
            let work = settle::work(offer, tool.name)?;
            confirmed.holds = offer
                .plan
                .touched(&call.caller.org)
                .into_iter()
                .map(Into::into)
                .collect();
            confirmed.work = Some(&work);
            events.push(said(names::CONFIRMED, &confirmed));
        }
        Ok(events)
    }

    /// What a record that nobody called for would say today; `None` where it is none of those. For a replay.
    pub fn caused_again(&self, record: &Record<'_>, past: &dyn Past) -> Option<Result<Caused, String>> {
        let data = |name: &str| record.events.first().filter(|entry| entry.name == name)?.data;
        if let Some(cause) = &record.cause {
            let debt = self.state.debts.get(cause.causation_id, cause.by(), &cause.about);
            let turn = debt.map(|debt| self.turn(debt, record.at, past));
            return Some(match turn {
                Some(Turn::Record(caused)) => Ok(*caused),
                Some(Turn::Pass(why)) => Err(format!("today: nothing, {why}")),
                None => Err("today: nothing of the kind is owed".to_owned()),
            });
        }
        if let Some(data) = data(names::PASSED) {
            let passed: Result<Passed, _> = serde_json::from_str(data.get());
            return Some(
                passed
                    .map_err(|cause| cause.to_string())
                    .and_then(|passed| self.passed_again(passed, record.at, past)),
            );
        }
        let fired: Fired = serde_json::from_str(data(names::FIRED)?.get()).ok()?;
        let waits = |due: &Due| due.id == fired.id && due.timer == fired.timer && due.at == fired.due;
        let due = self
            .state
            .next_timers(&BTreeSet::new())
            .take_while(|due| due.at <= fired.due)
            .find(waits);
        Some(match due {
            Some(due) => self.struck(&due, record.at, past).map_err(|no| no.message),
            None => Err("today: nothing waits for that hour".to_owned()),
        })
    }

    fn passed_again(&self, passed: Passed, now: Timestamp, past: &dyn Past) -> Result<Caused, String> {
        let mut again = Vec::new();
        for said in passed.passed {
            let debt = self.state.debts.get(said.seq, &said.by, &said.about);
            let debt = debt.ok_or_else(|| format!("today: {} owes nothing for {}", said.by, said.seq))?;
            match self.turn(debt, now, past) {
                Turn::Pass(why) => again.push((debt.org.clone(), one(debt, why))),
                Turn::Record(_) => return Err(format!("today: {} reacts to {}", said.by, said.seq)),
            }
        }
        all_passed(again).ok_or_else(|| "today: nothing".to_owned())
    }
}

/// The action that the next step of a debt is, the same whenever it is decided at the same hour.
fn seed(debt: &Debt, now: Timestamp) -> Id<projections::Action> {
    let text = format!("reaction|{}|{}|{}|{}", debt.seq, debt.by, debt.about, debt.steps.len());
    Id::derive(now, text.as_bytes())
}

fn one(debt: &Debt, why: String) -> PassedOne {
    PassedOne {
        seq: debt.seq,
        by: debt.by.clone(),
        about: debt.about.clone(),
        why,
    }
}

fn all_passed(passed: Vec<(String, PassedOne)>) -> Option<Caused> {
    let org = passed.first()?.0.clone();
    let facts = Passed {
        passed: passed.into_iter().map(|(_, one)| one).collect(),
    };
    Some(Caused {
        actor: Actor::system(),
        org,
        cause: None,
        events: vec![said(names::PASSED, &facts)],
    })
}

impl Caused {
    /// Whether a record names the same cause.
    pub fn is_caused_like(&self, record: &Record<'_>) -> bool {
        self.cause == record.cause && self.org == record.org.as_deref().unwrap_or_default()
    }
}
