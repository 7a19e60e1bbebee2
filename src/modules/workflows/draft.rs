//! A workflow while it is edited: which one it is, its states and moves so far, and the plan that makes it so.

use std::collections::BTreeSet;
use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use super::entity::{State, Transition, Workflow, states_of, workflow_of};
use super::graph::{Node, Stranded, stranded};
use crate::kernel::arg::UpdateArgs;
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};
use crate::modules::projects::{Project, writable};
use crate::modules::tasks::Task;

/// Most tasks that one edit of a workflow carries along.
const TASKS_MAX: usize = 2_000;
/// Keys of tasks that a preview names.
pub const KEYS_MAX: usize = 20;

/// One state of the draft.
pub struct Piece<'a> {
    /// Its identifier after the edit.
    pub id: Id<State>,
    /// As it will be.
    pub state: State,
    /// The state it was before, in the inherited workflow too; `None` for a new one.
    pub was: Option<&'a Arc<Row<State>>>,
}

/// A workflow under edit.
pub struct Draft<'a> {
    /// The project it is edited for.
    pub project: Option<&'a Arc<Row<Project>>>,
    /// The workflow as it is.
    pub workflow: &'a Arc<Row<Workflow>>,
    /// Its states, in order.
    pub pieces: Vec<Piece<'a>>,
    /// Its moves.
    pub transitions: Vec<Transition>,
    /// The identifier of the copy, where the project gets one.
    pub copy: Option<Id<Workflow>>,
    removed: Vec<&'a Arc<Row<State>>>,
}

impl<'a> Draft<'a> {
    /// Opens the workflow of a project (the organisation's default for `None`). An inherited one needs `fork`.
    pub fn open(
        view: &View<'a>,
        project: Option<&Ref<Project>>,
        fork: bool,
        write: &UpdateArgs,
    ) -> Result<Self, Rejection> {
        let project = project.map(|reference| view.resolve(reference)).transpose()?;
        project.map_or(Ok(()), |project| writable(project))?;
        let workflow = workflow_of(view, project.map(AsRef::as_ref))?;
        Plan::expect(view, workflow, write.expected_version)?;
        let inherits = project.filter(|_| workflow.project.is_none());
        match inherits {
            Some(project) if !fork => return Err(inherited(project)),
            None if fork && project.is_none() => {
                return Err(Rejection::argument("fork", "needs a project that gets its own copy"));
            }
            _ => {}
        }
        let pieces = states_of(view, workflow.id).into_iter().map(|row| Piece {
            id: row.id,
            state: row.entity.clone(),
            was: Some(row),
        });
        let mut draft = Self {
            project,
            workflow,
            pieces: pieces.collect(),
            transitions: workflow.transitions.clone(),
            copy: None,
            removed: Vec::new(),
        };
        if inherits.is_some() {
            draft.fork(view);
        }
        Ok(draft)
    }

    fn fork(&mut self, view: &View<'_>) {
        let copy = view.new_id::<Workflow>();
        self.copy = Some(copy);
        let mut pairs: Vec<(Id<State>, Id<State>)> = Vec::new();
        for piece in &mut self.pieces {
            let id = view.new_id::<State>();
            pairs.push((piece.id, id));
            (piece.id, piece.state.workflow) = (id, copy);
        }
        let new = |old: &Id<State>| {
            pairs
                .iter()
                .find(|(known, _)| known == old)
                .map_or(*old, |(_, new)| *new)
        };
        for one in &mut self.transitions {
            one.to = new(&one.to);
            one.from = one.from.iter().map(new).collect();
        }
    }

    /// The place of the state that a reference means, in this workflow.
    pub fn find(&self, view: &View<'_>, reference: &Ref<State>) -> Result<usize, Rejection> {
        let row = view
            .resolve_among(reference, |row| row.workflow == self.workflow.id)
            .map_err(|no| no.allowed(self.pieces.iter().map(|piece| piece.state.name.clone())))?;
        self.pieces
            .iter()
            .position(|piece| piece.was.is_some_and(|was| was.id == row.id))
            .ok_or_else(|| Rejection::not_found("state", &reference.text))
    }

