//! JSON at the border: the canonical form that digests rest on, and the strict check of what comes in.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use projections::Digest;
use serde::Serialize;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use thiserror::Error;

/// Deepest nesting that is read.
pub const DEPTH_MAX: usize = 32;

/// The canonical text of a value (RFC 8785): keys sorted by UTF-16, shortest numbers, no space.
pub fn canonical(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json_canonicalizer::to_string(value)
}

/// The digest of a value's canonical text.
pub fn digest(value: &impl Serialize) -> Result<Digest, serde_json::Error> {
    Ok(Digest::of(canonical(value)?.as_bytes()))
}

/// The canonical text of a JSON value. Nearly every value is written by serde_json as RFC 8785 wants it already, which is
/// several times as fast.
pub fn canonical_value(value: &Value) -> Result<String, serde_json::Error> {
    if is_canonical(value) {
        serde_json::to_string(value)
    } else {
        canonical(value)
    }
}

/// The canonical text of an object, as [`canonical_value`] gives it.
pub fn canonical_object(members: &Map<String, Value>) -> Result<String, serde_json::Error> {
    if are_canonical(members) {
        serde_json::to_string(members)
    } else {
        canonical(members)
    }
}

fn are_canonical(members: &Map<String, Value>) -> bool {
    members.iter().all(|(key, value)| key.is_ascii() && is_canonical(value))
}

/// Whether serde_json writes a value in canonical form: keys that UTF-8 and UTF-16 sort alike, and whole numbers that a
/// double holds exactly (RFC 8785, sections 3.2.2.3 and 3.2.3).
fn is_canonical(value: &Value) -> bool {
    const EXACT_MAX: u64 = 1 << 53;
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => {
            let exact = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            exact.is_some_and(|number| number <= EXACT_MAX)
        }
        Value::Array(items) => items.iter().all(is_canonical),
        Value::Object(members) => are_canonical(members),
    }
}

/// An object of values that are moved into it; `json!` would write and read each of them once more.
pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Why a text is not accepted as JSON.
#[derive(Debug, Error)]
#[error("the body is not acceptable JSON: {0}")]
pub struct Unacceptable(String);

/// Checks a text before anything is made of it: valid JSON, no key twice in an object, at most [`DEPTH_MAX`] deep; lone
/// surrogates, `NaN` and `Infinity` are no JSON and are refused by the parser (RFC 8259; RFC 7493 section 2.3).
pub fn check(text: &[u8]) -> Result<(), Unacceptable> {
    let mut parser = serde_json::Deserializer::from_slice(text);
    Checked { depth: 0 }
        .deserialize(&mut parser)
        .and_then(|()| parser.end())
        .map_err(|cause| Unacceptable(cause.to_string()))
}

struct Checked {
    depth: usize,
}

impl Checked {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(E::custom(format!("nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        if number.is_finite() {
            Ok(())
        } else {
            Err(E::custom("a number is out of range"))
        }
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut seen = Seen::default();
        while let Some(Key(key)) = members.next_key()? {
            members.next_value_seed(self.deeper()?)?;
            if let Some(twice) = seen.again(key) {
                return Err(A::Error::custom(format!(
                    "the key `{twice}` stands twice in one object"
                )));
            }
        }
        Ok(())
    }
}

/// A key, borrowed where it has no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }
            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        from.deserialize_str(Reader)
    }
}

/// How many keys of one object are compared one by one; nearly all objects have fewer.
const FEW: usize = 16;

/// The keys of one object so far.
#[derive(Default)]
struct Seen<'de> {
    few: Vec<Cow<'de, str>>,
    many: BTreeSet<Cow<'de, str>>,
}

impl<'de> Seen<'de> {
    /// Adds a key; gives it back where it was there before.
    fn again(&mut self, key: Cow<'de, str>) -> Option<Cow<'de, str>> {
        if self.few.contains(&key) {
            return Some(key);
        }
        if self.few.len() < FEW {
            self.few.push(key);
            return None;
        }
        self.many.replace(key)
    }
}

/// Reads a typed value from a JSON value; for shapes that the code itself wrote.
pub fn typed<T: for<'de> Deserialize<'de>>(value: &serde_json::Value) -> Result<T, serde_json::Error> {
    T::deserialize(value)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    pub fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-(1_i64 << 54)..1 << 54).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            let key = prop_oneof!["[a-zA-Z]{0,6}", any::<String>()];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_quick_way_to_the_canonical_text_is_no_other(value in values()) {
            prop_assert_eq!(canonical_value(&value).unwrap(), canonical(&value).unwrap());
            if let Value::Object(members) = &value {
                prop_assert_eq!(canonical_object(members).unwrap(), canonical(&value).unwrap());
            }
        }
    }

    fn same(a: &str, b: &str) -> bool {
        let read = |text| digest(&serde_json::from_str::<Value>(text).unwrap()).unwrap();
        read(a) == read(b)
    }

    #[test]
    fn the_digest_sees_values_not_spelling() {
        assert!(same(r#"{"a":1,"b":[1.0]}"#, r#" { "b" : [1], "a" : 1.0 } "#));
        assert!(!same(r#"{"a":"1"}"#, r#"{"a":1}"#));
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        let deep = "[".repeat(DEPTH_MAX + 1) + &"]".repeat(DEPTH_MAX + 1);
        for wrong in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":NaN}"#,
            r#""\ud800""#,
            r#"{"a":1e999}"#,
            "{} {}",
            deep.as_str(),
        ] {
            assert!(check(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(check(json!({"a": [{"b": null}], "A": 1}).to_string().as_bytes()).is_ok());
    }
}
