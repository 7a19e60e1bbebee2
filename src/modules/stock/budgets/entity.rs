//! Budgets: what may be spent on what, and the entries that use it up.

use jiff::Timestamp;
use jiff::civil::Date;
use projections::Id;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::kernel::identity::{Member, Team};
use crate::kernel::{Describe, Keys, View};
use crate::modules::projects::Project;
use crate::{choice, entity};

choice! {
    /// What happens beyond what is available.
    #[derive(Default)]
    pub enum Control {
        /// Nothing.
        None = "none",
        /// The preview warns.
        #[default]
        Warn = "warn",
        /// It is refused.
        Block = "block",
    }
}

choice! {
    /// Where a budget stands.
    #[derive(Default)]
    pub enum BudgetStatus {
        /// Being drawn up.
        #[default]
        Draft = "draft",
        /// In use.
        Approved = "approved",
        /// Only what is committed may be spent.
        Frozen = "frozen",
        /// Over.
        Closed = "closed",
    }
}

/// One line of a budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetLine {
    /// Stable within the budget.
    pub id: String,
    /// What it is for.
    pub category: String,
    /// How much there is for it.
    pub allocated: Decimal,
}

entity! {
    /// An amount of money for a time, in lines.
    pub struct Budget("budget", "bdg") {
        /// Its name.
        name: String,
        /// First day.
        from: Option<Date>,
        /// Last day.
        to: Option<Date>,
        /// ISO 4217; fixed after the first entry.
        currency: String,
        /// Who answers for it.
        owner: Option<Id<Member>>,
        /// The project it is for; the organisation where there is none.
        project: Option<Id<Project>>,
        /// The team it is for, where it is for one.
        team: Option<Id<Team>>,
        /// Its lines.
        lines: Vec<BudgetLine>,
        /// What happens beyond what is available.
        control: Control,
        /// From which part of a line on a preview warns.
        warn_at_percent: Option<i64>,
        /// How far beyond what is available is still let pass.
        tolerance_percent: Decimal,
        /// Where it stands.
        status: BudgetStatus,
        /// The budget that it is a part of.
        parent: Option<Id<Budget>>,
        /// Lines whose use has reached `warnAtPercent`, until it falls below again.
        reached: Vec<String>,
    }
}

impl Describe for Budget {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.name);
        if let Some(parent) = self.parent {
            keys.key("parent", parent);
            keys.of(parent);
        }
        if let Some(project) = self.project {
            keys.key("project", project);
        }
        if let Some(team) = self.team {
            keys.key("team", team);
        }
    }
    fn label(&self) -> String {
        self.name.clone()
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        self.project.is_none_or(|project| view.get(project).is_some())
    }
}

impl Budget {
    /// A line by its identifier or category.
    pub fn line(&self, name: &str) -> Option<&BudgetLine> {
        let folded = crate::kernel::text::fold(name);
        let by_id = self.lines.iter().find(|line| line.id == name);
        by_id.or_else(|| {
            self.lines
                .iter()
                .find(|line| crate::kernel::text::fold(&line.category) == folded)
        })
    }

    /// What all lines have.
    pub fn allocated(&self) -> Decimal {
        self.lines.iter().map(|line| line.allocated).sum()
    }
}

choice! {
    /// What an entry does.
    #[derive(Default)]
    pub enum EntryKind {
        /// Gives a line money.
        #[default]
        Allocation = "allocation",
        /// Takes it from one line to another.
        Transfer = "transfer",
        /// Promises it.
        Commitment = "commitment",
        /// Makes a promise larger or smaller.
        CommitmentChange = "commitment_change",
        /// Gives a promise up.
        Release = "release",
        /// Spends it.
        Spend = "spend",
        /// Takes a spend back.
        Reversal = "reversal",
    }
}

entity! {
    /// One entry of a budget's ledger. Never changed.
    pub struct BudgetEntry("budgetEntry", "ben") {
        /// What it does.
        kind: EntryKind,
        /// The budget.
        budget: Id<Budget>,
        /// The line.
        line: String,
        /// How much, in the budget's currency; signed where it can go both ways.
        amount: Decimal,
        /// What of it comes off the commitment that it belongs to.
        off_commitment: Decimal,
        /// What it belongs to, in words.
        reference: Option<String>,
        /// What it is for.
        for_ref: Option<String>,
        /// The commitment that it changes, releases or spends against.
        commitment: Option<Id<BudgetEntry>>,
        /// The spend that it takes back.
        reverses: Option<Id<BudgetEntry>>,
        /// What was given in another currency.
        given: Option<Decimal>,
        /// That currency.
        given_currency: Option<String>,
        /// What one of it is in the budget's currency.
        rate: Option<Decimal>,
        /// When a commitment is due, or a spend was made.
        date: Option<Date>,
        /// When it was entered.
        at: Timestamp,
    }
}

impl Describe for BudgetEntry {
    fn keys(&self, keys: &mut Keys) {
        keys.key("budget", self.budget);
        keys.of(self.budget);
        if let Some(commitment) = self.commitment {
            keys.key("commitment", commitment);
        }
        if let Some(reverses) = self.reverses {
            keys.key("reverses", reverses);
        }
        if let Some(reference) = &self.reference {
            keys.key("reference", crate::kernel::text::fold(reference));
        }
    }
    fn label(&self) -> String {
        format!("{} of {}", self.kind, self.amount)
    }
    fn is_visible(&self, view: &View<'_>) -> bool {
        view.get(self.budget).is_some()
    }
}
