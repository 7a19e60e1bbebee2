//! Conditions: a tree of `all`, `any` and `not` over at most 20 leaves, each a comparison of a field or a CEL expression.

use serde_json::{Map, Value, json};

use super::facts;
use crate::kernel::expression::{self, Type, Variables};
use crate::kernel::{Rejection, text};

/// Most leaves.
const LEAVES_MAX: usize = 20;
/// Deepest tree.
const DEPTH_MAX: usize = 8;
/// Every comparison.
pub const OPS: [&str; 15] = [
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "in",
    "not_in",
    "contains",
    "not_contains",
    "empty",
    "not_empty",
    "changed",
    "changed_to",
    "changed_from",
];

/// A condition that was found right.
pub enum Condition<'a> {
    /// All of them.
    All(Vec<Condition<'a>>),
    /// Any of them.
    Any(Vec<Condition<'a>>),
    /// Not it.
    Not(Box<Condition<'a>>),
    /// A field compared.
    Leaf(&'a str, &'a str, &'a Value),
    /// An expression.
    Cel(&'a str, expression::Expression),
}

struct Reader<'v> {
    known: &'v Variables,
    leaves: usize,
}

/// Reads a tree.
///
/// # Errors
/// `validation_failed` with the path of the first mistake.
pub fn read<'a>(tree: &'a Value, known: &Variables) -> Result<Condition<'a>, Rejection> {
    let mut reader = Reader { known, leaves: 0 };
    reader.node(tree, "conditions", 0)
}

impl Reader<'_> {
    fn node<'a>(&mut self, node: &'a Value, path: &str, depth: usize) -> Result<Condition<'a>, Rejection> {
        let wrong = |rule: String| Err(Rejection::argument(path, rule));
        let Some(members) = node.as_object() else {
            return wrong(
                "must be an object: {all: [...]}, {any: [...]}, {not: ...}, {field, op, value} or {cel}".to_owned(),
            );
        };
        if depth > DEPTH_MAX {
            return wrong(format!("is nested deeper than {DEPTH_MAX}"));
        }
        match (members.len(), members.keys().next().map(String::as_str)) {
            (1, Some("all")) => Ok(Condition::All(self.list(
                members.get("all"),
                &format!("{path}.all"),
                depth,
            )?)),
            (1, Some("any")) => Ok(Condition::Any(self.list(
                members.get("any"),
                &format!("{path}.any"),
                depth,
            )?)),
            (1, Some("not")) => {
                let inner = members.get("not").unwrap_or(&Value::Null);
                let inner = self.node(inner, &format!("{path}.not"), depth + 1)?;
                Ok(Condition::Not(Box::new(inner)))
            }
            _ => self.leaf(members, path),
        }
    }

    fn list<'a>(&mut self, list: Option<&'a Value>, path: &str, depth: usize) -> Result<Vec<Condition<'a>>, Rejection> {
        let Some(items) = list.and_then(Value::as_array).filter(|items| !items.is_empty()) else {
            return Err(Rejection::argument(path, "must be a list with at least one condition"));
        };
        let read = items.iter().enumerate();
        read.map(|(place, item)| self.node(item, &format!("{path}[{place}]"), depth + 1))
            .collect()
    }

    fn leaf<'a>(&mut self, members: &'a Map<String, Value>, path: &str) -> Result<Condition<'a>, Rejection> {
        self.leaves += 1;
        if self.leaves > LEAVES_MAX {
            return Err(Rejection::argument(
                path,
                format!("is one too many: at most {LEAVES_MAX} leaves"),
            ));
        }
        let word = |name: &str| members.get(name).and_then(Value::as_str);
        if let (1, Some(source)) = (members.len(), word("cel")) {
            let read = expression::parse(source, self.known).map_err(|wrong| {
                Rejection::argument(&format!("{path}.cel"), wrong.to_string())
                    .current(json!({"position": wrong.position, "nearest": wrong.nearest}))
            })?;
            return Ok(Condition::Cel(source, read));
        }
        if let Some(strange) = members
            .keys()
            .find(|name| !["field", "op", "value"].contains(&name.as_str()))
        {
            let rule = "is not part of a condition; all, any, not, field with op and value, or cel are";
            return Err(Rejection::argument(&format!("{path}.{strange}"), rule));
        }
        let (field, op) = (word("field").unwrap_or_default(), word("op").unwrap_or_default());
        self.field(field, &format!("{path}.field"))?;
        if !OPS.contains(&op) {
            let near = text::nearest(op, OPS, 1)
                .first()
                .map(|near| format!("; did you mean `{near}`?"));
            let rule = format!("must be a comparison, not `{op}`{}", near.unwrap_or_default());
            return Err(Rejection::argument(&format!("{path}.op"), rule).allowed(OPS));
        }
        let value = members.get("value").unwrap_or(&Value::Null);
        let fits = match op {
            "in" | "not_in" => value.is_array(),
            "gt" | "gte" | "lt" | "lte" => value.is_number() || value.is_string(),
            "empty" | "not_empty" | "changed" => !members.contains_key("value"),
            _ => members.contains_key("value") && !value.is_object(),
        };
        if !fits {
            return Err(Rejection::argument(
                &format!("{path}.value"),
                format!("does not fit the comparison `{op}`"),
            ));
        }
        Ok(Condition::Leaf(field, op, value))
    }

    fn field(&self, field: &str, path: &str) -> Result<Type, Rejection> {
        self.known.of_path(field).map_err(|(part, nearest)| {
            let meant = nearest
                .as_ref()
                .map(|name| format!("; did you mean `{name}`?"))
                .unwrap_or_default();
            let position = field.find(&part).unwrap_or(0) + 1;
            Rejection::argument(
                path,
                format!("has no `{part}` at character {position} of `{field}`{meant}"),
            )
            .current(json!({"position": position, "nearest": nearest}))
        })
    }
}

