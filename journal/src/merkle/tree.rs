//! The tree of one journal: grows from the durable records, writes its full tiles to disk, reads them back authenticated.
//!
//! Tiles are derived: a missing or damaged one is found by its hash and computed again. So they are written without a sync.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tlog_tiles::{Hash, record_hash};

use super::edge::{self, Edge, TILE_HEIGHT, TILE_WIDTH, tile_path};
use super::hex;
use super::shown::Shown;
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
    unwritten: BTreeMap<(u8, u64), Arc<[u8]>>,
    /// Partial tiles on disk, which the next ones replace.
    partial: Vec<String>,
}

/// How far the tiles in a directory go, if they say so.
pub(crate) fn saved(disk: &dyn Disk) -> Option<Saved> {
    serde_json::from_slice(&disk::read_whole(disk, STATE).ok()?).ok()
}

/// The path of a tile in the journal's directory.
pub(super) fn path(level: u8, index: u64, width: usize) -> String {
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

    /// The tree as it is, to be read while this one grows.
    pub(crate) fn shown(&self) -> Shown {
        let disk = Arc::clone(&self.source.disk);
        Shown::new(disk, self.edge.clone(), self.unwritten.clone())
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
                        self.unwritten.insert((level, index), content.into());
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

    /// Computes all tiles again, because one of those on disk is not what it was.
    pub(crate) fn again(&mut self) -> Result<(), Error> {
        let size = self.edge.size();
        (self.edge, self.reader) = (Edge::default(), None);
        self.unwritten.clear();
        self.advance(size)
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
