//! The law of votes, over random ones: an approval is decided as soon as it must be, never earlier, and never both ways.

use orkestra::kernel::identity::Member;
use orkestra::modules::processes::entity::{Approval, ApprovalMode};
use orkestra::modules::processes::instance::{Slot, Vote};
use orkestra::modules::processes::tally::{Tally, Verdict};
use projections::Id;
use proptest::prelude::*;

fn slot(person: u8, vote: u8, escalated: bool) -> Slot {
    let id: Id<Member> = Id::derive(jiff::Timestamp::UNIX_EPOCH, &[person]);
    let decision = match vote % 4 {
        0 => Vote::Pending,
        1 => Vote::Approved,
        2 => Vote::Rejected,
        _ => Vote::Abstained,
    };
    Slot {
        approver: id,
        person: id,
        delegated_from: Vec::new(),
        decision,
        escalated,
    }
}

fn approval(mode: u8, quorum: u32, distinct: u32) -> Approval {
    let mode = [
        ApprovalMode::Any,
        ApprovalMode::All,
        ApprovalMode::Quorum,
        ApprovalMode::Sequential,
    ][usize::from(mode % 4)];
    Approval {
        mode,
        quorum: (mode == ApprovalMode::Quorum).then_some(quorum),
        min_distinct: Some(distinct),
        ..Approval::default()
    }
}

/// Every way in which what is pending can still be said.
fn endings(slots: &[Slot]) -> Vec<Vec<Slot>> {
    let Some(place) = slots.iter().position(|slot| slot.decision == Vote::Pending) else {
        return vec![slots.to_vec()];
    };
    let mut all = Vec::new();
    for vote in [Vote::Approved, Vote::Rejected, Vote::Abstained] {
        let mut next = slots.to_vec();
        // One person says one thing, for everybody they speak for.
        let person = next[place].person;
        next.iter_mut()
            .filter(|slot| slot.person == person && slot.decision == Vote::Pending)
            .for_each(|slot| slot.decision = vote);
        all.extend(endings(&next));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn votes_decide_when_they_must_and_never_earlier(
        mode in 0_u8..4,
        quorum in 1_u32..4,
        distinct in 1_u32..3,
        given in prop::collection::vec((0_u8..5, 0_u8..4, prop::bool::weighted(0.15)), 1..5),
    ) {
        let approval = approval(mode, quorum, distinct);
        let slots: Vec<Slot> = given.into_iter().map(|(person, vote, escalated)| slot(person, vote, escalated)).collect();
        let now = Tally::of(&approval, &slots).verdict(false);
        let ends: Vec<Verdict> = endings(&slots).iter().map(|slots| Tally::of(&approval, slots).verdict(false)).collect();
        prop_assert!(!ends.contains(&Verdict::Open), "everybody has spoken, and it is still open");
        match now {
            Verdict::Passed => {
                let yes = slots.iter().filter(|slot| slot.decision == Vote::Approved).count();
                prop_assert!(yes >= 1, "nobody said yes");
                if matches!(approval.mode, ApprovalMode::All | ApprovalMode::Sequential) {
                    prop_assert!(slots.iter().all(|slot| slot.decision != Vote::Rejected));
                }
            }
            // What is called rejected could not have passed any more.
            Verdict::Rejected => prop_assert!(!ends.contains(&Verdict::Passed), "it could still have passed"),
            // What is open can still go both ways, or at least pass.
            Verdict::Open => prop_assert!(ends.contains(&Verdict::Passed), "it was lost already"),
        }
    }
}
