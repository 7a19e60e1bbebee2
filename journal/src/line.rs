//! The form of a line: CRC-32C of the JSON text as 8 lower-case hexadecimal digits, a space, one JSON object, a newline.

use std::io::Write;

/// The most that the journal adds to a body: checksum, `seq`, `batch`, newline.
pub(crate) const LINE_EXTRA_BYTES: u64 = 68;
/// Where the JSON text begins in a line.
const TEXT_AT: usize = 9;

/// A line that checks: the record's numbers and its text, the bytes between the space and the newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked<'a> {
    pub(crate) seq: u64,
    pub(crate) batch: u64,
    pub(crate) text: &'a [u8],
}

/// Whether a body can become a record: the text of one JSON object, on one line.
pub(crate) fn check_body(body: &str) -> Result<(), &'static str> {
    let bytes = body.as_bytes();
    match (bytes.first(), bytes.get(1), bytes.last()) {
        (Some(b'{'), Some(b'"' | b'}'), Some(b'}')) => {}
        _ => return Err("it must begin with {\" and end with }"),
    }
    // The smallest byte, because that loop is vectorised and one with an early exit is not.
    if bytes.iter().min() < Some(&b' ') {
        Err("it holds a control character")
    } else {
        Ok(())
    }
}

/// Adds the line of a record; `body` must have passed [`check_body`].
pub(crate) fn encode(out: &mut Vec<u8>, seq: u64, batch: u64, body: &str) {
    let (at, inner) = (out.len(), body.get(1..).unwrap_or_default());
    // Writing into a vector cannot fail.
    let _ = write!(out, "00000000 {{\"seq\":{seq},\"batch\":{batch}{}", comma(inner));
    out.extend_from_slice(inner.as_bytes());
    finish(out, at);
}

/// The text of a record.
pub(crate) fn join(seq: u64, batch: u64, body: &str) -> String {
    let inner = body.get(1..).unwrap_or_default();
    format!("{{\"seq\":{seq},\"batch\":{batch}{}{inner}", comma(inner))
}

fn comma(inner: &str) -> &'static str {
    if inner == "}" { "" } else { "," }
}

/// Adds a line of any JSON text.
pub(crate) fn encode_text(out: &mut Vec<u8>, text: &str) {
    let at = out.len();
    out.extend_from_slice(b"00000000 ");
    out.extend_from_slice(text.as_bytes());
    finish(out, at);
}

fn finish(out: &mut Vec<u8>, at: usize) {
    let crc = crc32c::crc32c(out.get(at + TEXT_AT..).unwrap_or_default());
    if let Some(place) = out.get_mut(at..at + 8) {
        place.copy_from_slice(&hex(crc));
    }
    out.push(b'\n');
}

fn hex(crc: u32) -> [u8; 8] {
    let mut digits = [0; 8];
    for (digit, shift) in digits.iter_mut().zip([28, 24, 20, 16, 12, 8, 4, 0]) {
        let nibble = (crc >> shift).to_le_bytes()[0] & 15;
        *digit = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    }
    digits
}

/// The text of a line (without its newline) whose checksum is right.
pub(crate) fn text(line: &[u8]) -> Result<&[u8], &'static str> {
    let (Some(digits), Some(b' '), Some(text)) = (line.first_chunk::<8>(), line.get(8), line.get(TEXT_AT..)) else {
        return Err("it does not begin with a checksum");
    };
    if *digits == hex(crc32c::crc32c(text)) {
        Ok(text)
    } else {
        Err("its checksum does not fit")
    }
}

/// Checks the line of a record (without its newline).
pub(crate) fn check(line: &[u8]) -> Result<Checked<'_>, &'static str> {
    let text = text(line)?;
    let numbers = || {
        let (seq, rest) = number(text.strip_prefix(b"{\"seq\":")?)?;
        let (batch, rest) = number(rest.strip_prefix(b",\"batch\":")?)?;
        (matches!(rest.first(), Some(b',' | b'}')) && batch <= seq && batch > 0).then_some(Checked { seq, batch, text })
    };
    numbers().ok_or("it does not begin with seq and batch")
}

fn number(digits: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    let mut rest = digits;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = after;
    }
    (rest.len() < digits.len()).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_the_format_says() {
        let mut out = Vec::new();
        encode(&mut out, 12, 10, r#"{"at":"now"}"#);
        let line = std::str::from_utf8(&out).unwrap();
        assert_eq!(&line[8..], " {\"seq\":12,\"batch\":10,\"at\":\"now\"}\n");
        assert_eq!(
            u32::from_str_radix(&line[..8], 16).unwrap(),
            crc32c::crc32c(line[9..].trim_end().as_bytes())
        );
        let checked = check(&out[..out.len() - 1]).unwrap();
        assert_eq!((checked.seq, checked.batch), (12, 10));
        let mut empty = Vec::new();
        encode(&mut empty, 1, 1, "{}");
        assert!(empty.ends_with(b" {\"seq\":1,\"batch\":1}\n"));
        assert!(out.len() + empty.len() <= 14 + 2 * usize::try_from(LINE_EXTRA_BYTES).unwrap());
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let mut out = Vec::new();
        encode(&mut out, 7, 5, r#"{"at":"now","list":[1,2,3]}"#);
        out.pop();
        for place in 0..out.len() * 8 {
            out[place / 8] ^= 1 << (place % 8);
            assert!(check(&out).is_err(), "bit {place}");
            out[place / 8] ^= 1 << (place % 8);
        }
        assert!(check(&out).is_ok());
    }

    #[test]
    fn bodies_are_objects_on_one_line() {
        for good in ["{}", r#"{"a":1}"#] {
            assert!(check_body(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "{",
            "[]",
            " {}",
            "{ }",
            "{}\n",
            "{\"a\":\n1}",
            "{\"a\":\"\0\"}",
            "null",
        ] {
            assert!(check_body(bad).is_err(), "{bad:?}");
        }
    }
}
