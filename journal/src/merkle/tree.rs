//! The tree of one journal: grows from the durable records, writes its full tiles to disk, reads them back authenticated.
//!
//! Tiles are derived: a missing or damaged one is found by its hash and computed again. So they are written without a sync.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tlog_tiles::{Hash, HashReader, record_hash, split_stored_hash_index};

use super::edge::{self, Edge, TILE_HEIGHT, TILE_WIDTH, tile_path};
use super::hex;
use crate::disk::{self, Disk, write_all};
use crate::index::Source;
use crate::{Error, Reader};

const FOLDER: &str = "tiles/";
/// How far the tiles on disk go.
const STATE: &str = "tiles/tree.json";

/// How far the tiles on disk went when they were saved.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Saved {
    pub(crate) size: u64,
    pub(crate) root: String,
}

pub(crate) struct Tree {
    source: Arc<Source>,
    edge: Edge,
    reader: Option<Reader>,
    /// Full tiles that are not on disk yet, by level and index.
    unwritten: BTreeMap<(u8, u64), Vec<u8>>,
    /// Partial tiles on disk, which the next ones replace.
    partial: Vec<String>,
}

/// How far the tiles in a directory go, if they say so.
pub(crate) fn saved(disk: &dyn Disk) -> Option<Saved> {
    serde_json::from_slice(&disk::read_whole(disk, STATE).ok()?).ok()
}

/// The path of a tile in the journal's directory.
fn path(level: u8, index: u64, width: usize) -> String {
    format!("{FOLDER}{}", tile_path(level, index, width))
}

impl Tree {
    /// Goes on from the saved tiles if their root is right, else from the beginning.
    pub(crate) fn load(source: Arc<Source>, last: u64) -> Self {
        let edge = saved(source.disk.as_ref())
            .filter(|saved| saved.size <= last)
            .and_then(|saved| load_edge(source.disk.as_ref(), &saved))
            .unwrap_or_default();
        let partial = edge
            .partial()
            .map(|(level, index, hashes)| path(level, index, hashes.len()))
            .collect();
        Self {
            source,
            edge,
            reader: None,
            unwritten: BTreeMap::new(),
            partial,
        }
    }

    /// An empty one, whatever the tiles say.
    pub(crate) fn empty(source: Arc<Source>) -> Self {
        Self {
            source,
            edge: Edge::default(),
            reader: None,
            unwritten: BTreeMap::new(),
            partial: Vec::new(),
        }
    }

