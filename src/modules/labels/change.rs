//! Changing, merging and deleting labels.

use std::sync::Arc;

use serde_json::{Value, json};

use super::entity::Label;
use super::tools::{check_color, refuse_taken};
use crate::args;
use crate::kernel::arg::{Clear, In, List, Str, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};
use crate::modules::projects::{Project, writable};
use crate::modules::tasks::Task;

/// Keys that a preview or an error shows.
const SHOWN_MAX: usize = 20;

args! {
    /// Arguments of `update_label`.
    pub struct UpdateLabel {
        /// The label.
        label: Ref<Label>,
        /// Its name.
        name: Option<Str<1, 50>>,
        /// `#rgb` or `#rrggbb`.
        color: Option<Str<4, 7>>,
        /// The group it belongs to.
        group: Option<Clear<Str<1, 50>>>,
        /// Whether a task may have only one of the group.
        exclusive: Option<bool>,
        /// What it is for.
        description: Option<Str<0, 300>>,
        write: In<UpdateArgs>,
    }
}

args! {
    /// Arguments of `merge_labels`.
    pub struct MergeLabels {
        /// The labels that end.
        from: List<Ref<Label>, 1, 20>,
        /// The label that stays.
        into: Ref<Label>,
        write: In<UpdateArgs>,
    }
}

args! {
    /// Arguments of `delete_label`.
    pub struct DeleteLabel {
        /// The label.
        label: Ref<Label>,
        /// What its tasks get instead.
        replace_with: Option<Ref<Label>>,
        write: In<UpdateArgs>,
    }
}

fn uses<'a>(view: &View<'a>, label: &Row<Label>) -> Vec<&'a Arc<Row<Task>>> {
    view.find::<Task>("label", &label.id.to_string())
        .filter(|task| task.deleted_at.is_none())
        .collect()
}

fn keys(tasks: &[&Arc<Row<Task>>]) -> Vec<String> {
    tasks.iter().take(SHOWN_MAX).map(|task| task.human_key()).collect()
}

fn may_change(view: &View<'_>, label: &Row<Label>) -> Result<(), Rejection> {
    let project: Option<&Arc<Row<Project>>> = label.project.and_then(|id| view.get(id));
    project.map_or(Ok(()), |project| writable(project))
}

/// `update_label`.
pub fn update(args: UpdateLabel, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.label)?;
    may_change(view, row)?;
    Plan::expect(view, row, args.write.expected_version)?;
    check_color(args.color.as_deref())?;
    if let Some(name) = args
        .name
        .as_ref()
        .filter(|name| text::fold(name) != text::fold(&row.name))
    {
        refuse_taken(view, name, row.project)?;
    }
    let mut plan = Plan::new(format!("Change label \"{}\"", row.name));
    plan.edit("label.updated", row, |label| {
        if let Some(name) = args.name {
            label.name = name.0;
        }
        label.color = args.color.map(|color| color.0).or(label.color.take());
        if let Some(group) = args.group {
            label.group = group.value().map(|group| group.0);
        }
        label.exclusive = args.exclusive.unwrap_or(label.exclusive);
        if let Some(description) = args.description {
            label.description = description.0;
        }
    })?;
    let after = plan.after(row);
    if after.exclusive && after.group.is_none() {
        return Err(Rejection::argument("group", "is required where exclusive is true"));
    }
    refuse_double(view, row, &after)?;
    let used = uses(view, row);
    plan.detail("uses", json!({"tasks": used.len(), "first": keys(&used)}));
    plan.result = json!({"id": row.id.to_string(), "name": after.name});
    Ok(plan)
}

/// Refuses where a task would have two labels of an exclusive group.
fn refuse_double(view: &View<'_>, row: &Row<Label>, after: &Label) -> Result<(), Rejection> {
    if !after.exclusive || (row.exclusive && row.group == after.group) {
        return Ok(());
    }
    let rivals: Vec<_> = view
        .rows::<Label>()
        .filter(|other| other.id != row.id && other.group == after.group)
        .map(|other| other.id)
        .collect();
    let mut broken = uses(view, row);
    broken.retain(|task| task.labels.iter().any(|label| rivals.contains(label)));
    if broken.is_empty() {
        return Ok(());
    }
    let group = after.group.as_deref().unwrap_or_default();
    Err(Rejection::new(
        "exclusive_conflict",
        format!(
            "{} have another label of the group `{group}`",
            text::count(broken.len(), "task")
        ),
    )
    .field("exclusive")
    .current(json!({"tasks": keys(&broken), "count": broken.len()}))
    .hint("take one of the labels off these tasks first"))
}

