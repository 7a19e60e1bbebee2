//! A plan as shown: what the confirmer reads before saying yes (catalogue section 0.6).

mod page;

pub use page::{first, page};

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use projections::{Change, FieldChange, Op};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::kernel::View;
use crate::kernel::json::object;
use crate::kernel::plan::{Plan, Planned, Risk, Undo};
use crate::kernel::table::Label;
use crate::kernel::text;
use crate::kernel::tool::{Tool, ToolKind};

/// Texts at least this long are shown as a unified diff.
const DIFF_MIN: usize = 80;
/// Most letters of a name beside an identifier.
const NAME_MAX: usize = 60;

/// The risk of a plan: its own word, else what the tool's kind says.
pub fn risk(tool: &Tool, plan: &Plan) -> Risk {
    plan.risk.unwrap_or(match tool.kind {
        ToolKind::Destructive | ToolKind::Sensitive => Risk::High,
        ToolKind::Bulk => Risk::Medium,
        _ if plan.changes.len() > 10 => Risk::Medium,
        _ => Risk::Low,
    })
}

/// Looks up what the identifiers in the plan's changes are called, so that a person can read the preview.
pub fn name_ids(plan: &mut Plan, view: &View<'_>) {
    let ids = plan.changes.iter().flat_map(|planned| planned.change.fields.values());
    let ids: BTreeSet<String> = ids.flat_map(ids_of).collect();
    for id in ids {
        let planned = || plan.changes.iter().find(|planned| planned.change.id == id);
        let known = view.state.kind_of(&id).and_then(|kind| view.describe(kind, &id));
        let label = known.or_else(|| planned().map(|planned| planned.label.clone()));
        if let Some(label) = label.filter(|label| label.label != id) {
            plan.names.insert(id, called(&label));
        }
    }
}

fn called(label: &Label) -> String {
    let name = text::clip(&label.label, NAME_MAX);
    match &label.key {
        Some(key) => format!("{key} {name}"),
        None => name,
    }
}

/// The texts in a field that may be identifiers: its value or the members of its list, on both sides.
fn ids_of(field: &FieldChange) -> Vec<String> {
    let named = |text: &Option<Box<RawValue>>| text.as_ref().is_some_and(|text| text.get().contains('_'));
    if !named(&field.from) && !named(&field.to) {
        return Vec::new();
    }
    let may_be = |value: &Value| value.as_str().filter(|text| text.contains('_')).map(ToOwned::to_owned);
    let sides = [side(field.from.as_deref()), side(field.to.as_deref())];
    let lists = sides.iter().filter_map(Value::as_array).flatten();
    sides.iter().chain(lists).filter_map(may_be).collect()
}

/// The fields of a recorded change as a preview shows them, with the names of the identifiers that the caller may know of.
pub fn fields(view: &View<'_>, change: &Change) -> Map<String, Value> {
    let ids: BTreeSet<String> = change.fields.values().flat_map(ids_of).collect();
    let labels = ids.into_iter().filter_map(|id| {
        let label = view.describe(view.state.kind_of(&id)?, &id)?;
        Some((id, called(&label)))
    });
    let names: BTreeMap<String, String> = labels.collect();
    let fields = change.fields.iter();
    fields
        .map(|(name, field)| (name.to_string(), sides(field, &names)))
        .collect()
}

/// The preview of a plan made at `now`.
pub fn preview(tool: &Tool, plan: &Plan, now: Timestamp) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("summary", plan.summary.clone().into());
    put("risk", risk(tool, plan).word().into());
    put(
        "changes",
        plan.changes
            .iter()
            .map(|planned| change(planned, &plan.names))
            .collect(),
    );
    put("cascades", plan.cascades.clone().into());
    put("effects", effects(plan));
    put("warnings", plan.warnings.clone().into());
    put(
        "blockers",
        plan.blockers
            .iter()
            .map(|blocker| serde_json::to_value(blocker).unwrap_or_default())
            .collect(),
    );
    put("undo", undo(plan, now));
    if !plan.details.is_empty() {
        put("details", Value::Object(plan.details.clone()));
    }
    if let Some(settled) = &plan.settled {
        put("settled", settled.clone());
    }
    Value::Object(shown)
}

