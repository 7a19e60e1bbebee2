//! Plain values: texts with a length, numbers with a range, decimals, days, moments, durations.

use std::ops::Deref;

use jiff::Timestamp;
use jiff::civil;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kernel::arg::value::shown;
use crate::kernel::arg::{Argument, Faults};

/// A text of `A` to `B` characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Str<const A: usize, const B: usize>(pub String);

/// Markdown of 1 to `B` characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Md<const B: usize>(pub String);

impl<const A: usize, const B: usize> Deref for Str<A, B> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const B: usize> Deref for Md<B> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

fn text(value: &Value, least: usize, most: usize, path: &str, faults: &mut Faults) -> Option<String> {
    let Some(text) = value.as_str() else {
        faults.example(path, format!("must be a text, not {}", shown(value)), "a text");
        return None;
    };
    let length = text.trim().chars().count();
    if length < least || text.chars().count() > most {
        faults.push(path, format!("must have {least} to {most} characters, not {length}"));
        return None;
    }
    if text
        .chars()
        .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'))
    {
        faults.push(path, "must not contain control characters");
        return None;
    }
    Some(text.to_owned())
}

impl<const A: usize, const B: usize> Argument for Str<A, B> {
    fn schema() -> Value {
        if A == 0 {
            json!({"type": "string", "maxLength": B})
        } else {
            json!({"type": "string", "minLength": A, "maxLength": B})
        }
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        text(value, A, B, path, faults).map(|text| Self(text.trim().to_owned()))
    }
    fn show(&self) -> Value {
        Value::from(self.0.as_str())
    }
}

impl<const B: usize> Argument for Md<B> {
    fn schema() -> Value {
        json!({"type": "string", "maxLength": B})
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        text(value, 0, B, path, faults).map(Self)
    }
}

/// Lower-case letters, digits and single hyphens, at most 64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(pub String);

impl Argument for Slug {
    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 64})
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        let good = |text: &&str| {
            !text.is_empty()
                && text.len() <= 64
                && text.split('-').all(|part| {
                    !part.is_empty()
                        && part
                            .bytes()
                            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                })
        };
        let found = value.as_str().filter(good).map(|text| Self(text.to_owned()));
        if found.is_none() {
            faults.example(
                path,
                "must be lower-case letters, digits and single hyphens",
                "my-team-2",
            );
        }
        found
    }
}

impl Argument for bool {
    fn schema() -> Value {
        json!({"type": "boolean"})
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        let found = match value {
            Value::Bool(yes) => Some(*yes),
            Value::String(word) if word == "true" => Some(true),
            Value::String(word) if word == "false" => Some(false),
            _ => None,
        };
        if found.is_none() {
            faults.example(path, format!("must be true or false, not {}", shown(value)), true);
        }
        found
    }
    fn show(&self) -> Value {
        Value::from(*self)
    }
}

/// A whole number from `A` to `B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Int<const A: i64, const B: i64>(pub i64);

impl<const A: i64, const B: i64> Int<A, B> {
    /// The number as a size; `A` is never negative where this is used.
    pub fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }
}

impl<const A: i64, const B: i64> Argument for Int<A, B> {
    fn schema() -> Value {
        if B == i64::MAX {
            json!({"type": "integer", "minimum": A})
        } else {
            json!({"type": "integer", "minimum": A, "maximum": B})
        }
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        let whole = |number: f64| number.fract() == 0.0 && number.abs() < 9e15;
        let number = match value {
            Value::Number(number) => number.as_i64().or_else(|| {
                number
                    .as_f64()
                    .filter(|n| whole(*n))
                    .and_then(|n| format!("{n:.0}").parse().ok())
            }),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let found = number.filter(|number| (A..=B).contains(number)).map(Self);
        if found.is_none() {
            faults.example(
                path,
                format!("must be a whole number from {A} to {B}, not {}", shown(value)),
                A,
            );
        }
        found
    }
    fn show(&self) -> Value {
        Value::from(self.0)
    }
}

/// An exact decimal, written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dec(pub Decimal);

impl Argument for Dec {
    fn schema() -> Value {
        json!({"type": "string", "pattern": r"^-?\d{1,15}(\.\d{1,6})?$"})
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let plain = |number: &Decimal| number.scale() <= 6 && number.abs() < Decimal::from(1_000_000_000_000_000_i64);
        let found = Decimal::from_str_exact(&text)
            .ok()
            .filter(plain)
            .map(|number| Self(number.normalize()));
        if found.is_none() {
            faults.example(
                path,
                format!("must be a decimal with at most 6 places, as text, not {}", shown(value)),
                "2.5",
            );
        }
        found
    }
}

/// A calendar day without zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Date(pub civil::Date);

impl Argument for Date {
    fn schema() -> Value {
        json!({"type": "string", "format": "date"})
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        let found = value
            .as_str()
            .filter(|text| text.len() == 10)
            .and_then(|text| text.parse().ok())
            .map(Self);
        if found.is_none() {
            faults.example(
                path,
                format!("must be a day written YYYY-MM-DD, not {}", shown(value)),
                "2026-03-31",
            );
        }
        found
    }
}

/// A moment: RFC 3339 with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ts(pub Timestamp);

impl Argument for Ts {
    fn schema() -> Value {
        json!({"type": "string", "format": "date-time"})
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        let found = value.as_str().and_then(|text| text.parse().ok()).map(Self);
        if found.is_none() {
            let rule = format!("must be a moment with an offset (RFC 3339), not {}", shown(value));
            faults.example(path, rule, "2026-03-31T09:00:00Z");
        }
        found
    }
}

/// A duration in seconds, written as ISO 8601 (`PT1H30M`) or `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dur {
    /// Its length in seconds.
    pub secs: i64,
}

impl Argument for Dur {
    fn schema() -> Value {
        json!({"type": "string", "examples": ["1h30m"]})
    }
    fn read(value: &Value, path: &str, faults: &mut Faults) -> Option<Self> {
        let span = value
            .as_str()
            .and_then(|text| text.parse::<jiff::SignedDuration>().ok());
        let found = span
            .map(|span| Self { secs: span.as_secs() })
            .filter(|span| span.secs > 0);
        if found.is_none() {
            faults.example(path, format!("must be a duration, not {}", shown(value)), "1h30m");
        }
        found
    }
}
