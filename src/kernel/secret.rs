//! The form of a bearer token: `ork_<env>_` and 36 base-62 digits, the last six a CRC-32 of the rest.
//!
//! The checksum is public: it lets secret scanners and this server tell a mistyped token before anything is looked up,
//! and tells an attacker nothing.

use std::fmt;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_DIGITS: usize = 30;
const CHECK_DIGITS: usize = 6;
/// Characters that may be shown to recognise a token by.
const PREFIX_CHARS: usize = 8;

/// A bearer token in clear. Never printed by `Debug`, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A new one from random bytes; `env` is a short word such as `live`.
    pub fn new(env: &str, random: &[u8; 32]) -> Self {
        let body = format!("ork_{env}_{}", base62(u256(random), RANDOM_DIGITS));
        let check = check(&body);
        Self(body + &check)
    }

    /// Reads a token; `None` where the form or the checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let (env, digits) = text.strip_prefix("ork_")?.split_once('_')?;
        let known = |byte: u8| ALPHABET.contains(&byte);
        let form = !env.is_empty()
            && env.len() <= 10
            && env
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && digits.len() == RANDOM_DIGITS + CHECK_DIGITS
            && digits.bytes().all(known);
        if !form {
            return None;
        }
        let (body, sum) = text.split_at_checked(text.len() - CHECK_DIGITS)?;
        (check(body) == sum).then(|| Self(text.to_owned()))
    }

    /// The token itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The characters to recognise it by.
    pub fn prefix(&self) -> String {
        let start = self.0.rfind('_').map_or(0, |at| at + 1);
        self.0.chars().take(start + PREFIX_CHARS).collect()
    }
}

fn check(body: &str) -> String {
    base62((u128::from(crc32fast::hash(body.as_bytes())), 0), CHECK_DIGITS)
}

fn u256(bytes: &[u8; 32]) -> (u128, u128) {
    let half = |range: Option<&[u8]>| {
        range
            .and_then(|half| half.try_into().ok())
            .map(u128::from_be_bytes)
            .unwrap_or_default()
    };
    (half(bytes.get(..16)), half(bytes.get(16..)))
}

fn base62(mut number: (u128, u128), digits: usize) -> String {
    let mut text = Vec::with_capacity(digits);
    for place in 0..digits {
        let part = if place % 2 == 0 || number.1 == 0 {
            &mut number.0
        } else {
            &mut number.1
        };
        let digit = usize::try_from(*part % 62).unwrap_or(0);
        *part /= 62;
        text.push(ALPHABET.get(digit).copied().unwrap_or(b'0'));
    }
    text.reverse();
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_a_changed_letter_does_not() {
        let secret = Secret::new("live", &[0xA7; 32]);
        assert_eq!(Secret::parse(secret.reveal()), Some(secret.clone()));
        assert_eq!(secret.reveal().len(), "ork_live_".len() + 36);
        for at in 0..secret.reveal().len() {
            let mut bytes = secret.reveal().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(Secret::parse(std::str::from_utf8(&bytes).unwrap()), None, "letter {at}");
        }
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn every_digit_of_the_random_part_varies() {
        let texts: Vec<String> = (0..64u8)
            .map(|n| {
                Secret::new("live", &[n.wrapping_mul(37).wrapping_add(11); 32])
                    .reveal()
                    .to_owned()
            })
            .collect();
        for place in 9..39 {
            let first = texts[0].as_bytes()[place];
            assert!(
                texts.iter().any(|text| text.as_bytes()[place] != first),
                "digit {place} never changes"
            );
        }
    }
}
