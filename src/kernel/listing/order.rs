//! The order of a list by what its items say.

use std::cmp::Ordering;

use serde_json::Value;

use crate::kernel::text;

/// What an item is sorted by, ready to be compared.
pub(super) enum Order {
    Number(f64),
    Text(String),
    Other(String),
    Nothing,
}

impl Order {
    pub(super) fn of(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Nothing,
            Some(Value::Number(number)) => Self::Number(number.as_f64().unwrap_or(0.0)),
            Some(Value::String(said)) => Self::Text(text::fold(said)),
            Some(other) => Self::Other(other.to_string()),
        }
    }

    /// What has nothing comes last, whichever way.
    pub(super) fn compare(&self, other: &Self, is_descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Nothing, Self::Nothing) => Ordering::Equal,
            (Self::Nothing, _) => return Ordering::Greater,
            (_, Self::Nothing) => return Ordering::Less,
            (Self::Number(one), Self::Number(two)) => one.total_cmp(two),
            (Self::Text(one), Self::Text(two)) | (Self::Other(one), Self::Other(two)) => one.cmp(two),
            (one, two) => one.rank().cmp(&two.rank()),
        };
        if is_descending { order.reverse() } else { order }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::Other(_) => 2,
            Self::Nothing => 3,
        }
    }
}