impl Condition<'_> {
    /// Whether it holds. What cannot be compared does not hold.
    pub fn holds(&self, facts: &Map<String, Value>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(facts)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(facts)),
            Self::Not(inner) => !inner.holds(facts),
            Self::Cel(_, expression) => expression.holds(facts).unwrap_or(false),
            Self::Leaf(field, op, value) => leaf(facts, field, op, value),
        }
    }

    /// In words.
    pub fn in_words(&self) -> String {
        let join = |parts: &[Condition<'_>], word: &str| {
            let parts: Vec<String> = parts.iter().map(Condition::in_words).collect();
            if parts.len() == 1 {
                parts.concat()
            } else {
                format!("({})", parts.join(word))
            }
        };
        match self {
            Self::All(parts) => join(parts, " and "),
            Self::Any(parts) => join(parts, " or "),
            Self::Not(inner) => format!("not {}", inner.in_words()),
            Self::Cel(source, _) => format!("`{source}`"),
            Self::Leaf(field, op @ ("empty" | "not_empty" | "changed"), _) => {
                format!("{field} {}", op.replace('_', " "))
            }
            Self::Leaf(field, op, value) => format!("{field} {} {value}", op.replace('_', " ")),
        }
    }
}

fn leaf(facts: &Map<String, Value>, path: &str, op: &str, value: &Value) -> bool {
    let now = facts::at(facts, path).unwrap_or(&Value::Null);
    let (_, name) = path.split_once('.').unwrap_or(("", path));
    let changed = || {
        let fields = facts::at(facts, "event.fields").and_then(Value::as_array);
        fields.is_some_and(|fields| fields.iter().any(|field| field == name))
    };
    let empty = match now {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    match op {
        "eq" => same(now, value),
        "ne" => !same(now, value),
        "in" => value
            .as_array()
            .is_some_and(|list| list.iter().any(|one| same(now, one))),
        "not_in" => value
            .as_array()
            .is_some_and(|list| !list.iter().any(|one| same(now, one))),
        "contains" => contains(now, value),
        "not_contains" => !contains(now, value),
        "empty" => empty,
        "not_empty" => !empty,
        "changed" => changed(),
        "changed_to" => changed() && same(now, value),
        "changed_from" => {
            changed() && facts::at(facts, &format!("before.{name}")).is_some_and(|then| same(then, value))
        }
        _ => {
            let order = order(now, value);
            match op {
                "gt" => order.is_some_and(std::cmp::Ordering::is_gt),
                "gte" => order.is_some_and(std::cmp::Ordering::is_ge),
                "lt" => order.is_some_and(std::cmp::Ordering::is_lt),
                _ => order.is_some_and(std::cmp::Ordering::is_le),
            }
        }
    }
}

fn order(one: &Value, other: &Value) -> Option<std::cmp::Ordering> {
    match (one, other) {
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

/// Case, accents and an `@` in front do not matter, as everywhere where things are named.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => {
            text::fold(one.trim_start_matches('@')) == text::fold(other.trim_start_matches('@'))
        }
        (Value::Number(_), Value::Number(_)) => order(one, other).is_some_and(std::cmp::Ordering::is_eq),
        _ => one == other,
    }
}

fn contains(whole: &Value, part: &Value) -> bool {
    match whole {
        Value::Array(items) => items.iter().any(|item| same(item, part)),
        Value::String(whole) => part
            .as_str()
            .is_some_and(|part| text::fold(whole).contains(&text::fold(part))),
        _ => false,
    }
}
