//! What stands in a record where something personal was: the form of a sealed text, and where mail addresses stand in a text.

use std::ops::Range;

/// How a sealed text begins; the digit is the version of the form.
pub const BEGIN: &str = "~s1.";
/// How it ends.
pub const END: char = '~';
/// The shortest one: names of subject and key, nonce and tag around an address of three bytes, in base64.
const DIGITS_MIN: usize = 88;

/// Where the first sealed text stands.
pub fn found(text: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(begin) = text.get(from..)?.find(BEGIN).map(|at| from + at) {
        from = begin + BEGIN.len();
        let rest = text.get(from..)?;
        let digits = rest.bytes().take_while(|byte| is_digit(*byte)).count();
        if digits >= DIGITS_MIN && rest.get(digits..)?.starts_with(END) {
            return Some(begin..from + digits + END.len_utf8());
        }
    }
    None
}

/// Whether a sealed text stands in a text: where the keys are there, nobody sees one.
pub fn is_in(text: &str) -> bool {
    found(text).is_some()
}

const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Where the mail addresses stand in a JSON text, in order: a local part, an `@`, and a domain of two labels or more.
pub fn addresses(json: &str) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for (at, _) in json.match_indices('@') {
        let done = all.last().map_or(0, |last| last.end);
        let (Some(before), Some(after)) = (json.get(done..at), json.get(at + 1..)) else {
            continue;
        };
        let local = before.len() - before.trim_end_matches(is_local).len();
        let mut begin = at - local;
        begin += escaped(
            json.get(..begin).unwrap_or_default(),
            json.get(begin..at).unwrap_or_default(),
        );
        let domain = domain(after);
        if begin < at && domain > 0 {
            all.push(begin..at + 1 + domain);
        }
    }
    all
}

/// Whether a text is one mail address and nothing else.
pub fn is_address(text: &str) -> bool {
    addresses(text).first() == Some(&(0..text.len()))
}

/// Letters that belong to an escape of JSON before them and not to the address.
fn escaped(before: &str, local: &str) -> usize {
    let slashes = before.len() - before.trim_end_matches('\\').len();
    let letters = match (slashes % 2, local.starts_with('u')) {
        (0, _) => 0,
        (_, true) => 5,
        (_, false) => 1,
    };
    letters.min(local.len())
}

fn is_local(letter: char) -> bool {
    letter.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}".contains(letter)
}

/// How many bytes of a text are a domain.
fn domain(text: &str) -> usize {
    let all = text.trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '-' || letter == '.');
    let Some(name) = text.strip_suffix(all) else { return 0 };
    let name = name.trim_end_matches(['.', '-']);
    let is_name = name.rsplit_once('.').is_some_and(|(rest, top)| {
        !rest.is_empty() && !rest.starts_with('.') && top.starts_with(|letter: char| letter.is_alphabetic())
    });
    if is_name { name.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<&str> {
        addresses(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn addresses_are_found_where_they_stand() {
        assert_eq!(said(r#"{"email":"carla@x.org"}"#), ["carla@x.org"]);
        assert_eq!(
            said("<mailto:a.b+c@mail.x.org>, then d@y.de."),
            ["a.b+c@mail.x.org", "d@y.de"]
        );
        assert_eq!(
            said(r#"{"a":"\ncarla@x.org\tdora@x.org"}"#),
            ["carla@x.org", "dora@x.org"]
        );
        assert_eq!(
            said(r#"{"a":"\u0001carla@x.org","b":"\\nora@x.org"}"#),
            ["carla@x.org", "nora@x.org"]
        );
        assert_eq!(said("jürgen@müller.de a@b@c.de"), ["jürgen@müller.de", "b@c.de"]);
        for none in [
            "@carla",
            "a@b",
            "crate@1.2.3",
            "a @ b.de",
            "@x.org",
            r"\n@x.org",
            "a@.de",
        ] {
            assert_eq!(said(none), [""; 0], "{none}");
        }
        assert!(is_address("carla@x.org") && !is_address("carla jones@x.org") && !is_address("carla@x.org."));
    }

    #[test]
    fn a_sealed_text_is_told_by_its_form() {
        let whole = format!("{BEGIN}{}{END}", "a-_9".repeat(22));
        assert_eq!(found(&format!("x {BEGIN}abc~ {whole}.")), Some(11..11 + whole.len()));
        assert!(!is_in(&whole[..whole.len() - 1]) && !is_in("~s1.~"));
    }
}
