//! Typed identifiers: a prefix that names the kind, and a ULID.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::Digest;

/// Something that has identifiers of its own kind.
pub trait Named {
    /// What it is called in records and answers, for example `task`.
    const KIND: &'static str;
    /// What its identifiers begin with, for example `tsk`.
    const PREFIX: &'static str;
}

/// An identifier of one kind of thing: `tsk_` and 26 characters of Crockford base 32 (a ULID: 48 bits of milliseconds, then
/// 80 bits derived, never random, so that deciding twice gives the same identifier).
pub struct Id<K> {
    bits: u128,
    kind: PhantomData<fn() -> K>,
}

/// Why a text is no identifier of the wanted kind.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{text}` is no {kind} id, which looks like {prefix}_01J9Z3K8Q4W5E6R7T8Y9A0B1C2")]
pub struct NotAnId {
    text: String,
    kind: &'static str,
    prefix: &'static str,
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const RANDOM_BITS: u32 = 80;
/// What each byte stands for, in either case; 255 for none.
const DIGITS: [u8; 256] = digits();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time"
)]
const fn digits() -> [u8; 256] {
    let mut digits = [255; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        digits[ALPHABET[digit] as usize] = digit as u8;
        digits[ALPHABET[digit].to_ascii_lowercase() as usize] = digit as u8;
        digit += 1;
    }
    digits
}

impl<K> Id<K> {
    /// An identifier from its 128 bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self {
            bits,
            kind: PhantomData,
        }
    }

    /// The 128 bits.
    pub const fn bits(self) -> u128 {
        self.bits
    }

    /// Derives an identifier: the time in milliseconds, then 80 bits of the digest of `seed`.
    pub fn derive(at: jiff::Timestamp, seed: &[u8]) -> Self {
        let millis = u128::try_from(at.as_millisecond().max(0)).unwrap_or(0);
        let mut low = [0; 16];
        low.copy_from_slice(Digest::of(seed).bytes().first_chunk::<16>().unwrap_or(&[0; 16]));
        Self::from_bits((millis << RANDOM_BITS) | (u128::from_be_bytes(low) >> (128 - RANDOM_BITS)))
    }

    /// Whether it is the blank that a new entity starts from.
    pub const fn is_nil(self) -> bool {
        self.bits == 0
    }
}

impl<K: Named> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, Ulid(self.bits))
    }
}

struct Ulid(u128);

impl fmt::Display for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; 26];
        let mut rest = self.0;
        for place in text.iter_mut().rev() {
            let digit = usize::try_from(rest & 31).unwrap_or(0);
            *place = ALPHABET.get(digit).copied().unwrap_or(b'0');
            rest >>= 5;
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

fn ulid(text: &str) -> Option<u128> {
    if text.len() != 26 || text.as_bytes().first().is_none_or(|first| *first > b'7') {
        return None;
    }
    text.bytes().try_fold(0u128, |bits, letter| {
        let digit = *DIGITS.get(usize::from(letter)).filter(|digit| **digit < 32)?;
        Some((bits << 5) | u128::from(digit))
    })
}

impl<K: Named> FromStr for Id<K> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .and_then(ulid)
            .map(Self::from_bits)
            .ok_or_else(|| NotAnId {
                text: text.chars().take(64).collect(),
                kind: K::KIND,
                prefix: K::PREFIX,
            })
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Ulid(self.bits))
    }
}

impl<K: Named> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de, K: Named> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text<K>(PhantomData<K>);
        impl<K: Named> de::Visitor<'_> for Text<K> {
            type Value = Id<K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an identifier of a {}", K::KIND)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id<K>, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_str(Text(PhantomData))
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> Default for Id<K> {
    fn default() -> Self {
        Self::from_bits(0)
    }
}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bits.cmp(&other.bits)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing;
    impl Named for Thing {
        const KIND: &'static str = "thing";
        const PREFIX: &'static str = "thg";
    }

    #[test]
    fn an_id_reads_back_what_it_writes_and_sorts_by_time() {
        let early = Id::<Thing>::derive(jiff::Timestamp::from_millisecond(1_000).unwrap(), b"a");
        let late = Id::<Thing>::derive(jiff::Timestamp::from_millisecond(2_000).unwrap(), b"a");
        assert_eq!(early.to_string().parse(), Ok(early));
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().len(), "thg_".len() + 26);
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in [
            "",
            "thg_",
            "tsk_01J9Z3K8Q4W5E6R7T8Y9A0B1C2",
            "thg_91J9Z3K8Q4W5E6R7T8Y9A0B1C2",
            "thg_01J9Z3K8Q4W5E6R7T8Y9A0B1Cé",
        ] {
            assert!(wrong.parse::<Id<Thing>>().is_err(), "{wrong}");
        }
    }
}
