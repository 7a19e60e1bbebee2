//! What processes do because something happened: they call the tools of their action steps, and ask anew for approvals of
//! what changed meanwhile.

use projections::Id;
use serde_json::{Map, Value, json};

use super::entity::{Definition, Step, StepKind};
use super::flow::Flow;
use super::instance::{Instance, InstanceStatus};
use super::watched;
use crate::kernel::plan::Planned;
use crate::kernel::reaction::{Act, Debt, Next, Outcome, Stop};
use crate::kernel::{Plan, Rejection, Row, View};
use crate::modules::automation;

fn pass(why: &str) -> Next {
    Next::Pass(why.to_owned())
}

/// What a definition does next about something that happened to one of its instances or to what they are about.
pub fn next(view: &View<'_>, debt: &Debt, stop: Option<Stop>) -> Result<Next, Rejection> {
    let id: Id<Definition> = debt
        .by
        .parse()
        .map_err(|_| Rejection::not_found("processDefinition", &debt.by))?;
    let Some(definition) = view.state.table::<Definition>().and_then(|table| table.get(id)) else {
        return Ok(pass("the definition is gone"));
    };
    let instances = view.state.table::<Instance>();
    if let Ok(instance) = debt.about.parse::<Id<Instance>>() {
        return match instances.and_then(|table| table.get(instance)) {
            Some(row) if row.definition == id => acts(view, definition, row, debt, stop),
            _ => Ok(pass("it is an instance of another process")),
        };
    }
    let about = instances
        .into_iter()
        .flat_map(|table| table.find(&debt.org, "subject", &debt.about));
    let mut running = about.filter(|row| row.definition == id && row.status == InstanceStatus::Running);
    match running.next() {
        Some(row) => resets(view, definition, row),
        None => Ok(pass("nothing is on its way for it")),
    }
}

/// The action steps that follow one another from where an instance stands.
fn acts(
    view: &View<'_>,
    definition: &Row<Definition>,
    row: &Row<Instance>,
    debt: &Debt,
    halt: Option<Stop>,
) -> Result<Next, Rejection> {
    let mut flow = Flow::new(view, definition, row.entity.clone());
    let mut plan = Plan::new("A process goes on");
    // Each step that was taken already leads on, until the one that comes now.
    let mut done = debt.steps.iter();
    loop {
        let step = flow.step().filter(|_| flow.instance.status == InstanceStatus::Running);
        let Some(step) = step.filter(|step| step.kind == StepKind::Action) else {
            if debt.steps.is_empty() {
                return Ok(pass("nothing is to be called"));
            }
            flow.into_plan(&mut plan, row)?;
            return Ok(Next::End(Box::new(plan)));
        };
        match done.next() {
            Some(one) if one.outcome == Outcome::Refused => {
                let why = one.message.clone().unwrap_or_default();
                flow.fail(&format!(
                    "{} was refused: {why}",
                    step.tool.as_deref().unwrap_or_default()
                ));
            }
            Some(_) => {
                flow.own(step);
                flow.leave(step);
            }
            None => {
                if debt.steps.is_empty() && halt.is_some() {
                    flow.fail("too many reactions led here, or it set itself off");
                    flow.into_plan(&mut plan, row)?;
                    return Ok(Next::End(Box::new(plan)));
                }
                let Some(caller) = automation::in_name_of(view.state, &row.org, definition.owner) else {
                    flow.fail("whoever it acts for is no longer an active member");
                    flow.into_plan(&mut plan, row)?;
                    return Ok(Next::End(Box::new(plan)));
                };
                return Ok(Next::Act(Box::new(Act {
                    caller,
                    tool: step.tool.clone().unwrap_or_default(),
                    args: filled(step, &flow.instance),
                })));
            }
        }
    }
}

/// The parameters of a step, with what stands for the subject and the variables put in.
pub fn filled(step: &Step, instance: &Instance) -> Map<String, Value> {
    fn one(value: &Value, instance: &Instance) -> Value {
        match value {
            Value::String(text) if text == "$subject" => instance.subject.clone().map_or(Value::Null, Value::from),
            Value::String(text) => match text.strip_prefix("$vars.") {
                Some(name) => instance.variables.get(name).cloned().unwrap_or_default(),
                None => value.clone(),
            },
            Value::Array(items) => items.iter().map(|item| one(item, instance)).collect(),
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), one(value, instance)))
                    .collect(),
            ),
            other => other.clone(),
        }
    }
    step.params
        .iter()
        .map(|(name, value)| (name.clone(), one(value, instance)))
        .collect()
}

/// Asks anew where something changed that was approved. What is being called is not broken off: it is looked at when it is done.
fn resets(view: &View<'_>, definition: &Row<Definition>, row: &Row<Instance>) -> Result<Next, Rejection> {
    let mut flow = Flow::new(view, definition, row.entity.clone());
    if flow.step().is_none_or(|step| step.kind == StepKind::Action) {
        return Ok(pass("a tool is being called"));
    }
    if !flow.look_again() {
        return Ok(pass("nothing that was approved has changed"));
    }
    let mut plan = Plan::new("Approvals are asked for anew");
    flow.into_plan(&mut plan, row)?;
    Ok(Next::End(Box::new(plan)))
}

/// What a preview says where a plan would set it off.
pub fn would(view: &View<'_>, id: &str, planned: &[Planned]) -> Option<Value> {
    let id: Id<Definition> = id.parse().ok()?;
    let definition = view.state.table::<Definition>()?.get(id)?;
    for one in planned {
        if one.change.entity == "processInstance" {
            if followed(view, one) != Some(id) {
                continue;
            }
            let after = one.change.fields.get("active").and_then(|field| field.to.as_deref());
            let step: Option<super::instance::Active> = after.and_then(|text| serde_json::from_str(text.get()).ok());
            let step = step.and_then(|active| definition.step(&active.step).cloned());
            if let Some(step) = step.filter(|step| step.kind == StepKind::Action) {
                return Some(
                    json!({"process": definition.key, "does": format!("calls {}", step.tool.unwrap_or_default())}),
                );
            }
            continue;
        }
        let mut about = view.find::<Instance>("subject", &one.change.id);
        let running = about.find(|row| row.definition == id && row.status == InstanceStatus::Running);
        let watched = |row: &&std::sync::Arc<Row<Instance>>| {
            watched::fields(row).any(|field| one.change.fields.contains_key(field.as_str()))
        };
        if let Some(row) = running.filter(watched) {
            return Some(
                json!({"process": definition.key, "instance": row.id.to_string(), "does": "asks for approvals anew"}),
            );
        }
    }
    None
}

/// The definition that a planned instance follows.
fn followed(view: &View<'_>, planned: &Planned) -> Option<Id<Definition>> {
    if let Some(field) = planned.change.fields.get("definition") {
        return serde_json::from_str(field.to.as_deref()?.get()).ok();
    }
    Some(view.get::<Instance>(planned.change.id.parse().ok()?)?.definition)
}
