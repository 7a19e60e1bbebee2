//! Where each kind of row stands: one letter, then its parts.

use jiff::Timestamp;

use crate::facets::Index;

/// How many records share one key of an index.
pub const BUCKET: u64 = 4096;
/// Between two parts of a key.
const END: u8 = 0;

/// The row that says what the others are.
pub const META: &[u8] = b"m";
/// Rows of the state.
pub const ROWS: &[u8] = b"r";
/// Pending actions.
pub const PENDING: &[u8] = b"p";
/// Actions on their way through a worker.
pub const OUTBOX: &[u8] = b"o";
/// Counters.
pub const COUNTS: &[u8] = b"n";
/// The first record of each minute.
pub const MINUTES: &[u8] = b"t";
const POSTINGS: &[u8] = b"x";

const fn letter(index: Index) -> u8 {
    match index {
        Index::Actor => b'a',
        Index::Tool => b't',
        Index::Entity => b'n',
        Index::Action => b'c',
        Index::Event => b'e',
        Index::Kind => b'k',
        Index::Org => b'o',
    }
}

fn key(first: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut key = first.to_vec();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            key.push(END);
        }
        key.extend_from_slice(part);
    }
    key
}

/// A row of the state.
pub fn row(kind: &str, id: &str) -> Vec<u8> {
    key(ROWS, &[kind.as_bytes(), id.as_bytes()])
}

/// The kind and the identifier of a row of the state.
pub fn row_of(key: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(key.strip_prefix(ROWS)?).ok()?.split_once('\0')
}

/// A mark on an action: `PENDING` or `OUTBOX`.
pub fn mark(which: &[u8], id: &str) -> Vec<u8> {
    key(which, &[id.as_bytes()])
}

/// What all keys of one value of an index begin with; the value must be [`crate::facets::indexed`].
pub fn postings(index: Index, value: &str) -> Vec<u8> {
    let mut key = POSTINGS.to_vec();
    key.push(letter(index));
    key.extend_from_slice(value.as_bytes());
    key.push(END);
    key
}

/// The key that holds a record under one value.
pub fn posting(index: Index, value: &str, bucket: u64) -> Vec<u8> {
    let mut key = postings(index, value);
    key.extend_from_slice(&bucket.to_be_bytes());
    key
}

/// What all counters of an organisation begin with; it must be [`crate::facets::indexed`].
pub fn counts(org: &str) -> Vec<u8> {
    key(COUNTS, &[org.as_bytes(), b""])
}

/// A counter: how often an event came for a tool in an organisation on a day (UTC).
pub fn count(org: &str, at: Timestamp, tool: &str, event: &str) -> Vec<u8> {
    let day = at.strftime("%Y-%m-%d").to_string();
    let parts = [org, &day, tool, event];
    key(COUNTS, &parts.map(str::as_bytes))
}

/// The day, the tool and the event of a counter.
pub fn count_of(key: &[u8]) -> Option<(&str, &str, &str)> {
    let mut parts = std::str::from_utf8(key.strip_prefix(COUNTS)?).ok()?.split('\0').skip(1);
    Some((parts.next()?, parts.next()?, parts.next()?))
}

/// The minute of an hour, counted from 1970; what was before that is minute 0.
pub fn minute_of(at: Timestamp) -> u64 {
    u64::try_from(at.as_second() / 60).unwrap_or(0)
}

/// The key of a minute.
pub fn minute(minute: u64) -> Vec<u8> {
    key(MINUTES, &[&minute.to_be_bytes()])
}
