//! What of a plan counts for its digest, as canonical text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use projections::{FieldChange, Op};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Error, Value};

use super::{Plan, Planned};
use crate::kernel::json;

/// Members stand in the order of their names, as RFC 8785 wants them; so serde writes the canonical text.
#[derive(Serialize)]
struct Essence<'a> {
    changes: Changes<'a>,
    effects: Box<RawValue>,
    requires: Box<RawValue>,
    tool: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Changes<'a> {
    Settled(Box<RawValue>),
    Planned(Vec<Counted<'a>>),
}

#[derive(Serialize)]
struct Counted<'a> {
    entity: &'a str,
    event: &'a str,
    fields: BTreeMap<&'a str, Sides<'a>>,
    id: &'a str,
    op: Op,
}

#[derive(Serialize)]
struct Sides<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Cow<'a, RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Cow<'a, RawValue>>,
}

/// The canonical text (RFC 8785) of what a plan of a tool would do.
pub(super) fn essence(plan: &Plan, tool: &str) -> Result<String, Error> {
    let changes = match &plan.settled {
        Some(settled) => Changes::Settled(canonical(settled)?),
        None => Changes::Planned(plan.changes.iter().map(counted).collect::<Result<_, _>>()?),
    };
    serde_json::to_string(&Essence {
        changes,
        effects: canonical(&serde_json::to_value(&plan.effects)?)?,
        requires: canonical(
            &plan
                .requires
                .iter()
                .map(|(name, fact)| ((*name).to_owned(), fact.clone()))
                .collect(),
        )?,
        tool,
    })
}

fn counted(planned: &Planned) -> Result<Counted<'_>, Error> {
    let fields = planned.change.fields.iter();
    let fields = fields.filter(|(name, _)| !planned.decoration.contains(&name.as_ref()));
    Ok(Counted {
        entity: &planned.change.entity,
        event: &planned.event,
        fields: fields
            .map(|(name, field)| Ok((name.as_ref(), sides(field)?)))
            .collect::<Result<_, Error>>()?,
        id: &planned.change.id,
        op: planned.change.op,
    })
}

fn sides(field: &FieldChange) -> Result<Sides<'_>, Error> {
    Ok(Sides {
        from: field.from.as_deref().map(as_canonical).transpose()?,
        to: field.to.as_deref().map(as_canonical).transpose()?,
    })
}

/// A text that is canonical already stays as it is; what may not be is written anew.
fn as_canonical(text: &RawValue) -> Result<Cow<'_, RawValue>, Error> {
    let plain = match text.get().as_bytes() {
        [b'"', inner @ .., b'"'] => !inner.contains(&b'\\'),
        [b'n' | b't' | b'f', ..] | b"[]" | b"{}" | b"0" => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < 15 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if plain {
        return Ok(Cow::Borrowed(text));
    }
    let value: Value = serde_json::from_str(text.get())?;
    canonical(&value).map(Cow::Owned)
}

fn canonical(value: &Value) -> Result<Box<RawValue>, Error> {
    json::canonical_value(value).and_then(RawValue::from_string)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::kernel::json::tests::values;
    use crate::kernel::plan::Effect;

    fn raw(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).unwrap()
    }

    proptest! {
        #[test]
        fn every_side_of_a_field_is_written_canonically(value in values()) {
            let text = raw(&value);
            let canonical = as_canonical(&text).unwrap();
            prop_assert_eq!(canonical.get(), json::canonical(&value).unwrap());
        }

        #[test]
        fn a_plan_comes_to_the_canonical_text_of_its_parts(from in values(), to in values(), fact in values()) {
            let mut plan = Plan::new("Do it");
            plan.require("fact", &fact);
            plan.effects.push(Effect { kind: "mail".into(), detail: fact.clone() });
            let label = crate::kernel::table::Label { kind: "task", id: "tsk_1".into(), key: None, label: "One".into(), version: 1 };
            let field = |from, to| FieldChange { from, to };
            let fields = [
                ("title".into(), field(Some(raw(&from)), Some(raw(&to)))),
                ("body".into(), field(None, Some(raw(&to)))),
            ];
            let change = projections::Change {
                entity: "task".into(),
                id: "tsk_1".to_owned(),
                org: None,
                version: 2,
                op: Op::Update,
                fields: fields.into_iter().collect(),
            };
            plan.push("task.updated".to_owned(), label, change);
            let whole = json!({
                "tool": "update_task",
                "changes": [{
                    "event": "task.updated", "entity": "task", "id": "tsk_1", "op": "update",
                    "fields": {"title": {"from": from, "to": to}, "body": {"to": to}},
                }],
                "effects": [{"kind": "mail", "detail": fact}],
                "requires": {"fact": fact},
            });
            prop_assert_eq!(essence(&plan, "update_task").unwrap(), json::canonical(&whole).unwrap());
            plan.settled = Some(from.clone());
            let settled: Value = serde_json::from_str(&essence(&plan, "update_task").unwrap()).unwrap();
            prop_assert_eq!(json::canonical(&settled["changes"]).unwrap(), json::canonical(&from).unwrap());
        }
    }
}
