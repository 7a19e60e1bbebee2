//! Verification from the files alone: every byte is read, every checksum, number and link checked, every root recomputed.

use std::path::Path;

use crate::Error;
use crate::checkpoint::{VerifyingKey, kept};
use crate::disk::{Disk as _, RealDisk};
use crate::recovery::{Scanned, continues, follows, scan};
use crate::segment;
use crate::tree::{Hashes, hex};

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many records.
    pub records: u64,
    /// In how many segments.
    pub segments: usize,
    /// How many bytes.
    pub bytes: u64,
    /// The root of the tree over all records, in hexadecimal.
    pub root: String,
    /// How many checkpoints agreed.
    pub checkpoints: usize,
    /// The torn end that the next start would cut off: file, offset, bytes.
    pub torn: Option<(String, u64, u64)>,
}

/// What to compare with.
#[derive(Default)]
pub struct Against<'a> {
    /// Whose signatures count; without it checkpoints in the directory are not looked at.
    pub key: Option<&'a VerifyingKey>,
    /// Checkpoints that were kept elsewhere.
    pub earlier: &'a [String],
}

/// Verifies a journal's directory. `progress` is told how many bytes were read.
///
/// # Errors
/// The first thing that is not right, with file and offset; [`Error::Evidence`] where a checkpoint disagrees: records were
/// removed from the end, or altered.
pub fn verify(dir: &Path, against: &Against<'_>, mut progress: impl FnMut(u64)) -> Result<Report, Error> {
    let disk = RealDisk::look(dir);
    let mut hashes = Hashes::default();
    let mut report = Report {
        records: 0,
        segments: 0,
        bytes: 0,
        root: String::new(),
        checkpoints: 0,
        torn: None,
    };
    let mut before: Option<Scanned> = None;
    let segments = segment::list(&disk)?;
    for (place, first) in segments.iter().enumerate() {
        let name = segment::name(*first);
        follows(&name, *first, before.as_ref())?;
        let file = disk.open(&name).map_err(Error::disk(name.clone()))?;
        let bytes = segment::read_all(file.as_ref()).map_err(Error::disk(name.clone()))?;
        let mut failed = None;
        let last = place + 1 == segments.len();
        let scanned = scan(&name, &bytes, *first, last, |seq, text| {
            failed = failed.take().or_else(|| hashes.push(seq, text).err());
        })?;
        if let Some(cause) = failed {
            return Err(cause);
        }
        continues(&name, &scanned, before.as_ref())?;
        report.torn = scanned.torn.map(|(offset, length)| (name, offset, length));
        report.records = scanned.next - 1;
        report.bytes += scanned.end;
        report.segments += 1;
        progress(report.bytes);
        before = Some(scanned);
    }
    report.root = hex(&hashes.root(report.records)?.0);
    tree_file(dir, &hashes)?;
    if let Some(key) = against.key {
        for text in against.earlier.iter().chain(&kept(dir)?) {
            agrees(key, text, &hashes, report.records)?;
            report.checkpoints += 1;
        }
    }
    Ok(report)
}

fn agrees(key: &VerifyingKey, text: &str, hashes: &Hashes, records: u64) -> Result<(), Error> {
    let (size, root) = key.open(text)?;
    if size > records {
        let gone = size - records;
        return Err(Error::Evidence(format!(
            "a signed checkpoint covers {size} records, but only {records} are here: {gone} were removed from the end"
        )));
    }
    if hashes.root(size)? != root {
        return Err(Error::Evidence(format!(
            "the first {size} records are not those that a signed checkpoint covers: the history was altered"
        )));
    }
    Ok(())
}

/// The stored hashes beside the tiles must be those of the records.
fn tree_file(dir: &Path, hashes: &Hashes) -> Result<(), Error> {
    let Ok(stored) = std::fs::read(dir.join("tiles").join("hashes")) else {
        return Ok(());
    };
    for (place, (stored, own)) in stored.chunks_exact(32).zip(hashes.list()).enumerate() {
        if stored != own.0 {
            return Err(Error::Damaged {
                file: "tiles/hashes".to_owned(),
                offset: u64::try_from(place * 32).unwrap_or(u64::MAX),
                seq: 0,
                why: "it disagrees with the records; delete the folder tiles and it is made again".to_owned(),
            });
        }
    }
    if stored.len() / 32 > hashes.list().len() {
        return Err(Error::Evidence(
            "the tree holds more records than the segments: records were removed from the end".to_owned(),
        ));
    }
    Ok(())
}

/// Calls `each` with every record of the files from a position on, without taking the directory; stops where it says false.
pub fn scan_files(dir: &Path, from: u64, mut each: impl FnMut(u64, &str) -> bool) -> Result<(), Error> {
    let disk = RealDisk::look(dir);
    let segments = segment::list(&disk)?;
    let begin = segments.iter().rposition(|first| *first <= from.max(1)).unwrap_or(0);
    let mut go_on = true;
    for (place, first) in segments.iter().enumerate().skip(begin) {
        let name = segment::name(*first);
        let file = disk.open(&name).map_err(Error::disk(name.clone()))?;
        let bytes = segment::read_all(file.as_ref()).map_err(Error::disk(name.clone()))?;
        scan(&name, &bytes, *first, place + 1 == segments.len(), |seq, text| {
            go_on = go_on && (seq < from || each(seq, text));
        })?;
    }
    Ok(())
}
