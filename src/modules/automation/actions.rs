//! What a rule can do: each kind of action is a tool, called as anybody would call it.

use serde_json::{Map, Value, json};

use super::entity::Action;
use super::{template, trigger::Trigger};
use crate::kernel::reject::Candidate;
use crate::kernel::tool::{Run, Tool};
use crate::kernel::{Rejection, View, text};

/// The most that the parameters of one action may take as JSON.
const PARAMS_BYTES_MAX: usize = 80 * 1024;

/// A kind of action.
pub struct Kind {
    /// Its word.
    pub name: &'static str,
    /// The tool that carries it out.
    pub tool: &'static str,
    /// The argument that names the thing it is done to; the thing that the rule reacts to where left out.
    pub target: Option<(&'static str, &'static str)>,
    /// Events that it may cause.
    pub emits: &'static [&'static str],
    /// Whether it makes something new, every time.
    pub makes: bool,
    /// The module that has the tool.
    pub module: &'static str,
    /// An example.
    pub example: &'static str,
}

macro_rules! kinds {
    ($($name:literal $tool:literal $target:expr, $emits:expr, $makes:literal, $module:literal, $example:literal;)*) => {
        /// Every kind of action there is or will be; those whose tool is not here yet are not offered.
        pub const KINDS: &[Kind] = &[$( Kind { name: $name, tool: $tool, target: $target, emits: &$emits, makes: $makes, module: $module, example: $example } ),*];
    };
}
kinds! {
    "update_task" "update_task" Some(("task", "task")), ["task.updated", "task.checklist_changed"], false, "Tasks", r#"{"priority": "high"}"#;
    "move_task" "move_task" Some(("task", "task")), ["task.state_changed", "comment.created"], false, "Tasks", r#"{"to": "Done"}"#;
    "assign_task" "assign_task" Some(("task", "task")), ["task.assigned"], false, "Tasks", r#"{"assignees": {"add": ["@ana"]}}"#;
    "create_task" "create_task" None, ["task.created", "label.created"], true, "Tasks", r#"{"project": "OPS", "title": "Check {{task.title}}"}"#;
    "create_subtasks" "create_subtasks" Some(("parent", "task")), ["task.created"], true, "Tasks", r#"{"items": [{"title": "Review"}]}"#;
    "add_comment" "add_comment" Some(("target", "")), ["comment.created"], true, "Comments", r#"{"body": "Now {{task.state}}"}"#;
    "watch" "update_task" Some(("task", "task")), ["task.updated"], false, "Tasks", r#"{"members": ["@ana"]}"#;
    "set_custom_field" "set_custom_field" Some(("task", "task")), ["task.updated"], false, "Custom fields", "{}";
    "add_to_sprint" "add_to_sprint" Some(("tasks", "task")), ["task.updated"], false, "Sprints", "{}";
    "notify" "notify" None, [], false, "Notifications", "{}";
    "post_message" "post_message" None, [], true, "Chat", "{}";
    "start_process" "start_process" Some(("subject", "")), ["process.started"], true, "Processes", r#"{"definition": "purchase"}"#;
    "reserve_stock" "reserve_stock" None, ["stock.reserved"], true, "Stock", r#"{"item": "BOLT", "qty": "5"}"#;
    "record_kpi" "record_kpi" None, [], true, "Products", "{}";
    "call_webhook" "call_webhook" None, [], true, "Webhooks", "{}";
}

/// The kind of an action.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Its tool, where it is here.
pub fn tool<'a>(view: &View<'a>, kind: &Kind) -> Option<&'a Tool> {
    let tool = view.registry.tool(kind.tool);
    tool.filter(|tool| matches!(tool.run, Run::Decide(_)))
}

/// Reads the actions of a rule.
///
/// # Errors
/// `unknown_action`, `template_invalid`, or `validation_failed` for parameters that the tool does not have.
pub fn read(given: &[Map<String, Value>], trigger: &Trigger, view: &View<'_>) -> Result<Vec<Action>, Rejection> {
    let known = super::facts::variables(view, trigger);
    let one = |(place, given): (usize, &Map<String, Value>)| {
        let path = format!("actions[{place}]");
        let name = given.get("kind").and_then(Value::as_str).unwrap_or_default();
        let (kind, tool) = found(name, &path, view)?;
        if let Some(strange) = given.keys().find(|name| !["kind", "params"].contains(&name.as_str())) {
            return Err(Rejection::argument(
                &format!("{path}.{strange}"),
                "is not part of an action; kind and params are",
            ));
        }
        let params = given.get("params").cloned().unwrap_or_else(|| json!({}));
        let Value::Object(params) = params else {
            return Err(Rejection::argument(&format!("{path}.params"), "must be an object"));
        };
        let action = Action {
            kind: kind.name.to_owned(),
            params,
        };
        let bytes = Value::Object(action.params.clone()).to_string().len();
        if bytes > PARAMS_BYTES_MAX {
            let rule = format!("may have {PARAMS_BYTES_MAX} bytes, not {bytes}");
            return Err(Rejection::argument(&format!("{path}.params"), rule));
        }
        fits(kind, tool, &action.params, &format!("{path}.params"), trigger)?;
        template::check(&Value::Object(action.params.clone()), &format!("{path}.params"), &known)?;
        Ok(action)
    };
    given.iter().enumerate().map(one).collect()
}

