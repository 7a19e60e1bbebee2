//! The rule, what it has done, and its runs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use projections::Id;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::trigger::Trigger;
use crate::kernel::identity::{ConfirmPolicy, Member};
use crate::kernel::schedule::Timers;
use crate::kernel::{Describe, Keys, Row, State, View};
use crate::modules::projects::Project;
use crate::{choice, entity};

choice! {
    /// What a rule does when one of its actions is refused.
    #[derive(Default)]
    pub enum OnFailure {
        /// Leaves out the rest.
        #[default]
        Stop = "stop",
        /// Goes on with the next.
        Continue = "continue",
        /// Leaves out the rest and disables itself.
        Disable = "disable",
    }
}

choice! {
    /// What came of a run.
    #[derive(Default)]
    pub enum RunStatus {
        /// Every action.
        #[default]
        Succeeded = "succeeded",
        /// Some of them.
        Partial = "partial",
        /// None.
        Failed = "failed",
        /// It ran too often.
        Throttled = "throttled",
        /// It set itself off, or too many reactions led there.
        LoopStopped = "loop_stopped",
    }
}

/// One action of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Which kind.
    pub kind: String,
    /// Its parameters; texts may hold templates.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// How much a rule may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Runs within one hour by the clock.
    pub max_runs_per_hour: u32,
    /// Reactions that may lead to a run, the run included.
    pub max_chain_depth: u32,
    /// Things that one record sets it off for.
    pub max_targets_per_run: u32,
    /// Seconds within which it does not run for the same thing again; 0 for none.
    pub dedupe_window: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_runs_per_hour: 1000,
            max_chain_depth: 5,
            max_targets_per_run: 200,
            dedupe_window: 0,
        }
    }
}

entity! {
    /// A rule: when what happens, it does what.
    pub struct Rule("rule", "rul") {
        /// Its name; unique.
        name: String,
        /// Its project; `None` for the whole organisation.
        project: Option<Id<Project>>,
        /// Whether it runs.
        enabled: bool,
        /// What sets it off.
        trigger: Trigger,
        /// What must hold besides: a tree as it was given.
        conditions: Option<Value>,
        /// What it does, in order.
        actions: Vec<Action>,
        /// How much it may do.
        limits: Limits,
        /// What it does when an action is refused.
        on_failure: OnFailure,
        /// In whose name it runs, and with at most whose rights.
        owner: Id<Member>,
        /// Why it is disabled, where it was not a person who did it.
        disabled_why: Option<String>,
        /// Who had to confirm it when it was saved; it does nothing that a stricter one must confirm today.
        saved_under: ConfirmPolicy,
    }
}

impl Describe for Rule {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.name);
        if let Some(project) = self.project {
            keys.key("project", project);
            keys.of(project);
        }
        if self.enabled {
            for event in &self.trigger.event_types {
                keys.reacts(event);
            }
        }
    }
    fn lies_in(&self) -> Option<String> {
        self.project.map(|project| project.to_string())
    }
    fn label(&self) -> String {
        self.name.clone()
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        self.project.is_none_or(|project| view.get(project).is_some())
    }
}

/// What a rule did on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayCount {
    /// The day, in UTC.
    pub day: Date,
    /// How often it ran.
    pub runs: u64,
    /// How often it failed.
    pub failures: u64,
}

entity! {
    /// What a rule has done and when it is due, beside the rule so that running does not change the rule's version.
    pub struct Tally("ruleTally", "rty") {
        /// The rule.
        rule: Id<Rule>,
        /// When it is due next.
        next_at: Option<Timestamp>,
        /// The last day whose things were looked at (`date_reached`).
        last_day: Option<Date>,
        /// The hour that `runs` counts.
        hour: Option<Timestamp>,
        /// Runs in that hour.
        runs: u32,
        /// When it was throttled, within a day.
        throttled: Vec<Timestamp>,
        /// The last days that it ran on, at most 8.
        days: Vec<DayCount>,
        /// Whether the last run failed.
        failing: bool,
        /// Since when the rule is known to be gone.
        gone_since: Option<Timestamp>,
        /// When it ran for what, within the window in which it does not run again.
        recent: BTreeMap<String, Timestamp>,
    }
}

impl Describe for Tally {
    fn keys(&self, keys: &mut Keys) {
        keys.key("rule", self.rule);
    }
    fn label(&self) -> String {
        self.rule.to_string()
    }
    fn timers(&self, timers: &mut Timers) {
        if let Some(at) = self.next_at {
            timers.at(at, "next");
        }
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        view.get(self.rule).is_some()
    }
}

/// What came of one action in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The kind of the rule's action.
    pub kind: String,
    /// What came of it: done, noop, refused, executing.
    pub outcome: String,
    /// The action in the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

entity! {
    /// One run of a rule; the newest 20 of each are here, all of them in the journal.
    pub struct Run("ruleRun", "run") {
        /// The rule.
        rule: Id<Rule>,
        /// The record that set it off.
        trigger: u64,
        /// The thing that it was about.
        about: Option<String>,
        /// The record that the chain began with.
        correlation: u64,
        /// How many reactions led to it, itself included.
        depth: u32,
        /// What came of it.
        status: RunStatus,
        /// What came of each action.
        steps: Vec<Step>,
        /// Why it did not go on.
        why: Option<String>,
    }
}

impl Describe for Run {
    fn keys(&self, keys: &mut Keys) {
        keys.key("rule", self.rule);
    }
    fn label(&self) -> String {
        format!("{} for {}", self.status, self.rule)
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        view.get(self.rule).is_some()
    }
}

/// The tally of a rule.
pub fn tally(state: &State, org: &str, rule: Id<Rule>) -> Option<std::sync::Arc<Row<Tally>>> {
    let table = state.table::<Tally>()?;
    table.find(org, "rule", &rule.to_string()).next().cloned()
}
