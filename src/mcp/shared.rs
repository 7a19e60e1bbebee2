//! A long schema said shortly: what stands in it several times is defined once and referred to.
//!
//! Not every client follows `$ref`, so only the few tools that would not keep to their budget are listed like this;
//! REST, `find_tools` and the check of arguments know the schema as it was declared.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

/// A tool may take 3 KB in the list; this is what the schema of its arguments may have of that.
const BYTES_MAX: usize = 2_400;
/// What a reference takes: `{"$ref":"#/$defs/a"}`.
const REFERENCE_BYTES: usize = 20;
/// What a definition takes beside what it defines: `"a":` and a comma.
const DEFINITION_BYTES: usize = 5;
/// The names of definitions: each is one byte per use.
const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
/// What is said of one use of a part and stays there.
const OF_THE_USE: [&str; 2] = ["description", "default"];

type Schema = Map<String, Value>;

/// The schema as it is listed: as declared where it is short, else with its repeated parts under `$defs`.
pub(super) fn listed(declared: &Arc<Schema>) -> Arc<Schema> {
    let mut schema = Value::Object((**declared).clone());
    if schema.to_string().len() <= BYTES_MAX {
        return Arc::clone(declared);
    }
    for name in NAMES {
        let Some(part) = worth_most(&mut schema) else { break };
        share(&mut schema, &part, name);
    }
    match schema {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::clone(declared),
    }
}

/// The part that saves most when it is said once.
fn worth_most(schema: &mut Value) -> Option<Schema> {
    let mut uses: BTreeMap<String, (usize, Schema)> = BTreeMap::new();
    each(schema, &mut |part| {
        if let Some(bare) = bare(part) {
            uses.entry(Value::Object(bare.clone()).to_string())
                .or_insert((0, bare))
                .0 += 1;
        }
    });
    let saved = |(text, (count, part)): (String, (usize, Schema))| {
        let (flat, shared) = (
            count * text.len(),
            text.len() + DEFINITION_BYTES + count * REFERENCE_BYTES,
        );
        (flat > shared).then(|| (flat - shared, part))
    };
    uses.into_iter()
        .filter_map(saved)
        .max_by_key(|(bytes, _)| *bytes)
        .map(|(_, part)| part)
}

/// A schema without what belongs to its use; `None` for a reference.
fn bare(part: &Value) -> Option<Schema> {
    let mut members = part.as_object()?.clone();
    members.retain(|name, _| !OF_THE_USE.contains(&name.as_str()));
    (!members.contains_key("$ref")).then_some(members)
}

/// Puts a reference wherever `part` stands, and the part under `$defs`.
fn share(schema: &mut Value, part: &Schema, name: &str) {
    each(schema, &mut |place| {
        if bare(place).as_ref() == Some(part)
            && let Value::Object(members) = place
        {
            members.retain(|name, _| OF_THE_USE.contains(&name.as_str()));
            members.insert("$ref".to_owned(), format!("#/$defs/{name}").into());
        }
    });
    if let Value::Object(members) = schema
        && let Value::Object(defined) = members.entry("$defs").or_insert_with(|| json!({}))
    {
        defined.insert(name.to_owned(), Value::Object(part.clone()));
    }
}

/// Visits every schema inside a schema, the outer ones first.
fn each(schema: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    let Value::Object(members) = schema else { return };
    for (name, inner) in members {
        match (name.as_str(), inner) {
            ("properties" | "$defs", Value::Object(named)) => {
                for part in named.values_mut() {
                    visit(part);
                    each(part, visit);
                }
            }
            ("items", part) => {
                visit(part);
                each(part, visit);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a schema means: every reference replaced by what it refers to.
    fn resolved(part: &Value, defined: &Value) -> Value {
        match part {
            Value::Object(members) => {
                let mut whole = Schema::new();
                for (name, value) in members.iter().filter(|(name, _)| *name != "$defs") {
                    match value.as_str().and_then(|text| text.strip_prefix("#/$defs/")) {
                        Some(of) if name == "$ref" => {
                            whole.extend(resolved(&defined[of], defined).as_object().unwrap().clone());
                        }
                        _ => drop(whole.insert(name.clone(), resolved(value, defined))),
                    }
                }
                Value::Object(whole)
            }
            Value::Array(items) => items.iter().map(|item| resolved(item, defined)).collect(),
            plain => plain.clone(),
        }
    }

    #[test]
    fn what_is_listed_means_what_is_declared() {
        let mut shared = Vec::new();
        for tool in crate::modules::registry().tools() {
            let listed = Value::Object((*listed(&tool.input)).clone());
            if listed.get("$defs").is_some() {
                shared.push(tool.name);
            }
            let means = resolved(&listed, &listed["$defs"]);
            assert_eq!(means, Value::Object((*tool.input).clone()), "{}", tool.name);
        }
        assert_eq!(
            shared,
            ["update_task", "save_stock_item"],
            "references are for tools that need them"
        );
    }
}
