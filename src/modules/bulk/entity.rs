//! The bulk operation: what was to be done, and what came of it in numbers. What came of each task stands in the receipt: the
//! state would have to keep lists that nobody decides on.

use serde::{Deserialize, Serialize};

use crate::kernel::{Describe, Keys};
use crate::{choice, entity};

choice! {
    /// What a "no" to one item means for the others.
    #[derive(Default)]
    pub enum Mode {
        /// Nothing is done.
        #[default]
        AllOrNothing = "all_or_nothing",
        /// The others are done.
        BestEffort = "best_effort",
    }
}

choice! {
    /// What becomes of items that changed between preview and confirmation.
    pub enum OnChanged {
        /// They are left as they are.
        Skip = "skip",
        /// Nothing is done.
        RefuseAll = "refuse_all",
    }
}

choice! {
    /// How an operation ended.
    #[derive(Default)]
    pub enum BulkStatus {
        /// Everything was done.
        #[default]
        Completed = "completed",
        /// Some of it.
        Partial = "partial",
        /// Nothing: every item had changed in between.
        Failed = "failed",
    }
}

/// How many items came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Done.
    pub applied: usize,
    /// So already.
    pub noop: usize,
    /// Changed in between, and left alone.
    pub skipped: usize,
    /// Refused by a rule.
    pub refused: usize,
}

entity! {
    /// One operation on many tasks.
    pub struct BulkOperation("bulkOperation", "blk") {
        /// The tool.
        kind: String,
        /// The query, where the tasks were found by one.
        query: Option<String>,
        /// What a "no" to one means for the others.
        mode: Mode,
        /// How it ended.
        status: BulkStatus,
        /// What came of its items.
        counts: Counts,
    }
}

impl Describe for BulkOperation {
    fn keys(&self, _: &mut Keys) {}
    fn label(&self) -> String {
        self.kind.clone()
    }
}
