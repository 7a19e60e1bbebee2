//! What approvals were given for: the fields of the subject that they watch, kept as digests. What changed since is seen by
//! whoever votes, goes on or asks for the approval, and not only by the reaction that says so.

use std::collections::BTreeSet;

use projections::Digest;
use serde_json::{Value, json};

use super::entity::{Definition, Step, StepKind};
use super::flow::Flow;
use super::instance::{Instance, Saw, Vote};
use super::start::kinds_of;
use crate::kernel::{Rejection, View, json as canonical, text, tool};

/// Fields of a subject as they are now; null where they are not there.
pub fn seen<'f>(view: &View<'_>, subject: Option<&str>, fields: impl IntoIterator<Item = &'f String>) -> Saw {
    let now = subject.and_then(|id| view.state.any(view.state.kind_of(id)?)?.fields(id));
    let digest = |field: &String| {
        let value = now.as_ref().and_then(|now| now.get(field)).unwrap_or(&Value::Null);
        canonical::canonical_value(value)
            .map_or_else(|_| value.to_string(), |text| Digest::of(text.as_bytes()).to_string())
    };
    fields.into_iter().map(|field| (field.clone(), digest(field))).collect()
}

fn changed(view: &View<'_>, instance: &Instance, saw: &Saw) -> Vec<String> {
    if saw.is_empty() {
        return Vec::new();
    }
    let now = seen(view, instance.subject.as_deref(), saw.keys());
    let differs = |field: &&String| now.get(*field) != saw.get(*field);
    saw.keys().filter(differs).cloned().collect()
}

/// Whether every approval of an instance is still for what the subject is now.
pub fn stands(view: &View<'_>, instance: &Instance) -> bool {
    instance
        .passed
        .iter()
        .all(|passed| changed(view, instance, &passed.saw).is_empty())
}

/// The fields that an instance watches now.
pub fn fields(instance: &Instance) -> impl Iterator<Item = &String> {
    let passed = instance.passed.iter().map(|passed| &passed.saw);
    let saw = passed.chain(instance.active.iter().map(|active| &active.saw));
    saw.flat_map(|saw| saw.keys())
}

/// Refuses to watch what no subject of the kind has: a name that is mistyped would guard nothing.
///
/// # Errors
/// `graph_invalid`, with the step and the nearest field.
pub fn check(view: &View<'_>, definition: &Definition) -> Result<(), Rejection> {
    let tables = kinds_of(definition.subject)
        .iter()
        .filter_map(|kind| view.state.any(kind));
    let known: BTreeSet<String> = tables
        .flat_map(|table| tool::object(table.blank()).into_iter().map(|(name, _)| name))
        .collect();
    for step in definition.steps.iter().filter(|step| !step.watch_fields.is_empty()) {
        let invalid = |why: String| {
            Rejection::new("graph_invalid", format!("step `{}`: {why}", step.id))
                .field("steps")
                .current(json!({ "steps": [step.id] }))
        };
        if step.kind != StepKind::Approval {
            return Err(invalid("only an approval watches fields".to_owned()));
        }
        if let Some(strange) = step.watch_fields.iter().find(|field| !known.contains(*field)) {
            let near = text::nearest(strange, known.iter().map(String::as_str), 3).join(", ");
            let why = format!("a subject of kind {} has no field `{strange}`", definition.subject);
            return Err(invalid(why).hint(format!("watch a field that it has: {near}")));
        }
    }
    Ok(())
}

impl Flow<'_, '_> {
    /// Asks anew for approvals of what changed since. Says whether there were any.
    pub fn look_again(&mut self) -> bool {
        self.back() || self.anew()
    }

    /// Goes back to the first approval that was given for something else than what is there now.
    pub fn back(&mut self) -> bool {
        let names = |passed: &super::instance::Passed| changed(self.view, &self.instance, &passed.saw);
        let found = self.instance.passed.iter().position(|passed| !names(passed).is_empty());
        let Some((place, first)) = found.and_then(|place| Some((place, self.instance.passed.get(place)?.clone())))
        else {
            return false;
        };
        let why = format!("changed: {}", names(&first).join(", "));
        self.instance.passed.truncate(place);
        self.instance.approved = false;
        self.note(&first.step, None, "reset", Some(&why));
        self.say("process.approvals_reset");
        self.enter(&first.step);
        true
    }

    /// Takes back the votes of the step that is being done where they were given for something else than what is there now.
    pub fn anew(&mut self) -> bool {
        let Some(active) = &self.instance.active else {
            return false;
        };
        let names = changed(self.view, &self.instance, &active.saw);
        let saw = seen(self.view, self.instance.subject.as_deref(), active.saw.keys());
        let Some(active) = self.instance.active.as_mut().filter(|_| !names.is_empty()) else {
            return false;
        };
        active.saw = saw;
        let voted = active.slots.iter().any(|slot| slot.decision != Vote::Pending);
        active.slots.iter_mut().for_each(|slot| slot.decision = Vote::Pending);
        let step = active.step.clone();
        if voted {
            self.note(&step, None, "reset", Some(&format!("changed: {}", names.join(", "))));
            self.say("process.approvals_reset");
        }
        voted
    }

    /// What an action step of the process itself has just changed was approved with it.
    pub fn own(&mut self, step: &Step) {
        for place in 0..self.instance.passed.len() {
            let Some(passed) = self.instance.passed.get(place) else {
                return;
            };
            let named = passed.saw.keys().filter(|field| step.params.contains_key(*field));
            let now = seen(self.view, self.instance.subject.as_deref(), named);
            if let Some(passed) = self.instance.passed.get_mut(place) {
                passed.saw.extend(now);
            }
        }
    }
}
