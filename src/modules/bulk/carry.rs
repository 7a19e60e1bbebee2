//! Carrying a single tool through many tasks: each passes the decider of that tool, on a view that holds the changes of those
//! before it.

use projections::{Action, Digest, Id};
use serde_json::{Map, Value, json};

use super::entity::{BulkOperation, BulkStatus, ItemResult, Mode, OnChanged, Outcome};
use super::select::{Frozen, Selection, frozen};
use crate::kernel::engine::admit;
use crate::kernel::tool::Run;
use crate::kernel::{Plan, Rejection, Row, State, View, text};
use crate::modules::tasks::Task;

/// Makes the single tool's arguments for one task, by its place.
pub type Asking<'b> = dyn Fn(usize, &Row<Task>) -> Result<Option<Map<String, Value>>, Rejection> + 'b;

/// What is to be done, and how.
pub struct Bulk<'b> {
    /// This tool.
    pub kind: &'static str,
    /// The single tool that each task passes.
    pub single: &'static str,
    /// A verb and what follows, for the summary: "Move {} to Done".
    pub summary: &'b dyn Fn(&str) -> String,
    /// Which tasks.
    pub selection: Selection<'b>,
    /// What a "no" to one means for the others.
    pub mode: Mode,
    /// What becomes of items that changed in between.
    pub on_changed: OnChanged,
    /// The arguments of the single tool for one task, the task itself aside; `None` where there is nothing to do.
    pub args: &'b Asking<'b>,
}

/// One task, once it was decided on.
struct Done {
    result: ItemResult,
    shown: Value,
    frozen: Frozen,
}

/// Plans the operation.
pub fn plan(view: &View<'_>, bulk: &Bulk<'_>) -> Result<Plan, Rejection> {
    let single = view.registry.tool(bulk.single);
    let single = single.ok_or_else(|| Rejection::new("unavailable", format!("there is no tool {}", bulk.single)))?;
    admit(view.state, view.caller, single)?;
    let Run::Decide(run) = &single.run else {
        return Err(Rejection::new(
            "unavailable",
            format!("{} does not propose", bulk.single),
        ));
    };
    let all = frozen(view, &bulk.selection)?;
    let mut plan = Plan::new((bulk.summary)(&text::count(all.len(), "task")));
    // Nobody searches in what is planned.
    let mut ahead = view.state.clone();
    ahead.forget_words();
    let mut done = Vec::with_capacity(all.len());
    for (place, item) in all.iter().enumerate() {
        let decided = |args, view: &View<'_>| run(args, view);
        done.push(one(&mut plan, view, &mut ahead, bulk, (place, item), &decided)?);
    }
    finish(plan, view, bulk, done)
}

type Deciding<'d> = dyn Fn(Map<String, Value>, &View<'_>) -> Result<Plan, Rejection> + 'd;

fn one(
    plan: &mut Plan,
    view: &View<'_>,
    ahead: &mut State,
    bulk: &Bulk<'_>,
    (place, item): (usize, &Frozen),
    run: &Deciding<'_>,
) -> Result<Done, Rejection> {
    // Only a confirmation meets a version that is no longer that of the preview.
    let Some(row) = view.get(item.task).filter(|row| row.version == item.version) else {
        return changed(view, bulk, item);
    };
    let inner = inside(view, ahead, place);
    let gone = inner.get(item.task).is_none_or(|row| row.deleted_at.is_some());
    let decided = if gone {
        Ok(None)
    } else {
        (bulk.args)(place, row).and_then(|args| {
            let Some(mut args) = args else { return Ok(None) };
            args.insert("task".to_owned(), row.id.to_string().into());
            run(args, &inner).map(Some)
        })
    };
    let decided = match decided {
        Ok(Some(mut made)) if !made.blockers.is_empty() => Err(made.blockers.remove(0)),
        other => other,
    };
    let (outcome, digest, shown) = match &decided {
        Ok(Some(made)) if !made.is_noop() => (Outcome::Applied, made.digest(bulk.single)?, json!(made.details)),
        Ok(_) => (Outcome::Noop, Digest::of(b"noop"), Value::Null),
        Err(no) => (Outcome::Refused, Digest::of(no.code.as_bytes()), json!(no.message)),
    };
    let no = decided.as_ref().err();
    let result = ItemResult {
        task: item.task,
        outcome,
        code: no.map(|no| no.code.to_string()),
        hint: no.and_then(|no| no.hint.clone()),
    };
    let shown = json!({
        "task": row.human_key(), "title": row.title, "outcome": outcome, "code": result.code, "hint": result.hint,
        "what": shown,
    });
    if let Ok(Some(made)) = decided {
        merge(plan, view, ahead, made)?;
    }
    let frozen = Frozen {
        digest: Some(digest),
        ..item.clone()
    };
    Ok(Done { result, shown, frozen })
}

