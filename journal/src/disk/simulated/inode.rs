//! One simulated file: what a reader sees, and what the disk holds.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

const SECTOR: usize = 512;

#[derive(Clone, Default)]
pub(super) struct Inode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that are written and not synced.
    dirty: BTreeSet<usize>,
    /// Whether the length is not synced.
    resized: bool,
}

impl Inode {
    pub(super) fn with(content: Vec<u8>) -> Self {
        Self {
            durable: content.clone(),
            seen: content,
            ..Self::default()
        }
    }

    pub(super) fn shared(inode: Self) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(inode))
    }

    pub(super) fn content(&self) -> &[u8] {
        &self.seen
    }

    pub(super) fn length(&self) -> u64 {
        self.seen.len() as u64
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.seen.len());
        let found = self.seen.get(from..).unwrap_or_default();
        let count = found.len().min(buffer.len());
        for (place, byte) in buffer.iter_mut().zip(found) {
            *place = *byte;
        }
        count
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        if bytes.is_empty() {
            return;
        }
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let to = from + bytes.len();
        if to > self.seen.len() {
            self.seen.resize(to, 0);
            self.resized = true;
        }
        if let Some(place) = self.seen.get_mut(from..to) {
            place.copy_from_slice(bytes);
        }
        self.dirty.extend(from / SECTOR..=(to - 1) / SECTOR);
    }

    pub(super) fn flip(&mut self, byte: usize, bit: u8) {
        for content in [&mut self.seen, &mut self.durable] {
            if let Some(place) = content.get_mut(byte) {
                *place ^= 1 << (bit % 8);
            }
        }
    }

    pub(super) fn truncate(&mut self, bytes: u64) {
        self.seen.resize(usize::try_from(bytes).unwrap_or(usize::MAX), 0);
        self.resized = true;
    }

    pub(super) fn sync(&mut self) {
        self.durable.clone_from(&self.seen);
        self.dirty.clear();
        self.resized = false;
    }

    /// A failed sync: the system takes the pages for clean, although every other one never arrived.
    pub(super) fn drop_dirty(&mut self) {
        let mut odd = false;
        let survivor = self.surviving(&mut || {
            odd = !odd;
            odd
        });
        self.durable = survivor.durable;
        self.dirty.clear();
        self.resized = false;
    }

    /// The file after a power cut; `arrived` decides for the length and each dirty sector.
    pub(super) fn surviving(&self, arrived: &mut impl FnMut() -> bool) -> Self {
        let mut content = self.durable.clone();
        if self.resized && arrived() {
            content.resize(self.seen.len(), 0);
        }
        for sector in &self.dirty {
            let from = sector * SECTOR;
            let (Some(new), true) = (self.seen.get(from..self.seen.len().min(from + SECTOR)), arrived()) else {
                continue;
            };
            for (place, byte) in content.iter_mut().skip(from).zip(new) {
                *place = *byte;
            }
        }
        Self::with(content)
    }
}
