//! What a rule does next about something that it owes a reaction to: nothing, its next action, or its end.

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use projections::{ActorKind, Id, Record};
use serde_json::{Map, Value};

use super::ending::Ending;
use super::entity::{OnFailure, Rule, RunStatus, tally};
use super::facts::{self, Happened};
use super::save::check;
use super::trigger::TriggerKind;
use super::{actions, conditions, graph};
use crate::kernel::expression;
use crate::kernel::identity::{Member, MemberStatus};
use crate::kernel::principal::Caller;
use crate::kernel::reaction::{Act, Debt, Next, Outcome, Stop};
use crate::kernel::record_view::unread;
use crate::kernel::{Rejection, Row, State, View};
use crate::modules::projects::Project;

/// In whose name a rule runs: its owner's, with the owner's rights and, for an agent, at most its sponsor's.
pub fn caller(state: &State, org: &str, owner: Id<Member>) -> Option<Caller> {
    let member = state.table::<Member>()?.get(owner)?;
    (member.status == MemberStatus::Active && member.org == org).then(|| Caller {
        org: org.to_owned(),
        member: owner,
        kind: ActorKind::Automation,
        sponsor: member.sponsor,
        token: None,
        client: None,
        via: "system",
        trace: None,
    })
}

fn pass(why: impl Into<String>) -> Next {
    Next::Pass(why.into())
}

/// What the rule does next.
pub fn next(view: &View<'_>, debt: &Debt, stop: Option<Stop>) -> Result<Next, Rejection> {
    let id: Id<Rule> = debt.by.parse().map_err(|_| Rejection::not_found("rule", &debt.by))?;
    let Some(rule) = view.state.table::<Rule>().and_then(|table| table.get(id)) else {
        return Ok(pass("the rule is gone"));
    };
    let begins = debt.steps.is_empty();
    if begins && !rule.enabled {
        return Ok(pass("the rule is disabled"));
    }
    let ending = Ending::new(view, rule, debt);
    let Some(caller) = caller(view.state, &rule.org, rule.owner) else {
        return ending
            .disabling("its owner is no longer an active member")
            .end(RunStatus::Failed);
    };
    let eyes = View::new(view.state, &caller, view.now, view.registry, view.past, None);
    let Some(happened) = happened(view, rule, debt)? else {
        return Ok(pass("nothing that the rule reacts to"));
    };
    let Some(known) = facts::facts(&eyes, &happened, false) else {
        return if begins {
            Ok(pass("it is out of the owner's sight"))
        } else {
            ending
                .because("it went out of the owner's sight")
                .end(RunStatus::Failed)
        };
    };
    if begins {
        if !belongs(&eyes, &happened, rule.project) || !holds(&eyes, rule, &known) {
            return Ok(pass("its conditions do not hold"));
        }
        if let Some(next) = held_back(view, rule, debt, stop, &ending)? {
            return Ok(next);
        }
    }
    act(view, rule, debt, caller, &known, ending)
}

/// What a debt is about: the event with the fields that changed, or that the hour came.
fn happened(view: &View<'_>, rule: &Rule, debt: &Debt) -> Result<Option<Happened>, Rejection> {
    match rule.trigger.kind {
        TriggerKind::Schedule => Ok(Some(Happened::hour(view.now, "", ""))),
        TriggerKind::DateReached => Ok(Some(Happened::hour(view.now, "task", &debt.about))),
        TriggerKind::Event | TriggerKind::Inbound => {
            let text = view.past.record(debt.seq)?;
            let text =
                text.ok_or_else(|| Rejection::new("unavailable", format!("record {} is not there", debt.seq)))?;
            let mut room = String::new();
            let record = Record::parse(debt.seq, &text, &mut room).map_err(unread)?;
            Ok(Happened::in_record(&record, &debt.about, &rule.trigger.event_types))
        }
    }
}

/// Whether a thing is in the project of a rule that has one.
pub fn belongs(eyes: &View<'_>, happened: &Happened, project: Option<Id<Project>>) -> bool {
    let Some(project) = project.map(|id| id.to_string()) else {
        return true;
    };
    let field = |kind: &str, id: &str, name: &str| -> Option<String> {
        let fields = eyes.state.any(kind)?.fields(id)?;
        fields.get(name)?.as_str().map(ToOwned::to_owned)
    };
    let recorded = |name: &str| {
        let mut found = happened.fields.iter().filter(|(field, ..)| field == name);
        found.find_map(|(_, from, to)| to.as_str().or(from.as_str()).map(ToOwned::to_owned))
    };
    let of = match happened.kind.as_str() {
        "" => return true,
        "project" => Some(happened.id.clone()),
        "comment" => {
            let target = field("comment", &happened.id, "target").or_else(|| recorded("target"));
            target.and_then(|id| field("task", &id, "project").or(Some(id)))
        }
        kind => field(kind, &happened.id, "project").or_else(|| recorded("project")),
    };
    of == Some(project)
}

/// Whether filter and conditions hold.
pub fn holds(eyes: &View<'_>, rule: &Rule, known: &Map<String, Value>) -> bool {
    Test::of(eyes, rule).holds(known)
}

/// What a rule asks, read once for many things. What was saved is right; what is not any more does not hold.
pub struct Test<'r>(Option<Asked<'r>>);

/// A filter and conditions that were read.
type Asked<'r> = (Option<expression::Expression>, Option<conditions::Condition<'r>>);

