//! A look at a journal as it lies in its directory, without its lock and without changing a byte.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::disk::{Disk, RealDisk};
use crate::index::{Index, Source};
use crate::line::Checked;
use crate::lines::Lines;
use crate::scan::{self, Watch};
use crate::segment::{self, Header};
use crate::{Archived, Checkpoint, Done, Error, Hook, Line, Log, Priority, Prover, Reader, Records};
use crate::{checkpoint, directories, line};

/// Why nothing can be appended.
const ONLY_LOOKED_AT: &str = "it is only looked at";
const CHUNK_BYTES: usize = 1 << 20;

/// A journal seen from outside: a copy, an archive, or one that a server writes at this moment. What a writer has in its
/// hands but has not synced yet may be among what is seen.
pub struct Look {
    source: Arc<Source>,
    journal: String,
    newest: Arc<str>,
    end: u64,
}

#[derive(Default)]
struct Seen {
    index: Index,
    newest: Option<Arc<str>>,
    end: u64,
}

impl Watch for Seen {
    fn segment(&mut self, file: &str, header: &Header, end: u64) -> Result<(), Error> {
        self.index.segment(file, header.first, end);
        (self.newest, self.end) = (Some(file.into()), end);
        Ok(())
    }

    fn record(&mut self, _: &Arc<str>, record: Checked<'_>, offset: u64, end: u64) -> Result<(), Error> {
        self.index.record(record.seq, offset, end);
        self.end = end;
        Ok(())
    }
}

impl Look {
    /// Looks at the journal in a directory. Every line is checked once; `line_max` is the largest record, in bytes, as for
    /// [`crate::Options::record_bytes_max`].
    ///
    /// # Errors
    /// As for [`crate::Journal::open`], except that a held lock does not matter; [`Error::Missing`] when there is no segment.
    pub fn at(dir: &Path, line_max: u64) -> Result<Self, Error> {
        let disk = RealDisk::existing(dir).map_err(Error::io("open", &dir.display().to_string()))?;
        Self::on(Arc::new(Archived::over(Arc::new(disk), directories())), line_max)
    }

    /// Looks at the journal on any disk.
    ///
    /// # Errors
    /// As for [`Look::at`].
    pub fn on(disk: Arc<dyn Disk>, line_max: u64) -> Result<Self, Error> {
        let mut seen = Seen::default();
        let found = scan::scan(disk.as_ref(), line_max, &mut seen)?;
        let (Some(found), Some(newest)) = (found, seen.newest) else {
            let (file, found) = (segment::name(1), "nothing".to_owned());
            return Err(Error::Missing { file, found });
        };
        Ok(Self {
            source: Arc::new(Source::new(disk, line_max, seen.index)),
            journal: found.journal,
            newest,
            end: seen.end,
        })
    }

    /// The journal's identifier.
    pub fn journal(&self) -> &str {
        &self.journal
    }

    /// The last record seen; 0 when there is none.
    pub fn last_seq(&self) -> u64 {
        self.source.look(Index::last)
    }

    /// Whether all is there that the checkpoints beside it vouch for, as a start insists.
    ///
    /// # Errors
    /// [`Error::Truncated`] where records are missing at the end; [`Error::Io`].
    pub fn check_end(&self) -> Result<(), Error> {
        checkpoint::refuse_truncated(self.source.disk.as_ref(), self.last_seq())
    }

    /// The newest checkpoint beside the records; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Checkpoint`] when the file holds something else.
    pub fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, Error> {
        checkpoint::newest(self.source.disk.as_ref())
    }

    /// Hashes the first `size` records, so that something can be proved of them; `progress` hears how many were hashed.
    ///
    /// # Errors
    /// [`Error::Beyond`] when there are fewer; [`Error::Tile`] when a tile beside them is of other records;
    /// [`Error::Damaged`] or [`Error::Io`] when they cannot be read.
    pub fn prover(&self, size: u64, progress: &mut dyn FnMut(u64)) -> Result<Prover, Error> {
        Prover::of(Arc::clone(&self.source), size, progress)
    }

    /// How many segments there are.
    pub fn segments(&self) -> u64 {
        self.source.look(Index::segments)
    }

    /// The records from `from` on, as far as they were seen.
    pub fn reader(&self, from: u64) -> Reader {
        Reader::new(Arc::clone(&self.source), from)
    }

    /// Looks for what came since. Gives the last record seen.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be read. What does not check (yet) is not seen.
    pub fn again(&mut self) -> Result<u64, Error> {
        loop {
            self.lines()?;
            if !self.next_segment()? {
                return Ok(self.last_seq());
            }
        }
    }

    fn open(&self, name: &str, from: u64) -> Result<Lines, Error> {
        let file = self.source.disk.open(name).map_err(Error::io("open", name))?;
        let length = file.length().map_err(Error::io("measure", name))?;
        Ok(Lines::new(file, name, from, CHUNK_BYTES, self.source.line_max).limit(length))
    }

    fn lines(&mut self) -> Result<(), Error> {
        let mut lines = self.open(&self.newest, self.end)?;
        while let Some((offset, bytes)) = lines.next()? {
            let seq = self.last_seq() + 1;
            if !line::check(bytes).is_ok_and(|record| record.seq == seq) {
                break;
            }
            self.end = offset + bytes.len() as u64 + 1;
            self.source.change(|index| index.record(seq, offset, self.end));
        }
        Ok(())
    }

    fn next_segment(&mut self) -> Result<bool, Error> {
        let first = self.last_seq() + 1;
        let name = segment::name(first);
        if *name == *self.newest || !segment::list(self.source.disk.as_ref())?.contains(&name) {
            return Ok(false);
        }
        let mut lines = self.open(&name, 0)?;
        let Some((offset, bytes)) = lines.next()? else {
            return Ok(false);
        };
        if !Header::parse(&name, bytes).is_ok_and(|header| header.first == first && header.journal == self.journal) {
            return Ok(false);
        }
        self.end = offset + bytes.len() as u64 + 1;
        self.source.change(|index| index.segment(&name, first, self.end));
        self.newest = name.into();
        Ok(true)
    }
}

/// A log that is only looked at: what was seen can be read, and nothing can be appended.
impl Log for Look {
    fn append_as(&self, _: Priority, _: Vec<String>, _: Done) -> Result<u64, Error> {
        Err(only_looked_at())
    }

    fn append_after(&self, _: Priority, _: u64, _: Vec<String>, _: Done) -> Result<u64, Error> {
        Err(only_looked_at())
    }

    fn durable(&self) -> u64 {
        self.last_seq()
    }

    fn wait(&self, _: u64, _: Duration) -> u64 {
        self.last_seq()
    }

    fn on_durable(&self, _: Hook) {}

    fn read(&self, from: u64) -> Result<Records, Error> {
        Ok(Box::new(self.reader(from)))
    }

    fn get(&self, seq: u64) -> Result<Option<Line>, Error> {
        if seq == 0 {
            return Ok(None);
        }
        Reader::one(Arc::clone(&self.source), seq).next().transpose()
    }

    fn closed(&self) -> Option<Arc<str>> {
        Some(ONLY_LOOKED_AT.into())
    }

    fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

fn only_looked_at() -> Error {
    Error::Closed {
        reason: ONLY_LOOKED_AT.into(),
    }
}
