//! Reads records back, checksum and order checked on every one, never past what is durable.

use std::sync::Arc;

use crate::index::{Index, Source};
use crate::lines::Lines;
use crate::{Error, line};

/// How much is read at once.
const CHUNK_BYTES: usize = 1 << 20;
/// How much is read at once for a single record: what a stride of ordinary records needs.
const CHUNK_ONE_BYTES: usize = 48 << 10;

/// One record as it stands in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its sequence number, from 1, without gaps.
    pub seq: u64,
    /// Its JSON text: the bytes between the space and the newline, the content of its Merkle leaf.
    pub text: String,
}

/// One record, borrowed from the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRef<'a> {
    /// Its sequence number, from 1, without gaps.
    pub seq: u64,
    /// Its JSON text.
    pub text: &'a str,
}

/// Records in order. Ends at the durable position; asked again after more became durable, it goes on.
pub struct Reader {
    source: Arc<Source>,
    lines: Option<Lines>,
    /// The record the lines are at, at or before `wanted`.
    at: u64,
    wanted: u64,
    chunk: usize,
    /// The last durable record when somebody last looked.
    last: u64,
    failed: bool,
}

impl Reader {
    pub(crate) fn new(source: Arc<Source>, from: u64) -> Self {
        Self {
            source,
            lines: None,
            at: 0,
            wanted: from.max(1),
            chunk: CHUNK_BYTES,
            last: 0,
            failed: false,
        }
    }

    pub(crate) fn one(source: Arc<Source>, seq: u64) -> Self {
        Self {
            chunk: CHUNK_ONE_BYTES,
            ..Self::new(source, seq)
        }
    }

    /// The next record without a copy; `None` at the durable position.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the line is not what was written; [`Error::Io`] when the disk cannot be read. The reader
    /// ends there.
    pub fn next_ref(&mut self) -> Result<Option<LineRef<'_>>, Error> {
        let seq = self.wanted;
        if self.failed || !self.advance()? {
            return Ok(None);
        }
        let Some(lines) = self.lines.as_mut() else {
            return Ok(None);
        };
        // Until the line has been found good.
        self.failed = true;
        let name = lines.name();
        let end = lines.offset();
        let damaged = |offset, why: &str| Error::Damaged {
            file: name.to_string(),
            offset,
            seq,
            why: why.to_owned(),
        };
        let Some((offset, bytes)) = lines.next()? else {
            return Err(damaged(end, "the line does not end"));
        };
        let checked = line::check(bytes).map_err(|why| damaged(offset, why))?;
        if checked.seq != seq {
            return Err(damaged(offset, &format!("record {} stands there", checked.seq)));
        }
        let text = std::str::from_utf8(checked.text).map_err(|_| damaged(offset, "it is not UTF-8"))?;
        self.failed = false;
        self.at += 1;
        self.wanted += 1;
        Ok(Some(LineRef { seq, text }))
    }

    /// Goes to where the wanted record begins; false when it is not durable yet.
    fn advance(&mut self) -> Result<bool, Error> {
        if self.wanted > self.last {
            self.last = self.source.look(Index::last);
            if self.wanted > self.last {
                return Ok(false);
            }
        }
        if !self.lines.as_mut().is_some_and(|lines| goes_on(lines, &self.source)) {
            let Some(place) = self.source.look(|index| index.place(self.wanted)) else {
                return Ok(false);
            };
            let file = self
                .source
                .disk
                .open(&place.name)
                .map_err(Error::io("open", &place.name))?;
            let lines = Lines::new(file, &place.name, place.offset, self.chunk, self.source.line_max);
            self.lines = Some(lines.limit(place.end));
            self.at = place.seq;
        }
        self.skip()
    }

    fn skip(&mut self) -> Result<bool, Error> {
        let Some(lines) = self.lines.as_mut() else {
            return Ok(false);
        };
        while self.at < self.wanted {
            if lines.next()?.is_none() {
                let (file, offset) = (lines.name().to_string(), lines.offset());
                self.failed = true;
                return Err(Error::Damaged {
                    file,
                    offset,
                    seq: self.at,
                    why: "the line does not end".to_owned(),
                });
            }
            self.at += 1;
        }
        Ok(true)
    }
}

/// Whether there is more of this segment to read.
fn goes_on(lines: &mut Lines, source: &Source) -> bool {
    lines.is_within()
        || source
            .look(|index| index.end(&lines.name()))
            .is_some_and(|end| lines.raise(end))
}

impl Iterator for Reader {
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_ref() {
            Ok(Some(line)) => Some(Ok(Line {
                seq: line.seq,
                text: line.text.to_owned(),
            })),
            Ok(None) => None,
            Err(cause) => Some(Err(cause)),
        }
    }
}
