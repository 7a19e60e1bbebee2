//! Opening: scan, cut what was never acknowledged, make durable what stands, and only then serve.
//!
//! | found | done |
//! |---|---|
//! | no segment | the first one is made |
//! | every line good, zeros at the end | opened |
//! | a torn write at the very end ([`crate::torn`] has the table) | zeroed in place, synced, reported |
//! | any other line, header or segment that does not check | refused with file, offset and record |
//! | a saved checkpoint that vouches for more records | refused with the checkpoint's name |
//!
//! Nothing here needs free space except the first segment of a new journal. The last batch is written again in place: after
//! a failed sync the page cache may show lines that the disk does not hold, and a sync alone would not write them.

use std::sync::Arc;

use crate::disk::{Disk, read_full, write_all};
use crate::index::Index;
use crate::line::Checked;
use crate::scan::{self, Active, Scanned, Watch};
use crate::segment::{self, Header, VERSION};
use crate::{Error, Options, checkpoint};

/// What an open found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many records there are.
    pub records: u64,
    /// The last one's sequence number; 0 in an empty journal.
    pub last_seq: u64,
    /// The journal's identifier: 128 random bits, hexadecimal.
    pub journal: String,
    /// How many segments there are.
    pub segments: u64,
    /// What was cut off, if anything.
    pub torn: Option<Torn>,
}

/// The rest of a write that was never acknowledged, because power or process went away in the middle of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub file: String,
    /// Where it began, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes there were, up to the last one that is not zero.
    pub bytes: u64,
    /// The record that stood there first, as far as one can say.
    pub seq: u64,
}

pub(crate) struct Opened {
    pub(crate) index: Index,
    pub(crate) active: Active,
    pub(crate) recovery: Recovery,
}

/// How many bytes are read between two words of progress.
const TELL_EVERY_BYTES: u64 = 1 << 20;

struct Indexing<'a> {
    index: Index,
    progress: &'a mut dyn FnMut(u64, u64),
    read: u64,
    told: u64,
    total: u64,
}

impl<'a> Indexing<'a> {
    fn new(disk: &dyn Disk, progress: &'a mut dyn FnMut(u64, u64)) -> Result<Self, Error> {
        let mut total = 0;
        for name in segment::list(disk)? {
            let length = disk.open(&name).and_then(|file| file.length());
            total += length.map_err(Error::io("measure", &name))?;
        }
        Ok(Self {
            index: Index::default(),
            progress,
            read: 0,
            told: 0,
            total,
        })
    }
}

impl Watch for Indexing<'_> {
    fn segment(&mut self, file: &str, header: &Header, end: u64) -> Result<(), Error> {
        self.index.segment(file, header.first, end);
        Ok(())
    }

    fn record(&mut self, _: &Arc<str>, record: Checked<'_>, offset: u64, end: u64) -> Result<(), Error> {
        self.index.record(record.seq, offset, end);
        self.read += end - offset;
        if self.read - self.told >= TELL_EVERY_BYTES {
            self.told = self.read;
            (self.progress)(self.read.min(self.total), self.total);
        }
        Ok(())
    }
}

/// Recovers a journal in a directory whose lock is held.
pub(crate) fn open(disk: &dyn Disk, options: &Options, progress: &mut dyn FnMut(u64, u64)) -> Result<Opened, Error> {
    segment::clear_prepared(disk)?;
    if segment::list(disk)?.is_empty() {
        found(disk, options)?;
    }
    let mut watch = Indexing::new(disk, progress)?;
    let missing = || Error::Missing {
        file: segment::name(1),
        found: "nothing".to_owned(),
    };
    let Scanned {
        journal,
        last,
        active,
        torn,
        growing,
    } = scan::scan(disk, options.record_bytes_max, &mut watch)?.ok_or_else(missing)?;
    if growing {
        let dir = disk.describe();
        return Err(Error::Locked { dir });
    }
    (watch.progress)(watch.total, watch.total);
    checkpoint::refuse_truncated(disk, last)?;
    settle(disk, &active, torn.as_ref())?;
    let segments = watch.index.segments();
    Ok(Opened {
        index: watch.index,
        active,
        recovery: Recovery {
            records: last,
            last_seq: last,
            journal,
            segments,
            torn,
        },
    })
}

/// Makes the first segment of a new journal.
fn found(disk: &dyn Disk, options: &Options) -> Result<(), Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|cause| Error::io("draw", "a random identifier")(std::io::Error::other(cause)))?;
    let journal = format!("{:032x}", u128::from_be_bytes(random));
    let previous = crate::merkle::hex(&crate::merkle::Edge::default().root());
    let header = Header {
        journal,
        version: VERSION,
        segment: 1,
        first: 1,
        previous,
    };
    let file = segment::prepare(disk, options.segment_bytes)?;
    segment::adopt(disk, file.as_ref(), &header)?;
    Ok(())
}

/// Cuts, writes the last batch again, and syncs the file and the directory.
fn settle(disk: &dyn Disk, active: &Active, torn: Option<&Torn>) -> Result<(), Error> {
    let (file, name) = (active.file.as_ref(), active.name.as_str());
    if let Some(torn) = torn {
        // First what makes it a cut even if power goes again, then the rest.
        let (start, end) = (torn.offset, torn.offset + torn.bytes);
        for to in [end.min(start + 1), end] {
            segment::zero(file, start, to).map_err(Error::io("cut", name))?;
            file.sync_data().map_err(Error::io("sync", name))?;
        }
    }
    let length = usize::try_from(active.end - active.batch_at).unwrap_or_default();
    let mut batch = vec![0; length];
    let count = read_full(file, &mut batch, active.batch_at).map_err(Error::io("read", name))?;
    if count != length {
        return Err(Error::io("read", name)(std::io::ErrorKind::UnexpectedEof.into()));
    }
    write_all(file, &batch, active.batch_at).map_err(Error::io("write", name))?;
    file.sync_data().map_err(Error::io("sync", name))?;
    disk.sync_folder("")
        .map_err(Error::io("sync", "the journal's directory"))
}
