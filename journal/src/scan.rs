//! Walks all segments from the first byte to the last and says where the good part ends. Changes nothing.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, read_full};
use crate::line::Checked;
use crate::lines::Lines;
use crate::segment::{self, HEADER_BYTES_MAX, Header};
use crate::torn::{self, Tail, Verdict};
use crate::{Error, Torn, line};

const CHUNK_BYTES: usize = 1 << 20;

/// Who watches a scan.
pub(crate) trait Watch {
    /// A segment begins; its header ends at `end`.
    fn segment(&mut self, file: &str, header: &Header, end: u64) -> Result<(), Error>;
    /// A good record that lies from `offset` to `end`.
    fn record(&mut self, file: &Arc<str>, record: Checked<'_>, offset: u64, end: u64) -> Result<(), Error>;
}

/// The last segment, as found.
pub(crate) struct Active {
    pub(crate) name: String,
    pub(crate) number: u64,
    pub(crate) file: Box<dyn DiskFile>,
    /// Where the good part ends.
    pub(crate) end: u64,
    /// The file's length.
    pub(crate) capacity: u64,
    /// Where the last batch in it begins; `end` when there is none.
    pub(crate) batch_at: u64,
}

/// What a scan found.
pub(crate) struct Scanned {
    pub(crate) journal: String,
    /// The last good record; 0 when there is none.
    pub(crate) last: u64,
    pub(crate) active: Active,
    /// What lies behind the good part and was never acknowledged.
    pub(crate) torn: Option<Torn>,
    /// Whether somebody writes behind the good part.
    pub(crate) growing: bool,
}

/// Scans a journal; `None` when there is no segment at all.
pub(crate) fn scan(disk: &dyn Disk, line_max: u64, watch: &mut impl Watch) -> Result<Option<Scanned>, Error> {
    let names = segment::list(disk)?;
    let mut walk = Walk {
        disk,
        line_max: line_max.max(HEADER_BYTES_MAX),
        watch,
        journal: None,
        last: 0,
    };
    let Some((newest, sealed)) = names.split_last() else {
        return Ok(None);
    };
    for (number, name) in (1..).zip(sealed) {
        let opened = walk.segment(number, name)?;
        walk.sealed(&opened)?;
    }
    let opened = walk.segment(names.len() as u64, newest)?;
    let verdict = walk.judge(&opened)?;
    let Opened {
        lines,
        batch_at,
        capacity,
        ..
    } = opened;
    let (end, last, name) = (lines.offset(), walk.last, newest.clone());
    let growing = verdict == Verdict::Growing;
    let torn = match verdict {
        Verdict::Clean | Verdict::Growing => None,
        Verdict::Torn { bytes } => Some(Torn {
            file: name.clone(),
            offset: end,
            bytes,
            seq: last + 1,
        }),
        Verdict::Damaged { offset, why } => {
            return Err(Error::Damaged {
                file: name,
                offset: end + offset,
                seq: last + 1,
                why: why.to_owned(),
            });
        }
    };
    let (number, file) = (names.len() as u64, lines.into_file());
    let active = Active {
        name,
        number,
        file,
        end,
        capacity,
        batch_at: batch_at.unwrap_or(end),
    };
    Ok(Some(Scanned {
        journal: walk.journal.unwrap_or_default(),
        last,
        active,
        torn,
        growing,
    }))
}

struct Walk<'a, W> {
    disk: &'a dyn Disk,
    line_max: u64,
    watch: &'a mut W,
    journal: Option<String>,
    last: u64,
}

struct Opened {
    name: Arc<str>,
    lines: Lines,
    capacity: u64,
    batch: u64,
    batch_at: Option<u64>,
}

