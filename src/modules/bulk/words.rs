//! Arguments of the single tools, put together from those of the bulk ones; and who touched what lately.

use projections::Record;
use serde_json::{Map, Value, json};

use super::tools::SetArgs;
use crate::kernel::arg::{Clear, Patch, Str};
use crate::kernel::record_view::unread;
use crate::kernel::{Plan, Rejection, Row, View};
use crate::modules::tasks::Task;

/// Arguments of `update_task` for what is set on every task.
pub fn set(given: &SetArgs) -> Result<Map<String, Value>, Rejection> {
    for (is_given, field, module) in [
        (given.sprint.is_some(), "set.sprint", "Sprints"),
        (given.milestone.is_some(), "set.milestone", "Milestones"),
    ] {
        if is_given {
            return Err(Rejection::not_yet(field, module));
        }
    }
    let mut args = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            args.insert(name.to_owned(), value);
        }
    };
    put("priority", given.priority.map(|word| json!(word)));
    put("type", given.r#type.map(|word| json!(word)));
    put(
        "dueDate",
        given
            .due_date
            .as_ref()
            .map(|day| json!(day.as_value().map(|day| day.0))),
    );
    put(
        "startDate",
        given
            .start_date
            .as_ref()
            .map(|day| json!(day.as_value().map(|day| day.0))),
    );
    put(
        "estimate",
        given
            .estimate
            .as_ref()
            .map(|number| json!(number.as_value().map(|number| number.0))),
    );
    put(
        "parent",
        given
            .parent
            .as_ref()
            .map(|parent| json!(Clear::as_value(parent).map(|parent| parent.text.clone()))),
    );
    if given.shift_days.is_some() && (given.due_date.is_some() || given.start_date.is_some()) {
        return Err(Rejection::argument(
            "set.shiftDays",
            "must be left out where days are set",
        ));
    }
    Ok(args)
}

/// A patch as it was given.
pub fn patch(given: &Patch<Str<1, 200>>) -> Value {
    let list = |names: &[Str<1, 200>]| -> Value { names.iter().map(|name| name.0.clone()).collect() };
    match &given.set {
        Some(all) => json!({"set": list(all)}),
        None => json!({"add": list(&given.add), "remove": list(&given.remove)}),
    }
}

/// What is changed, for the summary.
pub fn names(args: &Map<String, Value>, shifts: bool) -> Vec<String> {
    let shifted = shifts.then(|| "the days".to_owned());
    args.keys().cloned().chain(shifted).collect()
}

/// Adds a task's days, so many days later.
pub fn shifted(args: &mut Map<String, Value>, task: &Row<Task>, days: i64) -> Result<(), Rejection> {
    for (name, day) in [("dueDate", task.due_date), ("startDate", task.start_date)] {
        let Some(day) = day else { continue };
        let span = jiff::Span::new().try_days(days);
        let moved = span.and_then(|span| day.checked_add(span));
        let moved =
            moved.map_err(|_| Rejection::argument("set.shiftDays", format!("leads out of the calendar from {day}")))?;
        args.insert(name.to_owned(), json!(moved));
    }
    Ok(())
}

/// Tasks of a plan that somebody else changed within the last day, each with who.
pub fn touched_by_others(view: &View<'_>, plan: &Plan) -> Result<Vec<Value>, Rejection> {
    let me = view.caller.member.to_string();
    let mut touched = Vec::new();
    for planned in plan.changes.iter().filter(|planned| planned.event == "task.deleted") {
        let Some(row) = planned.change.id.parse().ok().and_then(|id| view.get::<Task>(id)) else {
            continue;
        };
        let hours = view.now.duration_since(row.updated_at).as_hours();
        let Some(seq) = row.records.last().filter(|_| hours < 24) else {
            continue;
        };
        let Some(text) = view.past.record(*seq)? else { continue };
        let mut room = String::new();
        let record = Record::parse(*seq, &text, &mut room).map_err(unread)?;
        if record.actor.principal_id.as_deref() != Some(me.as_str()) {
            let by = record.actor.principal_id.as_deref().and_then(|id| id.parse().ok());
            let by = by.map(|id| crate::modules::workflows::moves::who(view, id));
            touched.push(json!({"task": row.human_key(), "by": by, "at": row.updated_at}));
        }
    }
    Ok(touched)
}
