//! A plan as shown: what the confirmer reads before saying yes (catalogue section 0.6).

use jiff::{SignedDuration, Timestamp};
use projections::{FieldChange, Op};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::kernel::plan::{Plan, Planned, Risk, Undo};
use crate::kernel::tool::{Tool, ToolKind};

/// Texts at least this long are shown as a unified diff.
const DIFF_MIN: usize = 80;

/// The risk of a plan: its own word, else what the tool's kind says.
pub fn risk(tool: &Tool, plan: &Plan) -> Risk {
    plan.risk.unwrap_or(match tool.kind {
        ToolKind::Destructive | ToolKind::Sensitive => Risk::High,
        ToolKind::Bulk => Risk::Medium,
        _ if plan.changes.len() > 10 => Risk::Medium,
        _ => Risk::Low,
    })
}

/// The preview of a plan made at `now`.
pub fn preview(tool: &Tool, plan: &Plan, now: Timestamp) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("summary", plan.summary.clone().into());
    put("risk", risk(tool, plan).word().into());
    put("changes", plan.changes.iter().map(change).collect());
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
    json!({"rules": [], "processes": [], "webhooks": 0, "outside": outside})
}

fn change(planned: &Planned) -> Value {
    let version = match planned.change.op {
        Op::Create => json!({"before": null, "after": planned.change.version}),
        Op::Update => json!({"before": planned.label.version, "after": planned.change.version}),
        Op::Delete => json!({"before": planned.label.version, "after": null}),
    };
    let fields: Map<String, Value> = planned
        .change
        .fields
        .iter()
        .map(|(name, field)| (name.to_string(), sides(field)))
        .collect();
    let mut entity = json!({"kind": planned.label.kind, "id": planned.label.id, "label": planned.label.label});
    if let (Value::Object(members), Some(key)) = (&mut entity, &planned.label.key) {
        members.insert("key".to_owned(), Value::from(key.as_str()));
    }
    json!({"event": planned.event, "op": planned.change.op, "entity": entity, "version": version, "fields": fields})
}

fn sides(field: &FieldChange) -> Value {
    let read = |side: &Option<Box<RawValue>>| -> Value {
        side.as_ref()
            .and_then(|text| serde_json::from_str(text.get()).ok())
            .unwrap_or(Value::Null)
    };
    let (before, after) = (read(&field.from), read(&field.to));
    match (&before, &after) {
        (Value::String(old), Value::String(new)) if old.len().max(new.len()) >= DIFF_MIN && !old.is_empty() => {
            let diff = similar::TextDiff::from_lines(old, new);
            json!({"diff": diff.unified_diff().context_radius(2).header("before", "after").to_string()})
        }
        _ => json!({"before": before, "after": after}),
    }
}
