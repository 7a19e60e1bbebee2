//! Guard and post kinds: which there are, how they are written, and what they say in words.

use projections::Id;
use serde_json::{Map, Value, json};

use super::entity::{Guard, Post};
use super::expression;
use super::moves::{FIELDS, who};
use crate::kernel::arg::JsonObject;
use crate::kernel::identity::{Member, Role};
use crate::kernel::{Ref, Rejection, View, text};
use crate::modules::labels::Label;
use crate::modules::processes::Definition;
use crate::modules::processes::entity::{DefinitionStatus, SubjectKind};
use crate::modules::tasks::Priority;

/// Guard kinds that a workflow may use now: kind, what it asks, its parameters.
pub const GUARDS: [(&str, &str, &str); 9] = [
    ("role_in", "the mover has one of the roles", r#"{"roles": ["admin"]}"#),
    ("assignee_only", "only an assignee may move it", "{}"),
    ("not_reporter", "its reporter may not move it", "{}"),
    (
        "fields_present",
        "the task has these fields",
        r#"{"fields": ["estimate"]}"#,
    ),
    ("no_open_subtasks", "every subtask is completed or cancelled", "{}"),
    ("checklist_done", "every checklist item is done", "{}"),
    ("comment_required", "the move needs a comment", "{}"),
    (
        "approvals",
        "an instance of the process on the task is approved",
        r#"{"definition": "release"}"#,
    ),
    (
        "expression",
        "the expression holds for the task",
        r#"{"expression": "estimate <= 8 and labels has \"safe\""}"#,
    ),
];

/// Guard kinds of modules that have not landed.
const LATER: [(&str, &str); 2] = [("no_open_blockers", "Dependencies"), ("time_logged", "Time tracking")];

/// Post kinds that a workflow may use now: kind, what it does, its parameters.
pub const POSTS: [(&str, &str, &str); 4] = [
    (
        "set_field",
        "sets the priority",
        r#"{"field": "priority", "value": "high"}"#,
    ),
    (
        "assign",
        "adds an assignee; @me is whoever moves it",
        r#"{"member": "@me"}"#,
    ),
    (
        "add_label",
        "adds a label of the organisation",
        r#"{"label": "reviewed"}"#,
    ),
    (
        "start_process",
        "starts a process about the task, in the name of whoever moves it",
        r#"{"definition": "review"}"#,
    ),
];

const POSTS_LATER: [(&str, &str); 2] = [("clear_claim", "Dependencies"), ("stop_timers", "Time tracking")];

/// A catalogue of kinds, as shown.
pub fn catalogue(kinds: &[(&str, &str, &str)]) -> Value {
    let shown = |(kind, means, parameters): &(&str, &str, &str)| {
        let parameters: Value = serde_json::from_str(parameters).unwrap_or_default();
        json!({"kind": kind, "means": means, "parameters": parameters})
    };
    kinds.iter().map(shown).collect()
}

fn kind_of(given: &JsonObject, path: &str) -> Result<(String, Map<String, Value>), Rejection> {
    let mut members = given.0.clone();
    match members.remove("kind") {
        Some(Value::String(kind)) => Ok((kind, members)),
        _ => Err(Rejection::argument(&format!("{path}.kind"), "must be a text")),
    }
}

/// Reads a guard, its names resolved.
///
/// # Errors
/// `unknown_guard`, `expression_invalid`, `not_available_yet`, and what resolving a role refuses.
pub fn guard(view: &View<'_>, given: &JsonObject, path: &str) -> Result<Guard, Rejection> {
    let (kind, mut given) = kind_of(given, path)?;
    if let Some((_, module)) = LATER.iter().find(|(later, _)| *later == kind) {
        return Err(Rejection::not_yet(path, module));
    }
    if !GUARDS.iter().any(|(known, ..)| *known == kind) {
        let message = format!("there is no guard `{kind}`");
        return Err(Rejection::new("unknown_guard", message)
            .field(path)
            .allowed(GUARDS.iter().map(|(known, ..)| *known))
            .current(json!({"guards": catalogue(&GUARDS)}))
            .hint("use one of the allowed guards with its parameters"));
    }
    let params = match kind.as_str() {
        "role_in" => {
            let roles = texts(&mut given, "roles", path)?;
            let id = |name: &String| {
                let role = Ref::<Role>::new(name, &format!("{path}.roles"));
                view.resolve(&role).map(|row| row.id.to_string())
            };
            json!({"roles": roles.iter().map(id).collect::<Result<Vec<_>, _>>()?})
        }
        "fields_present" => {
            let fields = texts(&mut given, "fields", path)?;
            check_fields(&fields, &format!("{path}.fields"))?;
            json!({"fields": fields})
        }
        "expression" => json!({"expression": formula(&mut given, path)?}),
        "approvals" => {
            let name = one(&mut given, "definition", path)?;
            let definition = Ref::<Definition>::new(&name, &format!("{path}.definition"));
            json!({"definition": view.resolve(&definition)?.key})
        }
        _ => Value::Null,
    };
    nothing_left(&given, path)?;
    Ok(Guard { kind, params })
}

/// Refuses fields that no task has.
pub fn check_fields(fields: &[String], path: &str) -> Result<(), Rejection> {
    match fields.iter().find(|field| !FIELDS.contains(&field.as_str())) {
        Some(unknown) => Err(Rejection::argument(path, format!("cannot name `{unknown}`")).allowed(FIELDS)),
        None => Ok(()),
    }
}

fn texts(given: &mut Map<String, Value>, name: &str, path: &str) -> Result<Vec<String>, Rejection> {
    let list: Option<Vec<String>> = given
        .remove(name)
        .and_then(|list| serde_json::from_value(list).ok())
        .filter(|list: &Vec<String>| !list.is_empty() && list.len() <= 20);
    list.ok_or_else(|| Rejection::argument(&format!("{path}.{name}"), "must be a list of 1 to 20 texts"))
}

fn one(given: &mut Map<String, Value>, name: &str, path: &str) -> Result<String, Rejection> {
    match given.remove(name) {
        Some(Value::String(text)) if text.chars().count() <= 1000 => Ok(text),
        _ => Err(Rejection::argument(
            &format!("{path}.{name}"),
            "must be a text of at most 1000 characters",
        )),
    }
}

fn formula(given: &mut Map<String, Value>, path: &str) -> Result<String, Rejection> {
    let source = one(given, "expression", path)?;
    expression::parse(&source).map_err(|wrong| {
        Rejection::new("expression_invalid", format!("the expression is wrong: {wrong}"))
            .field(format!("{path}.expression"))
            .current(json!({"position": wrong.position, "expression": source}))
            .hint("compare fields with texts, numbers or null, joined by and, or, not: estimate <= 8 and labels has \"safe\"")
    })?;
    Ok(source)
}

fn nothing_left(given: &Map<String, Value>, path: &str) -> Result<(), Rejection> {
    match given.keys().next() {
        Some(name) => Err(Rejection::argument(
            &format!("{path}.{name}"),
            "is not a parameter of this kind",
        )),
        None => Ok(()),
    }
}

/// Reads a post, its names resolved.
pub fn post(view: &View<'_>, given: &JsonObject, path: &str) -> Result<Post, Rejection> {
    let (kind, mut given) = kind_of(given, path)?;
    if let Some((_, module)) = POSTS_LATER.iter().find(|(later, _)| *later == kind) {
        return Err(Rejection::not_yet(path, module));
    }
    let params = match kind.as_str() {
        "set_field" => {
            let (field, value) = (one(&mut given, "field", path)?, one(&mut given, "value", path)?);
            if field != "priority" {
                return Err(
                    Rejection::argument(&format!("{path}.field"), format!("cannot be `{field}`")).allowed(["priority"]),
                );
            }
            if Priority::of(&value).is_none() {
                let no = Rejection::argument(&format!("{path}.value"), format!("cannot be `{value}`"));
                return Err(no.allowed(Priority::WORDS.iter().copied()));
            }
            json!({"field": field, "value": value})
        }
        "assign" => {
            let member = one(&mut given, "member", path)?;
            let reference = Ref::<Member>::new(&member, &format!("{path}.member"));
            match member.as_str() {
                "@me" => json!({"member": "@me"}),
                _ => json!({"member": view.resolve(&reference)?.id.to_string()}),
            }
        }
        "add_label" => {
            let reference = Ref::<Label>::new(&one(&mut given, "label", path)?, &format!("{path}.label"));
            json!({"label": view.resolve_among(&reference, |label| label.project.is_none())?.id.to_string()})
        }
        "start_process" => {
            let name = one(&mut given, "definition", path)?;
            let path = format!("{path}.definition");
            let reference = Ref::<Definition>::new(&name, &path);
            let row = view.resolve_among(&reference, |row| row.status == DefinitionStatus::Published)?;
            if row.subject != SubjectKind::Task {
                return Err(Rejection::argument(&path, "must be a process about tasks"));
            }
            if row
                .variables
                .values()
                .any(|variable| variable.required && variable.default.is_none())
            {
                return Err(Rejection::argument(
                    &path,
                    "must be a process that asks for no variables",
                ));
            }
            json!({"definition": row.key})
        }
        _ => {
            let no = Rejection::argument(&format!("{path}.kind"), format!("cannot be `{kind}`"));
            return Err(no.allowed(POSTS.iter().map(|(known, ..)| *known)));
        }
    };
    nothing_left(&given, path)?;
    Ok(Post { kind, params })
}

/// The identifiers that a parameter names.
pub fn ids<E: projections::Named>(params: &Value, name: &str) -> Vec<Id<E>> {
    let list = params.get(name).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|id| id.as_str()?.parse().ok()).collect()
}

