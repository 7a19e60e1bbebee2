//! The entities that decide who may do what: organisations, members, roles, grants, teams and tokens.

mod grant;

use std::collections::BTreeMap;

use jiff::Timestamp;
use projections::{ActorKind, Digest, Id};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::entity;
use crate::kernel::entity::{Describe, Keys};
use crate::kernel::principal::covers;

pub use grant::{EXPIRES, Grant, GrantScope, Team, TeamVisibility};

crate::choice! {
    /// Who may confirm a pending action.
    #[derive(Default)]
    pub enum ConfirmPolicy {
        /// The proposer.
        #[default]
        ItsProposer = "self",
        /// Any human with the permission, but no agent.
        Human = "human",
        /// Two humans.
        Dual = "dual",
    }
}

crate::choice! {
    /// Where an organisation stands.
    pub enum OrganizationStatus {
        /// Works.
        Active = "active",
        /// Reads only.
        Suspended = "suspended",
        /// Closed; may be reopened for 30 days.
        Closed = "closed",
    }
}

crate::choice! {
    /// What kind of member.
    pub enum MemberKind {
        /// A person.
        Human = "human",
        /// An agent that acts for a sponsor.
        Agent = "agent",
        /// A service account.
        Service = "service",
    }
}

crate::choice! {
    /// Where a member stands.
    pub enum MemberStatus {
        /// Asked to join.
        Invited = "invited",
        /// Takes part.
        Active = "active",
        /// May not act for now.
        Suspended = "suspended",
        /// Gone.
        Removed = "removed",
    }
}

macro_rules! first_is_default {
    ($($name:ident::$variant:ident),* $(,)?) => { $( impl Default for $name { fn default() -> Self { Self::$variant } } )* };
}
first_is_default!(OrganizationStatus::Active, MemberKind::Human, MemberStatus::Active);

/// Settings of an organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OrganizationSettings {
    /// Who must confirm, per kind (`destructive`), tool (`delete_task`) or `default`.
    pub confirm_policy: BTreeMap<String, ConfirmPolicy>,
    /// Mail domains that may be invited; empty for any.
    pub allowed_email_domains: Vec<String>,
    /// How long history is kept, 30 to 3650 days.
    pub retention_days: u32,
    /// Whether guests may be invited.
    pub guest_access: bool,
    /// What agents may do here.
    pub agent_policy: AgentPolicy,
    /// How the books of stock are kept.
    #[serde(skip_serializing_if = "StockSettings::is_plain")]
    pub stock: StockSettings,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self {
            confirm_policy: BTreeMap::new(),
            allowed_email_domains: Vec::new(),
            retention_days: 365,
            guest_access: true,
            agent_policy: AgentPolicy::default(),
            stock: StockSettings::default(),
        }
    }
}

/// How an organisation keeps its books of stock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct StockSettings {
    /// The first day that movements may be dated back to; the first of the month where it is not set.
    pub open_from: Option<jiff::civil::Date>,
    /// Adjustments of more value than this need an approval.
    pub approval_above: Option<Decimal>,
    /// Variances of a count beyond this part of what was expected need an approval.
    pub count_variance_percent: Option<Decimal>,
    /// Variances of a count of more value than this need an approval.
    pub count_variance_value: Option<Decimal>,
}

impl StockSettings {
    /// Whether nothing was set.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// What agents may do in an organisation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AgentPolicy {
    /// Tools no agent may propose here.
    pub denied_tools: Vec<String>,
}

entity! {
    /// The tenant: everything belongs to one, and none sees another.
    pub struct Organization("organization", "org") {
        /// Its name.
        name: String,
        /// Its address part; unique on the instance.
        slug: String,
        /// Earlier slugs, which still lead here.
        old_slugs: Vec<String>,
        /// Where it stands.
        status: OrganizationStatus,
        /// IANA time zone.
        timezone: String,
        /// ISO 4217.
        currency: String,
        /// BCP 47.
        locale: Option<String>,
        /// First day of the week.
        week_start: String,
        /// Its settings.
        settings: OrganizationSettings,
        /// When it was closed.
        closed_at: Option<Timestamp>,
    }
}

impl Describe for Organization {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.name);
        keys.name(&self.slug);
        for slug in &self.old_slugs {
            keys.name(slug);
        }
    }
    fn label(&self) -> String {
        self.name.clone()
    }
    fn key(&self) -> Option<String> {
        Some(self.slug.clone())
    }
}