/// Whether and until when a plan carried out at `now` can be taken back.
pub fn undo(plan: &Plan, now: Timestamp) -> Value {
    match plan.undo {
        Undo::Days(days) => {
            let until = now
                .checked_add(SignedDuration::from_hours(24 * days))
                .unwrap_or(Timestamp::MAX);
            json!({"possible": true, "until": until})
        }
        Undo::Never(why) => json!({"possible": false, "why": why}),
    }
}

fn effects(plan: &Plan) -> Value {
    let outside: Vec<Value> = plan
        .effects
        .iter()
        .map(|effect| json!({"kind": effect.kind, "detail": effect.detail}))
        .collect();
    object([
        ("rules", plan.rules.clone().into()),
        ("processes", Value::Array(Vec::new())),
        ("webhooks", 0.into()),
        ("outside", outside.into()),
    ])
}

fn change(planned: &Planned, names: &BTreeMap<String, String>) -> Value {
    let version = match planned.change.op {
        Op::Create => json!({"before": null, "after": planned.change.version}),
        Op::Update => json!({"before": planned.label.version, "after": planned.change.version}),
        Op::Delete => json!({"before": planned.label.version, "after": null}),
    };
    let fields: Map<String, Value> = planned
        .change
        .fields
        .iter()
        .map(|(name, field)| (name.to_string(), sides(field, names)))
        .collect();
    let mut entity = json!({"kind": planned.label.kind, "id": planned.label.id, "label": planned.label.label});
    if let (Value::Object(members), Some(key)) = (&mut entity, &planned.label.key) {
        members.insert("key".to_owned(), Value::from(key.as_str()));
    }
    object([
        ("event", planned.event.as_ref().into()),
        ("op", json!(planned.change.op)),
        ("entity", entity),
        ("version", version),
        ("fields", Value::Object(fields)),
    ])
}

fn side(text: Option<&RawValue>) -> Value {
    text.and_then(|text| serde_json::from_str(text.get()).ok())
        .unwrap_or(Value::Null)
}

/// Both sides of a field, with the names of the identifiers beside them.
fn sides(field: &FieldChange, names: &BTreeMap<String, String>) -> Value {
    let (before, after) = (side(field.from.as_deref()), side(field.to.as_deref()));
    if let (Value::String(old), Value::String(new)) = (&before, &after)
        && old.len().max(new.len()) >= DIFF_MIN
        && !old.is_empty()
    {
        let diff = similar::TextDiff::from_lines(old, new);
        return json!({"diff": diff.unified_diff().context_radius(2).header("before", "after").to_string()});
    }
    let labels = [
        ("beforeLabel", named(&before, names)),
        ("afterLabel", named(&after, names)),
    ];
    let mut shown = Map::new();
    shown.insert("before".to_owned(), before);
    shown.insert("after".to_owned(), after);
    for (key, label) in labels {
        if let Some(label) = label {
            shown.insert(key.to_owned(), label);
        }
    }
    Value::Object(shown)
}

/// What a value is called: the name of an identifier, or the names of a list of them. What has no name stays as it is.
fn named(value: &Value, names: &BTreeMap<String, String>) -> Option<Value> {
    let name = |value: &Value| {
        value
            .as_str()
            .and_then(|id| names.get(id))
            .map(|name| Value::from(name.as_str()))
    };
    match value {
        Value::Array(items) if items.iter().any(|item| name(item).is_some()) => Some(
            items
                .iter()
                .map(|item| name(item).unwrap_or_else(|| item.clone()))
                .collect(),
        ),
        Value::Array(_) => None,
        plain => name(plain),
    }
}
