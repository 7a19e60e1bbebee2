//! Verification without a running journal: every byte, every checksum, the order, the tree, the tiles, the checkpoints.

mod auditor;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::checkpoint;
use crate::disk::{Disk, RealDisk};
use crate::merkle;
use crate::scan;
use crate::{Archived, Checkpoint, Error, Options, Places, Root, Torn, VerifyingKey, check_archive, directories};
use auditor::Auditor;

/// What to verify against.
#[derive(Clone, Debug, Default)]
pub struct Verification {
    /// Checkpoints that were kept elsewhere, as signed notes, each with a name for the report.
    pub earlier: Vec<(String, String)>,
    /// The key that must have signed all checkpoints; without one signatures are not checked.
    pub key: Option<VerifyingKey>,
    /// Keys that took its place, each with the record from which on it signs, oldest first.
    pub later: Vec<(u64, VerifyingKey)>,
    /// The largest record, as for [`Options::record_bytes_max`].
    pub record_bytes_max: Option<u64>,
}

impl Verification {
    /// The key that signs checkpoints of a size.
    fn key_at(&self, size: u64) -> Option<&VerifyingKey> {
        let later = self.later.iter().rev().find(|(from, _)| *from <= size);
        later.map(|(_, key)| key).or(self.key.as_ref())
    }
}

/// Who signed a log, where that stands in its records: hears each good one, and is asked when all were heard.
pub trait Signers {
    /// A record, in order.
    fn heard(&mut self, seq: u64, text: &str);

    /// The key that signs checkpoints of a size; `None` where signatures are not checked.
    fn at(&self, size: u64) -> Option<VerifyingKey>;
}

/// The keys that were said beforehand.
impl Signers for &Verification {
    fn heard(&mut self, _: u64, _: &str) {}

    fn at(&self, size: u64) -> Option<VerifyingKey> {
        self.key_at(size).cloned()
    }
}

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A segment is not what was written, or not there.
    Damaged,
    /// A segment's header names another root for the records before it.
    Header,
    /// A tile is not that of the records.
    Tile,
    /// The manifest of the archive is not what was written, or says something else than what is archived.
    Manifest,
    /// An archived segment is not there.
    ArchiveMissing,
    /// An archived segment is not what was written.
    ArchiveDamaged,
    /// Another archived segment lies in its place.
    ArchiveSwapped,
    /// A checkpoint cannot be read, or the key did not sign it.
    Checkpoint,
    /// A checkpoint vouches for records that are not there.
    Truncated,
    /// A checkpoint vouches for other records than those that are there: altered, or another history.
    Forked,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault it is.
    pub kind: FaultKind,
    /// The file, or the name of the earlier checkpoint.
    pub file: String,
    /// Where in the file, in bytes.
    pub offset: u64,
    /// The record concerned; 0 when it is none in particular.
    pub seq: u64,
    /// What is wrong, for people.
    pub why: String,
}

/// A checkpoint that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The file, or the name it was given.
    pub source: String,
    /// What it vouches for.
    pub root: Root,
    /// Whether its signature was checked.
    pub signed: bool,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The journal's identifier; empty when there is none.
    pub journal: String,
    /// How many segments are good.
    pub segments: u64,
    /// The root of the good records; its size is how many there are.
    pub root: Root,
    /// How many of the segments are archived, their copies good.
    pub archived: u64,
    /// How many tiles were compared.
    pub tiles: u64,
    /// The checkpoints that hold, saved and earlier ones.
    pub checkpoints: Vec<Checked>,
    /// The rest of a write that was never acknowledged; not a fault.
    pub torn: Option<Torn>,
    /// What is wrong, the first in the journal first.
    pub faults: Vec<Fault>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    fn of_archive(archived: u64, faults: Vec<Fault>) -> Self {
        Self {
            journal: String::new(),
            segments: archived,
            root: Root::new(0, merkle::Edge::default().root()),
            archived,
            tiles: 0,
            checkpoints: Vec::new(),
            torn: None,
            faults,
        }
    }
}

/// Verifies the journal in a directory. It may be a copy, read-only, or in use. `progress` hears how many bytes of how many
/// were read.
///
/// # Errors
/// [`Error::Io`] when something cannot be read. What is wrong with the journal is in the report.
pub fn verify(dir: &Path, against: &Verification, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
    verify_signed(dir, against, &mut { against }, progress)
}

