//! One value of an argument: its schema and how it is read, and the list of what is wrong.

use serde_json::{Map, Value};

use crate::kernel::arg::{Args, Fields};
use crate::kernel::reject::Fault;
use crate::kernel::{json, text};

/// A type that may stand as an argument's value.
pub trait Argument: Sized {
    /// Its JSON Schema.
    fn schema() -> Value;
    /// Reads it; on failure reports why and gives `None`.
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self>;
    /// Its JSON form, for defaults in the schema.
    fn show(&self) -> Value {
        Value::Null
    }
}

/// Everything that is wrong with the arguments so far.
#[derive(Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
}

impl Faults {
    /// Reports one fault.
    pub fn push(&mut self, path: &str, rule: impl Into<String>) {
        self.list.push(Fault {
            path: path.to_owned(),
            rule: rule.into(),
            allowed: Vec::new(),
            example: None,
        });
    }

    /// Reports one fault with a value that would be right.
    pub fn example(&mut self, path: &str, rule: impl Into<String>, example: impl Into<Value>) {
        let example = Some(example.into());
        self.list.push(Fault {
            path: path.to_owned(),
            rule: rule.into(),
            allowed: Vec::new(),
            example,
        });
    }

    /// Reports a value outside a list of words, with the nearest as the example.
    pub fn choice(&mut self, path: &str, allowed: &[&str], given: &Value) {
        let near = text::nearest(given.as_str().unwrap_or_default(), allowed.iter().copied(), 1);
        let example = near.first().or(allowed.first()).map(|word| Value::from(*word));
        self.list.push(Fault {
            path: path.to_owned(),
            rule: format!("must be one of {}, not {}", allowed.join(", "), shown(given)),
            allowed: allowed.iter().map(ToString::to_string).collect(),
            example,
        });
    }

    /// Reports an argument that does not exist, with the nearest that does.
    pub fn unknown(&mut self, path: &str, known: &[String]) {
        let near = text::nearest(path, known.iter().map(String::as_str), 1);
        let rule = match near.first() {
            Some(name) => format!("is not an argument here; did you mean `{name}`?"),
            None => "is not an argument here".to_owned(),
        };
        self.list.push(Fault {
            path: path.to_owned(),
            rule,
            allowed: known.to_vec(),
            example: None,
        });
    }

    /// Reads a nested object.
    pub fn object<T: Args>(&mut self, value: &Value, path: &str) -> Option<T> {
        let Some(members) = as_object(value) else {
            self.push(path, format!("must be an object, not {}", shown(value)));
            return None;
        };
        let mut inner = Self::default();
        let mut fields = Fields::new(members);
        let read = T::take(&mut fields, &mut inner);
        fields.finish(&mut inner);
        let clean = inner.list.is_empty();
        for mut fault in inner.list {
            fault.path = format!("{path}.{}", fault.path);
            self.list.push(fault);
        }
        read.filter(|_| clean)
    }

    /// All of them.
    pub fn into_list(self) -> Vec<Fault> {
        self.list
    }
}

/// A value in a sentence: its text, cut where it is long.
pub fn shown(value: &Value) -> String {
    text::clip(&value.to_string(), 60)
}

/// What a client encoded as text, read as strictly as a body: a key that stands twice makes it nothing.
pub fn decoded<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    json::check(text.as_bytes()).ok()?;
    serde_json::from_str(text).ok()
}

/// An object, also where a client encoded it as text.
pub fn as_object(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members.clone()),
        Value::String(text) => decoded(text),
        _ => None,
    }
}

/// A list, also where a client encoded it as text.
pub fn as_list(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(items) => Some(items.clone()),
        Value::String(text) => decoded(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_text_is_read_as_strictly_as_a_body() {
        assert!(as_object(&Value::from(r#"{"add":["a"]}"#)).is_some());
        assert!(as_object(&Value::from(r#"{"add":["a"],"add":["b"]}"#)).is_none());
        assert!(as_list(&Value::from(r#"[{"a":1,"a":2}]"#)).is_none());
    }
}
