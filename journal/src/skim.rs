//! Whether a text is JSON (RFC 8259), told quickly. Records are written without white space and nest little; what is written
//! otherwise is left to the parser.

/// Deeper nesting is left to the parser: one bit of a word for each level.
const DEPTH_MAX: u32 = u64::BITS;

/// Whether a text is JSON as records are written. `false` says nothing: it may still be JSON in another spelling.
pub(crate) fn is_plain_json(text: &[u8]) -> bool {
    value(text).is_some()
}

/// The open arrays and objects around a place: a bit each, set for an object, the innermost lowest.
#[derive(Default)]
struct Open {
    depth: u32,
    objects: u64,
}

impl Open {
    fn push(&mut self, object: bool) -> Option<()> {
        (self.depth < DEPTH_MAX).then_some(())?;
        self.depth += 1;
        self.objects = (self.objects << 1) | u64::from(object);
        Some(())
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.objects >>= 1;
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

fn value(text: &[u8]) -> Option<()> {
    let (mut open, mut rest) = (Open::default(), text);
    loop {
        let (first, after) = rest.split_first()?;
        rest = match first {
            b'"' => string(after)?,
            b'{' => {
                open.push(true)?;
                let Some(after) = after.strip_prefix(b"}") else {
                    rest = key(after)?;
                    continue;
                };
                open.pop();
                after
            }
            b'[' => {
                open.push(false)?;
                let Some(after) = after.strip_prefix(b"]") else {
                    rest = after;
                    continue;
                };
                open.pop();
                after
            }
            b't' => after.strip_prefix(b"rue")?,
            b'f' => after.strip_prefix(b"alse")?,
            b'n' => after.strip_prefix(b"ull")?,
            _ => number(rest)?,
        };
        loop {
            if open.depth == 0 {
                return rest.is_empty().then_some(());
            }
            let (next, after) = rest.split_first()?;
            match (next, open.in_object()) {
                (b',', true) => {
                    rest = key(after)?;
                    break;
                }
                (b',', false) => {
                    rest = after;
                    break;
                }
                (b'}', true) | (b']', false) => open.pop(),
                _ => return None,
            }
            rest = after;
        }
    }
}

/// What follows a member's name and its colon.
fn key(text: &[u8]) -> Option<&[u8]> {
    string(text.strip_prefix(b"\"")?)?.strip_prefix(b":")
}

/// What follows a string whose first quotation mark was read.
fn string(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        match text.get(plain(text)..)?.split_first()? {
            (b'"', after) => return Some(after),
            (b'\\', after) => {
                text = match after.split_first()? {
                    (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after) => after,
                    (b'u', after) => {
                        let (digits, after) = after.split_first_chunk::<4>()?;
                        digits.iter().all(u8::is_ascii_hexdigit).then_some(after)?
                    }
                    _ => return None,
                };
            }
            _ => return None,
        }
    }
}

/// How many bytes stand before the first that ends a string, begins an escape, or is a control character.
fn plain(text: &[u8]) -> usize {
    let mut at = 0;
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return at + usize::from(marks.trailing_zeros().to_le_bytes()[0] / 8);
        }
        at += 8;
    }
    let ends = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    at + rest.iter().position(ends).unwrap_or(rest.len())
}

/// The highest bit of each byte that ends a plain run; above the lowest of them others may be set by borrows.
const fn marks(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    const fn below(word: u64, byte: u64) -> u64 {
        word.wrapping_sub(ONES * byte) & !word
    }
    (below(word, 0x20) | below(word ^ (ONES * 0x22), 1) | below(word ^ (ONES * 0x5c), 1)) & HIGH
}

/// What follows a number (RFC 8259, section 6).
fn number(text: &[u8]) -> Option<&[u8]> {
    let whole = text.strip_prefix(b"-").unwrap_or(text);
    let mut rest = match whole.split_first()? {
        (b'0', after) => after,
        (b'1'..=b'9', after) => digits(after),
        _ => return None,
    };
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = some_digits(fraction)?;
    }
    if let Some((b'e' | b'E', exponent)) = rest.split_first() {
        let signed = exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+"));
        rest = some_digits(signed.unwrap_or(exponent))?;
    }
    Some(rest)
}

fn digits(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    end.and_then(|end| text.get(end..)).unwrap_or_default()
}

fn some_digits(text: &[u8]) -> Option<&[u8]> {
    let rest = digits(text);
    (rest.len() < text.len()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::is_plain_json;

    fn parses(text: &[u8]) -> bool {
        serde_json::from_slice::<IgnoredAny>(text).is_ok()
    }

    #[test]
    fn what_the_parser_refuses_is_refused_and_records_are_taken() {
        for good in [
            r#"{"seq":1,"batch":1,"a":[1,-2.5e+3,0,true,false,null,"é\n\u00e9\\"],"b":{},"c":[],"d":[[{"e":{}}]]}"#,
            "[]",
            "0",
            "\"\"",
        ] {
            assert!(is_plain_json(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "{",
            "}",
            "{]",
            "[}",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{1:2}",
            "01",
            "1.",
            "-",
            "1e",
            "tru",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\t\"",
            "[1]]",
            "[1 2]",
            "{\"a\":1}x",
            "nulll",
            "\"\\",
            ",",
        ] {
            assert!(!parses(bad.as_bytes()) && !is_plain_json(bad.as_bytes()), "{bad}");
        }
        let deep = "[".repeat(65) + &"]".repeat(65);
        assert!(parses(deep.as_bytes()) && !is_plain_json(deep.as_bytes()));
    }

    proptest! {
        #[test]
        fn nothing_is_taken_that_the_parser_refuses(text in r#"[\[\]{}",:\\u0-9a-f.eE+\-tr ln\x00-\x24]{0,24}"#) {
            prop_assert!(!is_plain_json(text.as_bytes()) || parses(text.as_bytes()));
        }

        #[test]
        fn a_record_with_one_altered_byte_is_taken_only_where_the_parser_takes_it(at in 0..90_usize, byte: u8) {
            let mut text = br#"{"seq":12,"batch":10,"list":[1,-2.5e3,{"a":"b\u00e9 c"},null,true,false],"text":"line\n"}"#.to_vec();
            prop_assert!(is_plain_json(&text));
            let place = at % text.len();
            text[place] = byte;
            prop_assert!(!is_plain_json(&text) || parses(&text));
        }

        #[test]
        fn what_is_written_without_white_space_is_taken(numbers: Vec<i64>, text: String, floats: Vec<f32>) {
            let written = serde_json::json!({"numbers": numbers, "text": [text], "floats": floats}).to_string();
            prop_assert!(is_plain_json(written.as_bytes()));
        }
    }
}