    /// The identifier that a reference to a state has after the edit.
    pub fn id(&self, view: &View<'_>, reference: &Ref<State>) -> Result<Id<State>, Rejection> {
        let place = self.find(view, reference)?;
        Ok(self.pieces.get(place).map(|piece| piece.id).unwrap_or_default())
    }

    /// Takes a state out, with what leads to it and from it; gives the moves that go with it.
    pub fn take(&mut self, place: usize) -> Vec<Transition> {
        let piece = self.pieces.remove(place);
        self.removed.extend(piece.was);
        let touches = |one: &Transition| one.to == piece.id || one.from.as_slice() == [piece.id];
        let (gone, mut kept): (Vec<_>, Vec<_>) = self.transitions.drain(..).partition(touches);
        for one in &mut kept {
            one.from.retain(|from| *from != piece.id);
        }
        self.transitions = kept;
        gone
    }

    /// Numbers the states as they stand, changing as few as it can.
    pub fn number(&mut self) {
        let mut least = 0;
        for piece in &mut self.pieces {
            piece.state.rank = piece.state.rank.max(least);
            least = piece.state.rank.saturating_add(1);
        }
    }

    /// The name of a state of the draft.
    pub fn name(&self, id: Id<State>) -> String {
        let found = self.pieces.iter().find(|piece| piece.id == id);
        found.map_or_else(|| id.to_string(), |piece| piece.state.name.clone())
    }

    /// The names of some states, in the workflow's order.
    pub fn names(&self, ids: &BTreeSet<Id<State>>) -> Vec<String> {
        let named = self.pieces.iter().filter(|piece| ids.contains(&piece.id));
        named.map(|piece| piece.state.name.clone()).collect()
    }

    /// What is stranded now.
    pub fn stranded(&self) -> Stranded {
        let nodes: Vec<Node> = self.pieces.iter().map(|piece| node(piece.id, &piece.state)).collect();
        stranded(&nodes, &self.transitions)
    }

    /// As a list of arrows, `Backlog → To do (Plan)`.
    pub fn arrows(&self, transitions: &[Transition]) -> Vec<String> {
        let arrow = |from: &str, one: &Transition| format!("{from} → {} ({})", self.name(one.to), one.name);
        transitions
            .iter()
            .flat_map(|one| {
                if one.from.is_empty() {
                    vec![arrow("any", one)]
                } else {
                    one.from.iter().map(|from| arrow(&self.name(*from), one)).collect()
                }
            })
            .collect()
    }

