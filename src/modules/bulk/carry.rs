//! Carrying a single tool through many tasks: each passes the decider of that tool, on a view that holds the changes of those
//! before it.

use std::collections::BTreeMap;

use projections::{Action, Id};
use serde_json::{Map, Value, json};

use super::entity::{BulkOperation, BulkStatus, Counts, Mode, OnChanged};
use super::item::{Done, Frozen, Outcome};
use super::select::{Selection, frozen};
use crate::kernel::tool::Run;
use crate::kernel::{Plan, Rejection, Row, State, View, text};
use crate::modules::projects::Project;
use crate::modules::tasks::Task;

/// Items that a refusal lists, and warnings of items that a preview has.
const TOLD_MAX: usize = 20;

/// Makes the single tool's arguments for one task, the task itself aside; `None` where there is nothing to do.
pub type Asking<'b> = dyn Fn(usize, &Row<Task>, &mut Frozen) -> Result<Option<Map<String, Value>>, Rejection> + 'b;

/// What a preview shows of a task.
pub type Showing<'b> = dyn Fn(&Row<Task>) -> Value + 'b;

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
    /// What is asked of the single tool.
    pub args: &'b Asking<'b>,
    /// What decides instead of the single tool.
    pub decide: Option<&'b Deciding<'b>>,
    /// What a preview shows of a task as it is, by name.
    pub before: Option<(&'static str, &'b Showing<'b>)>,
}

/// Decides on one task.
pub type Deciding<'d> = dyn Fn(Map<String, Value>, &View<'_>) -> Result<Plan, Rejection> + 'd;

/// An operation while it is being planned.
struct Work<'w> {
    view: &'w View<'w>,
    bulk: &'w Bulk<'w>,
    decide: &'w Deciding<'w>,
    /// The state with what is planned so far.
    ahead: State,
    plan: Plan,
    /// What could not be understood for one task of a project cannot be for the next.
    unclear: BTreeMap<Id<Project>, Rejection>,
}

/// Plans the operation.
pub fn plan(view: &View<'_>, bulk: &Bulk<'_>) -> Result<Plan, Rejection> {
    let unavailable = || Rejection::new("unavailable", format!("there is no tool {} that proposes", bulk.single));
    let single = view.registry.tool(bulk.single).ok_or_else(unavailable)?;
    let Run::Decide(run) = &single.run else {
        return Err(unavailable());
    };
    let single = |args, view: &View<'_>| run(args, view);
    let all = frozen(view, &bulk.selection)?;
    let mut work = Work {
        view,
        bulk,
        decide: bulk.decide.unwrap_or(&single),
        ahead: view.state.ahead(),
        plan: Plan::new((bulk.summary)(&text::count(all.len(), "task"))),
        unclear: BTreeMap::new(),
    };
    let mut done = Vec::with_capacity(all.len());
    for (place, item) in all.into_iter().enumerate() {
        done.push(work.one(place, item)?);
    }
    finish(work.plan, view, bulk, done)
}

