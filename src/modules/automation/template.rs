//! Texts with places for facts: `{{task.title}}`.

use serde_json::{Map, Value, json};

use super::facts;
use crate::kernel::Rejection;
use crate::kernel::expression::Variables;

enum Part<'a> {
    Text(&'a str),
    /// A path, and the character it begins at, counted from 1.
    Fact(&'a str, usize),
}

fn parts(text: &str) -> Result<Vec<Part<'_>>, (usize, String)> {
    let (mut found, mut rest, mut at) = (Vec::new(), text, 1);
    while let Some((before, after)) = rest.split_once("{{") {
        found.push(Part::Text(before));
        let open = at + before.chars().count();
        let Some((path, behind)) = after.split_once("}}") else {
            return Err((open, "`{{` has no `}}`".to_owned()));
        };
        let indent = path.len() - path.trim_start().len();
        found.push(Part::Fact(path.trim(), open + 2 + indent));
        at = open + 4 + path.chars().count();
        rest = behind;
    }
    if let Some(stray) = rest.find("}}") {
        let at = at + rest.get(..stray).unwrap_or_default().chars().count();
        return Err((at, "`}}` has no `{{`".to_owned()));
    }
    found.push(Part::Text(rest));
    Ok(found)
}

/// Checks every template in a value, at a path of the arguments.
///
/// # Errors
/// `template_invalid` with the position in the text and the nearest known name.
pub fn check(value: &Value, path: &str, known: &Variables) -> Result<(), Rejection> {
    match value {
        Value::String(text) => check_text(text, path, known),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(place, item)| check(item, &format!("{path}[{place}]"), known)),
        Value::Object(members) => members
            .iter()
            .try_for_each(|(name, member)| check(member, &format!("{path}.{name}"), known)),
        _ => Ok(()),
    }
}

fn check_text(text: &str, path: &str, known: &Variables) -> Result<(), Rejection> {
    let invalid = |position: usize, why: String, nearest: Option<String>| {
        let meant = nearest
            .as_ref()
            .map(|name| format!("; did you mean `{name}`?"))
            .unwrap_or_default();
        Rejection::new(
            "template_invalid",
            format!("{why} at character {position} of `{text}`{meant}"),
        )
        .field(path)
        .current(json!({"position": position, "nearest": nearest}))
        .hint("a template is {{ and }} around a variable with its field, such as {{task.title}}")
    };
    for part in parts(text).map_err(|(position, why)| invalid(position, why, None))? {
        if let Part::Fact(fact, position) = part {
            let wrong = |(name, nearest): (String, Option<String>)| {
                invalid(position, format!("there is no `{name}` in `{fact}`"), nearest)
            };
            known.of_path(fact).map_err(wrong)?;
        }
    }
    Ok(())
}

/// A value with the facts in their places. A text that is one template alone becomes the fact itself, a list or number too.
///
/// # Errors
/// Which fact is not there.
pub fn render(value: &Value, known: &Map<String, Value>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => render_text(text, known)?,
        Value::Array(items) => items.iter().map(|item| render(item, known)).collect::<Result<_, _>>()?,
        Value::Object(members) => {
            let rendered = members
                .iter()
                .map(|(name, member)| Ok((name.clone(), render(member, known)?)));
            Value::Object(rendered.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

fn render_text(text: &str, known: &Map<String, Value>) -> Result<Value, String> {
    let parts = parts(text).map_err(|(_, why)| why)?;
    let fact = |path: &str| facts::at(known, path).ok_or_else(|| format!("there is no {path} here"));
    if let [Part::Text(""), Part::Fact(path, _), Part::Text("")] = parts.as_slice() {
        return fact(path).cloned();
    }
    let mut whole = String::with_capacity(text.len());
    for part in parts {
        match part {
            Part::Text(text) => whole.push_str(text),
            Part::Fact(path, _) => match fact(path)? {
                Value::String(text) => whole.push_str(text),
                Value::Null => {}
                Value::Array(items) => {
                    let words: Vec<String> = items.iter().map(plain).collect();
                    whole.push_str(&words.join(", "));
                }
                other => whole.push_str(&other.to_string()),
            },
        }
    }
    Ok(whole.into())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
