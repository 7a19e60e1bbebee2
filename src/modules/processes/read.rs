//! `list_processes` and `get_process`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::entity::{Definition, StepKind};
use super::flow::Flow;
use super::instance::{Instance, InstanceStatus, Vote};
use super::people::handle;
use super::words;
use crate::kernel::arg::{In, PageArgs, ReadArgs, Ts};
use crate::kernel::identity::Member;
use crate::kernel::listing::{self, Item, Listing};
use crate::kernel::tool::object;
use crate::kernel::{AnyRef, Ref, Rejection, Row, View};
use crate::modules::automation;
use crate::{args, choice};

choice! {
    /// What to list.
    pub enum ListKind {
        /// What waits for the caller.
        Inbox = "inbox",
        /// What is on its way or over.
        Instances = "instances",
        /// What can be started.
        Definitions = "definitions",
    }
}

args! {
    /// Arguments of `list_processes`.
    pub struct ListProcesses {
        kind: ListKind = ListKind::Inbox,
        definition: Option<Ref<Definition>>,
        status: Option<InstanceStatus>,
        subject: Option<AnyRef>,
        initiator: Option<Ref<Member>>,
        /// Whose word is waited for.
        approver: Option<Ref<Member>>,
        due_before: Option<Ts>,
        /// Adds the kinds of steps with an example.
        catalogue: bool = false,
        page: In<PageArgs>,
    }
}

/// What a listed process shows.
pub const COLUMNS: [&str; 8] = [
    "id",
    "definition",
    "subject",
    "status",
    "step",
    "due",
    "votes",
    "initiator",
];
const DEFINITIONS: [&str; 6] = ["id", "key", "number", "name", "status", "subject"];

/// `list_processes`.
pub fn list(args: ListProcesses, view: &View<'_>) -> Result<Value, Rejection> {
    let mut answer = match args.kind {
        ListKind::Definitions => {
            let items = view.rows::<Definition>().map(|row| definition(view, row)).collect();
            Listing::new(view, &args.page, &DEFINITIONS, "key").answer(items)?
        }
        ListKind::Inbox | ListKind::Instances => instances(&args, view)?,
    };
    if let (true, Value::Object(members)) = (args.catalogue, &mut answer) {
        members.insert("catalogue".to_owned(), catalogue());
    }
    Ok(answer)
}

fn instances(args: &ListProcesses, view: &View<'_>) -> Result<Value, Rejection> {
    let key = args
        .definition
        .as_ref()
        .map(|one| view.resolve(one))
        .transpose()?
        .map(|row| row.key.clone());
    let subject = args
        .subject
        .as_ref()
        .map(|one| view.resolve_any(one, &[]))
        .transpose()?
        .map(|label| label.id);
    let initiator = args
        .initiator
        .as_ref()
        .map(|one| view.resolve(one))
        .transpose()?
        .map(|row| row.id);
    let approver = args
        .approver
        .as_ref()
        .map(|one| view.resolve(one))
        .transpose()?
        .map(|row| row.id);
    let approver = if args.kind == ListKind::Inbox {
        approver.or(Some(view.caller.member))
    } else {
        approver
    };
    let waits = |row: &Row<Instance>, member| {
        let active = row.active.as_ref().filter(|_| row.status == InstanceStatus::Running);
        active.is_some_and(|active| {
            let open = |slot: &super::instance::Slot| slot.approver == member && slot.decision == Vote::Pending;
            active.slots.iter().any(open) && active.claimed_by.is_none_or(|by| by == member)
        })
    };
    let fits = |row: &&Arc<Row<Instance>>| {
        let due = row.active.as_ref().and_then(|active| active.due);
        key.as_ref().is_none_or(|key| row.definition_key == *key)
            && args.status.is_none_or(|status| row.status == status)
            && subject
                .as_ref()
                .is_none_or(|subject| row.subject.as_ref() == Some(subject))
            && initiator.is_none_or(|member| row.initiator == member)
            && approver.is_none_or(|member| waits(row, member))
            && args
                .due_before
                .is_none_or(|before| due.is_some_and(|due| due < before.0))
    };
    let items = view
        .rows::<Instance>()
        .filter(fits)
        .map(|row| instance(view, row))
        .collect();
    Listing::new(view, &args.page, &COLUMNS, "-updatedAt").answer(items)
}

