//! Sealed segments, compressed and kept elsewhere: what was archived, how it is made, and how it is read back.
//!
//! The manifest `archive.json` lies beside the segments and, as a copy, at the target. A segment counts as archived once
//! its compressed copy was written, synced, read back and found equal. Each step can be repeated after a stop at any point.

mod check;
mod over;
mod target;

pub use check::check_archive;
pub use over::Archived;
pub use target::{Places, Target, directories, moved_to};

use std::io::{self, Read as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::disk::{Disk, Lock, read_full, read_whole};
use crate::segment::{self, Header};
use crate::{Error, line, lines};

/// The file whose lock lets one archiving or removal at a time have a journal, or a target.
const LOCK: &str = "archive.lock";
/// The manifest's file, in the journal's directory and at the target.
pub(crate) const MANIFEST: &str = "archive.json";
const VERSION: u32 = 1;
/// Three is the library's own middle: about a tenth of the size for records of JSON, and faster than a disk.
const LEVEL: i32 = 3;

/// One segment that was archived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedSegment {
    /// The segment's number, from 1.
    pub segment: u64,
    /// Its file in the journal's directory.
    pub name: String,
    /// Its file at the target.
    pub file: String,
    /// Its first record.
    pub first: u64,
    /// Its last record.
    pub last: u64,
    /// Its length, in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// The length of the compressed copy, in bytes.
    pub packed_bytes: u64,
    /// SHA-256 of the compressed copy, hexadecimal.
    pub packed_sha256: String,
    /// The Merkle root of all records up to its last, hexadecimal: what the header of the next segment says.
    pub root: String,
}

/// All that was archived of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    version: u32,
    /// The journal's identifier.
    pub journal: String,
    /// Where the copies are: a directory, or what a [`Target`] is called. Not part of the digest: an archive may be moved.
    pub target: String,
    /// The segments, the oldest first.
    pub segments: Vec<ArchivedSegment>,
    /// SHA-256 over journal and segments, hexadecimal.
    pub digest: String,
}

impl Manifest {
    fn empty(journal: String, target: &str) -> Self {
        Self {
            version: VERSION,
            journal,
            target: target.to_owned(),
            segments: Vec::new(),
            digest: String::new(),
        }
    }

    fn content_digest(&self) -> Result<String, Error> {
        let content = serde_json::to_vec(&(&self.version, &self.journal, &self.segments)).map_err(|_| unreadable())?;
        Ok(sha256(&content))
    }

    /// The manifest beside the segments of a disk; `None` where nothing was archived.
    ///
    /// # Errors
    /// [`Error::Archive`] when it is not what was written; [`Error::Io`].
    pub fn read(disk: &(impl Target + ?Sized)) -> Result<Option<Self>, Error> {
        let bytes = match disk.get(MANIFEST) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(Error::io("read", MANIFEST))?,
        };
        let read: Self = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
        if read.version != VERSION || read.content_digest()? != read.digest {
            return Err(unreadable());
        }
        Ok(Some(read))
    }

    fn write(&mut self, disk: &(impl Target + ?Sized)) -> Result<(), Error> {
        self.digest = self.content_digest()?;
        let bytes = serde_json::to_vec_pretty(self).map_err(|_| unreadable())?;
        disk.set(MANIFEST, &bytes).map_err(Error::io("write", MANIFEST))
    }

    /// The archived segment of a name.
    pub(crate) fn of(&self, name: &str) -> Option<&ArchivedSegment> {
        self.segments.iter().find(|segment| segment.name == name)
    }
}

fn unreadable() -> Error {
    Error::Archive {
        file: MANIFEST.to_owned(),
        why: "the manifest is not what was written; take the copy at the target, or a backup".to_owned(),
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    crate::merkle::hex(&tlog_tiles::Hash(Sha256::digest(bytes).into()))
}

/// Compresses, with a checksum in the frame.
fn pack(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    io::copy(&mut &*plain, &mut encoder)?;
    encoder.finish()
}

/// Decompresses at most `bytes`: a copy that would unpack to more is not the one that was written.
fn unpack(packed: &[u8], bytes: u64) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    zstd::Decoder::new(packed)?.take(bytes + 1).read_to_end(&mut plain)?;
    Ok(plain)
}

