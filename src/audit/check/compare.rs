//! What was recorded beside what is decided today.

use projections::event::names;
use projections::{Action, Event, Record};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::kernel::identity::Member;
use crate::kernel::table::Table;
use crate::kernel::{Past, State, sealed};
use crate::modules::organizations::Invitation;

/// Differences that are shown.
const LINES_MAX: usize = 20;
/// What is shown of one side of a difference.
const CHARS_MAX: usize = 120;

/// What came of a comparison.
pub(super) enum Compared {
    /// It is the same.
    Same,
    /// Another version of the tool's rules decided it.
    OtherVersion,
    /// It cannot be decided again: what was given is recorded nowhere.
    NotDecided,
    /// It is not the same, and cannot be: somebody in it was erased since.
    Erased,
    /// It is not the same.
    Differs {
        tool: String,
        what: &'static str,
        lines: Vec<String>,
    },
}

/// What differs only because of an erasure: `touched` says whether somebody who was erased stands in what is compared.
pub(super) fn unless_erased(compared: Compared, touched: impl FnOnce() -> bool) -> Compared {
    match compared {
        Compared::Differs { .. } if touched() => Compared::Erased,
        other => other,
    }
}

/// Whether somebody who was erased is still a member or invited in a state of before.
pub(super) fn has_erased(state: &State) -> bool {
    let members = state.table::<Member>().into_iter().flat_map(Table::rows);
    let invited = state.table::<Invitation>().into_iter().flat_map(Table::rows);
    members.filter_map(|row| row.email.as_deref()).any(sealed::is_in)
        || invited.map(|row| row.email.as_str()).any(sealed::is_in)
}

/// Whether the events of a record are those; their texts are compared first, what they say where those differ.
pub(super) fn is_same(text: &str, record: &Record<'_>, today: &[Event]) -> bool {
    let Ok(written) = serde_json::to_string(today) else {
        return false;
    };
    let end = text.strip_suffix('}').and_then(|text| text.strip_suffix(&written));
    end.is_some_and(|start| start.ends_with(r#""events":"#)) || then(record) == now(today)
}

/// The events of a record, without the versions of their shapes.
fn then(record: &Record<'_>) -> Value {
    let read = |data: Option<&RawValue>| data.and_then(|data| serde_json::from_str::<Value>(data.get()).ok());
    let event = |entry: &projections::record::Entry<'_>| {
        let change = entry.change.as_ref().map(projections::record::Changed::to_owned);
        json!({"type": entry.name, "data": read(entry.data), "change": change})
    };
    record.events.iter().map(event).collect()
}

fn now(today: &[Event]) -> Value {
    let event = |event: &Event| json!({"type": event.name, "data": event.data, "change": event.change});
    today.iter().map(event).collect()
}

/// The differences between a record's events and today's.
pub(super) fn events(record: &Record<'_>, today: &[Event]) -> Vec<String> {
    lines(&then(record), &now(today))
}

/// The differences between two values, a line each: where, what was, what is today.
pub(super) fn lines(then: &Value, today: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    walk("", then, today, &mut lines);
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn walk(path: &str, then: &Value, today: &Value, lines: &mut Vec<String>) {
    match (then, today) {
        (Value::Object(one), Value::Object(other)) => {
            let added = other.keys().filter(|name| !one.contains_key(*name));
            for name in one.keys().chain(added) {
                let side = |object: &serde_json::Map<String, Value>| object.get(name).cloned().unwrap_or_default();
                walk(&format!("{path}/{name}"), &side(one), &side(other), lines);
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            for place in 0..one.len().max(other.len()) {
                let side = |array: &[Value]| array.get(place).cloned().unwrap_or_default();
                walk(&format!("{path}/{place}"), &side(one), &side(other), lines);
            }
        }
        (one, other) if one == other => {}
        (one, other) => lines.push(format!("{path}: {} → {}", clipped(one), clipped(other))),
    }
}

fn clipped(value: &Value) -> String {
    crate::kernel::text::clip(&value.to_string(), CHARS_MAX)
}

/// The version of the rules that an action was proposed under.
pub(super) fn decider_of(past: &dyn Past, action: &Action) -> u32 {
    let text = past.record(action.proposed_seq).ok().flatten().unwrap_or_default();
    let mut room = String::new();
    let Ok(record) = Record::parse(action.proposed_seq, &text, &mut room) else {
        return 0;
    };
    let offers = record.events.iter().filter(|entry| entry.name == names::PROPOSED);
    let mut offers = offers.filter_map(|entry| entry.offer().ok());
    let id = action.id.to_string();
    offers.find(|facts| facts.action == id).map_or(0, |facts| facts.decider)
}