fn instance(view: &View<'_>, row: &Row<Instance>) -> Item {
    let active = row.active.as_ref();
    object(json!({
        "id": row.id.to_string(), "definition": row.definition_key,
        "subject": row.subject.as_ref().map(|id| automation::named(view, id)), "status": row.status,
        "step": active.map(|active| &active.step), "due": active.and_then(|active| active.due),
        "votes": active.filter(|active| !active.slots.is_empty()).map(|active| words::count(&active.slots)),
        "initiator": handle(view, row.initiator), "why": row.why, "version": row.version, "updatedAt": row.updated_at,
        "createdAt": row.created_at,
    }))
}

fn definition(view: &View<'_>, row: &Row<Definition>) -> Item {
    object(json!({
        "id": row.id.to_string(), "key": row.key, "number": row.number, "name": row.name, "status": row.status,
        "subject": row.subject, "owner": handle(view, row.owner), "version": row.version, "updatedAt": row.updated_at,
    }))
}

args! {
    /// Arguments of `get_process`.
    pub struct GetProcess {
        /// An instance or a definition.
        process: AnyRef,
        read: In<ReadArgs>,
    }
}

/// `get_process`.
pub fn get(args: GetProcess, view: &View<'_>) -> Result<Value, Rejection> {
    let found = view.resolve_any(&args.process, &["processInstance", "processDefinition"])?;
    let none = || Rejection::not_found("process", &args.process.text);
    if found.kind == "processDefinition" {
        let row = view.need::<Definition>(found.id.parse().map_err(|_| none())?)?;
        return of_definition(&args, view, row);
    }
    let row = view.need::<Instance>(found.id.parse().map_err(|_| none())?)?;
    let followed = view.need(row.definition)?;
    let mut item = instance(view, row);
    let path: Vec<Value> = (row.decisions.iter())
        .map(
            |said| json!({"step": said.step, "act": said.act, "by": said.by.map(|by| handle(view, by)), "at": said.at}),
        )
        .collect();
    item.insert("definitionVersion".to_owned(), followed.number.into());
    item.insert("active".to_owned(), words::active(view, followed, row));
    if let Some(outer) = row.parent {
        item.insert("stepOf".to_owned(), outer.to_string().into());
    }
    item.insert("path".to_owned(), path.into());
    item.insert("youMay".to_owned(), you_may(view, followed, row).into());
    listing::item(
        view,
        &args.read,
        item,
        &["history", "subject", "variables", "versions"],
        |part| {
            Ok(match part {
            "history" => Some(row.decisions.iter().map(|said| {
                json!({
                    "step": said.step, "act": said.act, "by": said.by.map(|by| handle(view, by)), "note": said.note, "at": said.at,
                    "untrusted": said.note.is_some(),
                })
            }).collect()),
            "subject" => Some(row.subject.as_ref().and_then(|id| view.describe(view.state.kind_of(id)?, id)).map_or(Value::Null, |label| json!(label))),
            "variables" => Some(json!(row.variables)),
            "versions" => Some(versions(view, followed)),
            _ => None,
        })
        },
    )
}

fn of_definition(args: &GetProcess, view: &View<'_>, row: &Row<Definition>) -> Result<Value, Rejection> {
    let mut item = definition(view, row);
    let said: Vec<String> = row.steps.iter().map(|step| words::step(view, step)).collect();
    item.insert("start".to_owned(), row.start.clone().into());
    item.insert("inWords".to_owned(), said.into());
    item.insert("steps".to_owned(), json!(row.steps));
    let running = view.find::<Instance>("running", &row.id.to_string()).count();
    item.insert("running".to_owned(), running.into());
    listing::item(view, &args.read, item, &["variables", "versions"], |part| {
        Ok(match part {
            "variables" => Some(json!(row.variables)),
            "versions" => Some(versions(view, row)),
            _ => None,
        })
    })
}

