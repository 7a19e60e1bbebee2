//! A tree at one size, for reading: roots, tiles and proofs, while the tree itself grows.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use tlog_tiles::{Hash, HashReader, prove_record, prove_tree, split_stored_hash_index, tree_hash};

use super::edge::{self, Edge, TILE_HEIGHT, TILE_WIDTH};
use super::{Consistency, Inclusion, Root, content, tree};
use crate::Error;
use crate::disk::{self, Disk};

/// A tile by its index in its level.
type Known = (u64, Arc<[Hash]>);

/// The right edge, and the full tiles: those on disk are authenticated when they are read.
pub(crate) struct Shown {
    disk: Arc<dyn Disk>,
    edge: Edge,
    /// Full tiles that were not on disk yet, by level and index.
    unwritten: BTreeMap<(u8, u64), Arc<[u8]>>,
    /// The tile of each level that was read last: neighbours are often asked for one after the other.
    last: RefCell<BTreeMap<u8, Known>>,
    /// Whether a tile was missing or not the right one.
    spoilt: Cell<bool>,
}

impl Shown {
    pub(super) fn new(disk: Arc<dyn Disk>, edge: Edge, unwritten: BTreeMap<(u8, u64), Arc<[u8]>>) -> Self {
        Self {
            disk,
            edge,
            unwritten,
            last: RefCell::default(),
            spoilt: Cell::new(false),
        }
    }

    /// Whether a tile turned out missing, or not the right one, while something was read.
    pub(crate) fn is_spoilt(&self) -> bool {
        self.spoilt.get()
    }

    /// How many records are in it.
    pub(crate) fn size(&self) -> u64 {
        self.edge.size()
    }

    /// How many hashes of a tile there are.
    pub(crate) fn width(&self, level: u8, index: u64) -> usize {
        match self.edge.full_tiles(level) {
            full if index < full => TILE_WIDTH,
            full if index == full => self.edge.level(level).len(),
            _ => 0,
        }
    }

    /// The first `width` hashes of a tile, 32 bytes each; `None` where there are fewer.
    pub(crate) fn first(&self, level: u8, index: u64, width: usize) -> Result<Option<Vec<u8>>, Error> {
        if self.width(level, index) < width || width == 0 {
            return Ok(None);
        }
        let tile = self
            .tile(level, index)
            .ok_or(tlog_tiles::Error::InvalidTile)
            .map_err(failed)?;
        Ok(tile.get(..width).map(content))
    }

    /// The root of the first `size` records.
    pub(crate) fn root(&self, size: u64) -> Result<Root, Error> {
        self.within(size)?;
        if size == self.size() {
            return Ok(Root::new(size, self.edge.root()));
        }
        Ok(Root::new(size, tree_hash(size, self).map_err(failed)?))
    }

    /// Proves that a record is among the first `size`.
    pub(crate) fn inclusion(&self, seq: u64, size: u64) -> Result<Inclusion, Error> {
        self.within(size)?;
        if seq == 0 || seq > size {
            let why = format!("record {seq} is not among the first {size}");
            return Err(Error::Proof { why });
        }
        let path = prove_record(size, seq - 1, self).map_err(failed)?;
        let path = path.into_iter().map(|hash| hash.0).collect();
        Ok(Inclusion { seq, size, path })
    }

    /// Proves that the first `old` records are the beginning of the first `new`.
    pub(crate) fn consistency(&self, old: u64, new: u64) -> Result<Consistency, Error> {
        self.within(new)?;
        if old == 0 || old > new {
            let why = format!("{old} is not between 1 and {new}");
            return Err(Error::Proof { why });
        }
        let path = prove_tree(new, old, self).map_err(failed)?;
        let path = path.into_iter().map(|hash| hash.0).collect();
        Ok(Consistency { old, new, path })
    }

    fn within(&self, size: u64) -> Result<(), Error> {
        let last = self.size();
        if size > last {
            return Err(Error::Beyond { seq: size, last });
        }
        Ok(())
    }

    /// The hashes of a tile. One from the disk counts only if its parent, up to the edge, has its root.
    fn tile(&self, level: u8, index: u64) -> Option<Arc<[Hash]>> {
        if self.edge.full_tiles(level) <= index {
            return Some(self.edge.level(level).into());
        }
        if let Some((_, tile)) = self.last.borrow().get(&level).filter(|(kept, _)| *kept == index) {
            return Some(Arc::clone(tile));
        }
        let unwritten = self.unwritten.get(&(level, index)).map(|content| edge::hashes(content));
        let found = unwritten.or_else(|| self.read(level, index));
        self.spoilt.set(self.spoilt.get() || found.is_none());
        let tile: Arc<[Hash]> = found?.into();
        self.last.borrow_mut().insert(level, (index, Arc::clone(&tile)));
        Some(tile)
    }

    fn read(&self, level: u8, index: u64) -> Option<Vec<Hash>> {
        let width = TILE_WIDTH as u64;
        let parent = self.tile(level + 1, index / width)?;
        let expected = parent.get(usize::try_from(index % width).ok()?)?;
        let name = tree::path(level, index, TILE_WIDTH);
        let found = edge::hashes(&disk::read_whole(self.disk.as_ref(), &name).ok()?);
        (found.len() == TILE_WIDTH && edge::subtree(&found) == *expected).then_some(found)
    }

    fn node(&self, stored: u64) -> Option<Hash> {
        let (level, index) = split_stored_hash_index(stored);
        let (first, count) = (index << (level % TILE_HEIGHT), 1 << (level % TILE_HEIGHT));
        let tile = self.tile(level / TILE_HEIGHT, first / TILE_WIDTH as u64)?;
        let from = usize::try_from(first % TILE_WIDTH as u64).ok()?;
        tile.get(from..from + count).map(edge::subtree)
    }
}

impl HashReader for Shown {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        indexes
            .iter()
            .map(|stored| self.node(*stored).ok_or(tlog_tiles::Error::InvalidTile))
            .collect()
    }
}

fn failed(cause: tlog_tiles::Error) -> Error {
    Error::Proof { why: cause.to_string() }
}
