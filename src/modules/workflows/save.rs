//! Creating and changing a state.

use serde_json::json;

use super::draft::{Draft, Piece, named, tell_heirs};
use super::entity::{Category, State};
use crate::args;
use crate::kernel::arg::{Clear, In, Int, Str, UpdateArgs};
use crate::kernel::{Plan, Ref, Rejection, View, text};
use crate::modules::labels::check_color;
use crate::modules::projects::Project;
use crate::modules::tasks::Resolution;

args! {
    /// Where a state is to stand among others.
    pub struct StateRank {
        /// In front of this one.
        before: Option<Ref<State>>,
        /// Behind this one.
        after: Option<Ref<State>>,
    }
}

args! {
    /// Arguments of `save_workflow_state`.
    pub struct SaveWorkflowState {
        /// Else the default.
        project: Option<Ref<Project>>,
        /// The state to change; a new one where left out.
        state: Option<Ref<State>>,
        /// Its name; unique in the workflow.
        name: Option<Str<1, 40>>,
        /// What it means for the work.
        category: Option<Category>,
        /// `#rgb` or `#rrggbb`.
        color: Option<Str<4, 7>>,
        /// Most tasks in it at once, per project.
        wip_limit: Option<Clear<Int<1, 999>>>,
        /// Whether new tasks begin here.
        initial: Option<bool>,
        /// Where it stands in the order.
        rank: Option<StateRank>,
        /// Give the project its own copy of an inherited workflow first.
        fork: bool = false,
        write: In<UpdateArgs>,
    }
}

/// `save_workflow_state`.
pub fn save(args: SaveWorkflowState, view: &View<'_>) -> Result<Plan, Rejection> {
    let mut draft = Draft::open(view, args.project.as_ref(), args.fork, &args.write)?;
    check_color(args.color.as_deref())?;
    let before = draft.stranded();
    let forks_only = args.fork && args.state.is_none() && args.name.is_none();
    let found = args.state.as_ref().map(|state| draft.find(view, state)).transpose()?;
    let mut plan = Plan::new(String::new());
    if forks_only {
        plan.summary = format!("Give project {} its own workflow", draft.project_key());
    } else {
        let place = match found {
            Some(place) => place,
            None => add(&mut draft, &args, view)?,
        };
        change(&mut draft, place, &args)?;
    }
    let target = found
        .or_else(|| draft.pieces.iter().position(|piece| piece.was.is_none()))
        .and_then(|place| draft.pieces.get(place))
        .map(|piece| piece.id);
    if let Some(rank) = &args.rank {
        stand(&mut draft, target, rank, view)?;
    }
    draft.number();
    check(&draft, &before, target, &mut plan)?;
    let changed = draft.write(&mut plan, view, "workflow.state_saved")?;
    if let Some(piece) = draft.pieces.iter().find(|piece| Some(piece.id) == target) {
        explain(&mut plan, view, &draft, piece)?;
    }
    tell_heirs(&mut plan, view, &draft);
    if args.fork && draft.copy.is_none() {
        plan.cascades
            .push(format!("project {} has its own workflow already", draft.project_key()));
    }
    plan.result = draft.receipt(changed);
    if let (Some(members), Some(id)) = (plan.result.as_object_mut(), target) {
        members.insert(
            "state".to_owned(),
            json!({"id": id.to_string(), "name": draft.name(id)}),
        );
    }
    Ok(plan)
}

fn add(draft: &mut Draft<'_>, args: &SaveWorkflowState, view: &View<'_>) -> Result<usize, Rejection> {
    let category = args
        .category
        .ok_or_else(|| Rejection::argument("category", "is required for a new state"))?;
    if args.name.is_none() {
        return Err(Rejection::argument("name", "is required for a new state"));
    }
    let state = State {
        workflow: draft.copy.unwrap_or(draft.workflow.id),
        category,
        color: color_of(category).to_owned(),
        ..State::default()
    };
    let behind = draft
        .pieces
        .iter()
        .rposition(|piece| piece.state.category <= category)
        .map_or(0, |place| place + 1);
    let id = view.new_id::<State>();
    draft.pieces.insert(behind, Piece { id, state, was: None });
    Ok(behind)
}

