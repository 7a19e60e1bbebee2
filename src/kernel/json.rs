//! JSON at the border: the canonical form that digests rest on, and the strict check of what comes in.

use std::collections::BTreeSet;
use std::fmt;

use projections::Digest;
use serde::Serialize;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
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
        let mut seen = BTreeSet::new();
        while let Some(key) = members.next_key::<String>()? {
            members.next_value_seed(self.deeper()?)?;
            if let Some(twice) = seen.replace(key) {
                return Err(A::Error::custom(format!(
                    "the key `{twice}` stands twice in one object"
                )));
            }
        }
        Ok(())
    }
}

/// Reads a typed value from a JSON value; for shapes that the code itself wrote.
pub fn typed<T: for<'de> Deserialize<'de>>(value: &serde_json::Value) -> Result<T, serde_json::Error> {
    T::deserialize(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

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