/// Archives the sealed segments of a journal but the newest `keep`, beside a writer as well. Nothing is removed. `progress`
/// hears how many segments of how many are done.
///
/// # Errors
/// [`Error::Io`]; [`Error::Damaged`] when a segment is not what was written; [`Error::Archive`] when what was read back
/// differs, the target holds the archive of another journal, or somebody else is archiving.
pub fn archive(
    disk: &dyn Disk,
    target: (&dyn Target, &str),
    keep: usize,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Option<Manifest>, Error> {
    let _held = (hold(disk)?, hold(target.0)?);
    let names = segment::list(disk)?;
    let Some(newest) = names.last() else { return Ok(None) };
    let journal = header_of(disk, newest)?.journal;
    let sealed = names.len().saturating_sub(1).saturating_sub(keep);
    let mut manifest = begun(disk, target)?;
    if manifest.as_ref().is_some_and(|held| held.journal != journal) {
        return Err(refused(format!("{} holds the archive of another journal", target.1)));
    }
    for (done, pair) in (1..).zip(names.windows(2).take(sealed)) {
        if let [name, next] = pair
            && manifest.as_ref().is_none_or(|held| held.of(name).is_none())
        {
            let held = manifest.get_or_insert_with(|| Manifest::empty(journal.clone(), target.1));
            held.segments.push(one(disk, target.0, name, next)?);
            held.segments.sort_by_key(|segment| segment.first);
            held.write(target.0)?;
            held.write(disk)?;
        }
        progress(done, sealed as u64);
    }
    Ok(manifest)
}

/// One at a time: whoever wrote a manifest that it read before another's could forget segments whose plain files are gone.
fn hold(place: &(impl Target + ?Sized)) -> Result<Lock, Error> {
    let held = place.hold().map_err(Error::io("lock", LOCK))?;
    held.ok_or_else(|| refused("another process archives this journal, or to this place; wait for it".to_owned()))
}

/// What was archived before: as the journal knows it, or else the target, where a stop came in between.
fn begun(disk: &dyn Disk, (target, name): (&dyn Target, &str)) -> Result<Option<Manifest>, Error> {
    let there = Manifest::read(target)?;
    let Some(here) = Manifest::read(disk)? else {
        return Ok(there.map(|there| Manifest {
            target: name.to_owned(),
            ..there
        }));
    };
    if here.target != name {
        let why = format!("this journal's archive is in {}; give that with --to", here.target);
        return Err(refused(why));
    }
    let lacks = |there: &Manifest| {
        there.journal != here.journal || !here.segments.iter().all(|one| there.segments.contains(one))
    };
    match there {
        Some(there) if lacks(&there) => Err(refused(format!(
            "{name} holds an archive that is not the one of this journal's {MANIFEST}; bring the right one back"
        ))),
        // The target is written first, so it may know of more.
        Some(there) => Ok(Some(Manifest {
            target: here.target,
            ..there
        })),
        None => Err(refused(format!(
            "there is no {MANIFEST} in {name}; bring the archive back there"
        ))),
    }
}

fn refused(why: String) -> Error {
    Error::Archive {
        file: MANIFEST.to_owned(),
        why,
    }
}

/// Compresses one segment, writes it, reads it back.
fn one(disk: &dyn Disk, target: &dyn Target, name: &str, next: &str) -> Result<ArchivedSegment, Error> {
    let plain = read_whole(disk, name).map_err(Error::io("read", name))?;
    let (header, following) = (head(name, &plain)?, header_of(disk, next)?);
    let last = following.first - 1;
    good(name, &plain, header.first, last)?;
    let file = format!("{:020}-{last:020}.log.zst", header.first);
    let packed = pack(&plain).map_err(Error::io("compress", name))?;
    target.set(&file, &packed).map_err(Error::io("write", &file))?;
    let entry = ArchivedSegment {
        segment: header.segment,
        name: name.to_owned(),
        file,
        first: header.first,
        last,
        bytes: plain.len() as u64,
        sha256: sha256(&plain),
        packed_bytes: packed.len() as u64,
        packed_sha256: sha256(&packed),
        root: following.previous,
    };
    over::read_back(target, &entry).map_err(Error::io("read back", &entry.file))?;
    Ok(entry)
}

/// What a segment that lies there says of itself.
fn header_of(disk: &dyn Disk, name: &str) -> Result<Header, Error> {
    let file = disk.open(name).map_err(Error::io("open", name))?;
    let mut bytes = vec![0; usize::try_from(segment::HEADER_BYTES_MAX).unwrap_or_default()];
    let count = read_full(file.as_ref(), &mut bytes, 0).map_err(Error::io("read", name))?;
    head(name, bytes.get(..count).unwrap_or_default())
}

fn head(name: &str, bytes: &[u8]) -> Result<Header, Error> {
    let end = lines::newline(bytes).unwrap_or_default();
    Header::parse(name, bytes.get(..end).unwrap_or_default())
}

/// Every line checks, in order, from the first record to the last.
fn good(name: &str, plain: &[u8], first: u64, last: u64) -> Result<(), Error> {
    let mut wanted = first;
    let mut offset = 0;
    for (number, text) in plain.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let found = text.strip_suffix(b"\n").and_then(|text| line::check(text).ok());
        if number > 0 && found.is_none_or(|record| record.seq != wanted) {
            let why = "it is not what was written, and is not archived".to_owned();
            return Err(Error::Damaged {
                file: name.to_owned(),
                offset,
                seq: wanted,
                why,
            });
        }
        wanted += u64::from(number > 0);
        offset += text.len() as u64;
    }
    if wanted == last + 1 {
        return Ok(());
    }
    let why = format!("the next segment begins with record {}", last + 1);
    Err(Error::Damaged {
        file: name.to_owned(),
        offset,
        seq: wanted,
        why,
    })
}

/// Removes the plain segments that are archived, each after its copy was read back once more. Gives their names.
///
/// # Errors
/// [`Error::Io`]; [`Error::Archive`] when a copy is not what was written: then its segment stays.
pub fn remove_archived(disk: &dyn Disk, target: &dyn Target) -> Result<Vec<String>, Error> {
    let _held = (hold(disk)?, hold(target)?);
    let Some(manifest) = Manifest::read(disk)? else {
        return Ok(Vec::new());
    };
    let there = segment::list(disk)?;
    let mut removed = Vec::new();
    for entry in manifest.segments.iter().filter(|entry| there.contains(&entry.name)) {
        over::read_back(target, entry).map_err(Error::io("read back", &entry.file))?;
        disk.remove(&entry.name).map_err(Error::io("remove", &entry.name))?;
        disk.sync_folder("")
            .map_err(Error::io("sync", "the journal's directory"))?;
        removed.push(entry.name.clone());
    }
    Ok(removed)
}
