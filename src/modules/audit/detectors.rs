//! The detectors: what they wait for, and what is to be done then. All numbers are in this one table.

use jiff::SignedDuration;

use super::entity::{AlertKind, Severity};

/// What a detector waits for.
pub struct Detector {
    /// What it raises.
    pub kind: AlertKind,
    /// How much that matters.
    pub severity: Severity,
    /// So many events of one member…
    pub least: u64,
    /// …within this time.
    pub within: SignedDuration,
    /// What it waits for, in words.
    pub rule: &'static str,
    /// What somebody who sees it should do.
    pub next_step: &'static str,
}

/// Hours of work on a weekday, in the organisation's zone: from, and up to but without.
pub const HOURS: (i8, i8) = (7, 20);

/// Permissions that are power over the organisation: who gets one of them has to be seen.
pub const POWERS: [&str; 5] = [
    "organizations.manage",
    "roles.manage",
    "audit.write",
    "integrations.manage",
    "webhooks.manage",
];

/// Refusals that say nothing about whoever confirmed: things changed meanwhile.
pub const HARMLESS_REFUSALS: [&str; 2] = ["preview_stale", "in_flight"];

/// The kinds that a module raises itself, with what it does.
const RAISED: [Detector; 1] = [Detector {
    kind: AlertKind::RuleLoop,
    severity: Severity::Medium,
    least: 1,
    within: SignedDuration::from_mins(10),
    rule: "a rule that set itself off, or that was disabled because it ran too often or failed",
    next_step: "look at the rule with get_automation_rule, expand runs and graph; change its conditions, then enable it",
}];

/// Every detector. The other kinds of alert get theirs with the modules they are about.
pub const DETECTORS: [Detector; 7] = [
    Detector {
        kind: AlertKind::MassDelete,
        severity: Severity::High,
        least: 20,
        within: SignedDuration::from_mins(10),
        rule: "20 things deleted by one member within 10 minutes",
        next_step: "look at the evidence; undo_action brings the things back",
    },
    Detector {
        kind: AlertKind::PrivilegeChange,
        severity: Severity::High,
        least: 1,
        within: SignedDuration::from_mins(10),
        rule: "power over the organisation given, a role widened, or confirming or the limits of agents loosened",
        next_step: "ask whoever did it why; undo_action takes it back",
    },
    Detector {
        kind: AlertKind::AgentBurst,
        severity: Severity::Medium,
        least: 60,
        within: SignedDuration::from_mins(5),
        rule: "60 actions that an agent confirmed itself within 5 minutes",
        next_step: "ask its sponsor; if nobody knows why, revoke the agent's token and undo what it did",
    },
    Detector {
        kind: AlertKind::OffHoursSensitive,
        severity: Severity::Medium,
        least: 1,
        within: SignedDuration::from_mins(10),
        rule: "a sensitive or bulk action confirmed at the weekend, before 7:00 or after 20:00",
        next_step: "ask whoever confirmed it whether it was them",
    },
    Detector {
        kind: AlertKind::ConfirmRefusals,
        severity: Severity::Medium,
        least: 5,
        within: SignedDuration::from_mins(10),
        rule: "5 refused confirms of one member within 10 minutes",
        next_step: "look at what was refused: a client in a loop, or somebody who tries what they may not",
    },
    Detector {
        kind: AlertKind::BudgetOverrun,
        severity: Severity::Medium,
        least: 1,
        within: SignedDuration::from_mins(10),
        rule: "a line of a budget of which more is committed and spent than it has",
        next_step: "look at the budget with list_budgets; give the line more, or take back what was entered",
    },
    Detector {
        kind: AlertKind::StockVariance,
        severity: Severity::Medium,
        least: 1,
        within: SignedDuration::from_mins(10),
        rule: "a count posted with a line further from the books than countVariancePercent, or 10 % where that is not set",
        next_step: "look at get_stock_report, report variance; count again, or find out where the goods went",
    },
];

/// The detector of a kind; `None` where its module is not here yet.
pub fn detector(kind: AlertKind) -> Option<&'static Detector> {
    DETECTORS.iter().chain(&RAISED).find(|detector| detector.kind == kind)
}
