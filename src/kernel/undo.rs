//! The inverse of recorded changes: what a plan must do to bring things back to how they were.

use projections::{Change, FieldChange, Fields, Op};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::kernel::record_view::changes_of;
use crate::kernel::table::Label;
use crate::kernel::{Plan, Rejection, View};

/// Conflicts of which is told what changed the thing since.
const TOLD_MAX: usize = 50;

/// A change as the journal holds it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The event's name.
    pub event: String,
    /// The tool that made it.
    pub tool: String,
    /// The change.
    pub change: Change,
}

/// A change that cannot be taken back because something happened since.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// The thing.
    pub entity: Value,
    /// Why.
    pub why: String,
    /// What changed it since.
    pub since: Vec<Value>,
}

/// Plans the inverse of each change, the newest first. Where a field is no longer what the change left, or a created thing has
/// something in it, that is a conflict; with `skip` the rest goes on.
pub fn invert(view: &View<'_>, plan: &mut Plan, recorded: &[Recorded], skip: bool) -> Result<Vec<Conflict>, Rejection> {
    let mut conflicts = Vec::new();
    let mut versions = std::collections::BTreeMap::new();
    let mut fields_now = std::collections::BTreeMap::new();
    let created: Vec<&str> = recorded
        .iter()
        .filter(|one| one.change.op == Op::Create)
        .map(|one| one.change.id.as_str())
        .collect();
    for one in recorded.iter().rev() {
        let kind = one.change.entity.as_ref();
        let table = view
            .state
            .any(kind)
            .ok_or_else(|| Rejection::new("not_undoable", format!("there is no kind {kind}")))?;
        let now = table.describe(&view.caller.org, &one.change.id);
        let label = now.clone().unwrap_or_else(|| gone(table.word(), &one.change));
        let version = *versions.entry(one.change.id.clone()).or_insert(label.version);
        let made = match (one.change.op, &now) {
            (Op::Create, Some(_)) => uncreate(view, table.fields(&one.change.id), &one.change, &created),
            (Op::Update, Some(_)) => {
                let id = one.change.id.clone();
                let fields = fields_now.entry(id).or_insert_with(|| table.fields(&one.change.id));
                restore(table, fields.as_mut(), &one.change, skip)
            }
            (Op::Delete, None) => Ok((
                Op::Create,
                one.change
                    .fields
                    .iter()
                    .map(|(name, field)| {
                        (
                            name.clone(),
                            FieldChange {
                                from: None,
                                to: field.from.clone(),
                            },
                        )
                    })
                    .collect(),
            )),
            _ => Err("it is no longer as this change left it".to_owned()),
        };
        match made {
            Ok((_, fields)) if Fields::is_empty(&fields) => {}
            Ok((op, fields)) => {
                versions.insert(one.change.id.clone(), version + 1);
                let change = Change {
                    entity: one.change.entity.clone(),
                    id: one.change.id.clone(),
                    org: None,
                    version: version + 1,
                    op,
                    fields,
                };
                plan.push(inverse_name(&one.event, one.change.op, op), label, change);
            }
            Err(why) => conflicts.push(Conflict {
                entity: serde_json::to_value(&label).unwrap_or_default(),
                why,
                // What changed it is read where it is told, and no oftener than anybody reads it.
                since: if conflicts.len() < TOLD_MAX {
                    later_changes(view, &one.change, &table.records(&one.change.id))?
                } else {
                    Vec::new()
                },
            }),
        }
    }
    Ok(conflicts)
}

/// What is no longer there, by the name that its removal recorded.
fn gone(kind: &'static str, change: &Change) -> Label {
    let fields = ["name", "title"].into_iter().filter_map(|name| change.fields.get(name));
    let mut names = fields.filter_map(|field| value(field.from.as_deref()).as_str().map(ToOwned::to_owned));
    Label {
        kind,
        id: change.id.clone(),
        key: None,
        label: names.next().unwrap_or_else(|| change.id.clone()),
        version: change.version,
    }
}

fn later_changes(view: &View<'_>, change: &Change, records: &[u64]) -> Result<Vec<Value>, Rejection> {
    let newest: Vec<u64> = records.iter().rev().take(5).rev().copied().collect();
    let mut all = changes_of(view, &change.id, &newest)?;
    all.retain(|shown| {
        shown
            .get("version")
            .and_then(Value::as_u64)
            .is_some_and(|version| version > change.version)
    });
    Ok(all)
}

fn uncreate(view: &View<'_>, now: Option<Value>, change: &Change, created: &[&str]) -> Result<(Op, Fields), String> {
    let inside: Vec<String> = view
        .state
        .kinds()
        .flat_map(|(_, table)| table.owned(&view.caller.org, &change.id))
        .filter(|label| !created.contains(&label.id.as_str()))
        .map(|label| format!("{} {}", label.kind, label.key.unwrap_or(label.label)))
        .collect();
    if !inside.is_empty() {
        return Err(format!(
            "things belong to it now: {}",
            inside.into_iter().take(5).collect::<Vec<_>>().join(", ")
        ));
    }
    let now = now.unwrap_or_default();
    let mut fields = Fields::new();
    for (name, value) in now.as_object().into_iter().flatten() {
        let from = serde_json::value::to_raw_value(value).map_err(|cause| cause.to_string())?;
        fields.insert(
            name.clone().into(),
            FieldChange {
                from: Some(from),
                to: None,
            },
        );
    }
    Ok((Op::Delete, fields))
}

fn restore(
    table: &dyn crate::kernel::table::AnyTable,
    mut now: Option<&mut Value>,
    change: &Change,
    skip: bool,
) -> Result<(Op, Fields), String> {
    let mut fields = Fields::new();
    for (name, field) in &change.fields {
        if table.decoration().contains(&name.as_ref()) {
            continue;
        }
        let place = now.as_mut().and_then(|now| now.get_mut(name.as_ref()));
        let current = place.as_deref().cloned().unwrap_or_default();
        if current != value(field.to.as_deref()) {
            if skip {
                continue;
            }
            return Err(format!("its {name} was changed since"));
        }
        // An earlier change of the same action finds the field as this one will leave it.
        if let Some(place) = place {
            *place = value(field.from.as_deref());
        }
        fields.insert(
            name.clone(),
            FieldChange {
                from: field.to.clone(),
                to: field.from.clone(),
            },
        );
    }
    Ok((Op::Update, fields))
}

fn value(text: Option<&RawValue>) -> Value {
    text.and_then(|text| serde_json::from_str(text.get()).ok())
        .unwrap_or_default()
}

/// The event that an inverse is: `x.created` is undone by `x.deleted`, a removal by `x.restored`, all else by its own name.
fn inverse_name(event: &str, was: Op, _: Op) -> String {
    let kind = event.split('.').next().unwrap_or(event);
    match was {
        Op::Create => format!("{kind}.deleted"),
        Op::Delete => format!("{kind}.restored"),
        Op::Update if event.ends_with(".deleted") => format!("{kind}.restored"),
        Op::Update => event.to_owned(),
    }
}