/// The view that an item is decided on: what the items before it change is done, and its identifiers are its own.
fn inside<'i>(view: &'i View<'_>, ahead: &'i State, place: usize) -> View<'i> {
    let action = view.action().map(|id| id.to_string()).unwrap_or_default();
    let seed: Id<Action> = Id::derive(view.now, format!("{action}|{place}").as_bytes());
    let inner = View::new(ahead, view.caller, view.now, view.registry, view.past, Some(seed));
    if view.is_shown { inner } else { inner.unseen() }
}

fn merge(plan: &mut Plan, view: &View<'_>, ahead: &mut State, made: Plan) -> Result<(), Rejection> {
    let broken = |cause: String| Rejection::new("unavailable", cause);
    for planned in &made.changes {
        ahead
            .foresee(&view.caller.org, view.now, &planned.change)
            .map_err(|cause| broken(cause.to_string()))?;
    }
    plan.changes.extend(made.changes);
    plan.effects.extend(made.effects);
    for warning in made.warnings.into_iter().chain(made.cascades) {
        if plan.warnings.len() < 50 && !plan.warnings.contains(&warning) {
            plan.warnings.push(warning);
        }
    }
    Ok(())
}

/// A task that is no longer as the preview found it.
fn changed(view: &View<'_>, bulk: &Bulk<'_>, item: &Frozen) -> Result<Done, Rejection> {
    let known = view.get(item.task);
    let key = known.map_or_else(|| item.task.to_string(), |row| row.human_key());
    if bulk.on_changed == OnChanged::RefuseAll {
        return Err(
            Rejection::new("items_changed", format!("{key} was changed since the preview"))
                .field("onChanged")
                .hint("call again for a preview of how things stand now"),
        );
    }
    let result = ItemResult {
        task: item.task,
        outcome: Outcome::Skipped,
        code: Some("changed_since".to_owned()),
        hint: None,
    };
    let shown = json!({"task": key, "title": known.map(|row| row.title.clone()), "outcome": Outcome::Skipped, "code": result.code});
    Ok(Done {
        result,
        shown,
        frozen: item.clone(),
    })
}

fn finish(mut plan: Plan, view: &View<'_>, bulk: &Bulk<'_>, done: Vec<Done>) -> Result<Plan, Rejection> {
    let count = |wanted: Outcome| done.iter().filter(|one| one.result.outcome == wanted).count();
    let (applied, noop) = (count(Outcome::Applied), count(Outcome::Noop));
    let (skipped, refused) = (count(Outcome::Skipped), count(Outcome::Refused));
    let counts = json!({"applied": applied, "noop": noop, "skipped": skipped, "refused": refused});
    let first: Vec<&Value> = done
        .iter()
        .filter(|one| one.result.outcome == Outcome::Refused)
        .map(|one| &one.shown)
        .take(20)
        .collect();
    if applied == 0 && skipped == 0 {
        let (code, message, hint) = if refused == 0 {
            (
                "nothing_to_do",
                format!("all {} are so already", text::count(noop, "task")),
                "nothing needs to be done",
            )
        } else {
            (
                "all_refused",
                format!("none of {} can be changed so", text::count(done.len(), "task")),
                "look at the code and hint of each",
            )
        };
        return Err(Rejection::new(code, message)
            .current(json!({"counts": counts, "items": first}))
            .hint(hint));
    }
    if bulk.mode == Mode::AllOrNothing && refused > 0 {
        let message = format!("{} refused, and it is all or nothing", text::count(refused, "task"));
        plan.block(
            Rejection::new("some_refused", message)
                .field("mode")
                .current(json!({"items": first}))
                .hint("leave those out, put right what stands in the way, or say mode: best_effort"),
        );
    }
    plan.detail("counts", &counts);
    plan.detail("items", done.iter().map(|one| &one.shown).collect::<Vec<_>>());
    let frozen: Vec<&Frozen> = done.iter().map(|one| &one.frozen).collect();
    plan.detail("frozen", &frozen);
    // What is insisted on is each task's part, whether or not it is left out because somebody was quicker.
    plan.stands_for = Some(json!({"mode": bulk.mode, "onChanged": bulk.on_changed, "items": frozen}));
    let id = view.new_id::<BulkOperation>();
    let status = if skipped + refused == 0 {
        BulkStatus::Completed
    } else {
        BulkStatus::Partial
    };
    let operation = BulkOperation {
        kind: bulk.kind.to_owned(),
        query: bulk.selection.query.map(|query| query.0.clone()),
        mode: bulk.mode,
        frozen_ids: done.iter().map(|one| one.result.task).collect(),
        status,
        results: done.into_iter().map(|one| one.result).collect(),
    };
    plan.result = json!({"id": id.to_string(), "status": status, "counts": counts, "results": operation.results});
    plan.create("bulk.completed", id, operation)?;
    Ok(plan)
}
