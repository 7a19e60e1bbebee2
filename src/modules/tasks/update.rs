//! Changing a task, field by field.

use std::sync::Arc;

use serde_json::json;

use super::create::{check_dates, too_deep};
use super::entity::{ChecklistItem, Priority, Task, TaskType};
use super::moving::RankArgs;
use crate::args;
use crate::kernel::arg::{Clear, Date, Dec, In, JsonObject, List, Md, Patch, Str, UpdateArgs};
use crate::kernel::identity::Member;
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};
use crate::modules::labels::Label;
use crate::modules::projects::writable;

args! {
    /// One edit of a text: what stands there, and what shall stand there.
    pub struct TextEdit {
        /// Must occur exactly once.
        find: Str<1, 10000>,
        replace: Md<65536>,
    }
}

args! {
    /// A change of a checklist, by the items' texts.
    pub struct ChecklistEdit {
        add: Option<List<Str<1, 300>, 0, 100>>,
        done: Option<List<Str<1, 300>, 0, 100>>,
        undone: Option<List<Str<1, 300>, 0, 100>>,
        remove: Option<List<Str<1, 300>, 0, 100>>,
    }
}

args! {
    /// Arguments of `update_task`.
    pub struct UpdateTask {
        task: Ref<Task>,
        title: Option<Str<1, 300>>,
        /// The whole text, Markdown.
        description: Option<Clear<Md<65536>>>,
        /// Parts of it.
        description_edits: Option<List<TextEdit, 1, 20>>,
        r#type: Option<TaskType>,
        priority: Option<Priority>,
        /// Task it is part of.
        parent: Option<Clear<Ref<Task>>>,
        labels: Option<Patch<Ref<Label>>>,
        estimate: Option<Clear<Dec>>,
        /// Work left.
        remaining: Option<Clear<Dec>>,
        start_date: Option<Clear<Date>>,
        due_date: Option<Clear<Date>>,
        /// Needs module Sprints.
        sprint: Option<Clear<Str<1, 200>>>,
        /// Needs module Milestones.
        milestone: Option<Clear<Str<1, 200>>>,
        /// Needs module Custom fields.
        custom_fields: Option<JsonObject>,
        /// Items, by text.
        checklist: Option<ChecklistEdit>,
        watchers: Option<Patch<Ref<Member>>>,
        /// Where it stands in its state.
        rank: Option<RankArgs>,
        write: In<UpdateArgs>,
    }
}

/// `update_task`.
pub fn update(args: UpdateTask, view: &View<'_>) -> Result<Plan, Rejection> {
    let later = [
        (args.sprint.is_some(), "sprint", "Sprints"),
        (args.milestone.is_some(), "milestone", "Milestones"),
        (args.custom_fields.is_some(), "customFields", "Custom fields"),
    ];
    if let Some((_, field, module)) = later.into_iter().find(|(given, ..)| *given) {
        return Err(Rejection::not_yet(field, module));
    }
    let row = view.resolve(&args.task)?;
    writable(view.need(row.project)?)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let mut after = row.entity.clone();
    simple(&args, &mut after)?;
    parent(&args, view, row, &mut after)?;
    let project = row.project;
    if let Some(patch) = &args.labels {
        let own = |label: &Row<Label>| label.project.is_none_or(|of| of == project);
        after.labels = patch.apply(&row.labels, |label| view.resolve_among(label, own).map(|row| row.id))?;
    }
    if let Some(patch) = &args.watchers {
        after.watchers = patch.apply(&row.watchers, |member| view.resolve(member).map(|row| row.id))?;
    }
    if let Some(rank) = rank(view, row, args.rank.as_ref())? {
        after.rank = rank;
    }
    check_dates(after.start_date, after.due_date)?;
    let mut plan = Plan::new(format!("Change {} \"{}\"", row.human_key(), text::clip(&row.title, 60)));
    plan.edit("task.updated", row, |task| *task = after)?;
    if let Some(edit) = &args.checklist {
        let list = checklist(&row.checklist, edit)?;
        plan.edit("task.checklist_changed", row, |task| task.checklist = list)?;
    }
    plan.result = json!({"id": row.id.to_string(), "key": row.human_key()});
    Ok(plan)
}

fn simple(args: &UpdateTask, task: &mut Task) -> Result<(), Rejection> {
    if let Some(title) = &args.title {
        title.0.clone_into(&mut task.title);
    }
    if let Some(description) = &args.description {
        task.description = description.as_value().map(|text| text.0.clone()).unwrap_or_default();
    }
    for edit in args.description_edits.iter().flat_map(|edits| edits.iter()) {
        task.description = replaced(&task.description, edit)?;
    }
    task.r#type = args.r#type.unwrap_or(task.r#type);
    task.priority = args.priority.unwrap_or(task.priority);
    if let Some(estimate) = &args.estimate {
        task.estimate = estimate.as_value().map(|number| number.0);
    }
    if let Some(remaining) = &args.remaining {
        task.remaining = remaining.as_value().map(|number| number.0);
    }
    if let Some(day) = &args.start_date {
        task.start_date = day.as_value().map(|day| day.0);
    }
    if let Some(day) = &args.due_date {
        task.due_date = day.as_value().map(|day| day.0);
    }
    Ok(())
}

