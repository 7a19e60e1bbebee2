//! A seal over a set of rows: the sum of their hashes. It follows every change, and any row that is missing, stale or
//! altered breaks it. It is against damage, not against malice: whoever can write the store can write the seal.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twox_hash::{XxHash3_64, XxHash3_128};

/// The sum, modulo 2^128, of XXH3 (128 bits) over each row's value, seeded with XXH3 (64 bits) over its key; in JSON hexadecimal
/// digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seal(u128);

impl Seal {
    /// A row came.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_add(hash(key, value));
    }

    /// A row went.
    pub fn take(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_sub(hash(key, value));
    }
}

fn hash(key: &[u8], value: &[u8]) -> u128 {
    XxHash3_128::oneshot_with_seed(XxHash3_64::oneshot(key), value)
}

impl Serialize for Seal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Seal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        u128::from_str_radix(&text, 16)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}
