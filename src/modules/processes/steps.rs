//! Reading steps as they are given: names become identifiers, durations seconds, and what is wrong is said with its step.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::conditions;
use super::entity::{Approval, ApprovalMode, Assignees, Exit, OnTimeout, Step, StepKind, Variable};
use super::hours::LONGEST;
use super::people::variables;
use crate::kernel::arg::JsonObject;
use crate::kernel::expression;
use crate::kernel::identity::{Member, Role, Team};
use crate::kernel::{Ref, Rejection, View, text};

/// Step kinds of modules that have not landed.
const LATER: [(&str, &str); 2] = [("form", "Forms"), ("notify", "Notifications")];
/// Longest wait, in seconds: a year.
const WAIT_MAX: i64 = 366 * 86_400;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[derive(Default)]
struct Given {
    id: String,
    kind: String,
    name: Option<String>,
    assignees: Option<Who>,
    approval: Option<How>,
    deadline: Option<String>,
    on_timeout: Option<OnTimeout>,
    escalate_to: Option<Who>,
    next: Vec<Exit>,
    on_reject: Option<String>,
    watch_fields: Vec<String>,
    wait: Option<String>,
    tool: Option<String>,
    process: Option<String>,
    params: Map<String, Value>,
}

/// Who, by name.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Who {
    members: Vec<String>,
    roles: Vec<String>,
    teams: Vec<String>,
    manager_of_initiator: bool,
    expression: Option<String>,
}

/// How, with roles by name.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct How {
    mode: ApprovalMode,
    quorum: Option<u32>,
    percent: Option<u32>,
    min_distinct: Option<u32>,
    veto_roles: Vec<String>,
    allow_delegation: Option<bool>,
    allow_agents: bool,
    allow_self: bool,
}

/// Something wrong with a step.
fn invalid(code: &'static str, step: &str, why: impl std::fmt::Display) -> Rejection {
    Rejection::new(code, format!("step `{step}`: {why}"))
        .field("steps")
        .current(json!({ "steps": [step] }))
        .hint("list_processes with catalogue shows the kinds of steps with an example")
}

/// Reads all steps.
///
/// # Errors
/// `graph_invalid`, `assignee_rule_invalid`, `not_available_yet`, and what resolving a name refuses.
pub fn read(
    view: &View<'_>,
    given: &[JsonObject],
    declared: &BTreeMap<String, Variable>,
) -> Result<Vec<Step>, Rejection> {
    let mut steps: Vec<Step> = Vec::new();
    for (place, one) in given.iter().enumerate() {
        let name = one
            .0
            .get("id")
            .and_then(Value::as_str)
            .map_or_else(|| place.to_string(), ToOwned::to_owned);
        if let Some((_, module)) = one
            .0
            .get("kind")
            .and_then(|kind| LATER.iter().find(|(later, _)| kind == later))
        {
            return Err(Rejection::not_yet(&format!("steps[{place}].kind"), module));
        }
        let given: Given = serde_json::from_value(Value::Object(one.0.clone()))
            .map_err(|cause| invalid("graph_invalid", &name, cause))?;
        if steps.iter().any(|step| step.id == given.id) {
            return Err(invalid("graph_invalid", &given.id, "there are two of this name"));
        }
        steps.push(step(view, given, declared)?);
    }
    Ok(steps)
}

fn step(view: &View<'_>, given: Given, declared: &BTreeMap<String, Variable>) -> Result<Step, Rejection> {
    let id = given.id.clone();
    let bad = |why: String| invalid("graph_invalid", &id, why);
    if text::slug(&given.id) != given.id || given.id.is_empty() {
        return Err(bad("its id must be lower-case letters, digits and hyphens".to_owned()));
    }
    let kind = StepKind::of(&given.kind).ok_or_else(|| bad(format!("there is no kind `{}`", given.kind)))?;
    let seconds = |given: Option<&String>, name: &str, most: i64| {
        let Some(given) = given else { return Ok(None) };
        let span = given.parse::<jiff::SignedDuration>().ok().map(|span| span.as_secs());
        let span = span.filter(|span| (1..=most).contains(span));
        span.map(Some)
            .ok_or_else(|| bad(format!("{name} must be a time such as 16h, not `{given}`")))
    };
    let read = Step {
        kind,
        name: given.name.clone(),
        assignees: given
            .assignees
            .as_ref()
            .map(|who| assignees(view, who, &id))
            .transpose()?,
        approval: match kind {
            StepKind::Approval => Some(approval(view, given.approval.unwrap_or_default(), &id)?),
            _ if given.approval.is_some() => return Err(bad("only an approval has `approval`".to_owned())),
            _ => None,
        },
        deadline: seconds(given.deadline.as_ref(), "deadline", LONGEST)?,
        on_timeout: given.on_timeout,
        escalate_to: given
            .escalate_to
            .as_ref()
            .map(|who| assignees(view, who, &id))
            .transpose()?,
        next: given.next.clone(),
        on_reject: given.on_reject.clone(),
        watch_fields: given.watch_fields.clone(),
        wait: seconds(given.wait.as_ref(), "wait", WAIT_MAX)?,
        tool: given.tool.clone(),
        process: given.process.clone(),
        params: given.params.clone(),
        id: given.id.clone(),
    };
    whole(&read)?;
    for when in read.next.iter().filter_map(|exit| exit.when.as_ref()) {
        conditions::read(declared, when).map_err(|wrong| {
            let no = bad(format!("the condition `{when}` is wrong: {wrong}"));
            no.current(json!({"steps": [read.id], "expression": when, "position": wrong.position}))
        })?;
    }
    Ok(read)
}

