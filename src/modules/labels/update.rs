//! Changing a label.

use serde_json::json;

use super::entity::Label;
use super::tools::{check_color, free_name};
use super::uses;
use crate::args;
use crate::kernel::arg::{Clear, In, Str, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};
use crate::modules::projects::writable;

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

/// Refuses labels of projects that cannot be changed.
pub fn open(view: &View<'_>, row: &Row<Label>) -> Result<(), Rejection> {
    match row.project {
        Some(project) => writable(view.need(project)?),
        None => Ok(()),
    }
}

/// `update_label`.
pub fn update(args: UpdateLabel, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.label)?;
    open(view, row)?;
    Plan::expect(view, row, args.write.expected_version)?;
    check_color(args.color.as_deref())?;
    if let Some(name) = &args.name {
        free_name(view, row.project, name, Some(row.id))?;
    }
    let mut plan = Plan::new(format!("Change label \"{}\"", row.name));
    let changed = plan.edit("label.updated", row, |label| {
        label.name = args.name.map_or_else(|| label.name.clone(), |name| name.0);
        label.color = args.color.map(|color| color.0).or_else(|| label.color.clone());
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
        return Err(Rejection::argument(
            "exclusive",
            "needs a group; set exclusive to false where the group is cleared",
        ));
    }
    let tasks = uses::tasks(view, row.id);
    if after.group != row.group || after.exclusive != row.exclusive {
        uses::check_exclusive(view, (row.id, &after), &tasks, &[])?;
    }
    let alive = tasks.iter().filter(|task| task.deleted_at.is_none()).count();
    if alive > 0 && after.name != row.name {
        plan.cascades
            .push(format!("{} will show the new name", text::count(alive, "task")));
    }
    plan.detail(
        "uses",
        json!({"tasks": uses::named(view, &tasks), "moves": uses::rules_in_words(view, row.id)}),
    );
    plan.result = json!({"id": row.id.to_string(), "name": after.name, "version": row.version + u64::from(changed)});
    Ok(plan)
}
