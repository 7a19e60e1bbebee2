//! An open file of the simulated disk.

use std::io;
use std::sync::{Arc, Mutex};

use super::inode::Inode;
use super::{SimulatedDisk, lock};
use crate::disk::DiskFile;

pub(super) struct SimulatedFile {
    pub(super) disk: SimulatedDisk,
    pub(super) inode: Arc<Mutex<Inode>>,
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.inner().powered()?;
        Ok(lock(&self.inode).read(buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.inner().write(&mut lock(&self.inode), bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        let (mut inner, mut inode) = (self.disk.inner(), lock(&self.inode));
        if inner.sync()? {
            inode.sync();
            return Ok(());
        }
        inode.drop_dirty();
        Err(io::Error::other("the sync failed"))
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.powered()?;
        let mut inode = lock(&self.inode);
        let freed = inode.length().saturating_sub(bytes);
        inner.fate.space_bytes = inner.fate.space_bytes.map(|space| space + freed);
        inode.truncate(bytes);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.disk.inner().powered()?;
        Ok(lock(&self.inode).length())
    }
}
