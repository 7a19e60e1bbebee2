//! What a rule can look at: the event, the thing it is about now and before, the hour. Identifiers read as names.

use std::collections::BTreeMap;

use jiff::Timestamp;
use projections::record::Changed;
use projections::{Actor, FieldChange, Record};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::trigger::{Trigger, TriggerKind};
use crate::kernel::View;
use crate::kernel::expression::{LIST_MAX, Type, Variables};
use crate::kernel::plan::Planned;

/// Fields that are numbers although they are recorded as texts.
const NUMBERS: [&str; 2] = ["estimate", "remaining"];
/// Fields that may be null and are texts otherwise.
const TEXTS: [&str; 6] = [
    "startDate",
    "dueDate",
    "resolution",
    "parent",
    "completedAt",
    "deletedAt",
];
/// Longest text that is looked at.
const TEXT_MAX: usize = 4_000;

/// Something that happened, or would, to one thing.
pub struct Happened {
    /// The event.
    pub event: String,
    /// The kind of thing.
    pub kind: String,
    /// The thing.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// How many reactions led to it.
    pub depth: u32,
    /// The fields that changed: before and after.
    pub fields: Vec<(String, Value, Value)>,
}

fn read(text: Option<&RawValue>) -> Value {
    text.and_then(|text| serde_json::from_str(text.get()).ok())
        .unwrap_or_default()
}

impl Happened {
    /// What a record says happened to one thing, among some events.
    pub fn in_record(record: &Record<'_>, about: &str, events: &[String]) -> Option<Self> {
        let ours = record
            .events
            .iter()
            .filter_map(|entry| Some((entry, entry.change.as_ref()?)));
        let ours = ours
            .filter(|(_, change)| change.id == about)
            .filter(|(entry, _)| events.iter().any(|name| *name == entry.name));
        let mut found: Option<Self> = None;
        for (entry, change) in ours {
            let happened = found.get_or_insert_with(|| Self {
                event: entry.name.to_string(),
                kind: change.entity.to_string(),
                id: change.id.to_string(),
                at: record.at,
                actor: record.actor.clone(),
                depth: record.cause.as_ref().map_or(0, |cause| cause.chain_depth),
                fields: Vec::new(),
            });
            happened.add(change);
        }
        found
    }

    fn add(&mut self, change: &Changed<'_>) {
        let fields = change.fields.iter();
        self.fields
            .extend(fields.map(|(name, field)| (name.to_string(), read(field.from), read(field.to))));
    }

    /// What a plan would do to each thing, among some events.
    pub fn in_plan(planned: &[Planned], view: &View<'_>, events: &[String]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for one in planned
            .iter()
            .filter(|one| events.iter().any(|name| *name == one.event))
        {
            let sides = |field: &FieldChange| (read(field.from.as_deref()), read(field.to.as_deref()));
            let fields = one.change.fields.iter().map(|(name, field)| {
                let (from, to) = sides(field);
                (name.to_string(), from, to)
            });
            let fields: Vec<_> = fields.collect();
            if let Some(known) = known.get(one.change.id.as_str()).and_then(|place| all.get_mut(*place)) {
                known.fields.extend(fields);
                continue;
            }
            known.insert(&one.change.id, all.len());
            all.push(Self {
                event: one.event.to_string(),
                kind: one.change.entity.to_string(),
                id: one.change.id.clone(),
                at: view.now,
                actor: view.caller.actor(),
                depth: 0,
                fields,
            });
        }
        all
    }

