//! What votes come to. A pure function of the slots, so that it can be tested against the law itself.

use std::collections::BTreeSet;

use projections::Id;
use serde_json::{Value, json};

use super::entity::{Approval, ApprovalMode};
use super::instance::{Slot, Vote};
use crate::kernel::identity::Member;

/// What an approval comes to so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not decided yet.
    Open,
    /// It passes.
    Passed,
    /// It does not.
    Rejected,
}

/// Counts the votes of an approval.
#[derive(Debug)]
pub struct Tally<'a> {
    approval: &'a Approval,
    slots: &'a [Slot],
}

impl<'a> Tally<'a> {
    /// Of slots.
    pub fn of(approval: &'a Approval, slots: &'a [Slot]) -> Self {
        Self { approval, slots }
    }

    /// The people who said something; whoever speaks for several counts once.
    fn people(&self, vote: Vote) -> BTreeSet<Id<Member>> {
        let with = self.slots.iter().filter(|slot| slot.decision == vote);
        with.map(|slot| slot.person).collect()
    }

    /// How many must approve: of those who were asked first, for who came by an escalation stands in for who did not answer.
    pub fn needed(&self) -> usize {
        let first = self.slots.iter().filter(|slot| !slot.escalated);
        let all = first.clone().count();
        let by_mode = match self.approval.mode {
            ApprovalMode::Any => 1,
            ApprovalMode::All | ApprovalMode::Sequential => {
                first.filter(|slot| slot.decision != Vote::Abstained).count()
            }
            ApprovalMode::Quorum => match (self.approval.quorum, self.approval.percent) {
                (Some(number), _) => count(number),
                (None, Some(percent)) => (all * count(percent)).div_ceil(100),
                (None, None) => all / 2 + 1,
            },
        };
        by_mode.max(1)
    }

    fn people_slots(&self, vote: Vote) -> usize {
        self.slots.iter().filter(|slot| slot.decision == vote).count()
    }

    /// Those who may speak now: all who have not; where it goes in order, the first of those who were asked first.
    pub fn open(&self) -> impl Iterator<Item = &'a Slot> {
        let in_order = self.approval.mode == ApprovalMode::Sequential;
        let mut before = false;
        self.slots.iter().filter(move |slot| {
            let waits = slot.decision == Vote::Pending;
            let turn = slot.escalated || !in_order || !before;
            before |= waits && !slot.escalated;
            waits && turn
        })
    }

    /// What it comes to. `vetoed` says whether somebody who may end it said no.
    pub fn verdict(&self, vetoed: bool) -> Verdict {
        let yes = self.people(Vote::Approved);
        let pending = self.people(Vote::Pending);
        let distinct = count(self.approval.min_distinct.unwrap_or(1)).max(1);
        let (enough, could) = match self.approval.mode {
            // Everybody's own yes is needed, also where one person speaks for two.
            ApprovalMode::All | ApprovalMode::Sequential => {
                let approved = self.people_slots(Vote::Approved);
                let open = self.people_slots(Vote::Pending);
                let no = self.people_slots(Vote::Rejected) > 0;
                (
                    approved >= self.needed() && !no,
                    approved + open >= self.needed() && !no,
                )
            }
            // People are counted, whoever they speak for.
            ApprovalMode::Any | ApprovalMode::Quorum => {
                (yes.len() >= self.needed(), yes.union(&pending).count() >= self.needed())
            }
        };
        if vetoed || !could || yes.union(&pending).count() < distinct {
            Verdict::Rejected
        } else if enough && yes.len() >= distinct {
            Verdict::Passed
        } else {
            Verdict::Open
        }
    }

    /// In numbers.
    pub fn shown(&self) -> Value {
        json!({
            "mode": self.approval.mode, "needed": self.needed(), "approved": self.people(Vote::Approved).len(),
            "rejected": self.people(Vote::Rejected).len(), "abstained": self.people(Vote::Abstained).len(),
            "waiting": self.people_slots(Vote::Pending),
        })
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
