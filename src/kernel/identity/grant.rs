//! Grants and teams: what gives members roles beyond those of their membership.

use jiff::Timestamp;
use projections::Id;

use crate::entity;
use crate::kernel::entity::{Describe, Keys};
use crate::kernel::identity::{Member, Role};
use crate::kernel::schedule::Timers;
use crate::kernel::{View, Words};

crate::choice! {
    /// Where a grant counts.
    #[derive(Default)]
    pub enum GrantScope {
        /// Everywhere in the organisation.
        #[default]
        Organization = "organization",
        /// For a team and the teams under it.
        Team = "team",
        /// In a project.
        Project = "project",
    }
}

crate::choice! {
    /// Who sees a team.
    #[derive(Default)]
    pub enum TeamVisibility {
        /// Everybody in the organisation but guests.
        #[default]
        Open = "open",
        /// Its members and those of the teams under it, and who holds `teams.closed`.
        Closed = "closed",
    }
}

entity! {
    /// A role that somebody holds beyond their membership: here or there, for good or until an hour.
    pub struct Grant("grant", "grt") {
        /// The member or team that holds it.
        subject: String,
        /// What is held.
        role: Id<Role>,
        /// Where it counts.
        scope: GrantScope,
        /// The team or project it counts in; `None` for the organisation.
        scope_ref: Option<String>,
        /// When it ends by itself.
        expires_at: Option<Timestamp>,
        /// Who gave it.
        granted_by: Id<Member>,
    }
}

/// The timer of a grant that ends by itself.
pub const EXPIRES: &str = "expires";

impl Describe for Grant {
    fn keys(&self, keys: &mut Keys) {
        keys.key("subject", &self.subject);
        keys.key("role", self.role);
        if let Some(place) = &self.scope_ref {
            keys.key("scope", place);
        }
    }
    fn timers(&self, timers: &mut Timers) {
        if let Some(hour) = self.expires_at {
            timers.at(hour, EXPIRES);
        }
    }
    fn label(&self) -> String {
        format!("grant to {}", self.subject)
    }
    fn lies_in(&self) -> Option<String> {
        self.scope_ref.clone()
    }
}

impl Grant {
    /// Whether it counts at an hour.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

entity! {
    /// A group of members, for assignment, visibility and approvals.
    pub struct Team("team", "tem") {
        /// Its name; unique.
        name: String,
        /// Handle without the @; unique among members and teams.
        handle: String,
        /// What it is for.
        description: String,
        /// The human who leads it.
        lead: Option<Id<Member>>,
        /// The team it is part of.
        parent: Option<Id<Team>>,
        /// Its own members, in order of joining; those of the teams under it not among them.
        members: Vec<Id<Member>>,
        /// Who sees it.
        visibility: TeamVisibility,
    }
}

impl Describe for Team {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.name);
        keys.name(&self.handle);
        keys.name(&format!("@{}", self.handle));
        for member in &self.members {
            keys.key("member", member);
        }
        if let Some(parent) = self.parent {
            keys.key("parent", parent);
        }
    }
    fn words<'a>(&'a self, words: &mut Words<'a>) {
        words.title(&self.name);
        words.title(&self.handle);
    }
    fn label(&self) -> String {
        self.name.clone()
    }
    fn key(&self) -> Option<String> {
        Some(format!("@{}", self.handle))
    }
    fn lies_in(&self) -> Option<String> {
        self.parent.map(|parent| parent.to_string())
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        let is_in = |member| self.members.contains(&member) || self.lead == Some(member);
        let open = self.visibility == TeamVisibility::Open && view.rights.allow("organizations.browse");
        open || is_in(view.caller.member) || view.caller.sponsor.is_some_and(is_in) || view.rights.allow("teams.closed")
    }
}
