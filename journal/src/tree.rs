//! The Merkle tree over all records (RFC 6962 section 2.1), kept as C2SP tlog-tiles.
//!
//! A leaf is the JSON text of a record. `hashes` beside the tiles holds every stored hash in the order of the tiles' scheme,
//! 32 bytes each, so that the tree grows without being read again; tiles and hashes can be made again from the records.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use tlog_tiles::tile::Tile;
use tlog_tiles::tlog::{self, Hash, HashReader};

use crate::{Error, Log};

/// Height of a tile: 256 hashes (C2SP tlog-tiles).
const TILE_HEIGHT: u8 = 8;
const HASH_BYTES: u64 = 32;

/// The leaf hash of a record's JSON text.
pub fn leaf(text: &str) -> Hash {
    tlog::record_hash(text.as_bytes())
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The tree of a journal's directory, up to a size.
pub struct Tree {
    dir: PathBuf,
    hashes: File,
    size: u64,
}

fn failed(what: &Path) -> impl FnOnce(io::Error) -> Error {
    Error::disk(what.display().to_string())
}

fn broken(cause: &dyn std::fmt::Debug) -> Error {
    Error::Evidence(format!("the tree cannot be computed: {cause:?}"))
}

/// Hashes in the tiles' order, in memory.
#[derive(Default)]
pub struct Hashes(Vec<Hash>);

impl HashReader for Hashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        let at = |index: &u64| {
            usize::try_from(*index)
                .ok()
                .and_then(|place| self.0.get(place).copied())
        };
        indexes
            .iter()
            .map(|index| at(index).ok_or(tlog::Error::IndexesNotInTree))
            .collect()
    }
}

impl Hashes {
    /// Adds the leaf of record `seq` (from 1, in order).
    pub fn push(&mut self, seq: u64, text: &str) -> Result<(), Error> {
        let more = tlog::stored_hashes_for_record_hash(seq - 1, leaf(text), self).map_err(|cause| broken(&cause))?;
        self.0.extend(more);
        Ok(())
    }

    /// The root of the first `size` records.
    pub fn root(&self, size: u64) -> Result<Hash, Error> {
        tlog::tree_hash(size, self).map_err(|cause| broken(&cause))
    }

    /// The stored hashes.
    pub fn list(&self) -> &[Hash] {
        &self.0
    }
}

impl HashReader for Tree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        let read = |index: &u64| {
            let mut bytes = [0; 32];
            self.hashes
                .read_exact_at(&mut bytes, index * HASH_BYTES)
                .map(|()| Hash(bytes))
        };
        indexes
            .iter()
            .map(|index| read(index).map_err(|_| tlog::Error::IndexesNotInTree))
            .collect()
    }
}

impl Tree {
    /// Opens the tree of a journal's directory.
    pub fn open(journal: &Path) -> Result<Self, Error> {
        let dir = journal.join("tiles");
        fs::create_dir_all(&dir).map_err(failed(&dir))?;
        let path = dir.join("hashes");
        let hashes = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed(&path))?;
        let stored = hashes.metadata().map_err(failed(&path))?.len() / HASH_BYTES;
        let mut size = 0;
        // The stored count grows with the size; the largest size that is whole.
        let (mut low, mut high) = (0, stored);
        while low <= high {
            let middle = u64::midpoint(low, high);
            if tlog::stored_hash_count(middle) <= stored {
                size = middle;
                low = middle + 1;
            } else if middle == 0 {
                break;
            } else {
                high = middle - 1;
            }
        }
        Ok(Self { dir, hashes, size })
    }

    /// How many records it holds.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes in what is durable in a log, and writes the tiles that are full.
    pub fn extend(&mut self, log: &dyn Log) -> Result<(), Error> {
        let before = self.size;
        for line in log.read(before + 1)? {
            let line = line?;
            let more = tlog::stored_hashes_for_record_hash(line.seq - 1, leaf(&line.text), self)
                .map_err(|cause| broken(&cause))?;
            let bytes: Vec<u8> = more.iter().flat_map(|hash| hash.0).collect();
            let at = tlog::stored_hash_count(line.seq - 1) * HASH_BYTES;
            self.hashes.write_all_at(&bytes, at).map_err(failed(&self.dir))?;
            self.size = line.seq;
        }
        if self.size > before {
            self.hashes.sync_data().map_err(failed(&self.dir))?;
            self.write_tiles(before)?;
        }
        Ok(())
    }

    fn write_tiles(&self, before: u64) -> Result<(), Error> {
        for tile in Tile::new_tiles(TILE_HEIGHT, before, self.size) {
            let data = tile.read_data(self).map_err(|cause| broken(&cause))?;
            let path = self.dir.join(tile.path().trim_start_matches("tile/8/"));
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(failed(parent))?;
            }
            fs::write(&path, data).map_err(failed(&path))?;
        }
        Ok(())
    }

    /// The root of the first `size` records.
    pub fn root(&self, size: u64) -> Result<Hash, Error> {
        if size > self.size {
            return Err(Error::Evidence(format!(
                "the tree has {} records, not {size}",
                self.size
            )));
        }
        tlog::tree_hash(size, self).map_err(|cause| broken(&cause))
    }

    /// Proof that record `seq` is among the first `size` (RFC 9162 section 2.1.3).
    pub fn prove_inclusion(&self, seq: u64, size: u64) -> Result<Vec<Hash>, Error> {
        let place = seq
            .checked_sub(1)
            .ok_or_else(|| Error::Evidence("the first record is 1".to_owned()))?;
        tlog::prove_record(size, place, self).map_err(|cause| broken(&cause))
    }

    /// Proof that the first `new` records begin with the first `old` (RFC 9162 section 2.1.4).
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
        tlog::prove_tree(new, old, self).map_err(|cause| broken(&cause))
    }
}
