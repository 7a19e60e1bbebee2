//! Members of an argument object: required, optional, cleared by `null`, or with a default.

use serde_json::{Map, Value, json};

use crate::kernel::arg::{Argument, Faults};

/// The flat schema of an object while it is put together.
#[derive(Debug, Default, Clone)]
pub struct ObjectSchema {
    properties: Vec<(String, Value)>,
    required: Vec<String>,
}

impl ObjectSchema {
    /// Adds a member.
    pub fn add(&mut self, name: &str, doc: &str, mut schema: Value, required: bool) {
        let doc = doc.trim();
        if let (Value::Object(members), false) = (&mut schema, doc.is_empty()) {
            members.insert("description".to_owned(), Value::from(doc));
        }
        self.properties.push((name.to_owned(), schema));
        if required {
            self.required.push(name.to_owned());
        }
    }

    /// Adds a member with a default.
    pub fn with_default<T: Argument>(&mut self, name: &str, doc: &str, default: &T) {
        let mut schema = T::schema();
        if let Value::Object(members) = &mut schema {
            members.insert("default".to_owned(), default.show());
        }
        self.add(name, doc, schema, false);
    }

    /// Adds all members of another object.
    pub fn merge(&mut self, other: Self) {
        self.properties.extend(other.properties);
        self.required.extend(other.required);
    }

    /// The same members without their descriptions.
    #[must_use]
    pub fn undescribed(mut self) -> Self {
        let members = self
            .properties
            .iter_mut()
            .filter_map(|(_, schema)| schema.as_object_mut());
        for members in members {
            members.remove("description");
        }
        self
    }

    /// The names of all members, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().map(|(name, _)| name.as_str())
    }

    /// The JSON Schema (2020-12). No top-level `anyOf`, no unknown members.
    pub fn into_json(self) -> Value {
        let properties: Map<String, Value> = self.properties.into_iter().collect();
        let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
        if let (Value::Object(members), false) = (&mut schema, self.required.is_empty()) {
            members.insert("required".to_owned(), Value::from(self.required));
        }
        schema
    }
}

/// The given members, from which the known ones are taken.
#[derive(Debug)]
pub struct Fields {
    given: Map<String, Value>,
    known: Vec<String>,
}

impl Fields {
    /// What was given.
    pub fn new(given: Map<String, Value>) -> Self {
        Self {
            given,
            known: Vec::new(),
        }
    }

    /// Takes a member out and remembers that the name is known.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.known.push(name.to_owned());
        self.given.remove(name)
    }

    /// Takes a member that has a default; `null` counts as left out.
    pub fn or_default<T: Argument>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        default: impl FnOnce() -> T,
    ) -> Option<T> {
        match self.take(name) {
            None | Some(Value::Null) => Some(default()),
            Some(value) => T::read(&value, name, faults),
        }
    }

    /// Reports what nobody took.
    pub fn finish(self, faults: &mut Faults) {
        for name in self.given.keys() {
            faults.unknown(name, &self.known);
        }
    }
}

/// A type that may stand as a member of an argument object.
pub trait Member: Sized {
    /// Adds itself to the schema.
    fn declare(name: &str, doc: &str, schema: &mut ObjectSchema);
    /// Takes itself out of what was given.
    fn take(name: &str, fields: &mut Fields, faults: &mut Faults) -> Option<Self>;
}

impl<T: Argument> Member for T {
    fn declare(name: &str, doc: &str, schema: &mut ObjectSchema) {
        schema.add(name, doc, T::schema(), true);
    }

    fn take(name: &str, fields: &mut Fields, faults: &mut Faults) -> Option<Self> {
        match fields.take(name) {
            None | Some(Value::Null) => {
                faults.push(name, "is required");
                None
            }
            Some(value) => T::read(&value, name, faults),
        }
    }
}

impl<T: Argument> Member for Option<T> {
    fn declare(name: &str, doc: &str, schema: &mut ObjectSchema) {
        schema.add(name, doc, T::schema(), false);
    }

    fn take(name: &str, fields: &mut Fields, faults: &mut Faults) -> Option<Self> {
        match fields.take(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => T::read(&value, name, faults).map(Some),
        }
    }
}

/// The value of an argument that `null` clears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clear<T> {
    /// Take the value away.
    Away,
    /// Set it.
    To(T),
}

impl<T> Clear<T> {
    /// The new value, `None` where it is cleared.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Away => None,
            Self::To(value) => Some(value),
        }
    }

    /// The new value by reference.
    pub fn as_value(&self) -> Option<&T> {
        match self {
            Self::Away => None,
            Self::To(value) => Some(value),
        }
    }
}

impl<T: Argument> Member for Option<Clear<T>> {
    fn declare(name: &str, doc: &str, schema: &mut ObjectSchema) {
        let mut inner = T::schema();
        if let Value::Object(members) = &mut inner {
            let kind = members.get("type").cloned().unwrap_or_else(|| "string".into());
            members.insert("type".to_owned(), json!([kind, "null"]));
            if let Some(Value::Array(words)) = members.get_mut("enum") {
                words.push(Value::Null);
            }
        }
        schema.add(name, doc, inner, false);
    }

    fn take(name: &str, fields: &mut Fields, faults: &mut Faults) -> Option<Self> {
        match fields.take(name) {
            None => Some(None),
            Some(Value::Null) => Some(Some(Clear::Away)),
            Some(value) => T::read(&value, name, faults).map(|value| Some(Clear::To(value))),
        }
    }
}
