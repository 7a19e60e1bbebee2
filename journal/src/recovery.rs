//! Recovery: what of the last segment is whole, what is a torn write, and what is damage.
//!
//! | what is found | what it is | what happens |
//! |---|---|---|
//! | zeros to the end | a clean end | nothing |
//! | a line that does not check, and a later record whose `batch` is past it | damage: that batch was only written after this line was durable | refused |
//! | a line that does not check, in the last batch, in the shape of a torn write | sectors that never reached the disk; nobody was told of them | cut off, with all that follows |
//! | a whole line with a wrong checksum, also the very last | somebody or something changed it | refused |
//! | a last line that checks without its final byte | its newline was changed | refused |
//!
//! The shape of a torn write: what was written, then zeros to the end; or a run of zeros that begins at a sector's border (or
//! where the batch began) and ends at one. JSON text holds no zero byte, so nothing else looks like it.

use std::path::PathBuf;

use crate::disk::Disk;
use crate::segment::{self, Header};
use crate::{Error, line};

/// The unit in which a disk loses writes.
const SECTOR: usize = 512;
/// Every so many records a place in the file is remembered.
pub(crate) const MARK_EVERY: u64 = 256;

/// What was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub file: PathBuf,
    /// Where the torn part begins.
    pub offset: u64,
    /// How long it was, to the last byte that was not zero.
    pub bytes: u64,
}

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many records there are.
    pub records: u64,
    /// The newest position; 0 for none.
    pub last_seq: u64,
    /// What was cut off, if anything.
    pub torn: Option<Torn>,
}

/// Where a record stands: position, first position of its segment, offset in the file.
pub(crate) type Mark = (u64, u64, u64);

/// What a scan of one segment gives.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) header: Header,
    /// The first position that is not in it.
    pub(crate) next: u64,
    /// Where the next line would go.
    pub(crate) end: u64,
    pub(crate) marks: Vec<Mark>,
    /// Checksum of the last line, which the next segment names.
    pub(crate) last_sum: String,
    pub(crate) torn: Option<(u64, u64)>,
}

/// Reads one segment to its end. `last` allows zeros and a torn write at the end.
pub(crate) fn scan(
    file: &str,
    bytes: &[u8],
    first: u64,
    last: bool,
    mut each: impl FnMut(u64, &str),
) -> Result<Scanned, Error> {
    let (header, start) = Header::read(file, bytes, first)?;
    let mut at = Scanned {
        header,
        next: first,
        end: size(start),
        marks: Vec::new(),
        last_sum: sum_of(bytes, 0),
        torn: None,
    };
    let mut offset = start;
    let mut batch = first;
    while let Some(rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) {
        let found = next_line(rest).and_then(|(json, len)| Some((json, len, line::numbers(json)?)));
        match found {
            Some((json, len, (seq, of))) if seq == at.next && of <= seq && of >= batch => {
                batch = of;
                if (seq - first).is_multiple_of(MARK_EVERY) {
                    at.marks.push((seq, first, size(offset)));
                }
                each(seq, json);
                at.last_sum = sum_of(bytes, offset);
                at.next += 1;
                offset += len;
                at.end = size(offset);
            }
            _ => {
                at.torn = judge(file, bytes, offset, &at, batch, last)?;
                break;
            }
        }
    }
    Ok(at)
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn sum_of(bytes: &[u8], offset: usize) -> String {
    String::from_utf8_lossy(bytes.get(offset..offset + 8).unwrap_or_default()).into_owned()
}

/// A line that checks, and its length with the newline.
fn next_line(rest: &[u8]) -> Option<(&str, usize)> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    Some((line::checked(rest.get(..end)?)?, end + 1))
}

/// What stands at `offset`, where no record does: `None` for a clean end, a torn part's place and length, or damage.
fn judge(
    file: &str,
    bytes: &[u8],
    offset: usize,
    at: &Scanned,
    batch: u64,
    last: bool,
) -> Result<Option<(u64, u64)>, Error> {
    let tail = bytes.get(offset..).unwrap_or_default();
    let Some(used) = tail.iter().rposition(|byte| *byte != 0).map(|place| place + 1) else {
        return if last {
            Ok(None)
        } else {
            Err(damage(file, offset, at.next, "a sealed segment ends in zeros"))
        };
    };
    let why = if !last {
        Some("a sealed segment must be whole")
    } else if later_batch(tail, at.next) {
        Some("records that were written later are behind it")
    } else if !is_torn(bytes, offset, used, batch_start(bytes, offset, at, batch)) {
        Some("it was changed after it was written")
    } else {
        None
    };
    match why {
        Some(why) => Err(damage(file, offset, at.next, why)),
        None => Ok(Some((size(offset), size(used)))),
    }
}

fn damage(file: &str, offset: usize, seq: u64, why: &str) -> Error {
    Error::Damaged {
        file: file.to_owned(),
        offset: size(offset),
        seq,
        why: why.to_owned(),
    }
}

/// Whether a valid record further on belongs to a batch that begins after position `seq`.
fn later_batch(tail: &[u8], seq: u64) -> bool {
    let starts = tail
        .iter()
        .enumerate()
        .filter(|(_, byte)| matches!(**byte, b'\n' | 0))
        .map(|(place, _)| place + 1);
    let mut starts = starts
        .filter_map(|start| tail.get(start..))
        .filter(|rest| rest.get(8) == Some(&b' '));
    starts.any(|rest| {
        next_line(rest)
            .and_then(|(json, _)| line::numbers(json))
            .is_some_and(|(_, of)| of > seq)
    })
}

