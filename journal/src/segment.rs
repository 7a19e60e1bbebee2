//! Segment files: their names, their headers, and how a new one comes to be.

use serde::{Deserialize, Serialize};

use crate::disk::{Disk, DiskFile, write_all};
use crate::{Error, line};

/// The format this program writes, and the newest it reads.
pub(crate) const VERSION: u32 = 1;
/// The longest header line.
pub(crate) const HEADER_BYTES_MAX: u64 = 256;
/// A zero-filled segment that waits for its header.
const PREPARED: &str = "next.log";
const PREPARING: &str = "next.log.tmp";
const ZEROS: &[u8] = &[0; 256 << 10];

/// The first line of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The journal's identifier: 128 random bits, hexadecimal.
    pub(crate) journal: String,
    pub(crate) version: u32,
    /// The segment's number, from 1.
    pub(crate) segment: u64,
    /// The first record's sequence number.
    pub(crate) first: u64,
    /// The Merkle root of all records before this segment, hexadecimal.
    pub(crate) previous: String,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Header {
    /// The header as a line.
    pub(crate) fn line(&self) -> Result<Vec<u8>, Error> {
        let text = serde_json::to_string(self).map_err(|_| Error::Malformed { why: "the header" })?;
        let mut out = Vec::new();
        line::encode_text(&mut out, &text);
        Ok(out)
    }

    /// Reads a header from its line (without the newline).
    pub(crate) fn parse(file: &str, bytes: &[u8]) -> Result<Self, Error> {
        let damaged = |why: String| Error::Damaged {
            file: file.to_owned(),
            offset: 0,
            seq: 0,
            why,
        };
        let text = line::text(bytes).map_err(|why| damaged(format!("the header: {why}")))?;
        let unreadable = |cause: serde_json::Error| damaged(format!("the header: {cause}"));
        let versioned: Versioned = serde_json::from_slice(text).map_err(unreadable)?;
        if versioned.version > VERSION || versioned.version == 0 {
            return Err(Error::Version {
                file: file.to_owned(),
                found: versioned.version,
                known: VERSION,
            });
        }
        serde_json::from_slice(text).map_err(unreadable)
    }
}

/// The file of the segment that begins with a record.
pub(crate) fn name(first: u64) -> String {
    format!("{first:020}.log")
}

/// The first record of a segment file; `None` for any other file.
pub(crate) fn first(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

/// The segment files of a directory in order.
pub(crate) fn list(disk: &dyn Disk) -> Result<Vec<String>, Error> {
    let names = disk.list("").map_err(Error::io("list", "the journal's directory"))?;
    Ok(names.into_iter().filter(|name| first(name).is_some()).collect())
}

/// Removes what an interrupted preparation left, which frees its space.
pub(crate) fn clear_prepared(disk: &dyn Disk) -> Result<(), Error> {
    for name in disk.list("").map_err(Error::io("list", "the journal's directory"))? {
        if name == PREPARED || name == PREPARING {
            disk.remove(&name).map_err(Error::io("remove", &name))?;
        }
    }
    Ok(())
}

/// Zero-fills a file for the next segment: under a temporary name, synced, renamed, its directory synced.
pub(crate) fn prepare(disk: &dyn Disk, bytes: u64) -> Result<Box<dyn DiskFile>, Error> {
    let result = fill(disk, bytes);
    if result.is_err() {
        // Half a segment is of no use and holds space that a refusal may need; if this fails too, the next open clears it.
        let _ = disk.remove(PREPARING);
    }
    result
}

fn fill(disk: &dyn Disk, bytes: u64) -> Result<Box<dyn DiskFile>, Error> {
    let file = disk.create(PREPARING).map_err(Error::io("create", PREPARING))?;
    zero(file.as_ref(), 0, bytes).map_err(Error::io("zero-fill", PREPARING))?;
    file.sync_all().map_err(Error::io("sync", PREPARING))?;
    disk.rename(PREPARING, PREPARED)
        .map_err(Error::io("rename", PREPARING))?;
    disk.sync_folder("")
        .map_err(Error::io("sync", "the journal's directory"))?;
    Ok(file)
}

/// Writes zeros from one offset up to another.
pub(crate) fn zero(file: &dyn DiskFile, from: u64, to: u64) -> std::io::Result<()> {
    let mut at = from;
    while at < to {
        let count = usize::try_from(to - at).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        write_all(file, ZEROS.get(..count).unwrap_or_default(), at)?;
        at += count as u64;
    }
    Ok(())
}

/// Makes a prepared file a segment: header, sync, rename, sync of the directory. Gives the header's length.
pub(crate) fn adopt(disk: &dyn Disk, file: &dyn DiskFile, header: &Header) -> Result<u64, Error> {
    let line = header.line()?;
    write_all(file, &line, 0).map_err(Error::io("write", PREPARED))?;
    file.sync_data().map_err(Error::io("sync", PREPARED))?;
    let name = name(header.first);
    disk.rename(PREPARED, &name).map_err(Error::io("rename", PREPARED))?;
    disk.sync_folder("")
        .map_err(Error::io("sync", "the journal's directory"))?;
    Ok(line.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_from_the_future_is_refused_even_if_its_shape_changed() {
        let mut line = Vec::new();
        line::encode_text(&mut line, r#"{"version":2,"something":"else"}"#);
        let refused = Header::parse("a.log", &line[..line.len() - 1]).unwrap_err();
        assert!(
            matches!(refused, Error::Version { found: 2, known: 1, .. }),
            "{refused}"
        );
    }

    #[test]
    fn the_longest_header_fits() {
        let journal = "f".repeat(32);
        let header = Header {
            journal,
            version: u32::MAX,
            segment: u64::MAX,
            first: u64::MAX,
            previous: "f".repeat(64),
        };
        assert!(header.line().unwrap().len() as u64 <= HEADER_BYTES_MAX);
    }

    #[test]
    fn only_segments_have_segment_names() {
        assert_eq!(first(&name(12)), Some(12));
        for other in [
            "next.log",
            "12.log",
            "0000000000000000001x.log",
            "lock",
            "99999999999999999999.log",
        ] {
            assert_eq!(first(other), None, "{other}");
        }
    }
}
