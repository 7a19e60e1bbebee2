//! Values with parts: lists, patches of sets, and free objects.

use std::ops::Deref;

use serde_json::{Map, Value, json};

use crate::kernel::arg::value::{as_list, as_object, shown};
use crate::kernel::arg::{Argument, Faults};

/// A list of `A` to `B` values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const A: usize, const B: usize>(pub Vec<T>);

impl<T, const A: usize, const B: usize> Default for List<T, A, B> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const A: usize, const B: usize> Deref for List<T, A, B> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Argument, const A: usize, const B: usize> Argument for List<T, A, B> {
    fn schema() -> Value {
        let mut schema = json!({"type": "array", "items": T::schema()});
        if let Value::Object(members) = &mut schema {
            if A > 0 {
                members.insert("minItems".to_owned(), A.into());
            }
            members.insert("maxItems".to_owned(), B.into());
        }
        schema
    }

    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        let Some(items) = as_list(value) else {
            faults.push(path, format!("must be a list, not {}", shown(value)));
            return None;
        };
        if !(A..=B).contains(&items.len()) {
            faults.push(path, format!("must have {A} to {B} items, not {}", items.len()));
            return None;
        }
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(place, item)| T::read(item, &format!("{path}[{place}]"), faults))
            .collect();
        read.into_iter().collect::<Option<Vec<T>>>().map(Self)
    }
}

/// A change of a set: add some, remove some, or set all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch<T> {
    /// To add.
    pub add: Vec<T>,
    /// To take away.
    pub remove: Vec<T>,
    /// The whole new set.
    pub set: Option<Vec<T>>,
}

impl<T: Argument> Argument for Patch<T> {
    fn schema() -> Value {
        let list = json!({"type": "array", "items": T::schema(), "maxItems": 100});
        json!({"type": "object", "properties": {"add": list, "remove": list, "set": list}, "additionalProperties": false})
    }

    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        let Some(mut members) = as_object(value) else {
            faults.example(
                path,
                format!("must be an object with add, remove or set, not {}", shown(value)),
                json!({"add": []}),
            );
            return None;
        };
        let mut part = |name: &str| -> Option<Option<Vec<T>>> {
            match members.remove(name) {
                None | Some(Value::Null) => Some(None),
                Some(list) => {
                    List::<T, 0, 100>::read(&list, &format!("{path}.{name}"), faults).map(|list| Some(list.0))
                }
            }
        };
        let (add, remove, set) = (part("add"), part("remove"), part("set"));
        for name in members.keys() {
            faults.unknown(
                &format!("{path}.{name}"),
                &["add".into(), "remove".into(), "set".into()],
            );
        }
        let (add, remove, set) = (add?.unwrap_or_default(), remove?.unwrap_or_default(), set?);
        if set.is_some() && !(add.is_empty() && remove.is_empty()) {
            faults.push(path, "must have either set, or add and remove, not both");
            return None;
        }
        if set.is_none() && add.is_empty() && remove.is_empty() {
            faults.example(path, "must say what to add, remove or set", json!({"add": ["…"]}));
            return None;
        }
        Some(Self { add, remove, set })
    }
}

impl<T> Patch<T> {
    /// The set after the change: what was there (without what is removed), then what is added, nothing twice.
    pub fn apply<U: PartialEq + Clone>(
        &self,
        before: &[U],
        mut resolve: impl FnMut(&T) -> Result<U, crate::kernel::Rejection>,
    ) -> Result<Vec<U>, crate::kernel::Rejection> {
        let remove = self.remove.iter().map(&mut resolve).collect::<Result<Vec<U>, _>>()?;
        let base = match &self.set {
            Some(set) => set.iter().map(&mut resolve).collect::<Result<Vec<U>, _>>()?,
            None => before.to_vec(),
        };
        let mut after: Vec<U> = Vec::with_capacity(base.len() + self.add.len());
        for item in base.into_iter().filter(|item| !remove.contains(item)) {
            if !after.contains(&item) {
                after.push(item);
            }
        }
        for item in &self.add {
            let item = resolve(item)?;
            if !after.contains(&item) {
                after.push(item);
            }
        }
        Ok(after)
    }
}

/// A free object; the tool checks what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct JsonObject(pub Map<String, Value>);

impl Argument for JsonObject {
    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": true})
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        let found = as_object(value).map(Self);
        if found.is_none() {
            faults.push(path, format!("must be an object, not {}", shown(value)));
        }
        found
    }
}
