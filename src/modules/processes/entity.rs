//! Definitions, and the steps they are made of.

use std::collections::BTreeMap;

use projections::Id;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::identity::{Member, Role, Team};
use crate::kernel::{Describe, Keys};
use crate::{choice, entity};

choice! {
    /// Where a definition stands.
    #[derive(Default)]
    pub enum DefinitionStatus {
        /// Being written.
        #[default]
        Draft = "draft",
        /// New instances follow it.
        Published = "published",
        /// No new instances.
        Retired = "retired",
    }
}

choice! {
    /// What a process is about.
    #[derive(Default)]
    pub enum SubjectKind {
        /// A task.
        Task = "task",
        /// An expense.
        Expense = "expense",
        /// A budget.
        Budget = "budget",
        /// A count of stock, or what is adjusted.
        Stock = "stock",
        /// A contact.
        Contact = "contact",
        /// A page of the wiki.
        Page = "page",
        /// Nothing of its own.
        #[default]
        None = "none",
    }
}

choice! {
    /// What a step is.
    #[derive(Default)]
    pub enum StepKind {
        /// People decide.
        #[default]
        Approval = "approval",
        /// Somebody does something and says so.
        Task = "task",
        /// Goes one way or another.
        Gateway = "gateway",
        /// Time passes.
        Wait = "wait",
        /// A tool is called.
        Action = "action",
        /// Another process runs.
        Subprocess = "subprocess",
    }
}

choice! {
    /// When an approval passes.
    #[derive(Default)]
    pub enum ApprovalMode {
        /// The first approval passes.
        Any = "any",
        /// Everybody must approve.
        #[default]
        All = "all",
        /// So many must.
        Quorum = "quorum",
        /// One after the other.
        Sequential = "sequential",
    }
}

choice! {
    /// What happens when a deadline passes.
    #[derive(Default)]
    pub enum OnTimeout {
        /// It is said again.
        #[default]
        Remind = "remind",
        /// Others may decide too.
        Escalate = "escalate",
        /// It counts as rejected.
        Reject = "reject",
        /// The instance ends.
        Expire = "expire",
    }
}

/// Who may decide or do something: all that one of these names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Assignees {
    /// These members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Id<Member>>,
    /// Who holds one of these roles where the subject lies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Id<Role>>,
    /// Who is in one of these teams itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<Id<Team>>,
    /// An agent's sponsor; else who leads a team of the initiator's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub manager_of_initiator: bool,
    /// CEL that holds for `member`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
}

/// How an approval is decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Approval {
    /// When it passes.
    pub mode: ApprovalMode,
    /// For quorum: how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorum: Option<u32>,
    /// For quorum: what part of the approvers, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// At least so many people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_distinct: Option<u32>,
    /// Whose no ends it at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub veto_roles: Vec<Id<Role>>,
    /// Whether approvers may name somebody else.
    pub allow_delegation: bool,
    /// Whether agents count.
    pub allow_agents: bool,
    /// Whether the initiator counts.
    pub allow_self: bool,
}

/// A way out of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exit {
    /// CEL that must hold; without it, it is taken where none before was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The next step.
    pub to: String,
}

/// A step of a definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Step {
    /// Its name among the steps.
    pub id: String,
    /// What it is.
    pub kind: StepKind,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignees: Option<Assignees>,
    /// How it is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Working time until it is due, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<i64>,
    /// What happens then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<OnTimeout>,
    /// Who may decide then too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalate_to: Option<Assignees>,
    /// Where it goes on; nowhere ends the instance.
    pub next: Vec<Exit>,
    /// Where a no leads; without it a no ends the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_reject: Option<String>,
    /// Fields of the subject whose change asks for approvals anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watch_fields: Vec<String>,
    /// Seconds to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<i64>,
    /// The tool to call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The process to run, by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The arguments of the tool, or the variables of the process; `$subject` stands for the subject, `$vars.x` for a variable.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

/// A variable of a definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variable {
    /// text, number, flag.
    pub r#type: String,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// What it is where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

entity! {
    /// One version of a process.
    pub struct Definition("processDefinition", "pdf") {
        /// What its versions have in common.
        key: String,
        /// The version.
        number: u32,
        /// Its name.
        name: String,
        /// Where it stands.
        status: DefinitionStatus,
        /// What it is about.
        subject: SubjectKind,
        /// Its variables.
        variables: BTreeMap<String, Variable>,
        /// Its steps.
        steps: Vec<Step>,
        /// The first.
        start: String,
        /// In whose name its actions are called.
        owner: Id<Member>,
    }
}

/// The events of a subject that may change what is watched.
const CHANGES: [&str; 9] = [
    "task.updated",
    "task.state_changed",
    "task.assigned",
    "task.checklist_changed",
    "task.transferred",
    "budget.saved",
    "budget.reallocated",
    "stock.item_saved",
    "stock.count_recorded",
];

impl Describe for Definition {
    fn keys(&self, keys: &mut Keys) {
        if self.status != DefinitionStatus::Retired {
            keys.name(&self.key);
            keys.name(&self.name);
        }
        keys.key("key", &self.key);
        if self.steps.iter().any(|step| step.kind == StepKind::Action) {
            keys.reacts("process.step_entered");
        }
        let watches = |step: &Step| !step.watch_fields.is_empty() || step.kind == StepKind::Subprocess;
        if self.steps.iter().any(watches) {
            for event in CHANGES {
                keys.reacts(event);
            }
        }
    }
    fn label(&self) -> String {
        self.name.clone()
    }
    fn key(&self) -> Option<String> {
        Some(format!("{}@{}", self.key, self.number))
    }
}

impl Definition {
    /// A step.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }
}
