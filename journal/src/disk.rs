//! All that the journal asks of a disk, so that a simulated one can stand in and fail in every way a real one does.

mod real;
mod simulated;

pub use real::RealDisk;
pub use simulated::{Fate, SimulatedDisk};

use std::any::Any;
use std::io;

/// A directory with files in it. Names are relative, with `/` between folders.
pub trait Disk: Send + Sync {
    /// The names in a folder (`""` is the directory itself), sorted; none when the folder is missing.
    ///
    /// # Errors
    /// What the operating system says.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Opens a file that exists, for reading and, where that is allowed, writing.
    ///
    /// # Errors
    /// What the operating system says; `NotFound` when there is none.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Makes an empty file, in place of any there was, and the folders above it.
    ///
    /// # Errors
    /// What the operating system says.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, in place of any file that has it; durable after [`Disk::sync_folder`].
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file; durable after [`Disk::sync_folder`].
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the entries of a folder durable.
    ///
    /// # Errors
    /// What the operating system says; entries may then be lost.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;

    /// Takes the directory for this process until the lock is dropped; `None` when it is taken.
    ///
    /// # Errors
    /// What the operating system says.
    fn lock(&self, name: &str) -> io::Result<Option<Lock>>;

    /// The directory, as people know it.
    fn describe(&self) -> String;
}

/// Holds a directory for as long as it lives.
pub type Lock = Box<dyn Any + Send + Sync>;

/// An open file. Offsets and lengths are in bytes.
pub trait DiskFile: Send + Sync {
    /// Reads at an offset; fewer bytes than asked are normal, 0 is the end.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at an offset; fewer bytes than given are normal.
    ///
    /// # Errors
    /// What the operating system says.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// `fdatasync`: what was written is durable afterwards.
    ///
    /// # Errors
    /// What the operating system says; what was written since the last sync may then be lost, and a second call may lie.
    fn sync_data(&self) -> io::Result<()>;

    /// `fsync`: [`DiskFile::sync_data`] and all of the file's metadata.
    ///
    /// # Errors
    /// As for [`DiskFile::sync_data`].
    fn sync_all(&self) -> io::Result<()>;

    /// Cuts the file off.
    ///
    /// # Errors
    /// What the operating system says.
    fn truncate(&self, bytes: u64) -> io::Result<()>;

    /// The file's length.
    ///
    /// # Errors
    /// What the operating system says.
    fn length(&self) -> io::Result<u64>;
}

/// Writes all bytes: short writes and interruptions are normal and go on with the remainder.
pub(crate) fn write_all(file: &dyn DiskFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = bytes.get(count..).unwrap_or_default();
                offset += count as u64;
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

/// Reads until the buffer is full or the file ends; says how many bytes there were.
pub(crate) fn read_full(file: &dyn DiskFile, mut buffer: &mut [u8], mut offset: u64) -> io::Result<usize> {
    let mut total = 0;
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => break,
            Ok(count) => {
                buffer = buffer.get_mut(count..).unwrap_or_default();
                offset += count as u64;
                total += count;
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(total)
}

/// The whole content of a small file.
pub(crate) fn read_whole(disk: &(impl Disk + ?Sized), name: &str) -> io::Result<Vec<u8>> {
    let file = disk.open(name)?;
    let mut bytes = vec![0; usize::try_from(file.length()?).map_err(io::Error::other)?];
    let count = read_full(file.as_ref(), &mut bytes, 0)?;
    bytes.truncate(count);
    Ok(bytes)
}

/// Puts a small file in place: temporary name, sync, rename, sync of the folder.
pub(crate) fn put(disk: &(impl Disk + ?Sized), name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{name}.tmp");
    let file = disk.create(&temporary)?;
    write_all(file.as_ref(), bytes, 0)?;
    file.sync_all()?;
    disk.rename(&temporary, name)?;
    disk.sync_folder(name.rsplit_once('/').map_or("", |(folder, _)| folder))
}
