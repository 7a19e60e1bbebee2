//! The sentences of the feed.

use projections::Id;
use projections::record::Changed;
use serde_json::Value;

use crate::kernel::listing::Item;
use crate::kernel::table::Label;
use crate::kernel::{View, text};
use crate::modules::workflows::State;

/// Events whose names are not the verb already.
const VERBS: [(&str, &str); 9] = [
    ("state_changed", "moved"),
    ("updated", "changed"),
    ("state_saved", "saved"),
    ("transitions_saved", "saved the moves of"),
    ("ownership_transferred", "gave the organisation over, and changed"),
    ("reacted", "reacted to"),
    ("alert_raised", "raised"),
    ("alert_acknowledged", "acknowledged"),
    ("alert_resolved", "closed"),
];
/// What things do themselves, whoever recorded it.
const OWN: [&str; 1] = ["joined"];
/// Most letters of a name in a sentence.
const NAME_MAX: usize = 60;

/// `@ana created 2 tasks`, but `2 members joined`.
fn sentence(who: &str, event: &str, what: &str) -> String {
    let verb = event.split_once('.').map_or(event, |(_, verb)| verb);
    if OWN.contains(&verb) {
        return format!("{what} {verb}");
    }
    let known = VERBS.iter().find(|(name, _)| *name == verb);
    let verb = known.map_or_else(|| verb.replace('_', " "), |(_, verb)| (*verb).to_owned());
    format!("{who} {verb} {what}")
}

/// Where a task was moved to.
pub fn target(view: &View<'_>, event: &str, change: &Changed<'_>) -> Option<String> {
    let side = change
        .fields
        .get("state")
        .filter(|_| event == "task.state_changed")?
        .to?;
    let state: Id<State> = serde_json::from_str(side.get()).ok()?;
    view.get(state).map(|row| row.name.clone())
}

/// `@ana moved task OPS-1 "Fix the door" to Done`.
pub fn one(who: &str, event: &str, label: &Label, to: Option<&str>) -> String {
    let name = text::clip(&label.label, NAME_MAX);
    let name = match &label.key {
        Some(key) if label.kind == "task" => format!("{key} \"{name}\""),
        Some(key) => key.clone(),
        None => format!("\"{name}\""),
    };
    let to = to.map(|to| format!(" to {to}")).unwrap_or_default();
    sentence(who, event, &format!("{} {name}{to}", label.kind))
}

/// `@ana moved 14 tasks to Done`, or the line of the one thing that something happened to several times.
pub fn many(item: &Item, links: &[Value], things: usize, count: u64, to: Option<&str>) -> String {
    let said = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let (who, event, kind) = (said("actor"), said("event"), said("kind"));
    if things > 1 {
        let to = to.map(|to| format!(" to {to}")).unwrap_or_default();
        return sentence(who, event, &format!("{}{to}", text::count(things, kind)));
    }
    let of = |name: &str| links.first()?.get(name)?.as_str().map(ToOwned::to_owned);
    let name = of("key").unwrap_or_else(|| of("label").unwrap_or_default());
    sentence(
        who,
        event,
        &format!("{kind} {}, {count} times", text::clip(&name, NAME_MAX)),
    )
}
