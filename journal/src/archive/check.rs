//! Whether an archive is what its manifest says, each way of not being it told apart.

use std::io;

use super::{ArchivedSegment, MANIFEST, Manifest, Places, Target, head, header_of, over, sha256};
use crate::disk::Disk;
use crate::{Error, Fault, FaultKind, segment};

/// Reads every archived segment of a journal and compares it with the manifest; also those whose plain file is still there.
/// Gives how many are good, and what is wrong. `places` finds what the manifest names.
///
/// # Errors
/// [`Error::Io`] when something that is there cannot be read.
pub fn check_archive(disk: &dyn Disk, places: &Places) -> Result<(u64, Vec<Fault>), Error> {
    let manifest = match Manifest::read(disk) {
        Ok(None) => return Ok((0, Vec::new())),
        Ok(Some(manifest)) => manifest,
        Err(Error::Archive { file, why }) => return Ok((0, vec![fault(FaultKind::Manifest, &file, 0, why)])),
        Err(cause) => return Err(cause),
    };
    let target = match places(&manifest.target) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        target => Some(target.map_err(Error::io("open", &manifest.target))?),
    };
    let target = target.as_deref();
    let (mut good, mut faults, mut next, mut root) = (0, Vec::new(), 1, None);
    for entry in &manifest.segments {
        let wrong = if entry.first == next {
            one(&manifest, entry, root, target)?
        } else {
            let why = format!("{MANIFEST} goes on with record {} after {}", entry.first, next - 1);
            Some((FaultKind::Manifest, why))
        };
        (next, root) = (entry.last + 1, Some(entry.root.as_str()));
        match wrong {
            Some((kind, why)) => faults.push(fault(kind, &entry.file, entry.first, why)),
            None => good += 1,
        }
    }
    let live = segment::name(next);
    match header_of(disk, &live) {
        Ok(header) if root.is_some_and(|root| root != header.previous) => {
            let why = format!("{live} begins after another root than the manifest says");
            faults.push(fault(FaultKind::Manifest, MANIFEST, next, why));
        }
        // What is wrong with a segment that lies there is told when it is read.
        _ => {}
    }
    Ok((good, faults))
}

fn fault(kind: FaultKind, file: &str, seq: u64, why: String) -> Fault {
    let file = file.to_owned();
    Fault {
        kind,
        file,
        offset: 0,
        seq,
        why,
    }
}

fn one(
    manifest: &Manifest,
    entry: &ArchivedSegment,
    root: Option<&str>,
    target: Option<&dyn Target>,
) -> Result<Option<(FaultKind, String)>, Error> {
    let place = target.map_or_else(|| manifest.target.clone(), Target::called);
    let missing = || format!("the archived segment is not in {place}");
    let Some(target) = target else {
        return Ok(Some((FaultKind::ArchiveMissing, missing())));
    };
    let packed = match target.get(&entry.file) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return Ok(Some((FaultKind::ArchiveMissing, missing())));
        }
        packed => packed.map_err(Error::io("read", &entry.file))?,
    };
    let digest = sha256(&packed);
    if let Some(other) = manifest
        .segments
        .iter()
        .find(|other| other.packed_sha256 == digest && other.first != entry.first)
    {
        let why = format!(
            "what lies there is {}, records {} to {}",
            other.file, other.first, other.last
        );
        return Ok(Some((FaultKind::ArchiveSwapped, why)));
    }
    if digest != entry.packed_sha256 {
        return Ok(Some((
            FaultKind::ArchiveDamaged,
            "its bytes are not those that were archived".to_owned(),
        )));
    }
    let plain = match over::read_back(target, entry) {
        Ok(plain) => plain,
        Err(cause) => return Ok(Some((FaultKind::Manifest, cause.to_string()))),
    };
    let told = head(&entry.name, &plain).ok().is_some_and(|header| {
        (header.first, header.segment) == (entry.first, entry.segment)
            && header.journal == manifest.journal
            && root.is_none_or(|root| root == header.previous)
    });
    let why = "its header is not the one that the manifest says".to_owned();
    Ok((!told).then_some((FaultKind::Manifest, why)))
}
