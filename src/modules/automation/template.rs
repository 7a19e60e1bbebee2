//! Texts with places for facts: `{{task.title}}`.

use serde_json::{Map, Value, json};

use super::facts;
use crate::kernel::Rejection;
use crate::kernel::expression::Variables;

/// The most that the parameters of one action may come to; more than any tool takes.
const RENDERED_BYTES_MAX: usize = 128 * 1024;

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
/// Which fact is not there, or that it would be too long.
pub fn render(value: &Value, known: &Map<String, Value>) -> Result<Value, String> {
    let mut left = RENDERED_BYTES_MAX;
    rendered(value, known, &mut left)
}

fn rendered(value: &Value, known: &Map<String, Value>, left: &mut usize) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => render_text(text, known, left)?,
        Value::Array(items) => {
            let items = items.iter().map(|item| rendered(item, known, left));
            items.collect::<Result<_, _>>()?
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, member)| Ok((name.clone(), rendered(member, known, left)?)));
            Value::Object(members.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

fn render_text(text: &str, known: &Map<String, Value>, left: &mut usize) -> Result<Value, String> {
    let parts = parts(text).map_err(|(_, why)| why)?;
    let fact = |path: &str| facts::at(known, path).ok_or_else(|| format!("there is no {path} here"));
    if let [Part::Text(""), Part::Fact(path, _), Part::Text("")] = parts.as_slice() {
        let fact = fact(path)?;
        take(left, fact.as_str().map_or(0, str::len))?;
        return Ok(fact.clone());
    }
    let mut whole = String::with_capacity(text.len());
    for part in parts {
        let before = whole.len();
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
        take(left, whole.len() - before)?;
    }
    Ok(whole.into())
}

fn take(left: &mut usize, bytes: usize) -> Result<(), String> {
    let rest = left.checked_sub(bytes);
    *left = rest.ok_or_else(|| format!("with the facts in it, it is longer than {RENDERED_BYTES_MAX} bytes"))?;
    Ok(())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_of_templates_has_a_bound() {
        let known = json!({"task": {"description": "x".repeat(4_000)}});
        let known = known.as_object().unwrap();
        let of = |times: usize, apart: &str| json!({"body": vec!["{{task.description}}"; times].join(apart)});
        assert_eq!(
            render(&of(10, ""), known).unwrap()["body"].as_str().unwrap().len(),
            40_000
        );
        assert!(
            render(&of(40, " "), known)
                .unwrap_err()
                .contains("longer than 131072 bytes")
        );
        let many = json!(vec!["{{task.description}}"; 40]);
        assert!(
            render(&many, known).is_err(),
            "each alone is short enough, all together are not"
        );
    }
}