    /// Every task that stands in a state, of the draft's project where it is edited for one.
    ///
    /// # Errors
    /// `forbidden` where some are in projects that the caller may not see, `limit_exceeded` above 2,000.
    pub fn tasks_in(&self, view: &View<'a>, state: Id<State>) -> Result<Vec<&'a Arc<Row<Task>>>, Rejection> {
        let all = view.state.table::<Task>().into_iter();
        let here = all
            .flat_map(|table| table.find(&view.caller.org, "state", &state.to_string()))
            .filter(|task| self.project.is_none_or(|project| project.id == task.project));
        let (seen, hidden): (Vec<_>, Vec<_>) = here.partition(|task| view.get(task.id).is_some());
        if !hidden.is_empty() {
            let message = format!(
                "{} would change in projects that you may not see",
                text::count(hidden.len(), "task")
            );
            return Err(Rejection::new("forbidden", message).hint("ask an owner or admin, who sees every project"));
        }
        if seen.len() > TASKS_MAX {
            let message = format!(
                "{} would change at once, at most {TASKS_MAX} may",
                text::count(seen.len(), "task")
            );
            return Err(Rejection::new("limit_exceeded", message).hint("move most of them with move_task first"));
        }
        Ok(seen)
    }

    /// Plans the edited workflow: what is new, changed and gone. True where anything is.
    pub fn write(&self, plan: &mut Plan, view: &View<'a>, event: &'static str) -> Result<bool, Rejection> {
        if self.copy.is_some() {
            self.write_copy(plan, view)?;
            return Ok(true);
        }
        let before = plan.changes.len();
        for piece in &self.pieces {
            match piece.was {
                Some(row) => {
                    let rank = |state: &State, rank| State { rank, ..state.clone() };
                    plan.edit("workflow.state_saved", row, |state| {
                        *state = rank(&piece.state, state.rank);
                    })?;
                    plan.edit("workflow.states_reordered", row, |state| *state = piece.state.clone())?;
                }
                None => plan.create("workflow.state_saved", piece.id, piece.state.clone())?,
            }
        }
        for row in &self.removed {
            plan.remove(event, row)?;
        }
        if plan.changes.len() == before && self.transitions == self.workflow.transitions {
            return Ok(false);
        }
        plan.edit(event, self.workflow, |workflow| {
            workflow.transitions.clone_from(&self.transitions);
            workflow.revision += 1;
        })
    }

    fn write_copy(&self, plan: &mut Plan, view: &View<'a>) -> Result<(), Rejection> {
        let (Some(copy), Some(project)) = (self.copy, self.project) else {
            return Ok(());
        };
        let workflow = Workflow {
            project: Some(project.id),
            name: project.name.clone(),
            transitions: self.transitions.clone(),
            revision: 0,
        };
        plan.create("workflow.created", copy, workflow)?;
        for piece in &self.pieces {
            plan.create("workflow.state_saved", piece.id, piece.state.clone())?;
        }
        for piece in &self.pieces {
            let Some(was) = piece.was else { continue };
            for task in self.tasks_in(view, was.id)? {
                plan.edit("task.state_changed", task, |task| task.state = piece.id)?;
            }
        }
        Ok(())
    }

    /// The project's key; empty for the organisation's default.
    pub fn project_key(&self) -> &str {
        self.project.map_or("", |project| project.key.as_str())
    }

    /// What every receipt of the module says.
    pub fn receipt(&self, changed: bool) -> Value {
        let (id, version) = match self.copy {
            Some(copy) => (copy, 1),
            None => (self.workflow.id, self.workflow.version + u64::from(changed)),
        };
        json!({"workflow": id.to_string(), "version": version, "inherited": self.copy.is_none() && self.workflow.project.is_none()})
    }
}

/// A state as the graph checks need it.
pub fn node(id: Id<State>, state: &State) -> Node {
    Node {
        id,
        category: state.category,
        initial: state.initial,
    }
}

/// How many tasks, and the keys of the first.
pub fn named(tasks: &[&Arc<Row<Task>>]) -> Value {
    let alive = || tasks.iter().filter(|task| task.deleted_at.is_none());
    let first: Vec<String> = alive().take(KEYS_MAX).map(|task| task.human_key()).collect();
    json!({"count": alive().count(), "first": first})
}

/// Says whose workflow it is, and who else is affected.
pub fn tell_heirs(plan: &mut Plan, view: &View<'_>, draft: &Draft<'_>) {
    plan.detail("forked", draft.copy.is_some());
    if draft.workflow.project.is_some() || draft.copy.is_some() {
        return;
    }
    let heirs = heirs(view);
    let first: Vec<&String> = heirs.iter().take(KEYS_MAX).collect();
    plan.detail("inheritedBy", json!({"count": heirs.len(), "first": first}));
    if !heirs.is_empty() {
        plan.cascades.push(format!(
            "applies to {} at once",
            text::count(heirs.len(), "inheriting project")
        ));
    }
}

/// The keys of the projects that follow the organisation's default.
fn heirs(view: &View<'_>) -> Vec<String> {
    let owns = |row: &Row<Project>| view.find::<Workflow>("project", &row.id.to_string()).next().is_some();
    view.rows::<Project>()
        .filter(|row| row.deleted_at.is_none() && !owns(row))
        .map(|row| row.key.clone())
        .collect()
}

fn inherited(project: &Row<Project>) -> Rejection {
    let message = format!("project {} inherits the organisation's workflow", project.key);
    Rejection::new("inherited", message)
        .field("project")
        .hint("give it its own copy with save_workflow_state and fork, or leave `project` out to change the default for all")
        .next("save_workflow_state", json!({"project": project.key, "fork": true}))
}
