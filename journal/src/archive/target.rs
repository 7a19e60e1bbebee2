//! Where an archive is kept: whole files by name, in a directory or wherever somebody else can keep them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::LOCK;
use crate::disk::{Disk, Lock, RealDisk, put, read_whole};

/// A place for whole files. Every [`Disk`] is one.
pub trait Target: Send + Sync {
    /// All of a file.
    ///
    /// # Errors
    /// `NotFound` when there is none; what the place says otherwise.
    fn get(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Puts a file in place of any there was, all of it or nothing; durable when this comes back.
    ///
    /// # Errors
    /// What the place says; the file is then the former one, or this one.
    fn set(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Takes the place for one archiving; `None` when another process has it.
    ///
    /// # Errors
    /// What the place says.
    fn hold(&self) -> io::Result<Option<Lock>>;

    /// The place, as people know it.
    fn called(&self) -> String;
}

impl<D: Disk + ?Sized> Target for D {
    fn get(&self, name: &str) -> io::Result<Vec<u8>> {
        read_whole(self, name)
    }

    fn set(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        put(self, name, bytes)
    }

    fn hold(&self) -> io::Result<Option<Lock>> {
        self.lock(LOCK)
    }

    fn called(&self) -> String {
        self.describe()
    }
}

/// Finds the place that a manifest names; only when something is asked of it, because most journals have no archive.
pub type Places = Arc<dyn Fn(&str) -> io::Result<Arc<dyn Target>> + Send + Sync>;

/// Directories, as they are named.
pub fn directories() -> Places {
    Arc::new(|name| Ok(Arc::new(RealDisk::existing(Path::new(name))?)))
}

/// One place, whatever the manifest says: an archive that was moved.
pub fn moved_to(target: Arc<dyn Target>) -> Places {
    Arc::new(move |_| Ok(Arc::clone(&target)))
}
