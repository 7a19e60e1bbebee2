//! The bulk operation: what was to be done to which tasks, and what came of each.

use projections::Id;
use serde::{Deserialize, Serialize};

use crate::kernel::{Describe, Keys};
use crate::modules::tasks::Task;
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
    }
}

choice! {
    /// What came of one item.
    #[derive(Default)]
    pub enum Outcome {
        /// It was done.
        #[default]
        Applied = "applied",
        /// It was so already.
        Noop = "noop",
        /// It changed in between and was left alone.
        Skipped = "skipped",
        /// A rule said no.
        Refused = "refused",
    }
}

/// What came of one item, and why not more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemResult {
    /// The task.
    pub task: Id<Task>,
    /// What came of it.
    pub outcome: Outcome,
    /// The code of the "no".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
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
        /// The tasks, as the preview found them.
        frozen_ids: Vec<Id<Task>>,
        /// How it ended.
        status: BulkStatus,
        /// What came of each.
        results: Vec<ItemResult>,
    }
}

impl Describe for BulkOperation {
    fn keys(&self, _: &mut Keys) {}
    fn label(&self) -> String {
        format!("{} of {} tasks", self.kind, self.frozen_ids.len())
    }
}