    /// That the hour came, for a thing or for none.
    pub fn hour(at: Timestamp, kind: &str, id: &str) -> Self {
        Self {
            event: "schedule.fired".to_owned(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            at,
            actor: Actor::system(),
            depth: 0,
            fields: Vec::new(),
        }
    }
}

/// The facts that a rule decides on; `None` where the thing is out of the view's sight. With `then`, fields that changed
/// are as they were right after it, the others as they are now.
pub fn facts(view: &View<'_>, happened: &Happened, then: bool) -> Option<Map<String, Value>> {
    let mut facts = Map::new();
    if !happened.id.is_empty() {
        let table = view.state.any(&happened.kind)?;
        let current = table.fields(&happened.id);
        if current.is_some() && !view.registry.sees(&happened.kind, view, &happened.id) {
            return None;
        }
        let known = current.is_some();
        let mut after = object(current.unwrap_or_else(|| table.blank()));
        if then || !known {
            for (name, from, to) in &happened.fields {
                after.insert(
                    name.clone(),
                    if known || !to.is_null() {
                        to.clone()
                    } else {
                        from.clone()
                    },
                );
            }
        }
        let mut before = after.clone();
        for (name, from, _) in &happened.fields {
            before.insert(name.clone(), from.clone());
        }
        related(view, &happened.kind, &after, &mut facts);
        facts.insert(
            happened.kind.clone(),
            thing(view, &happened.kind, &happened.id, after).into(),
        );
        facts.insert(
            "before".to_owned(),
            thing(view, &happened.kind, &happened.id, before).into(),
        );
    }
    let mut fields: Vec<&str> = happened.fields.iter().map(|(name, ..)| name.as_str()).collect();
    fields.sort_unstable();
    fields.dedup();
    let actor = happened.actor.principal_id.as_deref();
    facts.insert(
        "event".to_owned(),
        json!({
            "type": happened.event, "at": happened.at, "actor": actor.map(|id| named(view, id)),
            "actorKind": happened.actor.kind, "fields": fields, "depth": happened.depth,
        }),
    );
    let zone = view.organization().ok().map(|org| org.timezone.clone());
    let zone = zone
        .and_then(|zone| jiff::tz::TimeZone::get(&zone).ok())
        .unwrap_or(jiff::tz::TimeZone::UTC);
    facts.insert("today".to_owned(), zone.to_datetime(view.now).date().to_string().into());
    facts.insert("now".to_owned(), view.now.to_string().into());
    Some(facts)
}

/// What a comment is about.
fn related(view: &View<'_>, kind: &str, fields: &Map<String, Value>, facts: &mut Map<String, Value>) {
    let of = |name: &str| fields.get(name).and_then(Value::as_str);
    if let ("comment", Some("task"), Some(id)) = (kind, of("targetKind"), of("target"))
        && view.registry.sees("task", view, id)
        && let Some(task) = view.state.any("task").and_then(|table| table.fields(id))
    {
        facts.insert("task".to_owned(), thing(view, "task", id, object(task)).into());
    }
}

/// A thing as a rule sees it.
pub fn thing(view: &View<'_>, kind: &str, id: &str, fields: Map<String, Value>) -> Map<String, Value> {
    let mut seen: Map<String, Value> = fields
        .into_iter()
        .map(|(name, value)| {
            let value = readable(view, &name, value);
            (name, value)
        })
        .collect();
    let key = view
        .state
        .any(kind)
        .and_then(|table| table.describe(&view.caller.org, id)?.key);
    seen.insert("id".to_owned(), id.into());
    seen.insert("key".to_owned(), key.unwrap_or_else(|| id.to_owned()).into());
    seen
}

fn readable(view: &View<'_>, name: &str, value: Value) -> Value {
    match value {
        Value::String(text) if NUMBERS.contains(&name) => number(&text),
        Value::String(text) => {
            let text = named(view, &text);
            Value::from(crate::kernel::text::clip(&text, TEXT_MAX))
        }
        Value::Array(items) => {
            let items = items.into_iter().take(LIST_MAX);
            items.map(|item| readable(view, "", item)).collect()
        }
        other => other,
    }
}

fn number(text: &str) -> Value {
    let whole = text.parse::<i64>().map(Value::from);
    whole
        .or_else(|_| text.parse::<f64>().map(Value::from))
        .unwrap_or_default()
}

/// The key or name of an identifier; any other text as it is.
pub fn named(view: &View<'_>, text: &str) -> String {
    let label = view.state.kind_of(text).and_then(|kind| view.describe(kind, text));
    label.map_or_else(|| text.to_owned(), |label| label.key.unwrap_or(label.label))
}

fn object(value: Value) -> Map<String, Value> {
    crate::kernel::tool::object(value)
}

/// The names that the facts of a trigger have, with their types.
pub fn variables(view: &View<'_>, trigger: &Trigger) -> Variables {
    let event = Variables::default()
        .with("type", Type::Text)
        .with("at", Type::Text)
        .with("actor", Type::Text)
        .with("actorKind", Type::Text)
        .with("fields", Type::List)
        .with("depth", Type::Number);
    let mut known = Variables::default()
        .with("event", Type::Thing(event))
        .with("today", Type::Text)
        .with("now", Type::Text);
    let kinds = trigger.kinds();
    for kind in &kinds {
        known = known.with(kind, Type::Thing(fields_of(view, kind)));
    }
    if kinds.contains(&"comment") {
        known = known.with("task", Type::Thing(fields_of(view, "task")));
    }
    match (kinds.as_slice(), trigger.kind) {
        ([kind], TriggerKind::Event) => known.with("before", Type::Thing(fields_of(view, kind))),
        ([_, ..], TriggerKind::Event) => known.with("before", Type::Any),
        _ => known,
    }
}

fn fields_of(view: &View<'_>, kind: &str) -> Variables {
    let blank = view
        .state
        .any(kind)
        .map(|table| object(table.blank()))
        .unwrap_or_default();
    let known = Variables::default().with("id", Type::Text).with("key", Type::Text);
    blank.into_iter().fold(known, |known, (name, value)| {
        let of = match value {
            _ if NUMBERS.contains(&name.as_str()) => Type::Number,
            _ if TEXTS.contains(&name.as_str()) => Type::Text,
            Value::String(_) => Type::Text,
            Value::Number(_) => Type::Number,
            Value::Bool(_) => Type::Flag,
            Value::Array(_) => Type::List,
            Value::Null | Value::Object(_) => Type::Any,
        };
        known.with(&name, of)
    })
}

/// What stands at a path such as `task.title`.
pub fn at<'a>(facts: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (first, rest) = path
        .split_once('.')
        .map_or((path, None), |(first, rest)| (first, Some(rest)));
    let mut found = facts.get(first)?;
    for part in rest.into_iter().flat_map(|rest| rest.split('.')) {
        found = found.get(part)?;
    }
    Some(found)
}