/// Refuses a step that lacks what its kind needs.
fn whole(step: &Step) -> Result<(), Rejection> {
    let bad = |why: &str| Err(invalid("graph_invalid", &step.id, why));
    match step.kind {
        StepKind::Approval | StepKind::Task if step.assignees.is_none() => bad("it needs `assignees`"),
        StepKind::Gateway if step.next.is_empty() => bad("it needs `next`"),
        StepKind::Wait if step.wait.is_none() => bad("it needs `wait`, such as 24h"),
        StepKind::Action if step.tool.is_none() => bad("it needs `tool`"),
        StepKind::Subprocess if step.process.is_none() => bad("it needs `process`, the key of another one"),
        _ if step.process.is_some() && step.kind != StepKind::Subprocess => bad("only a subprocess has `process`"),
        _ if step.on_timeout.is_some() && step.deadline.is_none() => bad("onTimeout needs a deadline"),
        _ if step.on_timeout == Some(OnTimeout::Escalate) && step.escalate_to.is_none() => {
            bad("to escalate it needs `escalateTo`")
        }
        _ if step.deadline.is_some() && !matches!(step.kind, StepKind::Approval | StepKind::Task) => {
            bad("only an approval or a task has a deadline")
        }
        _ => Ok(()),
    }
}

fn assignees(view: &View<'_>, given: &Who, step: &str) -> Result<Assignees, Rejection> {
    let wrong = |no: Rejection| {
        let mut named = invalid("assignee_rule_invalid", step, &no.message);
        named.candidates = no.candidates;
        named
    };
    let members = given
        .members
        .iter()
        .map(|name| view.resolve(&Ref::<Member>::new(name, "steps")).map(|row| row.id));
    let roles = given
        .roles
        .iter()
        .map(|name| view.resolve(&Ref::<Role>::new(name, "steps")).map(|row| row.id));
    let teams = given
        .teams
        .iter()
        .map(|name| view.resolve(&Ref::<Team>::new(name, "steps")).map(|row| row.id));
    if let Some(source) = &given.expression {
        expression::parse(source, &variables()).map_err(|mistake| {
            invalid(
                "assignee_rule_invalid",
                step,
                format!("the expression is wrong: {mistake}"),
            )
        })?;
    }
    let read = Assignees {
        members: members.collect::<Result<_, _>>().map_err(wrong)?,
        roles: roles.collect::<Result<_, _>>().map_err(wrong)?,
        teams: teams.collect::<Result<_, _>>().map_err(wrong)?,
        manager_of_initiator: given.manager_of_initiator,
        expression: given.expression.clone(),
    };
    if read == Assignees::default() {
        return Err(invalid("assignee_rule_invalid", step, "it names nobody"));
    }
    Ok(read)
}

fn approval(view: &View<'_>, given: How, step: &str) -> Result<Approval, Rejection> {
    let bad = |why: &str| Err(invalid("graph_invalid", step, why));
    if given.mode != ApprovalMode::Quorum && (given.quorum.is_some() || given.percent.is_some()) {
        return bad("quorum and percent go with mode quorum");
    }
    if given.quorum == Some(0) || given.percent.is_some_and(|percent| !(1..=100).contains(&percent)) {
        return bad("quorum must be at least 1, percent 1 to 100");
    }
    let vetoes = given
        .veto_roles
        .iter()
        .map(|name| view.resolve(&Ref::<Role>::new(name, "steps")).map(|row| row.id));
    Ok(Approval {
        mode: given.mode,
        quorum: given.quorum,
        percent: given.percent,
        min_distinct: given.min_distinct,
        veto_roles: vetoes.collect::<Result<_, _>>()?,
        allow_delegation: given.allow_delegation.unwrap_or(true),
        allow_agents: given.allow_agents,
        allow_self: given.allow_self,
    })
}