fn versions(view: &View<'_>, row: &Definition) -> Value {
    let all = view.find::<Definition>("key", &row.key);
    all.map(|row| json!({"id": row.id.to_string(), "number": row.number, "status": row.status}))
        .collect()
}

/// What the caller may do to an instance now.
fn you_may(view: &View<'_>, definition: &Definition, row: &Row<Instance>) -> Vec<&'static str> {
    let (Some(active), me) = (&row.active, view.caller.member) else {
        return Vec::new();
    };
    let Some(step) = definition.step(&active.step) else {
        return Vec::new();
    };
    let flow = Flow::new(view, definition, row.entity.clone());
    let mut may = Vec::new();
    let blank = super::entity::Approval::default();
    let approval = step.approval.as_ref().unwrap_or(&blank);
    let open = super::tally::Tally::of(approval, &active.slots)
        .open()
        .any(|slot| slot.approver == me);
    if row.status == InstanceStatus::Failed {
        may.push("retry");
        return may;
    }
    if step.kind == StepKind::Approval && open && flow.may_count(approval, me).is_none() {
        may.extend(["approve", "reject", "abstain"]);
        if approval.allow_delegation {
            may.push("delegate");
        }
    }
    let mine = active
        .claimed_by
        .map_or_else(|| active.slots.iter().any(|slot| slot.approver == me), |by| by == me);
    if step.kind == StepKind::Task && mine {
        may.extend(["claim", "complete"]);
    }
    if me == row.initiator || view.rights.allow("processes.manage") {
        may.push("cancel");
    }
    may
}

fn catalogue() -> Value {
    json!({
        "stepKinds": [
            {"kind": "approval", "params": {"assignees": "who", "approval": {"mode": "any|all|quorum|sequential", "quorum": "number", "percent": "1 to 100", "minDistinct": "number", "vetoRoles": "list", "allowDelegation": "true", "allowAgents": "false", "allowSelf": "false"}, "deadline": "working time, such as 16h", "onTimeout": "remind|escalate|reject|expire", "escalateTo": "who", "watchFields": "fields of the subject", "next": "[{when: CEL, to: step}]", "onReject": "step"}},
            {"kind": "task", "params": {"assignees": "who", "deadline": "working time", "next": "ways"}},
            {"kind": "gateway", "params": {"next": "the first way whose condition holds, or that has none"}},
            {"kind": "wait", "params": {"wait": "a time, such as 24h"}},
            {"kind": "action", "params": {"tool": "a write tool", "params": "its arguments; $subject, $vars.name"}},
            {"kind": "subprocess", "params": {"process": "the key of another one, about the same or nothing", "params": "its variables; $vars.name", "next": "ways", "onReject": "step"}},
        ],
        "notYet": [{"kind": "form", "needs": "Forms"}, {"kind": "notify", "needs": "Notifications"}],
        "assignees": {"members": "list", "roles": "list", "teams": "list", "managerOfInitiator": "flag", "expression": "CEL over member"},
        "conditions": {"vars": "the variables", "subject": "its fields", "initiator": "handle", "approved": "flag"},
        "example": {
            "key": "purchase", "name": "Purchase", "subject": "none", "variables": {"amount": {"type": "number", "required": true}},
            "steps": [
                {"id": "size", "kind": "gateway", "next": [{"when": "vars.amount <= 100", "to": "order"}, {"to": "boss"}]},
                {"id": "boss", "kind": "approval", "assignees": {"roles": ["manager"]}, "approval": {"mode": "quorum", "quorum": 2},
                 "deadline": "8h", "onTimeout": "escalate", "escalateTo": {"roles": ["owner"]}, "next": [{"to": "order"}]},
                {"id": "order", "kind": "task", "assignees": {"managerOfInitiator": true}},
            ],
        },
    })
}