/// Where the last batch begins that may be torn: the batch of the last whole record, if the torn line can belong to it,
/// or else right here.
fn batch_start(bytes: &[u8], offset: usize, at: &Scanned, batch: u64) -> usize {
    let mut start = offset;
    let mut seq = at.next;
    while seq > batch.max(at.header.first) {
        let before = bytes.get(..start.saturating_sub(1)).unwrap_or_default();
        let Some(place) = before.iter().rposition(|byte| *byte == b'\n') else {
            break;
        };
        start = place + 1;
        seq -= 1;
    }
    start
}

/// Whether a bad part has the shape of a write that did not all reach the disk.
fn is_torn(bytes: &[u8], offset: usize, used: usize, batch_start: usize) -> bool {
    let end = offset + used;
    let part = bytes.get(offset..end).unwrap_or_default();
    let Some(first_zero) = part.iter().position(|byte| *byte == 0) else {
        // No hole: written up to somewhere, then nothing. A newline at the end means that the line was whole.
        let Some((byte, line)) = part.split_last() else {
            return true;
        };
        return *byte != b'\n' && !part.contains(&b'\n') && !checks_without(line, part);
    };
    let (run_start, run) = (offset + first_zero, zeros_from(bytes, offset + first_zero));
    let begins = run_start.is_multiple_of(SECTOR) || run_start == batch_start || run_start == offset;
    begins && (run_start + run).is_multiple_of(SECTOR) && no_newline_before(part, first_zero)
}

fn zeros_from(bytes: &[u8], start: usize) -> usize {
    bytes
        .get(start..)
        .unwrap_or_default()
        .iter()
        .take_while(|byte| **byte == 0)
        .count()
}

/// A whole line in front of the hole would have been read if it were right.
fn no_newline_before(part: &[u8], first_zero: usize) -> bool {
    !part.get(..first_zero).unwrap_or_default().contains(&b'\n')
}

/// A line whose text checks once its last byte is taken off, or as it is, lost only its newline.
fn checks_without(line: &[u8], part: &[u8]) -> bool {
    line::checked(line).is_some() && line::checked(part).is_none()
}

/// What opening a directory for writing gives.
pub(crate) struct Opened {
    pub(crate) segments: Vec<u64>,
    pub(crate) marks: Vec<Mark>,
    /// The last segment, or `None` in an empty directory.
    pub(crate) last: Option<Scanned>,
    pub(crate) recovery: Recovery,
}

/// Checks every segment, cuts a torn end off, and makes durable what a crash may have left only in memory.
pub(crate) fn recover(disk: &dyn Disk) -> Result<Opened, Error> {
    let segments = segment::list(disk)?;
    let mut opened = Opened {
        segments: segments.clone(),
        marks: Vec::new(),
        last: None,
        recovery: Recovery::default(),
    };
    for (place, first) in segments.iter().enumerate() {
        let name = segment::name(*first);
        follows(&name, *first, opened.last.as_ref())?;
        let file = disk.open(&name).map_err(Error::disk(name.clone()))?;
        let bytes = segment::read_all(file.as_ref()).map_err(Error::disk(name.clone()))?;
        let last = place + 1 == segments.len();
        let scanned = scan(&name, &bytes, *first, last, |_, _| ())?;
        continues(&name, &scanned, opened.last.as_ref())?;
        if let Some((offset, length)) = scanned.torn {
            let zeros = vec![0; usize::try_from(length).unwrap_or(0)];
            file.write_at(offset, &zeros)
                .map_err(Error::disk("the torn end cannot be cut off"))?;
            opened.recovery.torn = Some(Torn {
                file: PathBuf::from(&name),
                offset,
                bytes: length,
            });
        }
        if last {
            // What a crash left in the page cache only must be durable before anybody builds on it.
            file.sync().map_err(Error::disk(name.clone()))?;
            disk.sync_names()
                .map_err(Error::disk("the journal's directory cannot be synced"))?;
        }
        opened.marks.extend(&scanned.marks);
        opened.last = Some(scanned);
    }
    opened.recovery.last_seq = opened.last.as_ref().map_or(0, |last| last.next - 1);
    opened.recovery.records = opened.recovery.last_seq;
    Ok(opened)
}

/// A segment begins where the one before ended.
pub(crate) fn follows(name: &str, first: u64, before: Option<&Scanned>) -> Result<(), Error> {
    let expected = before.map_or(1, |before| before.next);
    match first.cmp(&expected) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Error::Missing { seq: expected }),
        std::cmp::Ordering::Less => Err(damage(name, 0, first, "it begins before the end of the segment before")),
    }
}

/// A segment names the journal and the last line of the one before.
pub(crate) fn continues(name: &str, scanned: &Scanned, before: Option<&Scanned>) -> Result<(), Error> {
    let Some(before) = before else { return Ok(()) };
    let own = &scanned.header;
    if own.journal != before.header.journal
        || own.previous != before.last_sum
        || own.segment != before.header.segment + 1
    {
        return Err(damage(
            name,
            0,
            own.first,
            "it belongs to another history than the segment before",
        ));
    }
    Ok(())
}
