//! The project and what it is made of.

use jiff::Timestamp;
use jiff::civil::Date;
use projections::Id;
use serde::{Deserialize, Serialize};

use crate::kernel::identity::Member;
use crate::kernel::{Describe, Keys, Rejection, Row, View, Words};
use crate::{choice, entity};

choice! {
    /// How far a project is.
    pub enum ProjectStatus {
        /// Being planned.
        Planning = "planning",
        /// Being worked on.
        Active = "active",
        /// Paused.
        OnHold = "on_hold",
        /// Done.
        Completed = "completed",
    }
}

choice! {
    /// Whether a project takes part.
    pub enum Lifecycle {
        /// In use.
        Active = "active",
        /// Read only; may be restored or deleted.
        Archived = "archived",
        /// Hidden; purged 30 days later.
        Deleted = "deleted",
    }
}

choice! {
    /// Who may see a project.
    pub enum Visibility {
        /// Everybody in the organisation but guests.
        Organization = "organization",
        /// Its members.
        Members = "members",
        /// Its members, and auditors.
        Private = "private",
    }
}

choice! {
    /// How a project does.
    pub enum Health {
        /// As planned.
        OnTrack = "on_track",
        /// May not make it.
        AtRisk = "at_risk",
        /// Will not make it.
        OffTrack = "off_track",
        /// Nobody said.
        Unknown = "unknown",
    }
}

choice! {
    /// What a member may do in a project.
    pub enum ProjectRole {
        /// Answers for it.
        Lead = "lead",
        /// Works on it.
        Contributor = "contributor",
        /// Looks at it.
        Viewer = "viewer",
    }
}

choice! {
    /// What estimates count.
    pub enum EstimateUnit {
        /// Story points.
        Points = "points",
        /// Hours.
        Hours = "hours",
    }
}

macro_rules! defaults {
    ($($name:ident::$variant:ident),* $(,)?) => { $( impl Default for $name { fn default() -> Self { Self::$variant } } )* };
}
defaults!(
    ProjectStatus::Planning,
    Lifecycle::Active,
    Visibility::Organization,
    Health::Unknown,
    ProjectRole::Contributor,
    EstimateUnit::Points,
);

/// One member of a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectMember {
    /// Who.
    pub member: Id<Member>,
    /// As what.
    pub role: ProjectRole,
}

/// Settings of a project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the catalogue"
)]
pub struct ProjectSettings {
    /// Open blockers keep a task from being started.
    pub enforce_dependencies: bool,
    /// A task needs an estimate before it is started.
    pub require_estimate: bool,
    /// What estimates count.
    pub estimate_unit: EstimateUnit,
    /// Who gets new tasks that name nobody.
    pub default_assignee: Option<Id<Member>>,
    /// Whether it has a wiki.
    pub wiki_enabled: bool,
    /// Whether time is tracked.
    pub time_tracking: bool,
}

entity! {
    /// A container of work.
    pub struct Project("project", "prj", decoration ["taskSeq"]) {
        /// `OPS`: what its tasks' keys begin with.
        key: String,
        /// Earlier keys, which still lead here.
        old_keys: Vec<String>,
        /// Its name.
        name: String,
        /// What it is about, Markdown.
        description: String,
        /// Who answers for it; always a member of it.
        lead: Id<Member>,
        /// How far it is.
        status: ProjectStatus,
        /// Whether it takes part.
        lifecycle: Lifecycle,
        /// Who sees it.
        visibility: Visibility,
        /// First day.
        start_date: Option<Date>,
        /// Day it should be done.
        target_date: Option<Date>,
        /// How it does.
        health: Health,
        /// Why.
        health_note: String,
        /// Its settings.
        settings: ProjectSettings,
        /// Who is in it.
        members: Vec<ProjectMember>,
        /// The number of its newest task.
        task_seq: u64,
        /// When it was deleted; purged 30 days later.
        deleted_at: Option<Timestamp>,
    }
}

impl Describe for Project {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.name);
        keys.name(&self.key);
        for key in &self.old_keys {
            keys.name(key);
        }
        for member in &self.members {
            keys.key("member", member.member);
        }
    }
    fn words<'a>(&'a self, words: &mut Words<'a>) {
        if self.lifecycle == Lifecycle::Deleted {
            return;
        }
        words.title(&self.key);
        words.title(&self.name);
        words.body(&self.description);
    }
    fn label(&self) -> String {
        self.name.clone()
    }
    fn key(&self) -> Option<String> {
        Some(self.key.clone())
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        let is_in = |member| self.role_of(member).is_some();
        let open = self.visibility == Visibility::Organization && view.rights.allow("organizations.browse");
        open || is_in(view.caller.member) || view.caller.sponsor.is_some_and(is_in) || view.rights.allow("audit.read")
    }
}

impl Project {
    /// What a member may do in it; `None` for somebody who is not in it.
    pub fn role_of(&self, member: Id<Member>) -> Option<ProjectRole> {
        self.members
            .iter()
            .find(|known| known.member == member)
            .map(|known| known.role)
    }
}

/// Refuses writes to a project that is archived or deleted.
pub fn writable(project: &Row<Project>) -> Result<(), Rejection> {
    match project.lifecycle {
        Lifecycle::Active => Ok(()),
        lifecycle => Err(Rejection::new(
            "archived",
            format!("project {} is {lifecycle}; nothing in it can be changed", project.key),
        )
        .hint("restore it first")
        .next("restore_project", serde_json::json!({"project": project.key}))),
    }
}
