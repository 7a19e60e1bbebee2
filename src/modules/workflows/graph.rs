//! Whether every state of a workflow can be reached and every open state can be left for a final one.

use std::collections::BTreeSet;

use projections::Id;

use super::entity::{Category, State, Transition};

/// A state as the checks need it.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// The state.
    pub id: Id<State>,
    /// What it means.
    pub category: Category,
    /// Whether new tasks begin here.
    pub initial: bool,
}

/// States that break the rules of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stranded {
    /// No path leads here from the initial state.
    pub unreachable: BTreeSet<Id<State>>,
    /// Open, and no path leads from here to a final state.
    pub dead_ends: BTreeSet<Id<State>>,
}

impl Stranded {
    /// Every state that is one or the other.
    pub fn all(&self) -> BTreeSet<Id<State>> {
        self.unreachable.union(&self.dead_ends).copied().collect()
    }

    /// Those that are not stranded in `before`.
    pub fn newly(&self, before: &Self) -> BTreeSet<Id<State>> {
        let gone: BTreeSet<_> = self.unreachable.difference(&before.unreachable).copied().collect();
        let stuck: BTreeSet<_> = self.dead_ends.difference(&before.dead_ends).copied().collect();
        gone.union(&stuck).copied().collect()
    }
}

/// The states that cannot be reached, and those that cannot be finished from.
pub fn stranded(nodes: &[Node], transitions: &[Transition]) -> Stranded {
    let starts = nodes.iter().filter(|node| node.initial).map(|node| node.id);
    let ends = nodes.iter().filter(|node| node.category.is_final()).map(|node| node.id);
    let leads = |from: Id<State>, one: &Transition| one.from.is_empty() || one.from.contains(&from);
    let forward = |from: Id<State>| -> Vec<Id<State>> {
        transitions
            .iter()
            .filter(|one| leads(from, one))
            .map(|one| one.to)
            .collect()
    };
    let backward = |to: Id<State>| -> Vec<Id<State>> {
        let into: Vec<&Transition> = transitions.iter().filter(|one| one.to == to).collect();
        nodes
            .iter()
            .map(|node| node.id)
            .filter(|id| into.iter().any(|one| leads(*id, one)))
            .collect()
    };
    let (reached, finishing) = (closure(starts, forward), closure(ends, backward));
    let ids = nodes.iter().map(|node| node.id);
    Stranded {
        unreachable: ids.clone().filter(|id| !reached.contains(id)).collect(),
        dead_ends: ids.filter(|id| !finishing.contains(id)).collect(),
    }
}

fn closure(from: impl Iterator<Item = Id<State>>, next: impl Fn(Id<State>) -> Vec<Id<State>>) -> BTreeSet<Id<State>> {
    let mut waiting: Vec<Id<State>> = from.collect();
    let mut seen: BTreeSet<Id<State>> = waiting.iter().copied().collect();
    while let Some(id) = waiting.pop() {
        for near in next(id) {
            if seen.insert(near) {
                waiting.push(near);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u128, category: Category, initial: bool) -> Node {
        let id = Id::from_bits(number);
        Node { id, category, initial }
    }

    fn arrow(from: &[u128], to: u128) -> Transition {
        Transition {
            from: from.iter().map(|number| Id::from_bits(*number)).collect(),
            to: Id::from_bits(to),
            ..Transition::default()
        }
    }

    #[test]
    fn a_chain_is_whole_and_a_missing_link_strands_both_sides() {
        let nodes = [
            node(1, Category::Backlog, true),
            node(2, Category::Started, false),
            node(3, Category::Completed, false),
        ];
        let whole = stranded(&nodes, &[arrow(&[1], 2), arrow(&[2], 3)]);
        assert_eq!(whole, Stranded::default());
        let broken = stranded(&nodes, &[arrow(&[1], 2)]);
        assert_eq!(broken.unreachable, [Id::from_bits(3)].into());
        assert_eq!(broken.dead_ends, [Id::from_bits(1), Id::from_bits(2)].into());
        assert_eq!(broken.newly(&whole).len(), 3);
    }

    #[test]
    fn a_transition_from_anywhere_leads_from_everywhere() {
        let nodes = [node(1, Category::Unstarted, true), node(2, Category::Cancelled, false)];
        assert_eq!(stranded(&nodes, &[arrow(&[], 2)]), Stranded::default());
    }
}