/// When a member is away, and who stands in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutOfOffice {
    /// First day.
    pub from: jiff::civil::Date,
    /// Last day.
    pub to: jiff::civil::Date,
    /// Who stands in.
    pub delegate: Option<Id<Member>>,
}

entity! {
    /// A person, an agent or a service in an organisation.
    pub struct Member("member", "mbr") {
        /// What kind.
        kind: MemberKind,
        /// The name shown.
        display_name: String,
        /// Mail address; unique among the humans of an organisation.
        email: Option<String>,
        /// Handle without the @; unique.
        handle: String,
        /// Where the member stands.
        status: MemberStatus,
        /// Who answers for an agent or service.
        sponsor: Option<Id<Member>>,
        /// What the member may do.
        roles: Vec<Id<Role>>,
        /// IANA time zone, where it differs from the organisation's.
        timezone: Option<String>,
        /// Working hours a week.
        capacity_hours_per_week: Option<Decimal>,
        /// When away.
        out_of_office: Option<OutOfOffice>,
    }
}

impl Member {
    /// What kind of principal it is in records.
    pub const fn actor_kind(&self) -> ActorKind {
        match self.kind {
            MemberKind::Human => ActorKind::Human,
            MemberKind::Agent => ActorKind::Agent,
            MemberKind::Service => ActorKind::Service,
        }
    }
}

impl Describe for Member {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.display_name);
        keys.name(&self.handle);
        keys.name(&format!("@{}", self.handle));
        if let Some(email) = &self.email {
            keys.name(email);
        }
        for role in &self.roles {
            keys.key("role", role);
        }
        if let Some(sponsor) = self.sponsor {
            keys.key("sponsor", sponsor);
        }
    }
    fn words<'a>(&'a self, words: &mut crate::kernel::Words<'a>) {
        words.title(&self.display_name);
        words.title(&self.handle);
    }
    fn label(&self) -> String {
        self.display_name.clone()
    }
    fn key(&self) -> Option<String> {
        Some(format!("@{}", self.handle))
    }
    fn is_alive(&self) -> bool {
        self.status != MemberStatus::Removed
    }
}

entity! {
    /// A named set of permissions.
    pub struct Role("role", "rol") {
        /// Its name.
        name: String,
        /// What it is for.
        description: String,
        /// Patterns such as `tasks.write`, `tasks.*` or `*`.
        permissions: Vec<String>,
        /// Whether it came with the organisation and cannot be changed.
        builtin: bool,
        /// Who may grant it: owners, admins or managers.
        grantable: String,
    }
}

impl Describe for Role {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.name);
    }
    fn label(&self) -> String {
        self.name.clone()
    }
}

entity! {
    /// A bearer token: who it speaks for and what it may at most do. The secret itself is nowhere; only its keyed hash.
    pub struct Token("token", "tok", decoration ["hash"]) {
        /// What its owner calls it.
        name: String,
        /// The member it speaks for.
        member: Id<Member>,
        /// HMAC-SHA-256 of the secret under the pepper kept beside the journal.
        hash: Digest,
        /// The hash before a rotation, good until `overlap_until`.
        old_hash: Option<Digest>,
        /// Until when the old secret is good.
        overlap_until: Option<Timestamp>,
        /// The first characters, to recognise it by.
        prefix: String,
        /// The profile it is bound to.
        profile: Option<String>,
        /// Permissions it may use, such as `tasks.write`, `tasks.*` or `*`; never empty.
        scopes: Vec<String>,
        /// Whether it may only read.
        read_only: bool,
        /// Who must confirm what it proposes; the stricter of this and the organisation's counts.
        confirm: ConfirmPolicy,
        /// Whether in-band confirmation (elicitation) is used with clients that declare it.
        elicit: bool,
        /// When it ends.
        expires_at: Option<Timestamp>,
        /// When it was revoked.
        revoked_at: Option<Timestamp>,
    }
}

impl Describe for Token {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.name);
        keys.of(self.member);
        keys.anywhere("hash", self.hash);
        if let Some(old) = self.old_hash {
            keys.anywhere("hash", old);
        }
    }
    fn label(&self) -> String {
        self.name.clone()
    }
    fn is_alive(&self) -> bool {
        self.revoked_at.is_none()
    }
}

impl Token {
    /// Whether it is good at an hour.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether its scopes include a permission.
    pub fn allows(&self, permission: &str) -> bool {
        self.scopes.iter().any(|scope| covers(scope, permission))
    }
}
