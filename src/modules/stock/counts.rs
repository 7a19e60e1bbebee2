//! Counts: what was found, against what the books said.

use jiff::Timestamp;
use projections::Id;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::entity::{StockItem, StockLocation};
use super::ledger::{Lot, cost_key};
use crate::kernel::{Describe, Keys};
use crate::{choice, entity};

choice! {
    /// What a count is of, and what those who count may see.
    #[derive(Default)]
    pub enum CountMode {
        /// Everything there.
        Full = "full",
        /// Some items in turn.
        #[default]
        Cycle = "cycle",
        /// Everything asked for, without knowing what the books say.
        Blind = "blind",
    }
}

choice! {
    /// Where a count stands.
    #[derive(Default)]
    pub enum CountStatus {
        /// Nothing was counted yet.
        #[default]
        Open = "open",
        /// Something was counted.
        Recorded = "recorded",
        /// The books follow it.
        Posted = "posted",
        /// It was given up.
        Cancelled = "cancelled",
    }
}

impl CountStatus {
    /// Whether it goes on.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Recorded)
    }
}

/// One thing to count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CountLine {
    /// The item.
    pub item: Id<StockItem>,
    /// Where.
    pub location: Id<StockLocation>,
    /// Of which lot.
    pub lot: Option<Id<Lot>>,
    /// What the books said when the count began.
    pub expected_at_snapshot: Decimal,
    /// What moved between then and the counting.
    pub moved_since: Decimal,
    /// What was found.
    pub counted: Option<Decimal>,
    /// Why it differs.
    pub reason: Option<String>,
}

impl CountLine {
    /// What was found beyond what should have been there.
    pub fn variance(&self) -> Option<Decimal> {
        Some(self.counted? - self.expected())
    }

    /// What should have been there when it was counted.
    pub fn expected(&self) -> Decimal {
        self.expected_at_snapshot + self.moved_since
    }

    /// Whether it is the line of a cell.
    pub fn is_of(&self, item: Id<StockItem>, location: Id<StockLocation>, lot: Option<Id<Lot>>) -> bool {
        self.item == item && self.location == location && self.lot == lot
    }
}

entity! {
    /// A count.
    pub struct CountSession("countSession", "cnt", decoration ["snapshotSeq"]) {
        /// Where.
        locations: Vec<Id<StockLocation>>,
        /// Which items; all that are there where none is named.
        items: Vec<Id<StockItem>>,
        /// What it is of.
        mode: CountMode,
        /// Where it stands.
        status: CountStatus,
        /// The position of the books that it began with.
        snapshot_seq: u64,
        /// What is to be counted.
        lines: Vec<CountLine>,
        /// When the books followed it.
        posted_at: Option<Timestamp>,
    }
}

impl Describe for CountSession {
    fn keys(&self, keys: &mut Keys) {
        if self.status.is_open() {
            keys.key("status", "open");
        }
        for line in &self.lines {
            keys.key("item", line.item);
            if self.status == CountStatus::Posted {
                keys.key("posted", cost_key(line.item, line.location));
            }
        }
    }
    fn label(&self) -> String {
        format!("{} count of {} lines", self.mode, self.lines.len())
    }
}
