//! Tokens where they do not belong: whoever pastes one into an argument must not write it into the journal with it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::kernel::secret::Secret;
use crate::kernel::{Rejection, sealed};

/// What stands in a record where a token, or what was sealed for another record, stood.
const VEIL: &str = "[token]";
/// What stands in a record where one of too many mail addresses stood.
const ADDRESS: &str = "[address]";
/// Most mail addresses in one call: each that is new costs a key of its own, made durable before the record is.
pub const ADDRESSES_MAX: usize = 50;
/// Hexadecimal digits of a confirm token.
const CONFIRM_DIGITS: usize = 40;

/// Refuses arguments that hold a token; `but` is the one argument that takes one.
pub fn none_in(args: &Map<String, Value>, but: Option<&str>) -> Result<(), Rejection> {
    let sealed = args
        .iter()
        .find(|(name, value)| sealed::is_in(name) || is_sealed(value));
    if sealed.is_some() {
        return Err(Rejection::argument(
            "arguments",
            "hold a sealed text, which would be opened when the record of this call is read",
        )
        .hint("leave out what begins with ~s1. and was copied from a record"));
    }
    if args
        .iter()
        .map(|(name, value)| addresses_in(name) + addresses(value))
        .sum::<usize>()
        > ADDRESSES_MAX
    {
        let rule = format!("hold more than {ADDRESSES_MAX} mail addresses");
        return Err(Rejection::argument("arguments", rule).hint("spread them over several calls"));
    }
    let held = args
        .iter()
        .find(|(name, value)| but != Some(name.as_str()) && (found(name).is_some() || holds(value)));
    match held {
        None => Ok(()),
        Some((name, _)) => Err(Rejection::argument(&veil(name), "holds a token, and what is called is recorded").hint(
            "a bearer token belongs into the Authorization header, a confirm token into confirm_action; revoke a bearer token \
             that was given away",
        )),
    }
}

fn is_sealed(value: &Value) -> bool {
    match value {
        Value::String(text) => sealed::is_in(text),
        Value::Array(items) => items.iter().any(is_sealed),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| sealed::is_in(name) || is_sealed(value)),
        _ => false,
    }
}

fn addresses_in(text: &str) -> usize {
    sealed::addresses(text).len()
}

fn addresses(value: &Value) -> usize {
    match value {
        Value::String(text) => addresses_in(text),
        Value::Array(items) => items.iter().map(addresses).sum(),
        Value::Object(members) => {
            let each = members
                .iter()
                .map(|(name, value)| addresses_in(name) + addresses(value));
            each.sum()
        }
        _ => 0,
    }
}

/// Whether something was left out of a text of a record: then it is not what was given.
pub fn is_veiled(text: &str) -> bool {
    text.contains(VEIL) || text.contains(ADDRESS)
}

/// A JSON text without the mail addresses in it, where there are more than a call may have.
pub fn fewer(json: &str) -> Cow<'_, str> {
    let all = sealed::addresses(json);
    if all.len() <= ADDRESSES_MAX {
        return Cow::Borrowed(json);
    }
    let (mut out, mut done) = (String::new(), 0);
    for range in all {
        out.push_str(json.get(done..range.start).unwrap_or_default());
        out.push_str(ADDRESS);
        done = range.end;
    }
    Cow::Owned(out + json.get(done..).unwrap_or_default())
}

fn holds(value: &Value) -> bool {
    match value {
        Value::String(text) => found(text).is_some(),
        Value::Array(items) => items.iter().any(holds),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| found(name).is_some() || holds(value)),
        _ => false,
    }
}

/// A text without the tokens in it.
pub fn veil(text: &str) -> Cow<'_, str> {
    let Some((mut at, mut length)) = found(text) else {
        return Cow::Borrowed(text);
    };
    let (mut out, mut rest) = (String::new(), text);
    loop {
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push_str(VEIL);
        rest = rest.get(at + length..).unwrap_or_default();
        match found(rest) {
            Some(next) => (at, length) = next,
            None => return Cow::Owned(out + rest),
        }
    }
}

/// Where the first token begins, and how long it is.
fn found(text: &str) -> Option<(usize, usize)> {
    // Both kinds of token have one; most texts have none, and to look for it is quick.
    let tokens = if text.contains('_') { text } else { "" };
    let bearer = tokens
        .match_indices("ork_")
        .find_map(|(at, _)| bearer(text.get(at..)?).map(|length| (at, length)));
    let confirm = tokens
        .match_indices("ct_")
        .find_map(|(at, _)| confirm(text.get(..at)?, text.get(at..)?).map(|length| (at, length)));
    let sealed = sealed::found(text).map(|range| (range.start, range.len()));
    bearer.into_iter().chain(confirm).chain(sealed).min()
}

fn bearer(text: &str) -> Option<usize> {
    let env = text.get(4..)?.find('_')?;
    let digits = text.get(4 + env + 1..)?;
    let length = digits.bytes().take_while(u8::is_ascii_alphanumeric).take(36).count();
    let whole = 4 + env + 1 + length;
    Secret::parse(text.get(..whole)?).map(|_| whole)
}

/// There is no checksum here, so it has to stand alone: `object_` and a commit's hash is none.
fn confirm(before: &str, text: &str) -> Option<usize> {
    let hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let digits = text.bytes().skip(3).take_while(|byte| hex(byte)).count();
    let alone = !before.ends_with(|letter: char| letter.is_alphanumeric());
    (digits == CONFIRM_DIGITS && alone).then_some(3 + CONFIRM_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn args(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn tokens_are_told_by_their_form_and_nothing_else_is() {
        let bearer = Secret::new("live", &[0x5A; 32]);
        let bearer = bearer.reveal();
        let confirm = format!("ct_{}", "0123456789abcdef".repeat(3).get(..40).unwrap());
        for text in [
            bearer.to_owned(),
            confirm.clone(),
            format!("x: {bearer}, {confirm}."),
            format!("x{bearer}y"),
        ] {
            assert!(none_in(&args(&json!({"a": text})), None).is_err(), "{text}");
            assert!(none_in(&args(&json!({"a": [{"b": text}]})), None).is_err(), "{text}");
            assert!(none_in(&args(&json!({ text.clone(): 1 })), None).is_err(), "{text}");
            let left = veil(&text);
            assert!(
                left.contains(VEIL) && !left.contains(bearer) && !left.contains(&confirm),
                "{left}"
            );
        }
        assert_eq!(veil(&format!("a {bearer} b {confirm} c")), "a [token] b [token] c");
        let hash = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        for text in [
            "network_sha1_da39a3ee5e6b4b0d3255bfef95601890afd80709",
            &format!("object_{hash}"),
            &format!("ct_{hash}0"),
            "ork_live_",
            "ct_",
            "ork_é_",
        ] {
            assert_eq!(veil(text), text);
        }
        assert!(none_in(&args(&json!({"confirmToken": confirm})), Some("confirmToken")).is_ok());
        assert!(
            none_in(
                &args(&json!({"confirmToken": "x", "note": confirm})),
                Some("confirmToken")
            )
            .is_err()
        );
    }
}