/// Puts `into` (or nothing) in the place of `label` on every task that has it. Gives how many there were.
fn rewrite(
    plan: &mut Plan,
    view: &View<'_>,
    label: &Row<Label>,
    into: Option<&Row<Label>>,
) -> Result<usize, Rejection> {
    let tasks = uses(view, label);
    for task in &tasks {
        plan.edit("task.updated", task, |task| {
            let place = task.labels.iter().position(|id| *id == label.id).unwrap_or_default();
            task.labels.retain(|id| *id != label.id);
            if let Some(into) = into.filter(|into| !task.labels.contains(&into.id)) {
                task.labels.insert(place.min(task.labels.len()), into.id);
            }
        })?;
    }
    Ok(tasks.len())
}

/// Refuses to put a project's label on tasks of other projects.
fn same_reach(label: &Row<Label>, into: &Row<Label>) -> Result<(), Rejection> {
    if into.project.is_none() || into.project == label.project {
        return Ok(());
    }
    Err(Rejection::new(
        "scope_mismatch",
        format!(
            "\"{}\" belongs to one project, and \"{}\" is used beyond it",
            into.name, label.name
        ),
    )
    .field("into")
    .hint("merge into a label of the organisation"))
}

/// `merge_labels`.
pub fn merge(args: MergeLabels, view: &View<'_>) -> Result<Plan, Rejection> {
    let into = view.resolve(&args.into)?;
    may_change(view, into)?;
    Plan::expect(view, into, args.write.expected_version)?;
    let mut plan = Plan::new(format!(
        "Merge {} into \"{}\"",
        text::count(args.from.len(), "label"),
        into.name
    ));
    let (mut names, mut lines) = (Vec::new(), Vec::new());
    for reference in args.from.iter() {
        let row = view.resolve(reference)?;
        if row.id == into.id {
            return Err(Rejection::argument(
                &reference.path,
                "must be another label than `into`",
            ));
        }
        may_change(view, row)?;
        same_reach(row, into)?;
        let count = rewrite(&mut plan, view, row, Some(into))?;
        lines.push(json!({"label": row.name, "tasks": count}));
        names.push(row.name.clone());
        names.extend(row.aliases.iter().cloned());
        plan.remove("label.merged", row)?;
    }
    plan.edit("label.merged", into, |label| {
        names.retain(|name| !label.aliases.contains(name));
        label.aliases.append(&mut names);
    })?;
    plan.detail("perLabel", &lines);
    plan.detail("rewritten", not_there());
    plan.cascades.push("the old names still lead to the label".to_owned());
    plan.result = json!({"id": into.id.to_string(), "name": into.name, "merged": lines});
    Ok(plan)
}

/// Rules, views and forms name labels once their modules have landed.
fn not_there() -> Value {
    json!({"rules": 0, "views": 0, "forms": 0})
}

/// `delete_label`.
pub fn delete(args: DeleteLabel, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.label)?;
    may_change(view, row)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let instead = args
        .replace_with
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?;
    if let Some(into) = instead {
        if into.id == row.id {
            return Err(Rejection::argument("replaceWith", "must be another label"));
        }
        same_reach(row, into).map_err(|no| no.field("replaceWith"))?;
    }
    let used = uses(view, row);
    let mut plan = Plan::new(format!("Delete label \"{}\"", row.name));
    plan.detail("uses", json!({"tasks": used.len(), "first": keys(&used)}));
    plan.detail("named", not_there());
    let count = rewrite(&mut plan, view, row, instead.map(AsRef::as_ref))?;
    plan.remove("label.deleted", row)?;
    if count > 0 {
        let what = instead.map_or_else(|| "lose it".to_owned(), |into| format!("get \"{}\" instead", into.name));
        plan.warn(format!("{} {what}", text::count(count, "task")));
    }
    plan.result = json!({"id": row.id.to_string(), "name": row.name, "tasks": count});
    Ok(plan)
}
