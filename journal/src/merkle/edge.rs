//! The right edge of the tree: the hashes of the tiles that are not full yet. All that is needed to go on and for the root.

use tlog_tiles::{EMPTY_HASH, Hash, Tile, node_hash};

/// Hashes in a full tile.
pub(crate) const TILE_WIDTH: usize = 256;
/// The height of a tile in levels of the tree.
pub(crate) const TILE_HEIGHT: u8 = 8;

/// The path of a tile below the tile folder, as C2SP tlog-tiles has it: `tile/<level>/<index>[.p/<width>]`.
pub(crate) fn tile_path(level: u8, index: u64, width: usize) -> String {
    let width = u32::try_from(width).unwrap_or(u32::MAX);
    // The crate writes the height into the path, as Go's checksum database does; C2SP fixed it at 8 and leaves it out.
    Tile::new(TILE_HEIGHT, level, index, width, false)
        .path()
        .replacen("tile/8/", "tile/", 1)
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Edge {
    size: u64,
    /// The tile of each level that is not full, at most 255 hashes.
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// An edge as it was saved, its levels from the leaves up.
    pub(crate) fn from_levels(size: u64, levels: Vec<Vec<Hash>>) -> Self {
        Self { size, levels }
    }

    /// How many leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of a level's tile that is not full.
    pub(crate) fn level(&self, level: u8) -> &[Hash] {
        self.levels.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    /// How many tiles of a level are full.
    pub(crate) fn full_tiles(&self, level: u8) -> u64 {
        self.size
            .checked_shr(u32::from(TILE_HEIGHT) * (u32::from(level) + 1))
            .unwrap_or(0)
    }

    /// The tiles that are not full: level, index, hashes.
    pub(crate) fn partial(&self) -> impl Iterator<Item = (u8, u64, &[Hash])> {
        let tiles = (0_u8..).zip(&self.levels).filter(|(_, hashes)| !hashes.is_empty());
        tiles.map(|(level, hashes)| (level, self.full_tiles(level), hashes.as_slice()))
    }

    /// Adds a leaf; `full` hears of each tile that it completes: level, index, content.
    pub(crate) fn push(&mut self, leaf: Hash, mut full: impl FnMut(u8, u64, Vec<u8>)) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0_u8.. {
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::with_capacity(TILE_WIDTH));
            }
            let completed = self.full_tiles(level);
            let Some(tile) = self.levels.get_mut(usize::from(level)) else {
                return;
            };
            tile.push(hash);
            if tile.len() < TILE_WIDTH {
                return;
            }
            hash = subtree(tile);
            full(level, completed - 1, content(tile));
            tile.clear();
        }
    }

    /// The root of all leaves.
    pub(crate) fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        for hashes in &self.levels {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let (before, last) = rest.split_at(rest.len() - (1 << rest.len().trailing_zeros()));
                let left = subtree(last);
                root = Some(root.map_or(left, |right| node_hash(left, right)));
                rest = before;
            }
        }
        root.unwrap_or(EMPTY_HASH)
    }
}

/// A tile's hashes as bytes.
pub(crate) fn content(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// A tile's bytes as hashes.
pub(crate) fn hashes(content: &[u8]) -> Vec<Hash> {
    content.as_chunks::<32>().0.iter().map(|hash| Hash(*hash)).collect()
}

/// The root of a full subtree.
pub(crate) fn subtree(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => EMPTY_HASH,
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            node_hash(subtree(left), subtree(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tlog_tiles::{HashReader, record_hash, stored_hashes, tree_hash};

    use super::*;

    struct Stored(RefCell<Vec<Hash>>);

    impl HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
            Ok(indexes
                .iter()
                .map(|index| self.0.borrow()[usize::try_from(*index).unwrap()])
                .collect())
        }
    }

    /// The reference is the crate's own tree over all stored hashes.
    #[test]
    fn roots_and_tiles_are_those_of_the_reference() {
        let (stored, mut edge, mut tiles) = (Stored(RefCell::default()), Edge::default(), 0);
        assert_eq!(edge.root(), EMPTY_HASH);
        for leaf in 0..1100_u64 {
            let data = leaf.to_string();
            let hashes = stored_hashes(leaf, data.as_bytes(), &stored).unwrap();
            stored.0.borrow_mut().extend(hashes);
            edge.push(record_hash(data.as_bytes()), |level, index, content| {
                let tile = Tile::new(8, level, index, 256, false);
                assert_eq!(tile.read_data(&stored).unwrap(), content, "{level} {index}");
                tiles += 1;
            });
            assert_eq!(edge.root(), tree_hash(leaf + 1, &stored).unwrap(), "{leaf}");
        }
        assert_eq!(tiles, 4);
    }

    #[test]
    fn paths_are_those_of_c2sp() {
        assert_eq!(tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path(1, 5, 12), "tile/1/005.p/12");
    }
}