impl Work<'_> {
    fn one(&mut self, place: usize, mut item: Frozen) -> Result<Done, Rejection> {
        let row = self.view.get(item.task);
        // Only a confirmation meets a version that is no longer that of the preview.
        let Some(row) = row.filter(|row| row.version == item.version) else {
            return Ok(self.changed(item));
        };
        let decided = match self.unclear.get(&row.project) {
            Some(no) => Err(no.clone()),
            None => self.decided(place, &mut item),
        };
        if let Err(no) = &decided
            && ["not_found", "ambiguous_reference"].contains(&no.code.as_ref())
        {
            self.unclear.insert(row.project, no.clone());
        }
        let said = decided.as_ref().map(Option::as_ref);
        let mut done = Done::decided(self.bulk.single, row, item, said)?;
        if let (Some((name, before)), true) = (&self.bulk.before, self.view.is_shown) {
            done.shown.insert((*name).to_owned(), before(row));
        }
        if let Ok(Some(made)) = decided {
            if self.bulk.decide.is_some() {
                done.shown.extend(made.details.clone());
            }
            self.merge(made)?;
        }
        Ok(done)
    }

    /// What the single tool makes of one task; `None` where there is nothing to do.
    fn decided(&self, place: usize, item: &mut Frozen) -> Result<Option<Plan>, Rejection> {
        let inner = self.inside(place);
        // One before it may have taken it along.
        let Some(row) = inner.get(item.task).filter(|row| row.deleted_at.is_none()) else {
            return Ok(None);
        };
        let Some(mut args) = (self.bulk.args)(place, row, item)? else {
            return Ok(None);
        };
        args.insert("task".to_owned(), row.id.to_string().into());
        let mut made = (self.decide)(args, &inner)?;
        if made.blockers.is_empty() {
            Ok(Some(made))
        } else {
            Err(made.blockers.remove(0))
        }
    }

    /// The view that an item is decided on: what the items before it change is done, and its identifiers are its own. What only
    /// a preview of the single tool shows is left out.
    fn inside(&self, place: usize) -> View<'_> {
        let view = self.view;
        let action = view.action().map(|id| id.to_string()).unwrap_or_default();
        let seed: Id<Action> = Id::derive(view.now, format!("{action}|{place}").as_bytes());
        View::new(&self.ahead, view.caller, view.now, view.registry, view.past, Some(seed)).unseen()
    }

    fn merge(&mut self, made: Plan) -> Result<(), Rejection> {
        let (org, now) = (&self.view.caller.org, self.view.now);
        for planned in &made.changes {
            let foreseen = self.ahead.foresee(org, now, &planned.change);
            foreseen.map_err(|cause| Rejection::new("unavailable", cause.to_string()))?;
        }
        self.plan.changes.extend(made.changes);
        self.plan.effects.extend(made.effects);
        for (said, all) in [
            (made.warnings, &mut self.plan.warnings),
            (made.cascades, &mut self.plan.cascades),
        ] {
            for one in said {
                if all.len() < TOLD_MAX && !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        Ok(())
    }

    /// A task that is no longer as the preview found it: left alone, or reason enough for another preview.
    fn changed(&self, mut item: Frozen) -> Done {
        let known = self.view.get(item.task);
        if self.bulk.on_changed == OnChanged::RefuseAll {
            item.version = known.map_or(0, |row| row.version);
        }
        Done::skipped(known.map(AsRef::as_ref), item)
    }
}

fn counted(done: &[Done]) -> Counts {
    let count = |wanted: Outcome| done.iter().filter(|one| one.outcome == wanted).count();
    Counts {
        applied: count(Outcome::Applied),
        noop: count(Outcome::Noop),
        skipped: count(Outcome::Skipped),
        refused: count(Outcome::Refused),
    }
}

/// Why there is nothing to confirm where no item would be changed.
fn nothing(counts: Counts, refused: &[&Map<String, Value>]) -> Rejection {
    let no = if counts.refused == 0 {
        let message = format!("nothing would change in {}", text::count(counts.noop, "task"));
        Rejection::new("nothing_to_do", message).hint("they are as you want them")
    } else {
        let message = format!("none of {} can be changed so", text::count(counts.refused, "task"));
        Rejection::new("all_refused", message).hint("look at the code and hint of each")
    };
    no.current(json!({"counts": counts, "items": refused}))
}

fn finish(mut plan: Plan, view: &View<'_>, bulk: &Bulk<'_>, done: Vec<Done>) -> Result<Plan, Rejection> {
    let counts = counted(&done);
    let refused = done.iter().filter(|one| one.outcome == Outcome::Refused);
    let refused: Vec<&Map<String, Value>> = refused.map(|one| &one.shown).take(TOLD_MAX).collect();
    if counts.applied + counts.skipped == 0 {
        return Err(nothing(counts, &refused));
    }
    if bulk.mode == Mode::AllOrNothing && counts.refused > 0 {
        let message = format!(
            "{} refused, and it is all or nothing",
            text::count(counts.refused, "task")
        );
        plan.block(
            Rejection::new("some_refused", message)
                .field("mode")
                .current(json!({"items": refused}))
                .hint("leave those out, put right what stands in the way, or say mode: best_effort"),
        );
    }
    // What is insisted on is each task's part, whether or not it is left out because somebody was quicker.
    let frozen: Vec<&Frozen> = done.iter().map(|one| &one.frozen).collect();
    plan.settled = Some(json!({"mode": bulk.mode, "onChanged": bulk.on_changed, "items": frozen}));
    plan.detail("counts", counts);
    if view.is_shown {
        plan.detail("items", done.iter().map(|one| &one.shown).collect::<Vec<_>>());
    }
    let status = match counts {
        Counts { applied: 0, .. } => BulkStatus::Failed,
        Counts {
            skipped: 0, refused: 0, ..
        } => BulkStatus::Completed,
        _ => BulkStatus::Partial,
    };
    let id = view.new_id::<BulkOperation>();
    let results: Vec<Value> = done.into_iter().map(|one| one.result).collect();
    plan.result = json!({"id": id.to_string(), "status": status, "counts": counts, "results": results});
    let operation = BulkOperation {
        kind: bulk.kind.to_owned(),
        query: bulk.selection.query.map(|query| query.0.clone()),
        mode: bulk.mode,
        status,
        counts,
    };
    plan.create("bulk.completed", id, operation)?;
    Ok(plan)
}
