//! Instances: a process on its way, with what was decided.

use std::collections::BTreeMap;

use jiff::Timestamp;
use projections::Id;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::entity::Definition;
use crate::kernel::identity::Member;
use crate::kernel::schedule::Timers;
use crate::kernel::{Describe, Keys, View};
use crate::{choice, entity};

choice! {
    /// Where an instance stands.
    #[derive(Default)]
    pub enum InstanceStatus {
        /// Goes on.
        #[default]
        Running = "running",
        /// Ended, and what it asked for was approved.
        Approved = "approved",
        /// Ended without having asked.
        Completed = "completed",
        /// Ended with a no.
        Rejected = "rejected",
        /// Called off.
        Cancelled = "cancelled",
        /// Ended because nobody decided in time.
        Expired = "expired",
        /// It could not go on.
        Failed = "failed",
    }
}

choice! {
    /// What an approver said.
    #[derive(Default)]
    pub enum Vote {
        /// Nothing yet.
        #[default]
        Pending = "pending",
        /// Yes.
        Approved = "approved",
        /// No.
        Rejected = "rejected",
        /// Neither.
        Abstained = "abstained",
    }
}

/// What one approver has to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// Who decides.
    pub approver: Id<Member>,
    /// The person it counts for: an agent's sponsor, else the approver.
    pub person: Id<Member>,
    /// Who should have, the first first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegated_from: Vec<Id<Member>>,
    /// What they said.
    pub decision: Vote,
    /// Whether it came by an escalation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub escalated: bool,
}

/// Watched fields of a subject, each with the digest of what it was.
pub type Saw = BTreeMap<String, String>;

/// An approval that passed, and what it was given for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passed {
    /// The step.
    pub step: String,
    /// What it watches.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub saw: Saw,
}

/// A step that is being done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Active {
    /// Which.
    pub step: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// How often that hour passed.
    pub timeouts: u32,
    /// Who decides, fixed when it was entered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Slot>,
    /// Who does it, of those who may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<Id<Member>>,
    /// The process that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<Id<Instance>>,
    /// What the votes are given for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub saw: Saw,
}

/// Something that was said or decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// In which step.
    pub step: String,
    /// Who.
    pub by: Option<Id<Member>>,
    /// approve, reject, complete, …
    pub act: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When.
    pub at: Timestamp,
}

entity! {
    /// A process on its way.
    pub struct Instance("processInstance", "pin") {
        /// The version that it follows to its end.
        definition: Id<Definition>,
        /// What its versions have in common.
        definition_key: String,
        /// What it is about, by identifier.
        subject: Option<String>,
        /// Who started it.
        initiator: Id<Member>,
        /// Where it stands.
        status: InstanceStatus,
        /// The step that is being done; none when it is over.
        active: Option<Active>,
        /// Its variables.
        variables: Map<String, Value>,
        /// What was said and decided, in order.
        decisions: Vec<Said>,
        /// Whether the last approval that was decided passed.
        approved: bool,
        /// The approvals that passed, in order.
        passed: Vec<Passed>,
        /// Why it failed, was called off or expired.
        why: Option<String>,
        /// The instance that it is a step of.
        parent: Option<Id<Instance>>,
    }
}

/// The timer of a step with a deadline, and of one that waits.
pub const DUE: &str = "due";

impl Describe for Instance {
    fn keys(&self, keys: &mut Keys) {
        keys.key("definition", self.definition);
        keys.key("key", &self.definition_key);
        keys.key("initiator", self.initiator);
        if let Some(subject) = &self.subject {
            keys.key("subject", subject);
        }
        for slot in self.active.iter().flat_map(|active| &active.slots) {
            keys.key("approver", slot.approver);
        }
        if self.status == InstanceStatus::Running {
            keys.key("running", self.definition);
        }
    }
    fn timers(&self, timers: &mut Timers) {
        let due = self.active.as_ref().and_then(|active| active.due);
        if let Some(due) = due.filter(|_| self.status == InstanceStatus::Running) {
            timers.at(due, DUE);
        }
    }
    fn label(&self) -> String {
        format!("{} ({})", self.definition_key, self.status)
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        let mine = |member: &Id<Member>| *member == view.caller.member || Some(*member) == view.caller.sponsor;
        let takes_part = || {
            let mut said = self.decisions.iter().filter_map(|one| one.by.as_ref());
            mine(&self.initiator)
                || self
                    .active
                    .iter()
                    .flat_map(|active| &active.slots)
                    .any(|slot| mine(&slot.approver) || slot.delegated_from.iter().any(mine))
                || said.any(mine)
        };
        let seen = |id: &String| {
            view.state
                .kind_of(id)
                .is_some_and(|kind| view.registry.sees(kind, view, id))
        };
        self.subject.as_ref().is_none_or(seen) || takes_part() || view.rights.allow("processes.manage")
    }
}
