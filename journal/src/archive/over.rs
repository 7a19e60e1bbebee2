//! A disk on which archived segments are there as if they had never left.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::{ArchivedSegment, MANIFEST, Manifest, Places, Target, sha256, unpack};
use crate::disk::{Disk, DiskFile, Lock};
use crate::segment;

/// A journal's directory, and the archive that belongs to it. A segment that is not in the directory any more is
/// unpacked into memory, whole and checked; the newest one unpacked is kept.
pub struct Archived {
    disk: Arc<dyn Disk>,
    places: Places,
    held: Mutex<Option<(String, Arc<Vec<u8>>)>>,
}

impl Archived {
    /// Over a disk; `places` finds what its manifest names.
    pub fn over(disk: Arc<dyn Disk>, places: Places) -> Self {
        let held = Mutex::new(None);
        Self { disk, places, held }
    }

    fn manifest(&self) -> io::Result<Option<Manifest>> {
        Manifest::read(self.disk.as_ref()).map_err(io::Error::other)
    }

    fn fetched(&self, name: &str, absent: io::Error) -> io::Result<Arc<Vec<u8>>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, plain)) = held.as_ref().filter(|(of, _)| of == name) {
            return Ok(Arc::clone(plain));
        }
        let Some(manifest) = self.manifest()? else {
            return Err(absent);
        };
        let Some(entry) = manifest.of(name) else {
            return Err(absent);
        };
        let plain = match (self.places)(&manifest.target) {
            Ok(target) => read_back(target.as_ref(), entry).map_err(|cause| needed(&target.called(), entry, &cause)),
            Err(cause) => Err(needed(&manifest.target, entry, &cause)),
        };
        let plain = Arc::new(plain?);
        *held = Some((name.to_owned(), Arc::clone(&plain)));
        Ok(plain)
    }
}

fn needed(target: &str, entry: &ArchivedSegment, cause: &io::Error) -> io::Error {
    let ArchivedSegment { file, first, last, .. } = entry;
    let said = format!(
        "records {first} to {last} are archived as {file} in {target}: {cause}; bring the archive back there, or name \
         its new place as `target` in journal/{MANIFEST}"
    );
    io::Error::new(cause.kind(), said)
}

/// A segment from its copy, checked against what the manifest says of both.
pub(super) fn read_back(target: &dyn Target, entry: &ArchivedSegment) -> io::Result<Vec<u8>> {
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", entry.file));
    let packed = target.get(&entry.file)?;
    if sha256(&packed) != entry.packed_sha256 {
        return Err(wrong("its bytes are not those that were written"));
    }
    let plain = unpack(&packed, entry.bytes)?;
    if plain.len() as u64 != entry.bytes || sha256(&plain) != entry.sha256 {
        return Err(wrong("it unpacks to other bytes than the manifest says"));
    }
    Ok(plain)
}

impl Disk for Archived {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = self.disk.list(folder)?;
        if folder.is_empty() && names.iter().any(|name| name == MANIFEST) {
            let segments = self.manifest()?.map(|manifest| manifest.segments).unwrap_or_default();
            names.extend(segments.into_iter().map(|entry| entry.name));
            names.sort_unstable();
            names.dedup();
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        match self.disk.open(name) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound && segment::first(name).is_some() => {
                Ok(Box::new(Unpacked(self.fetched(name, cause)?)))
            }
            opened => opened,
        }
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.create(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }

    fn lock(&self, name: &str) -> io::Result<Option<Lock>> {
        self.disk.lock(name)
    }

    fn describe(&self) -> String {
        self.disk.describe()
    }
}

/// A segment in memory; nobody writes an archive through it.
struct Unpacked(Arc<Vec<u8>>);

impl DiskFile for Unpacked {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let left = self.0.get(from..).unwrap_or_default();
        let count = left.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), left.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
}
