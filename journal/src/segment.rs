//! Segments: files named by their first position, each with a header line that says whose it is.

use serde::{Deserialize, Serialize};

use crate::disk::{Disk, DiskFile};
use crate::{Error, line};

/// The version of the file form that this code writes.
pub(crate) const VERSION: u32 = 1;
/// A zero-filled file that waits to become a segment.
pub(crate) const SPARE: &str = "spare";
/// The spare while it is filled.
pub(crate) const SPARE_UNDONE: &str = "spare.undone";
/// Bytes written at once while filling and read at once while scanning.
pub(crate) const CHUNK: usize = 1 << 20;

/// The first line of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The journal's identifier: 128 random bits in hexadecimal, the same in every segment.
    pub(crate) journal: String,
    /// The version of the form.
    pub(crate) version: u32,
    /// The segment's number; the first is 1.
    pub(crate) segment: u64,
    /// The first position in it.
    pub(crate) first: u64,
    /// The CRC-32C of the last line of the segment before, so that files of another history do not fit.
    pub(crate) previous: String,
}

impl Header {
    /// As a line.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // A struct of plain fields always serialises.
        line::write(&serde_json::to_string(self).unwrap_or_default(), &mut text);
        text
    }

    /// Reads the header of a segment; its length with the newline.
    pub(crate) fn read(file: &str, bytes: &[u8], first: u64) -> Result<(Self, usize), Error> {
        let damaged = |why: &str| Error::Damaged {
            file: file.to_owned(),
            offset: 0,
            seq: first,
            why: why.to_owned(),
        };
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or_else(|| damaged("the segment's header has no end"))?;
        let text = bytes
            .get(..end)
            .and_then(line::checked)
            .ok_or_else(|| damaged("the segment's header does not check"))?;
        let header: Self = serde_json::from_str(text).map_err(|cause| damaged(&cause.to_string()))?;
        if header.version > VERSION {
            return Err(Error::Future {
                file: file.to_owned(),
                found: header.version,
                known: VERSION,
            });
        }
        if header.first != first {
            return Err(damaged("its header names another first record than its file name"));
        }
        Ok((header, end + 1))
    }
}

/// The file name of the segment that begins with a position.
pub(crate) fn name(first: u64) -> String {
    format!("{first:020}.log")
}

/// The first positions of all segments, in order.
pub(crate) fn list(disk: &dyn Disk) -> Result<Vec<u64>, Error> {
    let names = disk
        .list()
        .map_err(Error::disk("the journal's directory cannot be listed"))?;
    let first = |name: &String| {
        name.strip_suffix(".log")
            .filter(|digits| digits.len() == 20)
            .and_then(|digits| digits.parse().ok())
    };
    let mut firsts: Vec<u64> = names.iter().filter_map(first).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// Everything in a file.
pub(crate) fn read_all(file: &dyn DiskFile) -> std::io::Result<Vec<u8>> {
    let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
    let mut bytes = vec![0; len];
    let got = file.read_at(0, &mut bytes)?;
    bytes.truncate(got);
    Ok(bytes)
}

/// Makes a zero-filled file durable under its final name. Real zeros: a hole costs a metadata commit at every later sync.
pub(crate) fn fill_spare(disk: &dyn Disk, bytes: u64) -> std::io::Result<()> {
    let file = disk.create(SPARE_UNDONE)?;
    let zeros = vec![0; CHUNK];
    let mut done = 0;
    while done < bytes {
        let size = usize::try_from((bytes - done).min(u64::try_from(CHUNK).unwrap_or(1))).unwrap_or(CHUNK);
        file.write_at(done, zeros.get(..size).unwrap_or_default())?;
        done += u64::try_from(size).unwrap_or(0);
    }
    file.sync()?;
    disk.rename(SPARE_UNDONE, SPARE)?;
    disk.sync_names()
}
