//! Which rules somebody's plan would set off, for its preview.

use serde_json::{Value, json};

use super::entity::Rule;
use super::facts::{self, Happened};
use super::{actions, run};
use crate::kernel::View;
use crate::kernel::plan::Planned;

/// Things that are named.
const NAMED_MAX: usize = 5;

/// What a preview says of a rule; `None` where it would not run.
pub fn would(view: &View<'_>, id: &str, planned: &[Planned]) -> Option<Value> {
    let rule = view.state.table::<Rule>()?.get(id.parse().ok()?)?;
    if !rule.enabled {
        return None;
    }
    let caller = run::caller(view.state, &rule.org, rule.owner)?;
    let eyes = View::new(view.state, &caller, view.now, view.registry, view.past, None);
    let happened = Happened::in_plan(planned, view, &rule.trigger.event_types);
    let test = run::Test::of(&eyes, rule);
    let fires = |happened: &&Happened| {
        happened.id != id
            && run::belongs(&eyes, happened, rule.project)
            && facts::facts(&eyes, happened, true).is_some_and(|known| test.holds(&known))
    };
    let about: Vec<&Happened> = happened.iter().filter(fires).collect();
    let first = about.first()?;
    let label = |happened: &&Happened| {
        let planned = planned.iter().find(|planned| planned.change.id == happened.id);
        planned.map(|planned| planned.label.key.clone().unwrap_or_else(|| planned.label.label.clone()))
    };
    let named: Vec<String> = about.iter().take(NAMED_MAX).filter_map(label).collect();
    let does: Vec<String> = rule.actions.iter().map(actions::in_words).collect();
    Some(json!({
        "id": id, "name": rule.name, "event": first.event, "for": named, "count": about.len(), "does": does.join(", then "),
    }))
}
