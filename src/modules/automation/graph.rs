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
/// The longest cycle that is looked for: longer ones are stopped before they close.
const LENGTH_MAX: usize = 5;

/// A rule in the graph.
pub struct Node<'a> {
    id: String,
    rule: &'a Rule,
}

/// The enabled rules of the organisation; one of them as it is to be.
pub fn nodes<'a>(others: &'a [Arc<Row<Rule>>], id: &str, rule: &'a Rule) -> Vec<Node<'a>> {
    let others = others
        .iter()
        .filter(|other| other.enabled && other.id.to_string() != id);
    let own = Node {
        id: id.to_owned(),
        rule,
    };
    let others = others.take(RULES_MAX).map(|other| Node {
        id: other.id.to_string(),
        rule: &other.entity,
    });
    [own].into_iter().chain(others).collect()
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
    let mut found = Vec::new();
    if let Some(first) = nodes.first() {
        walk(nodes, &mut vec![first], &mut found);
    }
    found
}

fn walk<'a>(nodes: &'a [Node<'a>], way: &mut Vec<&'a Node<'a>>, found: &mut Vec<Cycle>) {
    let (Some(first), Some(last)) = (way.first().copied(), way.last().copied()) else {
        return;
    };
    for next in nodes.iter().filter(|next| sets_off(last.rule, next.rule).is_some()) {
        if found.len() >= CYCLES_MAX {
            return;
        }
        if next.id == first.id && way.len() > 1 {
            found.push(cycle(way));
        } else if way.len() < LENGTH_MAX && !way.iter().any(|on| on.id == next.id) {
            way.push(next);
            walk(nodes, way, found);
            way.pop();
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
