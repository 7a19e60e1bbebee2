//! A SHA-256 digest, written as lower-case hexadecimal.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// 32 bytes of SHA-256 (FIPS 180-4); in JSON 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The leaf of a record in the journal's tree: SHA-256(0x00 || record) (RFC 6962, section 2.1).
    pub fn leaf(record: &[u8]) -> Self {
        Self(Sha256::new_with_prefix([0]).chain_update(record).finalize().into())
    }

    /// The raw bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let (mut bytes, mut all) = ([0; 32], 0);
        for (byte, [high, low]) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
            let (high, low) = (half(*high), half(*low));
            all |= high | low;
            *byte = (high << 4) | low;
        }
        (all < NO_DIGIT).then_some(Self(bytes))
    }
}

/// More than any digit is worth.
const NO_DIGIT: u8 = 16;

/// What a hexadecimal digit is worth; told at the end whether all were digits, so that nothing has to be decided for each.
fn half(digit: u8) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "a wrong index would not compile")]
    const WORTH: [u8; 256] = {
        let mut worth = [NO_DIGIT; 256];
        let mut value = 0;
        while value < NO_DIGIT {
            let digit = b"0123456789abcdef"[value as usize];
            worth[digit as usize] = value;
            worth[digit.to_ascii_uppercase() as usize] = value;
            value += 1;
        }
        worth
    };
    WORTH.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT)
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// 64 hexadecimal digits, made without the machinery of `format!`: every record has some.
struct Hex([u8; 64]);

impl Hex {
    fn of(digest: &Digest) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or(b'0');
        let mut hex = [0; 64];
        for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(digest.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        Self(hex)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Hex::of(self).text())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(Hex::of(self).text())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Digits;
        impl de::Visitor<'_> for Digits {
            type Value = Digest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a digest of 64 hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
                Digest::parse(text).ok_or_else(|| E::custom("a digest is 64 hexadecimal digits"))
            }
        }
        from.deserialize_str(Digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hexadecimal_digits_are_read_and_all_of_them() {
        let digest = Digest::of(b"x");
        let text = digest.to_string();
        assert_eq!(Digest::parse(&text), Some(digest));
        assert_eq!(Digest::parse(&text.to_ascii_uppercase()), Some(digest));
        for byte in 0..=u8::MAX {
            for place in [0, 1, 62, 63] {
                let mut bytes = text.clone().into_bytes();
                bytes[place] = byte;
                let read = std::str::from_utf8(&bytes).ok().and_then(Digest::parse);
                let same = read.map(|digest| digest.to_string().into_bytes());
                assert_eq!(
                    same,
                    byte.is_ascii_hexdigit().then(|| bytes.to_ascii_lowercase()),
                    "{byte} {place}"
                );
            }
        }
        assert_eq!(
            (Digest::parse(&text[1..]), Digest::parse(&format!("{text}0"))),
            (None, None)
        );
        assert_eq!(Digest::parse(&"é".repeat(32)), None);
    }
}