impl<'r> Test<'r> {
    /// What a rule asks.
    pub fn of(eyes: &View<'_>, rule: &'r Rule) -> Self {
        let variables = facts::variables(eyes, &rule.trigger);
        let filter = rule.trigger.filter.as_ref();
        let filter = filter.map(|filter| expression::parse(filter, &variables)).transpose();
        let tree = rule.conditions.as_ref();
        let tree = tree.map(|tree| conditions::read(tree, &variables)).transpose();
        Self(filter.ok().zip(tree.ok()))
    }

    /// Whether it holds for the facts of one thing.
    pub fn holds(&self, known: &Map<String, Value>) -> bool {
        self.0.as_ref().is_some_and(|(filter, tree)| {
            let passes = |filter: &expression::Expression| filter.holds(known).unwrap_or(false);
            filter.as_ref().is_none_or(passes) && tree.as_ref().is_none_or(|tree| tree.holds(known))
        })
    }
}

/// The hour by the clock that runs are counted in.
pub fn hour_of(at: Timestamp) -> Timestamp {
    let seconds = at.as_second() - at.as_second().rem_euclid(3600);
    Timestamp::from_second(seconds).unwrap_or(at)
}

/// What keeps a rule from running although its conditions hold.
fn held_back(
    view: &View<'_>,
    rule: &Row<Rule>,
    debt: &Debt,
    stop: Option<Stop>,
    ending: &Ending<'_>,
) -> Result<Option<Next>, Rejection> {
    let limits = &rule.limits;
    let deep = usize::try_from(limits.max_chain_depth).is_ok_and(|most| debt.chain.len() >= most);
    match stop {
        Some(Stop::Twice) if graph::closes(view.state, rule, debt.chain.last()) => {
            let why =
                "it had reacted to the same thing before, and so had a rule that it sets off and that sets it off";
            return ending.clone().because(why).end(RunStatus::LoopStopped).map(Some);
        }
        Some(Stop::Twice) => return Ok(Some(pass("it ran for the same thing in the same correlation"))),
        Some(Stop::Loop) => {
            let why = "it had reacted to the same thing before, and that led here again";
            return ending.clone().because(why).end(RunStatus::LoopStopped).map(Some);
        }
        Some(Stop::Depth) => return ending.clone().too_deep(debt).map(Some),
        None if deep => return ending.clone().too_deep(debt).map(Some),
        None => {}
    }
    if debt.place >= limits.max_targets_per_run {
        let why = format!(
            "one record sets it off for at most {} things",
            limits.max_targets_per_run
        );
        return Ok(Some(pass(why)));
    }
    let Some(tally) = tally(view.state, &rule.org, rule.id) else {
        return Ok(None);
    };
    let window = SignedDuration::from_secs(limits.dedupe_window);
    let recent = tally
        .recent
        .get(&debt.about)
        .is_some_and(|at| view.now.duration_since(*at) < window);
    if recent {
        return Ok(Some(pass("it ran for the same thing a short time ago")));
    }
    let hour = hour_of(view.now);
    if tally.hour == Some(hour) && tally.runs >= limits.max_runs_per_hour {
        if tally.throttled.iter().any(|at| *at >= hour) {
            return Ok(Some(pass("it is throttled in this hour")));
        }
        let day_ago = view.now.checked_sub(24.hours()).unwrap_or(Timestamp::UNIX_EPOCH);
        let earlier = tally.throttled.iter().filter(|at| **at > day_ago).count();
        let why = format!("it had run {} times in this hour", tally.runs);
        let ending = ending.clone().because(&why);
        let ending = if earlier >= 2 {
            ending.disabling("it was throttled three times within a day")
        } else {
            ending
        };
        return ending.end(RunStatus::Throttled).map(Some);
    }
    Ok(None)
}

/// The next action, or the end.
fn act(
    view: &View<'_>,
    rule: &Row<Rule>,
    debt: &Debt,
    caller: Caller,
    known: &Map<String, Value>,
    ending: Ending<'_>,
) -> Result<Next, Rejection> {
    let refused = |step: &&crate::kernel::reaction::Took| step.outcome == Outcome::Refused;
    if let Some(last) = debt.steps.last().filter(refused) {
        let why = last.message.clone().unwrap_or_default();
        if last.code.as_deref() == Some("forbidden") {
            return ending
                .disabling(&format!("its owner may not do what it does: {why}"))
                .end_as_told();
        }
        match rule.on_failure {
            OnFailure::Stop => return ending.because(&why).end_as_told(),
            OnFailure::Disable => return ending.disabling(&format!("an action failed: {why}")).end_as_told(),
            OnFailure::Continue => {}
        }
    }
    let Some(action) = rule.actions.get(debt.steps.len()) else {
        return ending.end_as_told();
    };
    let kind = actions::kind(&action.kind);
    let found = kind.ok_or_else(|| format!("there is no action {} any more", action.kind));
    if let Some(tool) = kind.and_then(|kind| actions::tool(view, kind))
        && let Some(why) = check::asks(view, &caller, tool, rule.saved_under)?
    {
        return ending.disabling(&why).end(RunStatus::Failed);
    }
    match found.and_then(|kind| Ok((kind, actions::call(kind, action, known)?))) {
        Ok((kind, args)) => Ok(Next::Act(Box::new(Act {
            caller,
            tool: kind.tool.to_owned(),
            args,
        }))),
        Err(why) => ending.because(&why).end(RunStatus::Failed),
    }
}
