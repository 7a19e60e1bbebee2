//! The alert: that something happened which somebody should look at.

use jiff::Timestamp;
use projections::Id;

use crate::kernel::identity::Member;
use crate::kernel::{Describe, Keys, View};
use crate::{choice, entity};

choice! {
    /// What an alert is about.
    #[derive(Default)]
    pub enum AlertKind {
        /// One member deleted many things in a short time.
        #[default]
        MassDelete = "mass_delete",
        /// Somebody got power over the organisation, or a guard was loosened.
        PrivilegeChange = "privilege_change",
        /// An agent carried out many actions in a short time, and nobody else confirmed them.
        AgentBurst = "agent_burst",
        /// A sensitive or bulk action was confirmed at night or at the weekend.
        OffHoursSensitive = "off_hours_sensitive",
        /// One member's confirms were refused again and again.
        ConfirmRefusals = "confirm_refusals",
        /// Needs module Webhooks.
        WebhookFailing = "webhook_failing",
        /// Needs module Automation.
        RuleLoop = "rule_loop",
        /// Needs module Dependencies.
        StaleClaims = "stale_claims",
        /// More of a budget was committed and spent than it has.
        BudgetOverrun = "budget_overrun",
        /// A count was posted that is far from the books.
        StockVariance = "stock_variance",
    }
}

choice! {
    /// How much an alert matters.
    #[derive(Default)]
    pub enum Severity {
        /// When there is time.
        Low = "low",
        /// Today.
        #[default]
        Medium = "medium",
        /// Now.
        High = "high",
    }
}

choice! {
    /// Where an alert stands.
    #[derive(Default)]
    pub enum AlertStatus {
        /// Nobody has looked at it.
        #[default]
        Open = "open",
        /// Somebody is at it; opens again when it happens again.
        Acknowledged = "acknowledged",
        /// Dealt with; opens again when it happens again.
        Resolved = "resolved",
        /// There was nothing to it.
        FalsePositive = "false_positive",
    }
}

entity! {
    /// That something happened which somebody should look at.
    pub struct Alert("alert", "alr") {
        /// What it is about.
        kind: AlertKind,
        /// How much it matters.
        severity: Severity,
        /// Where it stands.
        status: AlertStatus,
        /// What triggered it, in one sentence.
        summary: String,
        /// Whom it is about: who did it, on whose behalf, who proposed it, and who got something by it; at most 50.
        about: Vec<Id<Member>>,
        /// The records that triggered it, oldest first; at most 200, the newest.
        evidence: Vec<u64>,
        /// How many events triggered it.
        events: u64,
        /// How often it was raised.
        times: u32,
        /// The hour of the first event.
        first_at: Option<Timestamp>,
        /// The hour of the newest event.
        last_at: Option<Timestamp>,
        /// Who looks at it.
        assignee: Option<Id<Member>>,
        /// What was found.
        note: Option<String>,
    }
}

/// The index of alerts by what they are about.
pub const SUBJECT: &str = "subject";

/// The key under [`SUBJECT`].
pub fn subject(kind: AlertKind, who: Id<Member>) -> String {
    format!("{kind}|{who}")
}

impl Describe for Alert {
    fn keys(&self, keys: &mut Keys) {
        if let Some(who) = self.about.first() {
            keys.key(SUBJECT, subject(self.kind, *who));
        }
    }
    fn label(&self) -> String {
        self.summary.clone()
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        view.rights.allow("audit.read")
    }
}
