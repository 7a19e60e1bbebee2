//! The end of a run: what came of it, counted; a rule that must not go on is disabled, and an alert says so.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};

use super::entity::{DayCount, Rule, Run, RunStatus, Step, Tally, tally};
use super::run::hour_of;
use crate::kernel::reaction::{Debt, Next, Outcome};
use crate::kernel::{Plan, Rejection, Row, View};
use crate::modules::audit::{self, Alarm, AlertKind, Severity};

/// Runs of a rule that the state keeps.
const RUNS_KEPT: usize = 20;
/// Things that a rule remembers to have run for.
const RECENT_MAX: usize = 1_000;

/// A run that ends.
#[derive(Clone)]
pub struct Ending<'a> {
    view: &'a View<'a>,
    rule: &'a Row<Rule>,
    debt: &'a Debt,
    why: Option<String>,
    disables: Option<String>,
}

impl<'a> Ending<'a> {
    pub fn new(view: &'a View<'a>, rule: &'a Row<Rule>, debt: &'a Debt) -> Self {
        Self {
            view,
            rule,
            debt,
            why: None,
            disables: None,
        }
    }

    /// Says why.
    pub fn because(mut self, why: &str) -> Self {
        self.why = Some(why.to_owned());
        self
    }

    /// Says that the rule is disabled with it, and why.
    pub fn disabling(mut self, why: &str) -> Self {
        self.disables = Some(why.to_owned());
        self.why.get_or_insert_with(|| why.to_owned());
        self
    }

    /// Ends because too many reactions led here.
    pub fn too_deep(self, debt: &Debt) -> Result<Next, Rejection> {
        let why = format!("{} reactions led here, one from another", debt.chain.len());
        self.because(&why).end(RunStatus::LoopStopped)
    }

    /// Ends as the steps say.
    pub fn end_as_told(self) -> Result<Next, Rejection> {
        let refused = self
            .debt
            .steps
            .iter()
            .filter(|step| step.outcome == Outcome::Refused)
            .count();
        let left_out = self.rule.actions.len().saturating_sub(self.debt.steps.len());
        let status = match (refused, refused + left_out >= self.rule.actions.len()) {
            (0, _) if left_out == 0 => RunStatus::Succeeded,
            (_, true) => RunStatus::Failed,
            _ => RunStatus::Partial,
        };
        self.end(status)
    }

    /// Ends.
    pub fn end(self, status: RunStatus) -> Result<Next, Rejection> {
        self.plan(status).map(|plan| Next::End(Box::new(plan)))
    }

    fn plan(&self, status: RunStatus) -> Result<Plan, Rejection> {
        let event = match status {
            RunStatus::Succeeded => "automation.run_completed",
            RunStatus::Partial | RunStatus::Failed => "automation.run_failed",
            RunStatus::Throttled => "automation.throttled",
            RunStatus::LoopStopped => "automation.loop_stopped",
        };
        let mut plan = Plan::new(format!("End a run of \"{}\"", self.rule.name));
        plan.create(event, self.view.new_id::<Run>(), self.run(status))?;
        if let Some(tally) = tally(self.view.state, &self.rule.org, self.rule.id) {
            plan.edit(event, &tally, |tally| self.count(tally, status))?;
        }
        self.forget(&mut plan)?;
        if let Some(why) = &self.disables {
            plan.edit("automation.rule_disabled", self.rule, |rule| {
                rule.enabled = false;
                rule.disabled_why = Some(why.clone());
            })?;
        }
        if self.disables.is_some() || status == RunStatus::LoopStopped {
            audit::raise_in(&mut plan, self.view.state, &self.alarm())?;
        }
        Ok(plan)
    }

    fn run(&self, status: RunStatus) -> Run {
        let cause = self.debt.cause(true);
        let step = |(place, took): (usize, &crate::kernel::reaction::Took)| Step {
            kind: self
                .rule
                .actions
                .get(place)
                .map(|action| action.kind.clone())
                .unwrap_or_default(),
            outcome: took.outcome.word().to_owned(),
            action: took.action.clone(),
            error: took.message.clone(),
        };
        Run {
            rule: self.rule.id,
            trigger: self.debt.seq,
            about: (!self.debt.about.is_empty()).then(|| self.debt.about.clone()),
            correlation: self.debt.root,
            depth: cause.chain_depth,
            status,
            steps: self.debt.steps.iter().enumerate().map(step).collect(),
            why: self.why.clone(),
        }
    }

    fn count(&self, tally: &mut Tally, status: RunStatus) {
        let now = self.view.now;
        let failed = matches!(status, RunStatus::Failed | RunStatus::Partial | RunStatus::LoopStopped);
        tally.failing = failed;
        if status == RunStatus::Throttled {
            let day_ago = now.checked_sub(24.hours()).unwrap_or(now);
            tally.throttled.retain(|at| *at > day_ago);
            tally.throttled.push(now);
        } else if status != RunStatus::LoopStopped {
            let hour = Some(hour_of(now));
            tally.runs = if tally.hour == hour { tally.runs + 1 } else { 1 };
            tally.hour = hour;
        }
        if self.disables.is_some() {
            tally.next_at = None;
        }
        let today = TimeZone::UTC.to_datetime(now).date();
        if tally.days.last().is_none_or(|last| last.day != today) {
            tally.days.push(DayCount {
                day: today,
                runs: 0,
                failures: 0,
            });
            let surplus = tally.days.len().saturating_sub(8);
            tally.days.drain(..surplus);
        }
        if let Some(day) = tally.days.last_mut() {
            day.runs += u64::from(status != RunStatus::Throttled);
            day.failures += u64::from(failed);
        }
        let window = SignedDuration::from_secs(self.rule.limits.dedupe_window);
        tally.recent = std::mem::take(&mut tally.recent)
            .into_iter()
            .filter(|(_, at)| now.duration_since(*at) < window)
            .take(RECENT_MAX)
            .collect::<BTreeMap<_, _>>();
        if window.is_positive() && !self.debt.about.is_empty() {
            tally.recent.insert(self.debt.about.clone(), now);
        }
    }

    /// Takes the oldest runs out of the state; the journal has them.
    fn forget(&self, plan: &mut Plan) -> Result<(), Rejection> {
        let table = self.view.state.table::<Run>();
        let key = self.rule.id.to_string();
        let runs = table
            .into_iter()
            .flat_map(|table| table.find(&self.rule.org, "rule", &key));
        let mut runs: Vec<_> = runs.collect();
        runs.sort_by_key(|run| run.id);
        let surplus = (runs.len() + 1).saturating_sub(RUNS_KEPT);
        for run in runs.into_iter().take(surplus) {
            plan.remove("automation.run_forgotten", run)?;
        }
        Ok(())
    }

    fn alarm(&self) -> Alarm {
        let what = if self.disables.is_some() {
            "was disabled"
        } else {
            "was stopped"
        };
        let why = self.why.as_deref().unwrap_or("it failed");
        Alarm {
            org: self.rule.org.clone(),
            kind: AlertKind::RuleLoop,
            severity: Severity::Medium,
            about: vec![self.rule.owner],
            evidence: [(self.debt.seq, 1)].into(),
            first_at: self.view.now,
            last_at: self.view.now,
            summary: format!("the rule \"{}\" {what}: {why}", self.rule.name),
        }
    }
}
