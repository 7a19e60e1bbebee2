//! Which rule can set off which: what the actions of one may cause, and what the other reacts to.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::actions;
use super::entity::Rule;
use crate::kernel::{Row, State, View};

/// Rules that are looked at.
const RULES_MAX: usize = 500;
/// Cycles that are shown.
const CYCLES_MAX: usize = 10;
/// Steps of one search: it is part of a decision. What it does not find is stopped when it runs.
const STEPS_MAX: usize = 20_000;
/// The longest cycle that is looked for: longer ones are stopped before they close.
const LENGTH_MAX: usize = 5;

/// A rule in the graph.
pub struct Node<'a> {
    rule: &'a Rule,
}

/// The enabled rules of the organisation; one of them as it is to be.
pub fn nodes<'a>(others: &'a [Arc<Row<Rule>>], id: &str, rule: &'a Rule) -> Vec<Node<'a>> {
    let others = others
        .iter()
        .filter(|other| other.enabled && other.id.to_string() != id);
    let others = others.take(RULES_MAX).map(|other| Node { rule: &other.entity });
    [Node { rule }].into_iter().chain(others).collect()
}

/// Every rule that the view may know of.
pub fn rules(view: &View<'_>) -> Vec<Arc<Row<Rule>>> {
    view.rows::<Rule>().cloned().collect()
}

/// The event by which one rule can set off another.
pub fn sets_off(one: &Rule, other: &Rule) -> Option<&'static str> {
    let apart = matches!((one.project, other.project), (Some(one), Some(other)) if one != other);
    let kinds = one.actions.iter().filter_map(|action| actions::kind(&action.kind));
    let mut events = kinds.flat_map(|kind| kind.emits.iter().copied());
    events.find(|event| !apart && other.trigger.event_types.iter().any(|name| name == event))
}

/// A way from a rule back to itself through others.
pub struct Cycle {
    names: Vec<String>,
    /// Whether nothing but the limit ends it: no rule on the way asks for anything, and one makes new things each time.
    pub is_unbounded: bool,
}

impl Cycle {
    /// In words.
    pub fn in_words(&self) -> String {
        self.names.join(" → ")
    }
}

