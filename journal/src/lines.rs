//! Reads a file line by line in large chunks, never past a limit.

use std::sync::Arc;

use crate::Error;
use crate::disk::{DiskFile, read_full};

/// The lines of a file from an offset on.
pub(crate) struct Lines {
    file: Box<dyn DiskFile>,
    name: Arc<str>,
    buffer: Vec<u8>,
    /// What of the buffer is filled and not handed out yet.
    from: usize,
    to: usize,
    /// Where in the file `from` is.
    offset: u64,
    limit: u64,
    chunk: usize,
    line_max: usize,
}

/// Where the first newline is.
pub(crate) fn newline(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', bytes)
}

impl Lines {
    pub(crate) fn new(file: Box<dyn DiskFile>, name: &str, offset: u64, chunk: usize, line_max: u64) -> Self {
        let line_max = usize::try_from(line_max).unwrap_or(usize::MAX);
        let name = name.into();
        Self {
            file,
            name,
            buffer: Vec::new(),
            from: 0,
            to: 0,
            offset,
            limit: u64::MAX,
            chunk,
            line_max,
        }
    }

    /// Never reads at or past this offset; what lies there may still change.
    pub(crate) fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Moves the limit on; says whether it moved.
    pub(crate) fn raise(&mut self, limit: u64) -> bool {
        let moved = limit > self.limit;
        self.limit = self.limit.max(limit);
        moved
    }

    /// The file's name.
    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Whether there is something left before the limit.
    pub(crate) fn is_within(&self) -> bool {
        self.offset < self.limit
    }

    /// Where the next line begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The file, to look at what follows the lines.
    pub(crate) fn file(&self) -> &dyn DiskFile {
        self.file.as_ref()
    }

    /// The file itself.
    pub(crate) fn into_file(self) -> Box<dyn DiskFile> {
        self.file
    }

    /// The next line without its newline, and where it begins. `None` when there is no newline up to the limit, or none
    /// within the length of the longest line.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, &[u8])>, Error> {
        let mut searched = 0;
        loop {
            let held = self.buffer.get(self.from..self.to).unwrap_or_default();
            if let Some(place) = newline(held.get(searched..).unwrap_or_default()) {
                let length = searched + place;
                let (at, start) = (self.offset, self.from);
                self.from += length + 1;
                self.offset += length as u64 + 1;
                return Ok(self.buffer.get(start..start + length).map(|line| (at, line)));
            }
            searched = held.len();
            if searched > self.line_max || !self.refill()? {
                return Ok(None);
            }
        }
    }

    fn refill(&mut self) -> Result<bool, Error> {
        self.buffer.copy_within(self.from..self.to, 0);
        self.to -= self.from;
        self.from = 0;
        let at = self.offset + self.to as u64;
        let left = usize::try_from(self.limit.saturating_sub(at)).unwrap_or(usize::MAX);
        let end = self.to + self.chunk.min(left);
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let place = self.buffer.get_mut(self.to..end).unwrap_or_default();
        let count = read_full(self.file.as_ref(), place, at).map_err(Error::io("read", &self.name))?;
        self.to += count;
        Ok(count > 0)
    }
}
