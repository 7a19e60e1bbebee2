//! What a budget's entries add up to. Nothing of it is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use projections::Id;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::entity::{Budget, BudgetEntry, EntryKind};
use crate::kernel::{Row, View};

/// What became of one commitment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Commitment {
    /// What was committed, changes and releases taken into account.
    pub total: Decimal,
    /// What was spent of it.
    pub spent: Decimal,
}

impl Commitment {
    /// What is still committed.
    pub fn open(self) -> Decimal {
        self.total - self.spent
    }
}

/// One line, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// What it was given.
    pub allocated: Decimal,
    /// What is committed and not spent.
    pub committed: Decimal,
    /// What was spent.
    pub spent: Decimal,
}

impl Sums {
    /// What may still be committed or spent.
    pub fn available(self) -> Decimal {
        self.allocated - self.committed - self.spent
    }

    /// What is used up, committed or spent.
    pub fn used(self) -> Decimal {
        self.committed + self.spent
    }

    /// How much of it is used up, in percent.
    pub fn percent(self) -> Option<Decimal> {
        let part = (self.used() * Decimal::ONE_HUNDRED).checked_div(self.allocated);
        part.map(|part| super::super::valuation::rounded(part, 1))
    }

    /// As shown.
    pub fn shown(self) -> Value {
        json!({
            "allocated": self.allocated.normalize(), "committed": self.committed.normalize(), "spent": self.spent.normalize(),
            "available": self.available().normalize(), "usedPercent": self.percent(),
        })
    }
}

/// A budget's entries, added up by line and by commitment.
#[derive(Clone, Debug, Default)]
pub struct Balance {
    /// Each line.
    pub lines: BTreeMap<String, Sums>,
    /// Each commitment, open or not.
    pub commitments: BTreeMap<Id<BudgetEntry>, Commitment>,
    lines_of: BTreeMap<Id<BudgetEntry>, String>,
}

/// A budget's entries, the oldest first.
pub fn entries<'a>(view: &View<'a>, budget: Id<Budget>) -> Vec<&'a Arc<Row<BudgetEntry>>> {
    let mut rows: Vec<_> = view.find::<BudgetEntry>("budget", &budget.to_string()).collect();
    rows.sort_by_key(|row| (row.records.first().copied(), row.id));
    rows
}

impl Balance {
    /// A budget as it stands, or as it stood at an hour.
    pub fn of(view: &View<'_>, budget: &Row<Budget>, as_of: Option<Timestamp>) -> Self {
        let mut balance = Self::default();
        for line in &budget.lines {
            // Before it is approved there are no entries; what is planned is what is shown.
            let sums = balance.lines.entry(line.id.clone()).or_default();
            if as_of.is_none() {
                sums.allocated = line.allocated;
            }
        }
        for row in entries(view, budget.id) {
            if as_of.is_none_or(|as_of| row.at <= as_of) {
                balance.add(row.id, row, as_of.is_some());
            }
        }
        balance
    }

    /// Adds an entry. Allocations count only where they are the source, in the past.
    pub fn add(&mut self, id: Id<BudgetEntry>, entry: &BudgetEntry, allocates: bool) {
        let sums = self.lines.entry(entry.line.clone()).or_default();
        let amount = entry.amount;
        let of = entry.commitment.unwrap_or(id);
        let (mut total, mut spent) = (Decimal::ZERO, Decimal::ZERO);
        match entry.kind {
            EntryKind::Allocation | EntryKind::Transfer if allocates => sums.allocated += amount,
            EntryKind::Allocation | EntryKind::Transfer => {}
            EntryKind::Commitment | EntryKind::CommitmentChange => total = amount,
            EntryKind::Release => total = -amount,
            EntryKind::Spend => (sums.spent, spent) = (sums.spent + amount, entry.off_commitment),
            EntryKind::Reversal => (sums.spent, spent) = (sums.spent - amount, -entry.off_commitment),
        }
        sums.committed += total - spent;
        if entry.kind == EntryKind::Commitment || entry.commitment.is_some() {
            let commitment = self.commitments.entry(of).or_default();
            commitment.total += total;
            commitment.spent += spent;
            if entry.kind == EntryKind::Commitment {
                self.lines_of.insert(id, entry.line.clone());
            }
        }
    }

    /// One line.
    pub fn line(&self, id: &str) -> Sums {
        self.lines.get(id).copied().unwrap_or_default()
    }

    /// All lines together.
    pub fn total(&self) -> Sums {
        let add = |all: Sums, one: &Sums| Sums {
            allocated: all.allocated + one.allocated,
            committed: all.committed + one.committed,
            spent: all.spent + one.spent,
        };
        self.lines.values().fold(Sums::default(), add)
    }

    /// Commitments with something left, and the line of each.
    pub fn open(&self) -> impl Iterator<Item = (Id<BudgetEntry>, Commitment, &str)> {
        let open = self
            .commitments
            .iter()
            .filter(|(_, commitment)| commitment.open() > Decimal::ZERO);
        open.map(|(id, commitment)| (*id, *commitment, self.lines_of.get(id).map_or("", String::as_str)))
    }
}
