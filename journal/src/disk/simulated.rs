//! A disk in memory that fails as real ones do: power lost between any two bytes, sectors and directory entries that never
//! arrived, full, short writes, failed calls, flipped bits.

mod file;
mod inode;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile, Lock};
use file::SimulatedFile;
use inode::Inode;

/// What goes wrong, and when. Counts begin at 0 with the moment it is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Power goes after so many written bytes; every call fails from then on.
    pub power_after_bytes: Option<u64>,
    /// The write of this number fails, after half of it was written.
    pub fail_write: Option<u64>,
    /// The sync of this number fails; what was dirty is dropped, but still shown.
    pub fail_sync: Option<u64>,
    /// So many bytes may be added to files; then the disk is full.
    pub space_bytes: Option<u64>,
    /// No write takes more bytes than this.
    pub write_bytes_max: Option<usize>,
}

/// A change of a folder that is not durable yet.
#[derive(Clone)]
enum Entry {
    Put(String, Arc<Mutex<Inode>>),
    Removed(String),
    Renamed(String, String, Arc<Mutex<Inode>>),
}

#[derive(Default)]
struct Inner {
    names: BTreeMap<String, Arc<Mutex<Inode>>>,
    durable: BTreeMap<String, Arc<Mutex<Inode>>>,
    /// Changes since the last sync of their folder, in order.
    pending: Vec<Entry>,
    fate: Fate,
    written: u64,
    writes: u64,
    syncs: u64,
    off: bool,
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimulatedDisk {
    inner: Arc<Mutex<Inner>>,
    locked: Arc<Mutex<BTreeSet<String>>>,
}

impl SimulatedDisk {
    /// An empty disk on which nothing fails.
    pub fn new() -> Self {
        Self::default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what goes wrong from now on.
    pub fn set(&self, fate: Fate) {
        let mut inner = self.inner();
        (inner.fate, inner.written, inner.writes, inner.syncs) = (fate, 0, 0, 0);
    }

    /// Bytes written, writes and syncs since the fate was set.
    pub fn counts(&self) -> (u64, u64, u64) {
        let inner = self.inner();
        (inner.written, inner.writes, inner.syncs)
    }

    /// The disk after the power came back. `arrived` says for each dirty sector and each pending change of a folder whether
    /// it reached the disk.
    #[must_use]
    pub fn after_power_cut(&self, mut arrived: impl FnMut() -> bool) -> Self {
        let mut inner = self.inner();
        inner.off = true;
        let mut names = inner.durable.clone();
        for entry in inner.pending.clone() {
            if arrived() {
                entry.apply(&mut names);
            }
        }
        let names: BTreeMap<_, _> = names
            .into_iter()
            .map(|(name, inode)| (name, Inode::shared(lock(&inode).surviving(&mut arrived))))
            .collect();
        Self::holding(names)
    }

    /// The disk as the next process finds it when this one was killed: what was written is there, durable or not.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let mut inner = self.inner();
        inner.off = true;
        let copy = |(name, inode): (&String, &Arc<Mutex<Inode>>)| (name.clone(), Inode::shared(lock(inode).clone()));
        let names: BTreeMap<_, _> = inner.names.iter().map(copy).collect();
        // Entries are taken for durable here; that they may not be is the power cut's business.
        Self::holding(names)
    }

    fn holding(names: BTreeMap<String, Arc<Mutex<Inode>>>) -> Self {
        let inner = Inner {
            durable: names.clone(),
            names,
            ..Inner::default()
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            locked: Arc::default(),
        }
    }

    /// Flips a bit of a file, as seen and as stored; nothing happens past its end.
    pub fn flip(&self, name: &str, byte: usize, bit: u8) {
        if let Some(inode) = self.inner().names.get(name) {
            lock(inode).flip(byte, bit);
        }
    }

    /// All files and what is in them.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.inner()
            .names
            .iter()
            .map(|(name, inode)| (name.clone(), lock(inode).content().to_vec()))
            .collect()
    }

    /// A disk with these files.
    pub fn with_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self::holding(
            files
                .into_iter()
                .map(|(name, content)| (name, Inode::shared(Inode::with(content))))
                .collect(),
        )
    }
}

impl Entry {
    fn apply(self, names: &mut BTreeMap<String, Arc<Mutex<Inode>>>) {
        match self {
            Self::Put(name, inode) => drop(names.insert(name, inode)),
            Self::Removed(name) => drop(names.remove(&name)),
            Self::Renamed(from, to, inode) => {
                names.remove(&from);
                names.insert(to, inode);
            }
        }
    }

    fn folder(&self) -> &str {
        let (Self::Put(name, _) | Self::Removed(name) | Self::Renamed(_, name, _)) = self;
        folder(name)
    }
}

fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn lock(inode: &Mutex<Inode>) -> MutexGuard<'_, Inode> {
    inode.lock().unwrap_or_else(PoisonError::into_inner)
}

fn powerless() -> io::Error {
    io::Error::other("the power is gone")
}

impl Inner {
    fn powered(&self) -> io::Result<()> {
        if self.off { Err(powerless()) } else { Ok(()) }
    }

    fn find(&self, name: &str) -> io::Result<Arc<Mutex<Inode>>> {
        self.powered()?;
        self.names
            .get(name)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// How many bytes of a write arrive, and what is said about it.
    fn write(&mut self, inode: &mut Inode, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.powered()?;
        let number = self.writes;
        self.writes += 1;
        let mut count = bytes.len().min(self.fate.write_bytes_max.unwrap_or(usize::MAX));
        let mut result = Ok(());
        if self.fate.fail_write == Some(number) {
            (count, result) = (count / 2, Err(io::Error::other("the write failed")));
        }
        let added = (offset + count as u64).saturating_sub(inode.length());
        if let Some(space) = self.fate.space_bytes.filter(|space| added > *space) {
            count -= usize::try_from(added - space).unwrap_or(count).min(count);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let left = self
            .fate
            .power_after_bytes
            .map_or(u64::MAX, |after| after.saturating_sub(self.written));
        if count as u64 > left {
            count = usize::try_from(left).unwrap_or(count);
            self.off = true;
            result = Err(powerless());
        }
        let before = inode.length();
        inode.write(bytes.get(..count).unwrap_or_default(), offset);
        self.written += count as u64;
        self.fate.space_bytes = self
            .fate
            .space_bytes
            .map(|space| space.saturating_sub(inode.length() - before));
        result.map(|()| count)
    }

    fn sync(&mut self) -> io::Result<bool> {
        self.powered()?;
        let number = self.syncs;
        self.syncs += 1;
        Ok(self.fate.fail_sync != Some(number))
    }
}

impl Disk for SimulatedDisk {
    fn list(&self, wanted: &str) -> io::Result<Vec<String>> {
        let inner = self.inner();
        inner.powered()?;
        let here = inner.names.keys().filter(|name| folder(name) == wanted);
        Ok(here
            .map(|name| name.rsplit_once('/').map_or(name.as_str(), |(_, last)| last).to_owned())
            .collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let inode = self.inner().find(name)?;
        Ok(Box::new(SimulatedFile {
            disk: self.clone(),
            inode,
        }))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut inner = self.inner();
        inner.powered()?;
        let freed = inner.names.get(name).map_or(0, |old| lock(old).length());
        inner.fate.space_bytes = inner.fate.space_bytes.map(|space| space + freed);
        let inode = Inode::shared(Inode::default());
        inner.names.insert(name.to_owned(), Arc::clone(&inode));
        inner.pending.push(Entry::Put(name.to_owned(), Arc::clone(&inode)));
        Ok(Box::new(SimulatedFile {
            disk: self.clone(),
            inode,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.inner();
        let inode = inner.find(from)?;
        inner.names.remove(from);
        inner.names.insert(to.to_owned(), Arc::clone(&inode));
        inner
            .pending
            .push(Entry::Renamed(from.to_owned(), to.to_owned(), inode));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inner = self.inner();
        let inode = inner.find(name)?;
        let freed = lock(&inode).length();
        inner.fate.space_bytes = inner.fate.space_bytes.map(|space| space + freed);
        inner.names.remove(name);
        inner.pending.push(Entry::Removed(name.to_owned()));
        Ok(())
    }

    fn sync_folder(&self, wanted: &str) -> io::Result<()> {
        let mut inner = self.inner();
        if !inner.sync()? {
            return Err(io::Error::other("the sync failed"));
        }
        let (now, later) = std::mem::take(&mut inner.pending)
            .into_iter()
            .partition(|entry| entry.folder() == wanted);
        inner.pending = later;
        let now: Vec<Entry> = now;
        for entry in now {
            entry.apply(&mut inner.durable);
        }
        Ok(())
    }

    fn lock(&self, name: &str) -> io::Result<Option<Lock>> {
        self.inner().powered()?;
        let free = names(&self.locked).insert(name.to_owned());
        Ok(free.then(|| Box::new(Held(Arc::clone(&self.locked), name.to_owned())) as Lock))
    }

    fn describe(&self) -> String {
        "a simulated disk".to_owned()
    }
}

/// The names that are locked, and one of them.
struct Held(Arc<Mutex<BTreeSet<String>>>, String);

fn names(locked: &Mutex<BTreeSet<String>>) -> MutexGuard<'_, BTreeSet<String>> {
    locked.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Held {
    fn drop(&mut self) {
        names(&self.0).remove(&self.1);
    }
}
