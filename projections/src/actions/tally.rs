//! Counting what became of attempts.

use crate::Step;

/// How often what happened to attempts that a worker carries out, since this fold began; no part of the state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Handed over.
    pub published: u64,
    /// Did what was planned.
    pub succeeded: u64,
    /// Did nothing, and are tried again.
    pub failed_for_now: u64,
    /// Did nothing, for good.
    pub failed: u64,
    /// Nobody knows.
    pub unknown: u64,
    /// Ordered by operators, or again by themselves where that does no harm.
    pub retried: u64,
    /// Settled by operators.
    pub reconciled: u64,
    /// Reports that did not count.
    pub refused: u64,
}

impl Tally {
    pub(super) fn count(&mut self, step: Step) {
        let counter = match step {
            Step::Published => &mut self.published,
            Step::Succeeded => &mut self.succeeded,
            Step::FailedForNow => &mut self.failed_for_now,
            Step::FailedForGood => &mut self.failed,
            Step::Lost => &mut self.unknown,
            Step::Retried => &mut self.retried,
            Step::ReconciledAsDone | Step::ReconciledAsNotDone => &mut self.reconciled,
            _ => return,
        };
        *counter += 1;
    }
}
