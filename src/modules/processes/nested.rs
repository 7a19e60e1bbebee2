//! Processes that something else starts: a move of a workflow, or a process of which it is a step. That one is begun when the step is entered, in the same action, and what it comes to decides the
//! step. Whoever started the outer one is the initiator of the inner one too, so that nobody approves their own request in it.

use std::sync::Arc;

use projections::Id;
use serde_json::Map;

use super::entity::{Definition, DefinitionStatus, Step, StepKind};
use super::flow::Flow;
use super::instance::{Instance, InstanceStatus, Passed};
use super::react::filled;
use super::start;
use crate::kernel::{Plan, Rejection, Row, View};

/// Most processes inside one another.
const DEPTH_MAX: usize = 5;

/// The published version of a process.
pub fn published<'a>(view: &View<'a>, key: &str) -> Option<&'a Arc<Row<Definition>>> {
    let table = view.state.table::<Definition>();
    let mut all = table
        .into_iter()
        .flat_map(|table| table.find(&view.caller.org, "key", key));
    all.find(|row| row.status == DefinitionStatus::Published)
}

/// Starts a process about something, for whoever does what starts it. It looks at the subject as it was before that.
/// False where it cannot begin: it is not published or about something else, on its way already, or nobody could decide.
pub fn begins(plan: &mut Plan, view: &View<'_>, key: &str, subject: &str) -> Result<bool, Rejection> {
    let Some(definition) = published(view, key) else {
        return Ok(false);
    };
    let about = start::kinds_of(definition.subject);
    let fits = view.state.kind_of(subject).is_some_and(|kind| about.contains(&kind));
    if !fits || start::running(view, definition, subject).is_some() {
        return Ok(false);
    }
    let Ok(variables) = start::given(&definition.variables, Map::new()) else {
        return Ok(false);
    };
    let instance = Instance {
        definition: definition.id,
        definition_key: definition.key.clone(),
        subject: Some(subject.to_owned()),
        initiator: view.caller.member,
        status: InstanceStatus::Running,
        variables,
        ..Instance::default()
    };
    let row = start::begun(view, view.new_id(), instance.clone());
    let mut flow = Flow::new(view, definition, instance);
    flow.enter(&definition.start);
    if flow.instance.status == InstanceStatus::Failed {
        return Ok(false);
    }
    plan.create("process.started", row.id, row.entity.clone())?;
    flow.into_plan(plan, &row)?;
    Ok(true)
}

/// How many processes an instance is in.
fn depth(view: &View<'_>, instance: &Instance) -> usize {
    let table = view.state.table::<Instance>();
    let above = |id: &Id<Instance>| table?.get(*id)?.parent;
    std::iter::successors(instance.parent, above).take(DEPTH_MAX).count()
}