    /// Leaves the full tiles to the disk where they are on it; the name of the first one there that is another.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        let disk = self.source.disk.as_ref();
        let mut other = None;
        self.unwritten
            .retain(|(level, index), tile| match compare(disk, *level, *index, tile) {
                Some(Ok(())) => false,
                Some(Err(name)) => {
                    other.get_or_insert(name);
                    true
                }
                None => true,
            });
        other.map_or(Ok(()), Err)
    }

    /// How many hashes of a tile there are.
    pub(crate) fn width(&self, level: u8, index: u64) -> usize {
        match self.edge.full_tiles(level) {
            full if index < full => TILE_WIDTH,
            full if index == full => self.edge.level(level).len(),
            _ => 0,
        }
    }

    /// How many records are in it.
    pub(crate) fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root of the records in it.
    pub(crate) fn root(&self) -> Hash {
        self.edge.root()
    }

    /// Adds the durable records up to `to`.
    pub(crate) fn advance(&mut self, to: u64) -> Result<(), Error> {
        while self.edge.size() < to {
            let from = self.edge.size() + 1;
            let reader = self
                .reader
                .get_or_insert_with(|| Reader::new(Arc::clone(&self.source), from));
            match reader.next_ref() {
                Ok(Some(line)) => {
                    let leaf = record_hash(line.text.as_bytes());
                    self.edge.push(leaf, |level, index, content| {
                        self.unwritten.insert((level, index), content);
                    });
                }
                Ok(None) => {
                    return Err(Error::Beyond {
                        seq: to,
                        last: self.edge.size(),
                    });
                }
                Err(cause) => {
                    self.reader = None;
                    return Err(cause);
                }
            }
        }
        Ok(())
    }

    /// Writes the full tiles.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        while let Some(entry) = self.unwritten.first_entry() {
            let (level, index) = *entry.key();
            let name = path(level, index, TILE_WIDTH);
            let file = self.source.disk.create(&name).map_err(Error::io("create", &name))?;
            write_all(file.as_ref(), entry.get(), 0).map_err(Error::io("write", &name))?;
            entry.remove();
        }
        Ok(())
    }

    /// Writes all tiles, and how far they go.
    pub(crate) fn save(&mut self) -> Result<(), Error> {
        self.flush()?;
        let disk = Arc::clone(&self.source.disk);
        let mut partial = Vec::new();
        for (level, index, hashes) in self.edge.partial() {
            let name = path(level, index, hashes.len());
            let file = disk.create(&name).map_err(Error::io("create", &name))?;
            write_all(file.as_ref(), &edge::content(hashes), 0).map_err(Error::io("write", &name))?;
            partial.push(name);
        }
        let state = Saved {
            size: self.edge.size(),
            root: hex(&self.edge.root()),
        };
        let text = serde_json::to_vec(&state).unwrap_or_default();
        disk::put(disk.as_ref(), STATE, &text).map_err(Error::io("save", STATE))?;
        for name in std::mem::replace(&mut self.partial, partial) {
            if !self.partial.contains(&name) {
                // An old partial tile is only in the way.
                let _ = disk.remove(&name);
            }
        }
        Ok(())
    }

    /// Reads from the tree; when a tile turns out bad, all are computed again, once.
    pub(crate) fn prove<T>(&mut self, prove: impl Fn(&Self) -> Result<T, tlog_tiles::Error>) -> Result<T, Error> {
        if let Ok(proof) = prove(self) {
            return Ok(proof);
        }
        let size = self.edge.size();
        (self.edge, self.reader) = (Edge::default(), None);
        self.unwritten.clear();
        self.advance(size)?;
        let proof = prove(self);
        self.flush()?;
        proof.map_err(|cause| Error::Proof { why: cause.to_string() })
    }

    /// The root when there were `size` records; `size` is at most that of the tree.
    pub(crate) fn root_at(&mut self, size: u64) -> Result<Hash, Error> {
        if size == self.edge.size() {
            Ok(self.edge.root())
        } else {
            self.prove(|tree| tlog_tiles::tree_hash(size, tree))
        }
    }

    /// The hashes of a tile. One from the disk counts only if its parent, up to the edge, has its root.
    pub(crate) fn tile(&self, level: u8, index: u64) -> Option<Vec<Hash>> {
        if self.edge.full_tiles(level) <= index {
            return Some(self.edge.level(level).to_vec());
        }
        if let Some(content) = self.unwritten.get(&(level, index)) {
            return Some(edge::hashes(content));
        }
        let width = TILE_WIDTH as u64;
        let parent = self.tile(level + 1, index / width)?;
        let expected = parent.get(usize::try_from(index % width).ok()?)?;
        let found = edge::hashes(&disk::read_whole(self.source.disk.as_ref(), &path(level, index, TILE_WIDTH)).ok()?);
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

impl HashReader for Tree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        indexes
            .iter()
            .map(|stored| self.node(*stored).ok_or(tlog_tiles::Error::InvalidTile))
            .collect()
    }
}

fn load_edge(disk: &dyn Disk, saved: &Saved) -> Option<Edge> {
    let mut levels = Vec::new();
    for level in 0_u8..8 {
        let count = saved.size >> (TILE_HEIGHT * level);
        let width = usize::try_from(count % TILE_WIDTH as u64).ok()?;
        let content = if width == 0 {
            Vec::new()
        } else {
            disk::read_whole(disk, &path(level, count >> TILE_HEIGHT, width)).ok()?
        };
        let hashes = edge::hashes(&content);
        if hashes.len() != width {
            return None;
        }
        levels.push(hashes);
    }
    let edge = Edge::from_levels(saved.size, levels);
    (hex(&edge.root()) == saved.root).then_some(edge)
}

/// Compares a full tile on disk with its right content; `None` when it is not there, or not written to its end: a full disk
/// leaves such a one, and it is written again when there is room.
pub(crate) fn compare(disk: &dyn Disk, level: u8, index: u64, content: &[u8]) -> Option<Result<(), String>> {
    let name = path(level, index, TILE_WIDTH);
    let found = disk::read_whole(disk, &name).ok()?;
    let begun = found.len() < content.len() && content.starts_with(&found);
    (!begun).then(|| if found == content { Ok(()) } else { Err(name) })
}