/// Replaces a text that occurs exactly once.
fn replaced(whole: &str, edit: &TextEdit) -> Result<String, Rejection> {
    let places: Vec<usize> = whole.match_indices(edit.find.0.as_str()).map(|(at, _)| at).collect();
    if let [at] = places.as_slice() {
        let (before, rest) = whole.split_at(*at);
        return Ok(format!(
            "{before}{}{}",
            edit.replace.0,
            rest.get(edit.find.0.len()..).unwrap_or_default()
        ));
    }
    let around = |at: &usize| text::clip(whole.get(*at..).unwrap_or_default(), 60);
    let contexts: Vec<String> = places.iter().take(5).map(around).collect();
    Err(Rejection::new(
        "find_not_unique",
        format!(
            "`{}` occurs {} times in the text",
            text::clip(&edit.find.0, 40),
            places.len()
        ),
    )
    .field("descriptionEdits")
    .current(json!({"count": places.len(), "contexts": contexts}))
    .hint("give a longer piece that occurs exactly once"))
}

fn parent(args: &UpdateTask, view: &View<'_>, row: &Row<Task>, after: &mut Task) -> Result<(), Rejection> {
    match &args.parent {
        None => {}
        Some(Clear::Away) => after.parent = None,
        Some(Clear::To(reference)) => {
            let parent = view.resolve(reference)?;
            if parent.project != row.project {
                return Err(Rejection::argument("parent", "must be in the same project"));
            }
            let mut above = Some(parent);
            while let Some(one) = above {
                if one.id == row.id {
                    return Err(Rejection::new(
                        "cycle",
                        format!("{} stands above {} already", row.human_key(), parent.human_key()),
                    )
                    .field("parent"));
                }
                above = one.parent.and_then(|id| view.get(id));
            }
            too_deep(view, parent)?;
            after.parent = Some(parent.id);
        }
    }
    Ok(())
}

fn checklist(before: &[ChecklistItem], edit: &ChecklistEdit) -> Result<Vec<ChecklistItem>, Rejection> {
    let mut list = before.to_vec();
    let texts = |part: &Option<List<Str<1, 300>, 0, 100>>| -> Vec<String> {
        part.iter()
            .flat_map(|list| list.iter())
            .map(|text| text.0.clone())
            .collect()
    };
    for (wanted, done) in [(texts(&edit.done), true), (texts(&edit.undone), false)] {
        for text in wanted {
            let at = place(&list, &text)?;
            if let Some(item) = list.get_mut(at) {
                item.done = done;
            }
        }
    }
    for text in texts(&edit.remove) {
        let at = place(&list, &text)?;
        list.remove(at);
    }
    for text in texts(&edit.add) {
        let id = list.iter().map(|item| item.id).max().unwrap_or(0) + 1;
        list.push(ChecklistItem { id, text, done: false });
    }
    if list.len() > 100 {
        return Err(Rejection::new("limit_exceeded", "a checklist holds at most 100 items"));
    }
    Ok(list)
}

fn place(list: &[ChecklistItem], wanted: &str) -> Result<usize, Rejection> {
    let folded = text::fold(wanted);
    list.iter()
        .position(|item| text::fold(&item.text) == folded)
        .ok_or_else(|| {
            Rejection::not_found("checklist item", wanted)
                .field("checklist")
                .allowed(list.iter().map(|item| item.text.clone()))
        })
}

/// A rank between neighbours; `None` where none was asked for.
pub fn rank(view: &View<'_>, row: &Row<Task>, wanted: Option<&RankArgs>) -> Result<Option<String>, Rejection> {
    let Some(wanted) = wanted else { return Ok(None) };
    let (place, behind) = match (&wanted.before, &wanted.after) {
        (Some(before), None) => (view.resolve(before)?, false),
        (None, Some(after)) => (view.resolve(after)?, true),
        _ => return Err(Rejection::argument("rank", "must say either before or after")),
    };
    let mut ranks: Vec<&str> = view
        .find::<Task>("state", &place.state.to_string())
        .filter(|task: &&Arc<Row<Task>>| task.project == row.project && task.id != row.id)
        .map(|task| task.rank.as_str())
        .collect();
    ranks.sort_unstable();
    let own = place.rank.as_str();
    let (low, high) = if behind {
        (own, ranks.iter().copied().find(|rank| *rank > own))
    } else {
        (
            ranks.iter().copied().rev().find(|rank| *rank < own).unwrap_or(""),
            Some(own),
        )
    };
    Ok(Some(between(low, high)))
}

/// A text that sorts after `low` and before `high`.
fn between(low: &str, high: Option<&str>) -> String {
    let middle = format!("{low}5");
    match high {
        Some(high) if middle.as_str() >= high => {
            let mut longer = low.to_owned();
            while format!("{longer}5").as_str() >= high && longer.len() < high.len() + 8 {
                longer.push('0');
            }
            longer + "5"
        }
        _ => middle,
    }
}