/// A text parameter; empty where there is none.
pub fn word<'p>(params: &'p Value, name: &str) -> &'p str {
    params.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A guard in words.
pub fn in_words(view: &View<'_>, guard: &Guard) -> String {
    match guard.kind.as_str() {
        "role_in" => format!(
            "only for {}",
            role_names(view, &ids(&guard.params, "roles")).join(" or ")
        ),
        "fields_present" => {
            let fields = guard
                .params
                .get("fields")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let names: Vec<&str> = fields.filter_map(Value::as_str).collect();
            format!("needs {}", names.join(", "))
        }
        "expression" => format!("only where {}", word(&guard.params, "expression")),
        "approvals" => format!("approved by {}", word(&guard.params, "definition")),
        kind => GUARDS
            .iter()
            .find(|(known, ..)| *known == kind)
            .map_or_else(|| kind.to_owned(), |(_, means, _)| (*means).to_owned()),
    }
}

/// The names of roles.
pub fn role_names(view: &View<'_>, roles: &[Id<Role>]) -> Vec<String> {
    let rows = roles.iter().filter_map(|role| view.get(*role));
    rows.map(|row| row.name.clone()).collect()
}

/// A post in words.
pub fn post_in_words(view: &View<'_>, post: &Post) -> String {
    let params = &post.params;
    match post.kind.as_str() {
        "set_field" => format!("sets {} to {}", word(params, "field"), word(params, "value")),
        "assign" => match word(params, "member").parse() {
            Ok(member) => format!("assigns {}", who(view, member)),
            Err(_) => "assigns whoever moves it".to_owned(),
        },
        "add_label" => {
            let label = word(params, "label")
                .parse()
                .ok()
                .and_then(|id: Id<Label>| view.get(id));
            let name = label.map_or("one that is gone", |row| row.name.as_str());
            format!("adds the label {}", text::clip(name, 50))
        }
        "start_process" => format!("starts {}", word(params, "definition")),
        kind => kind.to_owned(),
    }
}
