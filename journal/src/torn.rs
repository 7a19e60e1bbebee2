//! Tells a torn write from damage. The decision table, for what follows the last good line of the last segment:
//!
//! | what is there | verdict |
//! |---|---|
//! | zeros to the end | clean: nothing was being written |
//! | the next record, good | growing: a writer went on meanwhile; cannot be when the directory is locked |
//! | a good record whose `batch` is greater than the first missing record | damaged: that batch was only written after the missing record had been synced |
//! | a good record of another batch than the last one, or out of order | damaged: no write of ours leaves that |
//! | a NUL first | torn: the sector in which the batch began never arrived, a cut was interrupted, or stray bytes |
//! | a whole line that does not check and holds no NUL | damaged: altered, because a torn write leaves NULs or ends |
//! | a run of NULs that does not begin and end at sector borders | damaged: no disk loses part of a sector in the middle |
//! | at the end a line that checks without its last byte | damaged: its newline was altered |
//! | whole sectors of NULs in it, or text that breaks off, zeros after it | torn: some sectors of the last write never arrived |
//!
//! What is torn was never acknowledged, since a batch is acknowledged only after all of it was synced. JSON text holds no
//! NUL, and no single flipped bit turns the first byte of a line into one, so a flipped bit is never taken for a torn write.

use crate::line;
use crate::lines::newline;

/// What a disk writes whole or not at all, in bytes.
const SECTOR: u64 = 512;

/// What follows the last good line.
pub(crate) struct Tail {
    pub(crate) bytes: Vec<u8>,
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// The record that should be there.
    pub(crate) seq: u64,
    /// The batch of the last good record of the segment; 0 when there is none.
    pub(crate) batch: u64,
    /// The longest line that the options allow, in bytes.
    pub(crate) line_max: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Clean,
    /// The next record stands there, whole and good: a writer went on while this was read.
    Growing,
    /// So many bytes were never acknowledged.
    Torn {
        bytes: u64,
    },
    /// Something is wrong with what was acknowledged, at this offset within the tail.
    Damaged {
        offset: u64,
        why: &'static str,
    },
}

/// Decides by the table above.
pub(crate) fn judge(tail: &Tail) -> Verdict {
    let Some(data) = tail.data() else { return Verdict::Clean };
    let whole = Verdict::Torn {
        bytes: data.len() as u64,
    };
    if tail.grows(data) {
        return Verdict::Growing;
    }
    if let Some(why) = records(tail, data) {
        return Verdict::Damaged { offset: 0, why };
    }
    if data.first() == Some(&0) {
        return whole;
    }
    match flaw(tail, data) {
        Some((offset, why)) => Verdict::Damaged { offset, why },
        None => whole,
    }
}

impl Tail {
    /// The tail without the zeros at its end; `None` when it is all zeros.
    fn data(&self) -> Option<&[u8]> {
        let end = self.bytes.iter().rposition(|byte| *byte != 0)? + 1;
        self.bytes.get(..end)
    }

    fn grows(&self, data: &[u8]) -> bool {
        let first = newline(data).and_then(|end| data.get(..end));
        let record = first
            .filter(|line| (line.len() as u64) < self.line_max)
            .map(line::check);
        matches!(record, Some(Ok(record)) if record.seq == self.seq && record.batch >= self.batch)
    }

    /// What is wrong with its first line; `None` when it is all zeros.
    pub(crate) fn first_flaw(&self) -> Option<&'static str> {
        let data = self.data()?;
        let first = newline(data).and_then(|end| data.get(..end));
        Some(first.map_or("the line does not end", |line| {
            line::check(line).err().unwrap_or("it is out of order")
        }))
    }
}

/// Looks at every good record in the data: any that proves the missing one durable, or that no torn write leaves?
fn records(tail: &Tail, data: &[u8]) -> Option<&'static str> {
    let mut expected = tail.seq;
    for at in starts(data) {
        let rest = data.get(at..).unwrap_or_default();
        let Some(Ok(record)) = newline(rest).and_then(|end| rest.get(..end)).map(line::check) else {
            continue;
        };
        if record.batch > tail.seq {
            return Some("later records were written after it was durable");
        }
        if at == 0 && record.seq == tail.seq && record.batch >= tail.batch {
            return Some("it is longer than the options allow");
        }
        if record.seq < expected || (record.batch != tail.seq && record.batch != tail.batch) {
            return Some("a record that does not belong there follows");
        }
        expected = record.seq + 1;
    }
    None
}

/// Where a line may begin: at the start, after a newline, after NULs.
fn starts(data: &[u8]) -> impl Iterator<Item = usize> {
    let before = std::iter::once(&0).chain(data);
    before
        .zip(data)
        .enumerate()
        .filter(|(_, (before, byte))| matches!(**before, 0 | b'\n') && **byte != 0)
        .map(|(at, _)| at)
}

/// The first line that a torn write does not leave: where it begins, and what is wrong.
fn flaw(tail: &Tail, data: &[u8]) -> Option<(u64, &'static str)> {
    let mut at = 0;
    for piece in data.split_inclusive(|byte| *byte == b'\n') {
        if let Some(why) = odd_line(piece, tail.offset + at) {
            return Some((at, why));
        }
        at += piece.len() as u64;
    }
    None
}

fn odd_line(piece: &[u8], at: u64) -> Option<&'static str> {
    if let Some(line) = piece.strip_suffix(b"\n") {
        let wrong = line::check(line).err()?;
        return if line.contains(&0) {
            odd_run(piece, at)
        } else {
            Some(wrong)
        };
    }
    let shorter = piece.split_last().map_or(piece, |(_, shorter)| shorter);
    if line::check(shorter).is_ok() {
        Some("its newline is altered")
    } else {
        odd_run(piece, at)
    }
}

/// Whether a run of NULs is not made of whole sectors. The piece does not end with one.
fn odd_run(piece: &[u8], at: u64) -> Option<&'static str> {
    let before = std::iter::once(&1).chain(piece);
    let mut borders = (at..)
        .zip(before.zip(piece))
        .filter(|(_, (before, byte))| (**before == 0) != (**byte == 0));
    borders
        .any(|(at, _)| !at.is_multiple_of(SECTOR))
        .then_some("zeros stand in the middle of it")
}

#[cfg(test)]
mod tests;