impl<W: Watch> Walk<'_, W> {
    /// Reads a segment up to its first line that is not good.
    fn segment(&mut self, number: u64, name: &str) -> Result<Opened, Error> {
        let file = self.disk.open(name).map_err(Error::io("open", name))?;
        let capacity = file.length().map_err(Error::io("measure", name))?;
        let mut lines = Lines::new(file, name, 0, CHUNK_BYTES, self.line_max).limit(capacity);
        self.header(number, name, &mut lines)?;
        let (name, mut batch, mut batch_at): (Arc<str>, _, _) = (lines.name(), 0, None);
        let mut end = lines.offset();
        while let Some((offset, bytes)) = lines.next()? {
            let Ok(record) = line::check(bytes) else { break };
            if record.seq != self.last + 1 || record.batch < batch {
                break;
            }
            if record.batch > batch {
                (batch, batch_at) = (record.batch, Some(offset));
            }
            end = offset + bytes.len() as u64 + 1;
            self.last = record.seq;
            self.watch.record(&name, record, offset, end)?;
        }
        // What `next` took and was not good belongs to the tail.
        let lines = Lines::new(lines.into_file(), &name, end, CHUNK_BYTES, self.line_max).limit(capacity);
        Ok(Opened {
            name,
            lines,
            capacity,
            batch,
            batch_at,
        })
    }

    fn header(&mut self, number: u64, name: &str, lines: &mut Lines) -> Result<(), Error> {
        let damaged = |why: String| Error::Damaged {
            file: name.to_owned(),
            offset: 0,
            seq: 0,
            why,
        };
        let header = match lines.next()? {
            Some((_, bytes)) => Header::parse(name, bytes)?,
            None => return Err(damaged("there is no header".to_owned())),
        };
        let expected = self.journal.get_or_insert_with(|| header.journal.clone());
        if *expected != header.journal {
            let (file, found, expected) = (name.to_owned(), header.journal, expected.clone());
            return Err(Error::Foreign { file, found, expected });
        }
        if segment::first(name) != Some(header.first) {
            return Err(damaged(format!(
                "the header says that it begins with record {}",
                header.first
            )));
        }
        if header.first > self.last + 1 {
            return Err(Error::Missing {
                file: segment::name(self.last + 1),
                found: name.to_owned(),
            });
        }
        if header.first <= self.last || header.segment != number {
            return Err(damaged(format!(
                "segment {} with record {} does not follow",
                header.segment, header.first
            )));
        }
        self.watch.segment(name, &header, lines.offset())
    }

    /// A segment that others follow is whole, or it is damaged.
    fn sealed(&self, opened: &Opened) -> Result<(), Error> {
        let offset = opened.lines.offset();
        if offset == opened.capacity {
            return Ok(());
        }
        let why = self
            .tail(opened)?
            .first_flaw()
            .unwrap_or("zeros follow, although another segment does");
        Err(Error::Damaged {
            file: opened.name.to_string(),
            offset,
            seq: self.last + 1,
            why: why.to_owned(),
        })
    }

    fn judge(&self, opened: &Opened) -> Result<Verdict, Error> {
        Ok(torn::judge(&self.tail(opened)?))
    }

    fn tail(&self, opened: &Opened) -> Result<Tail, Error> {
        let (file, offset) = (opened.lines.file(), opened.lines.offset());
        let bytes = data_after(file, offset).map_err(Error::io("read", &opened.name))?;
        Ok(Tail {
            bytes,
            offset,
            seq: self.last + 1,
            batch: opened.batch,
            line_max: self.line_max,
        })
    }
}

/// What a file holds after an offset, without the zeros at its end: those are never held in memory whole.
fn data_after(file: &dyn DiskFile, offset: u64) -> io::Result<Vec<u8>> {
    let (mut chunk, mut at, mut end) = (vec![0; CHUNK_BYTES], offset, offset);
    loop {
        let count = read_full(file, &mut chunk, at)?;
        if count == 0 {
            break;
        }
        if let Some(last) = chunk
            .get(..count)
            .and_then(|filled| filled.iter().rposition(|byte| *byte != 0))
        {
            end = at + last as u64 + 1;
        }
        at += count as u64;
    }
    let mut bytes = vec![0; usize::try_from(end - offset).map_err(io::Error::other)?];
    let count = read_full(file, &mut bytes, offset)?;
    bytes.truncate(count);
    Ok(bytes)
}
