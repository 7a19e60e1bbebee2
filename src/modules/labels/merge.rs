//! Taking labels away: merging them into another, deleting one.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::entity::Label;
use super::update::open;
use super::uses;
use crate::args;
use crate::kernel::arg::{In, List, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};

args! {
    /// Arguments of `merge_labels`.
    pub struct MergeLabels {
        /// The labels that go.
        from: List<Ref<Label>, 1, 20>,
        /// The label that stays.
        into: Ref<Label>,
        write: In<UpdateArgs>,
    }
}

/// `merge_labels`.
pub fn merge(args: MergeLabels, view: &View<'_>) -> Result<Plan, Rejection> {
    let into = view.resolve(&args.into)?;
    open(view, into)?;
    Plan::expect(view, into, args.write.expected_version)?;
    let mut from: Vec<&Arc<Row<Label>>> = Vec::with_capacity(args.from.len());
    for reference in args.from.iter() {
        let row = view.resolve(reference)?;
        if row.id == into.id {
            let rule = format!("must not name `{}`, which stays", into.name);
            return Err(Rejection::argument(&reference.path, rule));
        }
        open(view, row)?;
        same_scope(view, row, into, "into")?;
        if !from.iter().any(|known| known.id == row.id) {
            from.push(row);
        }
    }
    let ids: Vec<_> = from.iter().map(|row| row.id).collect();
    let names: Vec<String> = from.iter().map(|row| format!("\"{}\"", row.name)).collect();
    let mut plan = Plan::new(format!("Merge {} into \"{}\"", names.join(", "), into.name));
    let (mut changed, mut rewritten) = (Map::new(), Vec::new());
    for row in &from {
        uses::check_exclusive(view, (into.id, &into.entity), &uses::changeable(view, row.id)?, &ids)?;
        rewritten.extend(uses::rules_in_words(view, row.id));
        changed.insert(row.name.clone(), uses::named(view, &uses::tasks(view, row.id)));
        uses::replace(&mut plan, view, row.id, Some(into.id))?;
        plan.remove("label.merged", row)?;
    }
    plan.edit("label.merged", into, |label| {
        for name in from.iter().flat_map(|row| row.aliases.iter().chain([&row.name])) {
            if !label.aliases.contains(name) && text::fold(name) != text::fold(&label.name) {
                label.aliases.push(name.clone());
            }
        }
    })?;
    plan.detail("tasksPerLabel", Value::Object(changed));
    plan.detail(
        "rewritten",
        json!({"moves": rewritten, "rules": [], "views": [], "forms": []}),
    );
    let after = plan.after(into);
    plan.cascades.push(format!("the old names lead to \"{}\"", into.name));
    plan.result = json!({"id": into.id.to_string(), "name": into.name, "aliases": after.aliases});
    Ok(plan)
}

/// A label's tasks may only get a label that exists where they are.
fn same_scope(view: &View<'_>, old: &Row<Label>, new: &Row<Label>, field: &str) -> Result<(), Rejection> {
    if new.project.is_none() || new.project == old.project {
        return Ok(());
    }
    let scope = |row: &Row<Label>| {
        let project = row.project.and_then(|id| view.get(id));
        project.map_or_else(
            || "the organisation".to_owned(),
            |project| format!("project {}", project.key),
        )
    };
    let message = format!(
        "`{}` belongs to {}, `{}` only to {}",
        old.name,
        scope(old),
        new.name,
        scope(new)
    );
    Err(Rejection::new("scope_mismatch", message)
        .field(field)
        .hint("use a label of the organisation, or one of the same project"))
}

args! {
    /// Arguments of `delete_label`.
    pub struct DeleteLabel {
        /// The label.
        label: Ref<Label>,
        /// The label that its tasks get instead.
        replace_with: Option<Ref<Label>>,
        write: In<UpdateArgs>,
    }
}

/// `delete_label`.
pub fn delete(args: DeleteLabel, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.label)?;
    open(view, row)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let heir = args
        .replace_with
        .as_ref()
        .map(|label| view.resolve(label))
        .transpose()?;
    let moves = uses::rules_in_words(view, row.id);
    if heir.is_none() && !moves.is_empty() {
        return Err(Rejection::new(
            "in_use_by_rules",
            format!("moves of workflows add the label `{}`", row.name),
        )
        .field("replaceWith")
        .current(json!({"moves": moves}))
        .hint(
            "say in replaceWith which label they add instead, or take it out of them with save_workflow_transitions",
        ));
    }
    let mut plan = Plan::new(format!("Delete label \"{}\"", row.name));
    let tasks = uses::changeable(view, row.id)?;
    if let Some(heir) = heir {
        if heir.id == row.id {
            return Err(Rejection::argument("replaceWith", "must be another label"));
        }
        same_scope(view, row, heir, "replaceWith")?;
        uses::check_exclusive(view, (heir.id, &heir.entity), &tasks, &[row.id])?;
        plan.summary = format!("Replace label \"{}\" by \"{}\" and delete it", row.name, heir.name);
    }
    let changed = uses::replace(&mut plan, view, row.id, heir.map(|heir| heir.id))?;
    plan.remove("label.deleted", row)?;
    plan.detail(
        "uses",
        json!({"tasks": uses::named(view, &tasks), "moves": moves, "rules": [], "views": []}),
    );
    plan.result = json!({"id": row.id.to_string(), "name": row.name, "tasks": changed});
    Ok(plan)
}
