//! `save_process_definition`: a draft is changed, a published version is followed by another one.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::conditions::TYPES;
use super::entity::{Definition, DefinitionStatus, StepKind, SubjectKind, Variable};
use super::flow::Flow;
use super::instance::Instance;
use super::people::handles;
use super::{graph, people, start, steps, watched, words};
use crate::args;
use crate::kernel::arg::{In, JsonObject, List, Slug, Str, UpdateArgs};
use crate::kernel::plan::Undo;
use crate::kernel::{Plan, Ref, Rejection, Risk, Row, View, text};

args! {
    /// Arguments of `save_process_definition`.
    pub struct SaveDefinition {
        /// The one to change or follow; a new one where left out.
        definition: Option<Ref<Definition>>,
        /// What its versions have in common.
        key: Option<Slug>,
        name: Option<Str<1, 120>>,
        subject: Option<SubjectKind>,
        /// {name: {type: text|number|flag, required, default}}.
        variables: Option<JsonObject>,
        /// {id, kind, …}; list_processes catalogue: true shows them.
        steps: Option<List<JsonObject, 1, 40>>,
        /// The first step.
        start: Option<Str<1, 60>>,
        publish: bool = false,
        retire: bool = false,
        write: In<UpdateArgs>,
    }
}

/// `save_process_definition`.
pub fn save(args: SaveDefinition, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = args
        .definition
        .as_ref()
        .map(|reference| newest(view, reference))
        .transpose()?;
    if let Some(row) = row {
        Plan::expect(view, row, args.write.expected_version)?;
    }
    match row {
        Some(row) if args.retire => retire(view, row, &args),
        None if args.retire => Err(Rejection::argument("definition", "is required to retire one")),
        _ => write(view, row, &args),
    }
}

/// The newest version of what a reference means: a draft before what is published.
fn newest<'a>(view: &View<'a>, reference: &Ref<Definition>) -> Result<&'a Arc<Row<Definition>>, Rejection> {
    let named = |row: &Row<Definition>| versions(view, &row.key).all(|other| other.number <= row.number);
    view.resolve_among(reference, named)
        .or_else(|_| view.resolve(reference))
}

fn versions<'a>(view: &View<'a>, key: &str) -> impl Iterator<Item = &'a Arc<Row<Definition>>> + use<'a> {
    view.find::<Definition>("key", key).collect::<Vec<_>>().into_iter()
}

fn running<'a>(view: &View<'a>, row: &Row<Definition>) -> Vec<&'a Arc<Row<Instance>>> {
    view.find::<Instance>("running", &row.id.to_string()).collect()
}

fn retire(view: &View<'_>, row: &Row<Definition>, args: &SaveDefinition) -> Result<Plan, Rejection> {
    if args.steps.is_some() || args.publish {
        return Err(Rejection::argument("retire", "goes alone"));
    }
    let running = running(view, row).len();
    if running > 0 {
        return Err(Rejection::new(
            "in_use",
            format!("{} on its way follow it", text::count(running, "instance")),
        )
        .field("definition")
        .hint("let them end, or cancel them with act_on_process"));
    }
    let mut plan = Plan::new(format!("Retire {} version {}", row.name, row.number));
    plan.edit("process.definition_retired", row, |definition| {
        definition.status = DefinitionStatus::Retired;
    })?;
    plan.result = json!({"id": row.id.to_string(), "key": row.key, "number": row.number, "status": "retired"});
    Ok(plan)
}

fn write(view: &View<'_>, row: Option<&Arc<Row<Definition>>>, args: &SaveDefinition) -> Result<Plan, Rejection> {
    let draft = row.filter(|row| row.status == DefinitionStatus::Draft);
    let definition = changed(view, row, args)?;
    graph::check(&definition)?;
    watched::check(view, &definition)?;
    if args.publish {
        graph::able(view, &definition)?;
    }
    let verb = if args.publish { "Publish" } else { "Save a draft of" };
    let mut plan = Plan::new(format!("{verb} {} version {}", definition.name, definition.number));
    let event = if args.publish {
        "process.definition_published"
    } else {
        "process.definition_saved"
    };
    let (id, version) = if let Some(draft) = draft {
        let changed = plan.edit(event, draft, |row| *row = definition.clone())?;
        (draft.id, draft.version + u64::from(changed))
    } else {
        let id = view.new_id::<Definition>();
        plan.create(event, id, definition.clone())?;
        (id, 1)
    };
    if args.publish {
        let older =
            versions(view, &definition.key).filter(|row| row.id != id && row.status == DefinitionStatus::Published);
        for older in older {
            let left = running(view, older).len();
            plan.edit("process.definition_retired", older, |row| {
                row.status = DefinitionStatus::Retired;
            })?;
            plan.cascades.push(format!(
                "{} on its way go on with version {}",
                text::count(left, "instance"),
                older.number
            ));
        }
        plan.risk = Some(Risk::Medium);
    }
    describe(&mut plan, view, &definition);
    plan.undo = Undo::Never("save it again, or retire it");
    plan.result = json!({
        "id": id.to_string(), "key": definition.key, "number": definition.number, "status": definition.status, "version": version,
    });
    Ok(plan)
}

