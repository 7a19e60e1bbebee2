//! The line form of a record: `crc32c SP json LF`.

use std::fmt::Write as _;

/// Bytes before the JSON text.
pub(crate) const HEAD: usize = 9;

/// One record as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its position; the first is 1.
    pub seq: u64,
    /// Its JSON text, without checksum and newline.
    pub text: String,
}

/// Adds the line of a JSON text.
pub(crate) fn write(json: &str, to: &mut String) {
    // Writing to a String cannot fail.
    let _ = writeln!(to, "{:08x} {json}", crc32c::crc32c(json.as_bytes()));
}

/// Adds the line of a numbered body.
pub(crate) fn write_record(seq: u64, batch: u64, body: &str, to: &mut String) {
    let members = body.strip_prefix('{').unwrap_or(body);
    write(&format!("{{\"seq\":{seq},\"batch\":{batch},{members}"), to);
}

/// Most bytes that the form adds to a body.
pub(crate) const OVERHEAD: usize = HEAD + 1 + "{\"seq\":,\"batch\":,".len() + 40;

/// Whether a body can be numbered and written in one line.
pub(crate) fn is_body(body: &str) -> bool {
    body.len() > 2
        && body.starts_with("{\"")
        && body.ends_with('}')
        && !body.bytes().any(|byte| byte == b'\n' || byte == 0)
}

/// The JSON text of a line (without its newline) whose checksum is right.
pub(crate) fn checked(line: &[u8]) -> Option<&str> {
    let (head, json) = (line.get(..HEAD)?, line.get(HEAD..)?);
    let (sum, space) = (head.get(..8)?, head.get(8)?);
    let lower = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if *space != b' ' || !sum.iter().all(lower) {
        return None;
    }
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (crc32c::crc32c(json) == sum)
        .then(|| std::str::from_utf8(json).ok())
        .flatten()
}

/// `seq` and `batch` of a record's JSON text, which always stand first.
pub(crate) fn numbers(json: &str) -> Option<(u64, u64)> {
    let rest = json.strip_prefix("{\"seq\":")?;
    let (seq, rest) = rest.split_once(",\"batch\":")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
    Some((seq.parse().ok()?, rest.get(..end)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_any_flipped_bit_does_not() {
        let mut text = String::new();
        write_record(12, 10, r#"{"at":"now","n":1}"#, &mut text);
        let line = text.trim_end().as_bytes();
        assert_eq!(checked(line), Some(r#"{"seq":12,"batch":10,"at":"now","n":1}"#));
        assert_eq!(checked(line).and_then(numbers), Some((12, 10)));
        for bit in 0..line.len() * 8 {
            let mut flipped = line.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(checked(&flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn bodies_are_objects_in_one_line() {
        assert!(is_body(r#"{"a":1}"#));
        for wrong in ["", "{}", "[1]", "{\"a\":\n1}", "null"] {
            assert!(!is_body(wrong), "{wrong}");
        }
    }
}