/// [`verify`], with the keys that the records themselves speak of in place of those of `against`.
///
/// # Errors
/// As for [`verify`].
pub fn verify_signed(
    dir: &Path,
    against: &Verification,
    signers: &mut dyn Signers,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, Error> {
    let disk = RealDisk::existing(dir).map_err(Error::io("open", &dir.display().to_string()))?;
    over_archive(Arc::new(disk), &directories(), against, signers, progress)
}

/// [`verify_signed`] on any disk, its archive wherever `places` finds it: both are read in one run.
///
/// # Errors
/// As for [`verify`].
pub fn over_archive(
    disk: Arc<dyn Disk>,
    places: &Places,
    against: &Verification,
    signers: &mut dyn Signers,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, Error> {
    let (archived, faults) = check_archive(disk.as_ref(), places)?;
    if !faults.is_empty() {
        // What is behind a bad archive cannot be told from it; the archive is mended first.
        return Ok(Report::of_archive(archived, faults));
    }
    let mut report = on_disk(&Archived::over(disk, Arc::clone(places)), against, signers, progress)?;
    report.archived = archived;
    Ok(report)
}

/// [`verify`] on any disk.
///
/// # Errors
/// As for [`verify`].
pub fn verify_disk(
    disk: &dyn Disk,
    against: &Verification,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, Error> {
    on_disk(disk, against, &mut { against }, progress)
}

fn on_disk(
    disk: &dyn Disk,
    against: &Verification,
    signers: &mut dyn Signers,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, Error> {
    let (candidates, mut unreadable) = candidates(disk, against)?;
    let tiles = merkle::saved(disk);
    let wanted: BTreeSet<u64> = candidates.iter().map(|(_, checkpoint)| checkpoint.root.size).collect();
    let wanted = wanted
        .into_iter()
        .chain(tiles.as_ref().map(|tiles| tiles.size))
        .collect();
    let mut auditor = Auditor::new(disk, wanted, signers, progress)?;
    let line_max = against.record_bytes_max.unwrap_or(Options::default().record_bytes_max);
    let scanned = scan::scan(disk, line_max, &mut auditor);
    let mut report = auditor.report();
    let whole = match scanned {
        Ok(found) => {
            report.torn = found.and_then(|found| found.torn);
            true
        }
        Err(cause) => {
            report.faults.push(fault(cause)?);
            false
        }
    };
    if let Some(tiles) = tiles.filter(|tiles| auditor.root(tiles.size).is_some_and(|root| root.hex() != tiles.root)) {
        let why = format!("the tiles of {} records have the root {}", tiles.size, tiles.root);
        report.faults.push(Fault {
            kind: FaultKind::Tile,
            file: "tiles/tree.json".to_owned(),
            offset: 0,
            seq: 0,
            why,
        });
    }
    report.faults.append(&mut unreadable);
    for (source, checkpoint) in candidates {
        let signed = auditor.key_at(checkpoint.root.size).map(|key| checkpoint.verify(&key));
        match judge(&auditor, &checkpoint, signed.as_ref(), whole) {
            Some((kind, why)) => report.faults.push(Fault {
                kind,
                file: source,
                offset: 0,
                seq: checkpoint.root.size,
                why,
            }),
            None if auditor.root(checkpoint.root.size).is_none() => {}
            None => report.checkpoints.push(Checked {
                source,
                root: checkpoint.root,
                signed: signed.is_some(),
            }),
        }
    }
    Ok(report)
}

/// A checkpoint, and its file or the name it was given.
type Named = (String, Checkpoint);

/// The checkpoints to look at, saved and earlier ones, and those that cannot be read.
fn candidates(disk: &dyn Disk, against: &Verification) -> Result<(Vec<Named>, Vec<Fault>), Error> {
    let earlier = against
        .earlier
        .iter()
        .map(|(name, note)| (name.clone(), Checkpoint::parse(note)));
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (file, content) in checkpoint::list(disk)?.into_iter().chain(earlier) {
        match content {
            Ok(checkpoint) => good.push((file, checkpoint)),
            Err(cause) => {
                bad.push(Fault {
                    kind: FaultKind::Checkpoint,
                    file,
                    offset: 0,
                    seq: 0,
                    why: cause.to_string(),
                });
            }
        }
    }
    Ok((good, bad))
}

/// What is wrong with a checkpoint, or what it shows to be wrong.
fn judge(
    auditor: &Auditor<'_>,
    checkpoint: &Checkpoint,
    signed: Option<&Result<(), Error>>,
    whole: bool,
) -> Option<(FaultKind, String)> {
    if let Some(Err(cause)) = signed {
        return Some((FaultKind::Checkpoint, cause.to_string()));
    }
    let Root { size, .. } = checkpoint.root;
    match auditor.root(size) {
        Some(root) if root == checkpoint.root => None,
        Some(root) => {
            let (vouched, found) = (checkpoint.root.hex(), root.hex());
            Some((
                FaultKind::Forked,
                format!("the first {size} records have the root {found}, it vouches for {vouched}"),
            ))
        }
        // Behind damage nothing can be said: the records may be there.
        None if !whole => None,
        None => Some((
            FaultKind::Truncated,
            format!("it vouches for {size} records, there are {}", auditor.size()),
        )),
    }
}

/// Damage is what a verification is there to find; anything else stops it.
fn fault(cause: Error) -> Result<Fault, Error> {
    let why = cause.to_string();
    let (file, offset, seq, why) = match cause {
        Error::Damaged { file, offset, seq, why } => (file, offset, seq, why),
        Error::Missing { file, .. } | Error::Version { file, .. } | Error::Foreign { file, .. } => (file, 0, 0, why),
        other => return Err(other),
    };
    Ok(Fault {
        kind: FaultKind::Damaged,
        file,
        offset,
        seq,
        why,
    })
}