impl<'a, 'v> Flow<'a, 'v>
where
    'v: 'a,
{
    /// Begins the process that a step is. Where it ends at once, the step is decided at once.
    pub fn nest(&mut self, step: &Step) {
        let (row, inner) = match self.inner(step) {
            Ok(begun) => begun,
            Err(why) => return self.fail(&why),
        };
        let after = inner.instance.clone();
        if let Some(active) = &mut self.instance.active {
            active.child = Some(row.id);
        }
        self.inner.push((row, inner));
        self.say("process.step_entered");
        self.returned(step, &after);
    }

    fn inner(&self, step: &Step) -> Result<(Row<Instance>, Self), String> {
        let key = step.process.as_deref().unwrap_or_default();
        let cannot = |why: String| format!("{} could not begin: {why}", step.id);
        let depth = self.depth.max(depth(self.view, &self.instance)) + 1;
        if depth > DEPTH_MAX {
            return Err(cannot(format!("{DEPTH_MAX} processes are in one another already")));
        }
        let definition =
            published(self.view, key).ok_or_else(|| cannot(format!("no version of {key} is published")))?;
        let about = start::kinds_of(definition.subject);
        let subject = self.instance.subject.clone().filter(|_| !about.is_empty());
        let kind = subject.as_ref().and_then(|id| self.view.state.kind_of(id));
        if !about.is_empty() && kind.is_none_or(|kind| !about.contains(&kind)) {
            return Err(cannot(format!("{key} is about a {}", definition.subject)));
        }
        if let Some(subject) = &subject
            && start::running(self.view, definition, subject).is_some()
        {
            return Err(cannot(format!("{key} is on its way for that already")));
        }
        let variables =
            start::given(&definition.variables, filled(step, &self.instance)).map_err(|no| cannot(no.message))?;
        let instance = Instance {
            definition: definition.id,
            definition_key: definition.key.clone(),
            subject,
            initiator: self.instance.initiator,
            status: InstanceStatus::Running,
            variables,
            ..Instance::default()
        };
        let row = start::begun(self.view, self.view.new_id(), instance.clone());
        let mut inner = Self::new(self.view, definition, instance);
        inner.depth = depth;
        inner.enter(&definition.start);
        match inner.instance.status {
            InstanceStatus::Failed => Err(inner.instance.why.unwrap_or_default()),
            _ => Ok((row, inner)),
        }
    }

    /// Goes on after the process that a step is has ended. What was approved in it counts as approved here, for what it was
    /// approved for.
    pub fn returned(&mut self, step: &Step, inner: &Instance) {
        match inner.status {
            InstanceStatus::Running | InstanceStatus::Failed => {}
            InstanceStatus::Completed => self.leave(step),
            InstanceStatus::Approved => {
                self.instance.approved = true;
                self.instance.passed.retain(|passed| passed.step != step.id);
                let saw = inner.passed.iter().flat_map(|passed| passed.saw.clone());
                self.instance.passed.push(Passed {
                    step: step.id.clone(),
                    saw: saw.collect(),
                });
                self.leave(step);
            }
            InstanceStatus::Rejected | InstanceStatus::Cancelled | InstanceStatus::Expired => {
                self.note(&step.id, None, inner.status.word(), inner.why.as_deref());
                self.reject(step);
            }
        }
    }
}

/// The outer instance goes on where an inner one ends.
pub fn goes_on(plan: &mut Plan, view: &View<'_>, row: &Row<Instance>, after: &Instance) -> Result<(), Rejection> {
    let ended = !matches!(after.status, InstanceStatus::Running | InstanceStatus::Failed);
    let instances = view.state.table::<Instance>();
    let Some(outer) = instances.and_then(|table| table.get(row.parent.filter(|_| ended)?)) else {
        return Ok(());
    };
    let waits = outer.active.as_ref().is_some_and(|active| active.child == Some(row.id));
    let definitions = view.state.table::<Definition>();
    let Some(definition) = definitions
        .and_then(|table| table.get(outer.definition))
        .filter(|_| waits)
    else {
        return Ok(());
    };
    let mut flow = Flow::new(view, definition, outer.entity.clone());
    flow.ending = Some(row.id);
    if let Some(step) = flow.step().filter(|step| step.kind == StepKind::Subprocess) {
        flow.returned(step, after);
    }
    let outer_after = flow.into_plan(plan, outer)?;
    let now = match &outer_after.active {
        Some(active) => format!("goes on with {}", active.step),
        None => format!("is {}", outer_after.status),
    };
    plan.cascades
        .push(format!("{} that it is a step of {now}", outer.definition_key));
    Ok(())
}

/// Calls off what a step had begun where the step is left before that has ended.
pub fn called_off(plan: &mut Plan, view: &View<'_>, left: Option<Id<Instance>>) -> Result<(), Rejection> {
    let instances = view.state.table::<Instance>();
    let open = |row: &&Arc<Row<Instance>>| matches!(row.status, InstanceStatus::Running | InstanceStatus::Failed);
    let Some(inner) = instances.and_then(|table| table.get(left?)).filter(open) else {
        return Ok(());
    };
    let deeper = inner.active.as_ref().and_then(|active| active.child);
    plan.edit("process.cancelled", inner, |instance| {
        instance.status = InstanceStatus::Cancelled;
        instance.active = None;
        instance.why = Some("the process that it was a step of went on without it".to_owned());
    })?;
    plan.cascades.push(format!(
        "{} is called off, which was a step of it",
        inner.definition_key
    ));
    called_off(plan, view, deeper)
}
