//! What was proposed, read back from the record that holds it. The state keeps no arguments and no plans: a caller could
//! fill the memory with offers that it never confirms.

use projections::event::{Proposed, names};
use projections::{Action, Record};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::kernel::Rejection;
use crate::kernel::past::Past;
use crate::kernel::record_view::unread;

/// The canonical arguments.
///
/// # Errors
/// `unavailable` where the journal cannot be read.
pub fn args(past: &dyn Past, action: &Action) -> Result<Map<String, Value>, Rejection> {
    with(past, action, |facts| read(facts.args))
}

/// The plan as previewed.
///
/// # Errors
/// `unavailable` where the journal cannot be read.
pub fn plan(past: &dyn Past, action: &Action) -> Result<Value, Rejection> {
    with(past, action, |facts| read(facts.plan))
}

/// The sentence of the plan.
///
/// # Errors
/// `unavailable` where the journal cannot be read.
pub fn summary(past: &dyn Past, action: &Action) -> Result<String, Rejection> {
    #[derive(Deserialize)]
    struct Said {
        #[serde(default)]
        summary: String,
    }
    let said: Said = with(past, action, |facts| read(facts.plan))?;
    Ok(said.summary)
}

/// What the preview settled; nothing where it settled nothing.
///
/// # Errors
/// `unavailable` where the journal cannot be read.
pub fn settled(past: &dyn Past, action: &Action) -> Result<Value, Rejection> {
    #[derive(Deserialize)]
    struct Said {
        #[serde(default)]
        settled: Value,
    }
    let said: Said = with(past, action, |facts| read(facts.plan))?;
    Ok(said.settled)
}

fn read<'a, T: Deserialize<'a>>(text: &'a RawValue) -> Option<T> {
    serde_json::from_str(text.get()).ok()
}

fn with<T>(past: &dyn Past, action: &Action, take: impl Fn(&Proposed<'_>) -> Option<T>) -> Result<T, Rejection> {
    let text = past.record(action.proposed_seq)?.ok_or_else(unreadable)?;
    let mut room = String::new();
    let record = Record::parse(action.proposed_seq, &text, &mut room).map_err(unread)?;
    let id = action.id.to_string();
    let offers = record.events.iter().filter(|entry| entry.name == names::PROPOSED);
    let offers = offers.filter_map(|entry| entry.offer().ok());
    let mut found = offers.filter(|facts| facts.action == id);
    found.next().and_then(take).ok_or_else(unreadable)
}

fn unreadable() -> Rejection {
    Rejection::new("unavailable", "the record that proposed the action cannot be read")
}
