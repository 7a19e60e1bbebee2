//! Workflows, their states and transitions.

use std::sync::Arc;

use projections::Id;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::identity::Role;
use crate::kernel::{Describe, Keys, Rejection, Row, View};
use crate::modules::projects::Project;
use crate::{choice, entity};

choice! {
    /// What a state means for the work.
    #[derive(Default)]
    pub enum Category {
        /// Not planned yet.
        #[default]
        Backlog = "backlog",
        /// Planned.
        Unstarted = "unstarted",
        /// Being worked on.
        Started = "started",
        /// Done.
        Completed = "completed",
        /// Will not be done.
        Cancelled = "cancelled",
    }
}

impl Category {
    /// Whether nothing is left to do in it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

/// What must hold for a move; `kind` is one of the catalogue's guard kinds, `params` its parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// For example `no_open_subtasks`.
    pub kind: String,
    /// Its parameters.
    #[serde(default)]
    pub params: Value,
}

/// What a move does besides; `kind` is one of the catalogue's post kinds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// For example `set_field`.
    pub kind: String,
    /// Its parameters.
    #[serde(default)]
    pub params: Value,
}

/// A move that a workflow allows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// Its name, for example `Start`.
    pub name: String,
    /// From these states; empty for any.
    pub from: Vec<Id<State>>,
    /// To this one.
    pub to: Id<State>,
    /// What must hold.
    pub guards: Vec<Guard>,
    /// Fields the task needs.
    pub required_fields: Vec<String>,
    /// Roles that may; empty for all.
    pub roles: Vec<Id<Role>>,
    /// What it does besides.
    pub post: Vec<Post>,
}

entity! {
    /// A workflow: the organisation's default, or a project's own copy.
    pub struct Workflow("workflow", "wfl", decoration ["revision"]) {
        /// The project that owns it; `None` for the organisation's default.
        project: Option<Id<Project>>,
        /// Its name.
        name: String,
        /// The moves it allows.
        transitions: Vec<Transition>,
        /// Counts its edits, those of its states too, so that its version says whether anything changed.
        revision: u64,
    }
}

impl Describe for Workflow {
    fn keys(&self, keys: &mut Keys) {
        match self.project {
            Some(project) => {
                keys.key("project", project);
                keys.of(project);
            }
            None => keys.key("default", "yes"),
        }
        for transition in &self.transitions {
            keys.of(transition.to);
            for from in &transition.from {
                keys.of(from);
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

entity! {
    /// A state of a workflow.
    pub struct State("state", "sta") {
        /// Its workflow.
        workflow: Id<Workflow>,
        /// Its name; unique in the workflow.
        name: String,
        /// What it means.
        category: Category,
        /// `#rrggbb`.
        color: String,
        /// Its place in the order, from 0.
        rank: u32,
        /// Most tasks in it at once, per project.
        wip_limit: Option<u32>,
        /// What it is for.
        description: String,
        /// Whether new tasks begin here.
        initial: bool,
    }
}

impl Describe for State {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.name);
        keys.key("workflow", self.workflow);
        keys.of(self.workflow);
    }
    fn lies_in(&self) -> Option<String> {
        Some(self.workflow.to_string())
    }
    fn label(&self) -> String {
        self.name.clone()
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        view.get(self.workflow).is_some()
    }
}

/// The workflow that a project's tasks follow: its own, else the organisation's default (also for `None`).
pub fn workflow_of<'a>(view: &View<'a>, project: Option<&Row<Project>>) -> Result<&'a Arc<Row<Workflow>>, Rejection> {
    let own = project.and_then(|project| view.find::<Workflow>("project", &project.id.to_string()).next());
    own.or_else(|| view.find::<Workflow>("default", "yes").next())
        .ok_or_else(|| Rejection::new("unavailable", "this organisation has no default workflow"))
}

/// The states of a workflow, in order.
pub fn states_of<'a>(view: &View<'a>, workflow: Id<Workflow>) -> Vec<&'a Arc<Row<State>>> {
    let mut states: Vec<_> = view.find::<State>("workflow", &workflow.to_string()).collect();
    states.sort_by_key(|state| (state.rank, state.id));
    states
}