fn found<'a>(name: &str, path: &str, view: &View<'a>) -> Result<(&'static Kind, &'a Tool), Rejection> {
    let known = kind(name).and_then(|kind| Some((kind, tool(view, kind)?)));
    known.ok_or_else(|| {
        let offered: Vec<&str> = KINDS
            .iter()
            .filter(|kind| tool(view, kind).is_some())
            .map(|kind| kind.name)
            .collect();
        let message = match kind(name) {
            Some(kind) => format!(
                "the action `{name}` needs module {}, which is not there yet",
                kind.module
            ),
            None => format!("there is no action `{name}`"),
        };
        let near = text::nearest(name, offered.iter().copied(), 3);
        let candidate = |name: &&str| Candidate {
            id: (*name).to_owned(),
            key: None,
            label: (*name).to_owned(),
        };
        Rejection::new("unknown_action", message)
            .field(format!("{path}.kind"))
            .candidates(near.iter().map(candidate).collect())
            .allowed(offered)
            .hint("list_automation_rules with catalogue: true shows every action with an example")
            .next("list_automation_rules", json!({"catalogue": true}))
    })
}

/// Whether the tool has all these arguments, and gets all that it needs.
fn fits(kind: &Kind, tool: &Tool, params: &Map<String, Value>, path: &str, trigger: &Trigger) -> Result<(), Rejection> {
    let implied = kind.target.filter(|(_, of)| {
        let kinds = trigger.kinds();
        if of.is_empty() {
            !kinds.is_empty()
        } else {
            kinds.contains(of) || (kinds.contains(&"comment") && *of == "task")
        }
    });
    if kind.name == "watch" {
        return match params.get("members").and_then(Value::as_array) {
            Some(members) if !members.is_empty() => Ok(()),
            _ => Err(Rejection::argument(
                &format!("{path}.members"),
                "must list the members who are to watch",
            )),
        };
    }
    let properties = tool.input.get("properties").and_then(Value::as_object);
    let names: Vec<&str> = properties
        .into_iter()
        .flat_map(|known| known.keys())
        .map(String::as_str)
        .collect();
    if let Some(strange) = params.keys().find(|name| !names.contains(&name.as_str())) {
        let near = text::nearest(strange, names.iter().copied(), 1)
            .first()
            .map(|near| format!("; did you mean `{near}`?"));
        let rule = format!("is not an argument of {}{}", tool.name, near.unwrap_or_default());
        return Err(Rejection::argument(&format!("{path}.{strange}"), rule));
    }
    let required = tool.input.get("required").and_then(Value::as_array);
    let missing = required
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|name| !params.contains_key(*name) && implied.is_none_or(|(target, _)| target != *name));
    match missing {
        Some(name) => Err(Rejection::argument(
            &format!("{path}.{name}"),
            format!("is needed by {}", tool.name),
        )),
        None => Ok(()),
    }
}

/// The tool's arguments for an action, with the facts in their places.
///
/// # Errors
/// Why it cannot be called.
pub fn call(kind: &Kind, action: &Action, facts: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let rendered = template::render(&Value::Object(action.params.clone()), facts)?;
    let mut args = crate::kernel::tool::object(rendered);
    if kind.name == "watch" {
        let members = args.remove("members").unwrap_or_default();
        args.insert("watchers".to_owned(), json!({"add": members}));
    }
    if let Some((target, of)) = kind.target
        && !args.contains_key(target)
    {
        let kinds = if of.is_empty() {
            vec!["task", "project", "comment"]
        } else {
            vec![of]
        };
        let id = kinds
            .iter()
            .find_map(|kind| super::facts::at(facts, &format!("{kind}.id")));
        let id = id.ok_or_else(|| format!("nothing here says which {target} is meant"))?;
        args.insert(target.to_owned(), id.clone());
    }
    Ok(args)
}

/// In words.
pub fn in_words(action: &Action) -> String {
    let params: Vec<String> = action
        .params
        .iter()
        .map(|(name, value)| format!("{name} {}", text::clip(&value.to_string(), 60)))
        .collect();
    let verb = action.kind.replace('_', " ");
    if params.is_empty() {
        verb
    } else {
        format!("{verb} ({})", params.join(", "))
    }
}