fn color_of(category: Category) -> &'static str {
    match category {
        Category::Backlog => "#94a3b8",
        Category::Unstarted => "#64748b",
        Category::Started => "#2563eb",
        Category::Completed => "#16a34a",
        Category::Cancelled => "#dc2626",
    }
}

fn change(draft: &mut Draft<'_>, place: usize, args: &SaveWorkflowState) -> Result<(), Rejection> {
    if let Some(name) = &args.name {
        free_name(draft, place, name)?;
    }
    if args.initial == Some(true) {
        for piece in &mut draft.pieces {
            piece.state.initial = false;
        }
    }
    let Some(piece) = draft.pieces.get_mut(place) else {
        return Ok(());
    };
    if args.initial == Some(false) && piece.state.initial {
        let rule = "cannot be false for the state that new tasks begin in; say initial true for another one";
        return Err(Rejection::argument("initial", rule));
    }
    let state = &mut piece.state;
    if let Some(name) = &args.name {
        state.name.clone_from(&name.0);
    }
    if let Some(color) = &args.color {
        state.color.clone_from(&color.0);
    }
    if let Some(limit) = &args.wip_limit {
        state.wip_limit = limit.clone().value().and_then(|limit| u32::try_from(limit.0).ok());
    }
    state.category = args.category.unwrap_or(state.category);
    state.initial |= args.initial == Some(true);
    if state.initial && !matches!(state.category, Category::Backlog | Category::Unstarted) {
        let message = format!(
            "new tasks cannot begin in `{}`, which is {}",
            state.name, state.category
        );
        return Err(Rejection::new("initial_category_invalid", message)
            .field(if args.initial.is_some() { "initial" } else { "category" })
            .allowed(["backlog", "unstarted"])
            .hint("the initial state must be of category backlog or unstarted; make another state initial first"));
    }
    Ok(())
}

fn free_name(draft: &Draft<'_>, place: usize, name: &str) -> Result<(), Rejection> {
    let same = |one: &Piece<'_>| text::fold(&one.state.name) == text::fold(name);
    let taken = draft
        .pieces
        .iter()
        .enumerate()
        .find(|(other, piece)| *other != place && same(piece));
    match taken {
        Some((_, piece)) => Err(Rejection::new(
            "name_taken",
            format!("there is a state `{}` in this workflow already", piece.state.name),
        )
        .field("name")
        .current(json!({"id": piece.was.map(|was| was.id.to_string()), "name": piece.state.name}))
        .hint("use another name, or give `state` to change that one")),
        None => Ok(()),
    }
}

fn stand(
    draft: &mut Draft<'_>,
    target: Option<projections::Id<State>>,
    rank: &StateRank,
    view: &View<'_>,
) -> Result<(), Rejection> {
    let (mark, behind) = match (&rank.before, &rank.after) {
        (Some(before), None) => (before, 0),
        (None, Some(after)) => (after, 1),
        _ => return Err(Rejection::argument("rank", "must have either before or after")),
    };
    let mark = draft.id(view, mark)?;
    let Some(from) = draft.pieces.iter().position(|piece| Some(piece.id) == target) else {
        return Err(Rejection::argument("rank", "needs a state"));
    };
    if Some(mark) == target {
        return Err(Rejection::argument("rank", "must name another state"));
    }
    let piece = draft.pieces.remove(from);
    let at = draft.pieces.iter().position(|piece| piece.id == mark).unwrap_or(0) + behind;
    draft.pieces.insert(at, piece);
    Ok(())
}

