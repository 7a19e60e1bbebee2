//! Arguments of the single tools, put together from those of the bulk ones; and who touched what lately.

use projections::Record;
use serde_json::{Map, Value, json};

use super::tools::SetArgs;
use crate::kernel::arg::{Clear, Patch};
use crate::kernel::entity::Entity;
use crate::kernel::record_view::unread;
use crate::kernel::{Plan, Ref, Rejection, Row, View};
use crate::modules::tasks::Task;
use crate::modules::workflows::moves;

/// A name that must mean something before any task is looked at. That it means several things is for each task to say: it may
/// mean one of them there.
pub fn known<E: Entity>(view: &View<'_>, reference: &Ref<E>) -> Result<(), Rejection> {
    match view.resolve(reference) {
        Err(no) if no.code == "not_found" => Err(no),
        _ => Ok(()),
    }
}

/// Arguments of `update_task` for what is set on every task.
pub fn set(view: &View<'_>, given: &SetArgs) -> Result<Map<String, Value>, Rejection> {
    for (is_given, field, module) in [
        (given.sprint.is_some(), "set.sprint", "Sprints"),
        (given.milestone.is_some(), "set.milestone", "Milestones"),
    ] {
        if is_given {
            return Err(Rejection::not_yet(field, module));
        }
    }
    if given.shift_days.is_some() && (given.due_date.is_some() || given.start_date.is_some()) {
        let rule = "must be left out where days are set";
        return Err(Rejection::argument("set.shiftDays", rule));
    }
    let parent = match &given.parent {
        Some(Clear::To(parent)) => Some(json!(view.resolve(parent)?.id)),
        Some(Clear::Away) => Some(Value::Null),
        None => None,
    };
    let day = |day: &Clear<crate::kernel::arg::Date>| json!(day.as_value().map(|day| day.0));
    let all = [
        ("priority", given.priority.map(|word| json!(word))),
        ("type", given.r#type.map(|word| json!(word))),
        ("dueDate", given.due_date.as_ref().map(day)),
        ("startDate", given.start_date.as_ref().map(day)),
        (
            "estimate",
            given
                .estimate
                .as_ref()
                .map(|number| json!(number.as_value().map(|number| number.0))),
        ),
        ("parent", parent),
    ];
    let given = all
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Ok(given.collect())
}

/// A patch as it is asked of the single tool, with what `named` makes of each name.
pub fn patch<E>(
    given: &Patch<Ref<E>>,
    named: impl Fn(&Ref<E>) -> Result<String, Rejection>,
) -> Result<Value, Rejection> {
    let list = |names: &[Ref<E>]| names.iter().map(&named).collect::<Result<Vec<String>, _>>();
    Ok(match &given.set {
        Some(all) => json!({"set": list(all)?}),
        None => json!({"add": list(&given.add)?, "remove": list(&given.remove)?}),
    })
}

/// What is changed, for the summary.
pub fn names(args: &Map<String, Value>, shifts: bool) -> String {
    let shifted = shifts.then_some("the days");
    let names: Vec<&str> = args.keys().map(String::as_str).chain(shifted).collect();
    names.join(", ")
}

/// Adds a task's days, so many days later.
pub fn shift(args: &mut Map<String, Value>, task: &Row<Task>, days: i64) -> Result<(), Rejection> {
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
    let mut by: std::collections::BTreeMap<u64, Option<String>> = std::collections::BTreeMap::new();
    let mut touched = Vec::new();
    for planned in plan.changes.iter().filter(|planned| planned.event == "task.deleted") {
        let found = planned.change.id.parse().ok().and_then(|id| view.get::<Task>(id));
        let Some(row) = found.filter(|row| view.now.duration_since(row.updated_at).as_hours() < 24) else {
            continue;
        };
        let Some(seq) = row.records.last() else { continue };
        // One record may have changed many of them.
        if !by.contains_key(seq) {
            by.insert(*seq, changer(view, *seq)?);
        }
        if let Some(who) = by.get(seq).and_then(Option::as_ref).filter(|who| **who != me) {
            let who = who.parse().map_or_else(|_| who.clone(), |id| moves::who(view, id));
            touched.push(json!({"task": row.human_key(), "by": who, "at": row.updated_at}));
        }
    }
    Ok(touched)
}

/// Who wrote a record.
fn changer(view: &View<'_>, seq: u64) -> Result<Option<String>, Rejection> {
    let Some(text) = view.past.record(seq)? else {
        return Ok(None);
    };
    let mut room = String::new();
    let record = Record::parse(seq, &text, &mut room).map_err(unread)?;
    Ok(record.actor.principal_id)
}
