//! `start_process`.

use std::collections::BTreeMap;
use std::sync::Arc;

use projections::Id;
use serde_json::{Map, Value, json};

use super::entity::{Definition, DefinitionStatus, SubjectKind, Variable};
use super::flow::Flow;
use super::instance::{Instance, InstanceStatus};
use super::words;
use crate::args;
use crate::kernel::arg::{In, JsonObject, Md, WriteArgs};
use crate::kernel::plan::Undo;
use crate::kernel::{AnyRef, Label, Plan, Ref, Rejection, Row, View};

args! {
    /// Arguments of `start_process`.
    pub struct StartProcess {
        definition: Ref<Definition>,
        /// What it is about.
        subject: Option<AnyRef>,
        variables: Option<JsonObject>,
        note: Option<Md<4000>>,
        write: In<WriteArgs>,
    }
}

/// The kinds of things that a subject of a kind can be.
pub fn kinds_of(subject: SubjectKind) -> &'static [&'static str] {
    match subject {
        SubjectKind::Task => &["task"],
        SubjectKind::Expense => &["expense"],
        SubjectKind::Budget => &["budget"],
        SubjectKind::Stock => &["stockItem", "countSession"],
        SubjectKind::Contact => &["contact"],
        SubjectKind::Page => &["page"],
        SubjectKind::None => &[],
    }
}

/// `start_process`.
pub fn start(args: StartProcess, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = published(view, &args.definition)?;
    let subject = subject(view, row, args.subject.as_ref())?;
    if let Some(running) = subject.as_ref().and_then(|subject| running(view, row, &subject.id)) {
        return Err(
            Rejection::new("already_running", format!("{} is on its way for that", row.key))
                .field("subject")
                .current(json!({"process": running.id.to_string(), "status": running.status}))
                .hint("follow that one with get_process, or cancel it with act_on_process"),
        );
    }
    let instance = Instance {
        definition: row.id,
        definition_key: row.key.clone(),
        subject: subject.as_ref().map(|subject| subject.id.clone()),
        initiator: view.caller.member,
        status: InstanceStatus::Running,
        variables: given(&row.variables, args.variables.map(|given| given.0).unwrap_or_default())?,
        ..Instance::default()
    };
    let about = subject.as_ref().map_or_else(String::new, |subject| {
        format!(" on {}", subject.key.as_ref().unwrap_or(&subject.label))
    });
    let mut plan = Plan::new(format!("Start {}{about}", row.name));
    let id = view.new_id::<Instance>();
    plan.create("process.started", id, instance.clone())?;
    let new = begun(view, id, instance.clone());
    let mut flow = Flow::new(view, row, instance);
    if let Some(note) = &args.note {
        flow.note("", Some(view.caller.member), "start", Some(&note.0));
    }
    flow.enter(&row.start);
    let after = flow.into_plan(&mut plan, &new)?;
    if after.status == InstanceStatus::Failed {
        let why = after.why.clone().unwrap_or_default();
        plan.block(
            Rejection::new("no_eligible_approver", format!("it could not go on: {why}"))
                .hint("save the definition with other assignees"),
        );
    } else {
        plan.detail("first", words::active(view, row, &after));
    }
    plan.undo = Undo::Never("act_on_process with cancel calls it off");
    plan.result = json!({
        "id": id.to_string(), "definition": format!("{}@{}", row.key, row.number), "status": after.status,
        "active": words::active(view, row, &after),
    });
    Ok(plan)
}

/// The row that an instance will have.
pub fn begun(view: &View<'_>, id: Id<Instance>, instance: Instance) -> Row<Instance> {
    Row {
        id,
        org: view.caller.org.clone(),
        version: 1,
        created_at: view.now,
        updated_at: view.now,
        records: Vec::new(),
        entity: instance,
    }
}

/// The published version that a reference means.
fn published<'a>(view: &View<'a>, reference: &Ref<Definition>) -> Result<&'a Arc<Row<Definition>>, Rejection> {
    let by_key = |row: &Row<Definition>| row.status == DefinitionStatus::Published;
    if let Ok(row) = view.resolve_among(reference, by_key) {
        return Ok(row);
    }
    let row = view.resolve(reference)?;
    Err(
        Rejection::new("not_published", format!("{} is {}", row.key, row.status))
            .field("definition")
            .hint("publish it with save_process_definition"),
    )
}

fn subject(view: &View<'_>, row: &Definition, given: Option<&AnyRef>) -> Result<Option<Label>, Rejection> {
    let kinds = kinds_of(row.subject);
    let mismatch = |message: String| {
        Err(Rejection::new("subject_type_mismatch", message)
            .field("subject")
            .hint(format!("{} is about: {}", row.key, row.subject)))
    };
    match given {
        None if kinds.is_empty() => Ok(None),
        None => mismatch(format!("{} needs a {}", row.key, row.subject)),
        Some(_) if kinds.is_empty() => mismatch(format!("{} is about nothing of its own", row.key)),
        Some(reference) => match view.resolve_any(reference, kinds) {
            Ok(label) => Ok(Some(label)),
            Err(no) => match view.resolve_any(reference, &[]) {
                Ok(other) => mismatch(format!("that is a {}", other.kind)),
                Err(_) => Err(no),
            },
        },
    }
}

/// The instance of a process that is on its way for a subject.
pub fn running<'a>(view: &View<'a>, row: &Row<Definition>, subject: &str) -> Option<&'a Arc<Row<Instance>>> {
    let mut all = view.find::<Instance>("subject", subject);
    all.find(|one| one.status == InstanceStatus::Running && one.definition_key == row.key)
}

/// The variables as given, checked, with their defaults.
///
/// # Errors
/// `variables_invalid`, with every fault.
pub fn given(
    declared: &BTreeMap<String, Variable>,
    given: Map<String, Value>,
) -> Result<Map<String, Value>, Rejection> {
    let mut faults: Vec<String> = Vec::new();
    for name in given.keys().filter(|name| !declared.contains_key(*name)) {
        faults.push(format!("`{name}` is not a variable"));
    }
    let mut all = Map::new();
    for (name, variable) in declared {
        let value = given.get(name).or(variable.default.as_ref());
        match value {
            None if variable.required => faults.push(format!("`{name}` is required")),
            None => {}
            Some(value) if is_a(&variable.r#type, value) => {
                all.insert(name.clone(), value.clone());
            }
            Some(_) => faults.push(format!("`{name}` must be a {}", variable.r#type)),
        }
    }
    if faults.is_empty() {
        return Ok(all);
    }
    Err(Rejection::new("variables_invalid", faults.join("; "))
        .field("variables")
        .current(json!({ "variables": declared })))
}

/// Whether a value is of a type.
pub fn is_a(of: &str, value: &Value) -> bool {
    match of {
        "number" => value.is_number(),
        "flag" => value.is_boolean(),
        _ => value.as_str().is_some_and(|text| text.len() <= 4_000),
    }
}