fn describe(plan: &mut Plan, view: &View<'_>, definition: &Definition) {
    let said: Vec<String> = definition.steps.iter().map(|step| words::step(view, step)).collect();
    plan.detail("steps", said);
    let sample = Instance {
        initiator: view.caller.member,
        ..Instance::default()
    };
    let flow = Flow::new(view, definition, sample);
    let deciding = definition
        .steps
        .iter()
        .filter(|step| matches!(step.kind, StepKind::Approval | StepKind::Task));
    let deciding: Vec<_> = deciding.collect();
    for step in &deciding {
        let rule = step.assignees.as_ref();
        let all = rule.map_or(0, |rule| people::named(view, rule, None, view.caller.member).len());
        if all > people::ASKED_MAX {
            let most = people::ASKED_MAX;
            plan.warn(format!(
                "{} names {all} members and asks the first {most} who may decide: name a team or role that is smaller",
                step.id
            ));
        }
    }
    let today: Vec<Value> = deciding
        .into_iter()
        .map(|step| {
            let slots = flow.slots(step, step.assignees.as_ref());
            json!({"step": step.id, "wouldDecideToday": handles(view, slots.iter().map(|slot| slot.approver))})
        })
        .collect();
    for one in &today {
        if one["wouldDecideToday"].as_array().is_none_or(Vec::is_empty) {
            plan.warn(format!(
                "nobody could decide in {} if you started it now",
                one["step"].as_str().unwrap_or_default()
            ));
        }
    }
    plan.detail("today", today);
    let unreachable = graph::unreachable(definition);
    if !unreachable.is_empty() {
        plan.warn(format!("nothing leads to {}", unreachable.join(", ")));
    }
    plan.detail("unreachable", unreachable);
    let endless = graph::endless(definition);
    if !endless.is_empty() {
        plan.warn(format!("no way leads from {} to an end", endless.join(", ")));
        plan.detail("endless", endless);
    }
    let stranded = graph::stranded(definition);
    if !stranded.is_empty() {
        let steps = stranded.join(", ");
        plan.warn(format!(
            "{steps} fails where no condition holds: give it a way without one"
        ));
    }
}

/// The definition with what was given.
fn changed(
    view: &View<'_>,
    row: Option<&Arc<Row<Definition>>>,
    args: &SaveDefinition,
) -> Result<Definition, Rejection> {
    let mut definition = row.map(|row| row.entity.clone()).unwrap_or_default();
    match (&args.key, row) {
        (Some(key), Some(row)) if key.0 != row.key => {
            return Err(Rejection::argument("key", format!("is `{}` in every version", row.key)));
        }
        (Some(key), _) => definition.key.clone_from(&key.0),
        (None, None) => {
            let name = args
                .name
                .as_ref()
                .ok_or_else(|| Rejection::argument("name", "is required for a new one"))?;
            definition.key = text::slug(name);
        }
        (None, Some(_)) => {}
    }
    if row.is_none() {
        if let Some(other) = versions(view, &definition.key).next() {
            return Err(Rejection::argument(
                "key",
                format!("`{}` is another definition's; name that one", other.key),
            ));
        }
        if args.steps.is_none() {
            return Err(Rejection::argument("steps", "is required for a new one"));
        }
    }
    if let Some(row) = row.filter(|row| row.status != DefinitionStatus::Draft) {
        let last = versions(view, &row.key).map(|row| row.number).max();
        definition.number = last.unwrap_or(row.number) + 1;
    }
    definition.number = definition.number.max(1);
    if let Some(name) = &args.name {
        definition.name.clone_from(&name.0);
    } else if row.is_none() {
        definition.name.clone_from(&definition.key);
    }
    definition.subject = args.subject.unwrap_or(definition.subject);
    available(definition.subject)?;
    if let Some(given) = &args.variables {
        definition.variables = variables(given)?;
    }
    if let Some(given) = &args.steps {
        definition.steps = steps::read(view, given, &definition.variables)?;
    }
    definition.start = match &args.start {
        Some(start) => start.0.clone(),
        None if args.steps.is_none() => definition.start,
        None => definition.steps.first().map(|step| step.id.clone()).unwrap_or_default(),
    };
    definition.owner = view.caller.member;
    definition.status = if args.publish {
        DefinitionStatus::Published
    } else {
        DefinitionStatus::Draft
    };
    Ok(definition)
}

/// Refuses subjects of modules that have not landed.
fn available(subject: SubjectKind) -> Result<(), Rejection> {
    match subject {
        SubjectKind::Expense => Err(Rejection::not_yet("subject", "Expenses")),
        SubjectKind::Contact => Err(Rejection::not_yet("subject", "Contacts")),
        SubjectKind::Page => Err(Rejection::not_yet("subject", "Wiki")),
        _ => Ok(()),
    }
}

fn variables(given: &JsonObject) -> Result<BTreeMap<String, Variable>, Rejection> {
    let wrong = |name: &str, why: String| Rejection::argument(&format!("variables.{name}"), why);
    let mut all = BTreeMap::new();
    for (name, value) in &given.0 {
        let read: Variable = serde_json::from_value(value.clone()).map_err(|cause| wrong(name, cause.to_string()))?;
        if !TYPES.contains(&read.r#type.as_str()) {
            return Err(wrong(name, format!("cannot be of type `{}`", read.r#type)).allowed(TYPES));
        }
        if read
            .default
            .as_ref()
            .is_some_and(|default| !start::is_a(&read.r#type, default))
        {
            return Err(wrong(name, format!("has a default that is no {}", read.r#type)));
        }
        if text::slug(name).is_empty() || name.contains(['.', ' ']) {
            return Err(wrong(name, "must be a plain name".to_owned()));
        }
        all.insert(name.clone(), read);
    }
    Ok(all)
}
