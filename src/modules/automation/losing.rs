//! Rules that would stop because their owners lose rights.

use jiff::Timestamp;
use projections::Id;

use super::entity::Rule;
use super::{actions, run};
use crate::kernel::engine::admit;
use crate::kernel::identity::Member;
use crate::kernel::table::Table;
use crate::kernel::{State, View};

/// The names of the enabled rules of some members that could do all they do, and in another state could not.
pub fn stopped(view: &View<'_>, then: &State, owners: &[Id<Member>]) -> Vec<String> {
    let rules = view.state.table::<Rule>().into_iter().flat_map(Table::rows);
    let own = rules.filter(|rule| rule.org == view.caller.org && rule.enabled && owners.contains(&rule.owner));
    let able = |state: &State, rule: &Rule, now: Timestamp| {
        let Some(caller) = run::caller(state, &view.caller.org, rule.owner) else {
            return false;
        };
        let mut tools = rule
            .actions
            .iter()
            .filter_map(|action| actions::tool(view, actions::kind(&action.kind)?));
        tools.all(|tool| admit(state, &caller, tool, now).is_ok())
    };
    let stops = own.filter(|rule| able(view.state, rule, view.now) && !able(then, rule, view.now));
    let named = stops.map(|rule| match view.get(rule.id) {
        Some(rule) => rule.name.clone(),
        None => "a rule that you may not see".to_owned(),
    });
    named.collect()
}