/// The cycles through the first node.
pub fn cycles(nodes: &[Node<'_>]) -> Vec<Cycle> {
    let search = searched(nodes);
    let ways = search.found.iter();
    let ways = ways.map(|way| way.iter().filter_map(|at| nodes.get(*at)).collect::<Vec<_>>());
    ways.map(|way| cycle(&way)).collect()
}

fn searched(nodes: &[Node<'_>]) -> Search {
    let after: Vec<Vec<usize>> = nodes.iter().map(|one| followers(nodes, one)).collect();
    let mut search = Search {
        back: distances(&after),
        after,
        steps: 0,
        found: Vec::new(),
    };
    search.walk(&mut vec![0]);
    search
}

fn followers(nodes: &[Node<'_>], one: &Node<'_>) -> Vec<usize> {
    let others = nodes.iter().enumerate();
    let follow = others.filter(|(_, other)| sets_off(one.rule, other.rule).is_some());
    follow.map(|(at, _)| at).collect()
}

/// How many rules lie between each one and the first, at least; `None` where no way leads there.
fn distances(after: &[Vec<usize>]) -> Vec<Option<usize>> {
    let mut back: Vec<Option<usize>> = vec![None; after.len()];
    let mut next = vec![0];
    for far in 0..LENGTH_MAX {
        let before = |at: &usize| {
            after
                .get(*at)
                .is_some_and(|after| next.iter().any(|to| after.contains(to)))
        };
        let fresh: Vec<usize> = (1..after.len())
            .filter(|at| back.get(*at) == Some(&None))
            .filter(before)
            .collect();
        for at in &fresh {
            if let Some(known) = back.get_mut(*at) {
                *known = Some(far);
            }
        }
        next = fresh;
    }
    back
}

/// A search for ways that lead back to the first rule; those that cannot any more are not gone.
struct Search {
    after: Vec<Vec<usize>>,
    back: Vec<Option<usize>>,
    steps: usize,
    found: Vec<Vec<usize>>,
}

impl Search {
    fn walk(&mut self, way: &mut Vec<usize>) {
        let after = way.last().and_then(|last| self.after.get(*last)).cloned();
        for next in after.unwrap_or_default() {
            self.steps += 1;
            if self.found.len() >= CYCLES_MAX || self.steps > STEPS_MAX {
                return;
            }
            let left = LENGTH_MAX.saturating_sub(way.len() + 1);
            if next == 0 {
                if way.len() > 1 {
                    self.found.push(way.clone());
                }
            } else if way.len() < LENGTH_MAX
                && self.back.get(next).copied().flatten().is_some_and(|back| back <= left)
                && !way.contains(&next)
            {
                way.push(next);
                self.walk(way);
                way.pop();
            }
        }
    }
}

fn cycle(way: &[&Node<'_>]) -> Cycle {
    let names = way
        .iter()
        .chain(way.first())
        .map(|node| format!("\"{}\"", node.rule.name));
    let bare = |node: &&&Node<'_>| node.rule.conditions.is_none() && node.rule.trigger.filter.is_none();
    let makes = |node: &&Node<'_>| {
        let mut kinds = node
            .rule
            .actions
            .iter()
            .filter_map(|action| actions::kind(&action.kind));
        kinds.any(|kind| kind.makes)
    };
    Cycle {
        names: names.collect(),
        is_unbounded: way.iter().filter(bare).count() == way.len() && way.iter().any(makes),
    }
}

/// Whether a rule can set off, through others or not, the one that has just set it off.
pub fn closes(state: &State, rule: &Row<Rule>, last: Option<&String>) -> bool {
    let table = state
        .table::<Rule>()
        .into_iter()
        .flat_map(crate::kernel::table::Table::rows);
    let all: Vec<_> = table
        .filter(|other| other.enabled && other.org == rule.org)
        .take(RULES_MAX)
        .collect();
    let Some(last) = all.iter().find(|other| Some(&other.id.to_string()) == last) else {
        return false;
    };
    let (mut reached, mut next) = (BTreeSet::new(), vec![&rule.entity]);
    while let Some(one) = next.pop() {
        for other in all.iter().filter(|other| sets_off(one, other).is_some()) {
            if other.id == last.id {
                return true;
            }
            if reached.insert(other.id) {
                next.push(&other.entity);
            }
        }
    }
    false
}

/// The rules that one can set off, and those that can set it off.
pub fn around(view: &View<'_>, row: &Row<Rule>) -> Value {
    let others: Vec<Arc<Row<Rule>>> = rules(view).into_iter().filter(|other| other.id != row.id).collect();
    let edge =
        |other: &Arc<Row<Rule>>, event: &str| json!({"id": other.id.to_string(), "name": other.name, "by": event});
    let after = others
        .iter()
        .filter_map(|other| Some(edge(other, sets_off(row, other)?)));
    let before = others
        .iter()
        .filter_map(|other| Some(edge(other, sets_off(other, row)?)));
    let own = nodes(&others, &row.id.to_string(), row);
    let cycles: Vec<String> = cycles(&own).iter().map(Cycle::in_words).collect();
    json!({"setsOff": after.collect::<Vec<_>>(), "setOffBy": before.collect::<Vec<_>>(), "cycles": cycles})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::automation::entity::Action;
    use crate::modules::automation::trigger::Trigger;

    fn rule(name: usize, reacts: &[&str], does: &str) -> Rule {
        Rule {
            name: name.to_string(),
            trigger: Trigger {
                event_types: reacts.iter().map(ToString::to_string).collect(),
                ..Trigger::default()
            },
            actions: vec![Action {
                kind: does.to_owned(),
                params: serde_json::Map::new(),
            }],
            ..Rule::default()
        }
    }

    #[test]
    fn ways_that_cannot_lead_back_are_not_gone() {
        let mut rules: Vec<Rule> = (0..100)
            .map(|name| rule(name, &["task.created"], "create_task"))
            .collect();
        rules[0].trigger.event_types.clear();
        let nodes: Vec<Node<'_>> = rules.iter().map(|rule| Node { rule }).collect();
        let search = searched(&nodes);
        assert_eq!((search.steps, search.found.len()), (99, 0));
    }

    #[test]
    fn the_longest_way_back_is_found_and_no_longer_one() {
        let events = [
            "task.created",
            "comment.created",
            "task.assigned",
            "task.state_changed",
            "task.updated",
        ];
        let kinds = ["add_comment", "assign_task", "move_task", "update_task", "create_task"];
        let rules: Vec<Rule> = (0..5).map(|at| rule(at, &[events[at]], kinds[at])).collect();
        let nodes: Vec<Node<'_>> = rules.iter().map(|rule| Node { rule }).collect();
        let found = searched(&nodes).found;
        assert!(found.contains(&vec![0, 1, 2, 3, 4]), "{found:?}");
        assert!(found.iter().all(|way| way.len() <= LENGTH_MAX), "{found:?}");
    }
}