/// Refuses what would break the workflow; a state that was just created may still lack its moves.
fn check(
    draft: &Draft<'_>,
    before: &super::graph::Stranded,
    target: Option<projections::Id<State>>,
    plan: &mut Plan,
) -> Result<(), Rejection> {
    if !draft
        .pieces
        .iter()
        .any(|piece| piece.state.category == Category::Completed)
    {
        return Err(
            Rejection::new("last_of_category", "the workflow would have no completed state")
                .field("category")
                .hint("give it another completed state first"),
        );
    }
    let after = draft.stranded();
    let mut stranded = match draft.copy {
        Some(_) => after.all(),
        None => after.newly(before),
    };
    let fresh = draft
        .pieces
        .iter()
        .find(|piece| Some(piece.id) == target && piece.was.is_none());
    if let Some(piece) = fresh.filter(|piece| stranded.contains(&piece.id)) {
        plan.warn(format!(
            "no move leads to or from \"{}\" yet; add them with save_workflow_transitions",
            piece.state.name
        ));
        stranded.remove(&piece.id);
    }
    if stranded.is_empty() {
        return Ok(());
    }
    Err(super::transitions::stranding(
        draft,
        &after,
        &stranded,
        "stranded_states",
    ))
}

fn explain(plan: &mut Plan, view: &View<'_>, draft: &Draft<'_>, piece: &Piece<'_>) -> Result<(), Rejection> {
    plan.summary = match piece.was {
        Some(was) => format!("Change the state \"{}\"", was.name),
        None => format!("Create the state \"{}\"", piece.state.name),
    };
    plan.detail("state", if piece.was.is_some() { "changed" } else { "created" });
    let Some(was) = piece.was else { return Ok(()) };
    let tasks = draft.tasks_in(view, was.id)?;
    plan.detail("tasksNow", named(&tasks));
    if let Some(limit) = piece.state.wip_limit.filter(|limit| Some(*limit) != was.wip_limit) {
        let over: Vec<String> = crowded(view, &tasks, limit);
        if !over.is_empty() {
            plan.warn(format!(
                "more than {limit} in it already, and they stay: {}",
                over.join(", ")
            ));
        }
    }
    if was.category == piece.state.category {
        return Ok(());
    }
    plan.detail("metrics", metrics(was.category, piece.state.category));
    let (now, category) = (view.now, piece.state.category);
    for task in tasks.iter().filter(|_| was.category.is_final() || category.is_final()) {
        plan.edit("task.state_changed", task, |task| {
            task.completed_at = (category == Category::Completed).then_some(now);
            task.resolution = match category {
                Category::Completed => Some(Resolution::Done),
                Category::Cancelled => Some(Resolution::WontDo),
                _ => None,
            };
        })?;
    }
    if !tasks.is_empty() {
        let count = text::count(tasks.len(), "task");
        plan.warn(format!(
            "the state holds {count}, to be {category} at once, without a move"
        ));
    }
    Ok(())
}

/// The projects that hold more tasks of the state than it will take, with their counts.
fn crowded(
    view: &View<'_>,
    tasks: &[&std::sync::Arc<crate::kernel::Row<crate::modules::tasks::Task>>],
    limit: u32,
) -> Vec<String> {
    let mut counts = std::collections::BTreeMap::new();
    for task in tasks.iter().filter(|task| task.deleted_at.is_none()) {
        *counts.entry(task.project).or_insert(0_u32) += 1;
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count > limit)
        .filter_map(|(project, count)| {
            view.get(project)
                .map(|project| format!("{} holds {count}", project.key))
        })
        .collect()
}

/// What is counted differently when a state changes its category.
fn metrics(before: Category, after: Category) -> Vec<String> {
    let mut said = Vec::new();
    let mut differs = |what: &str, test: fn(Category) -> bool| {
        if test(before) != test(after) {
            let verb = if test(after) { "now counts" } else { "no longer counts" };
            said.push(format!("the state {verb} as {what}"));
        }
    };
    differs("work in progress (cycle time)", |category| {
        category == Category::Started
    });
    differs("done (throughput, cycle time, sprint completion)", |category| {
        category == Category::Completed
    });
    differs("closed (open task counts, overdue)", Category::is_final);
    said
}
