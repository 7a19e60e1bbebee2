//! Watches a scan for a verification: JSON, the tree, the headers' roots, the tiles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::IgnoredAny;
use tlog_tiles::record_hash;

use super::{Fault, FaultKind, Report, Signers};
use crate::disk::Disk;
use crate::line::Checked;
use crate::merkle::{self, Edge};
use crate::scan::Watch;
use crate::segment::{self, Header};
use crate::skim::is_plain_json;
use crate::{Error, Root, VerifyingKey};

/// Records between two calls of `progress`.
const STRIDE: u64 = 8192;

pub(super) struct Auditor<'a> {
    disk: &'a dyn Disk,
    signers: &'a mut dyn Signers,
    progress: &'a mut dyn FnMut(u64, u64),
    edge: Edge,
    /// Sizes whose roots somebody wants to know.
    wanted: BTreeSet<u64>,
    roots: BTreeMap<u64, Root>,
    journal: String,
    segments: u64,
    tiles: u64,
    faults: Vec<Fault>,
    /// Bytes of the segments before this one, and of all.
    before: u64,
    total: u64,
    lengths: BTreeMap<String, u64>,
    previous: Option<String>,
}

impl<'a> Auditor<'a> {
    pub(super) fn new(
        disk: &'a dyn Disk,
        wanted: BTreeSet<u64>,
        signers: &'a mut dyn Signers,
        progress: &'a mut dyn FnMut(u64, u64),
    ) -> Result<Self, Error> {
        let mut lengths = BTreeMap::new();
        for name in segment::list(disk)? {
            let length = disk
                .open(&name)
                .and_then(|file| file.length())
                .map_err(Error::io("open", &name))?;
            lengths.insert(name, length);
        }
        let total = lengths.values().sum();
        let mut auditor = Self {
            disk,
            signers,
            progress,
            edge: Edge::default(),
            wanted,
            roots: BTreeMap::new(),
            journal: String::new(),
            segments: 0,
            tiles: 0,
            faults: Vec::new(),
            before: 0,
            total,
            lengths,
            previous: None,
        };
        auditor.note_root();
        Ok(auditor)
    }

    /// How many records were good.
    pub(super) fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root of the first `size` records, if it was wanted and they were all good.
    pub(super) fn root(&self, size: u64) -> Option<Root> {
        self.roots.get(&size).copied()
    }

    /// The key that signs checkpoints of a size, as far as was heard.
    pub(super) fn key_at(&self, size: u64) -> Option<VerifyingKey> {
        self.signers.at(size)
    }

    /// What there is to say so far.
    pub(super) fn report(&mut self) -> Report {
        (self.progress)(self.total, self.total);
        Report {
            journal: self.journal.clone(),
            segments: self.segments,
            root: Root::new(self.edge.size(), self.edge.root()),
            archived: 0,
            tiles: self.tiles,
            checkpoints: Vec::new(),
            torn: None,
            faults: std::mem::take(&mut self.faults),
        }
    }

    fn note_root(&mut self) {
        let size = self.edge.size();
        if self.wanted.contains(&size) {
            self.roots.insert(size, Root::new(size, self.edge.root()));
        }
    }

    fn add(&mut self, text: &[u8]) {
        let (disk, tiles, faults, seq) = (self.disk, &mut self.tiles, &mut self.faults, self.edge.size() + 1);
        self.edge.push(record_hash(text), |level, index, content| {
            match merkle::compare(disk, level, index, &content) {
                Some(Ok(())) => *tiles += 1,
                Some(Err(file)) => {
                    let why = "it is not the tile of the records".to_owned();
                    faults.push(Fault {
                        kind: FaultKind::Tile,
                        file,
                        offset: 0,
                        seq,
                        why,
                    });
                }
                None => {}
            }
        });
    }
}

impl Watch for Auditor<'_> {
    fn segment(&mut self, file: &str, header: &Header, _: u64) -> Result<(), Error> {
        self.segments += 1;
        self.journal.clone_from(&header.journal);
        let passed = self.previous.replace(file.to_owned());
        self.before += passed.and_then(|name| self.lengths.get(&name)).unwrap_or(&0);
        let root = merkle::hex(&self.edge.root());
        if header.previous != root {
            let (seq, why) = (
                header.first,
                format!(
                    "the header says that the records before have the root {}, not {root}",
                    header.previous
                ),
            );
            self.faults.push(Fault {
                kind: FaultKind::Header,
                file: file.to_owned(),
                offset: 0,
                seq,
                why,
            });
        }
        Ok(())
    }

    fn record(&mut self, file: &Arc<str>, record: Checked<'_>, offset: u64, end: u64) -> Result<(), Error> {
        if !is_plain_json(record.text)
            && let Err(cause) = serde_json::from_slice::<IgnoredAny>(record.text)
        {
            let (file, seq, why) = (file.to_string(), record.seq, format!("it is not JSON: {cause}"));
            self.faults.push(Fault {
                kind: FaultKind::Damaged,
                file,
                offset,
                seq,
                why,
            });
        }
        if let Ok(text) = std::str::from_utf8(record.text) {
            self.signers.heard(record.seq, text);
        }
        self.add(record.text);
        self.note_root();
        if record.seq.is_multiple_of(STRIDE) {
            (self.progress)(self.before + end, self.total);
        }
        Ok(())
    }
}
