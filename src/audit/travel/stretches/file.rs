//! One stretch as a file: a line that says what it is, then a row a line, in order: kind, identifier, and the row's text as a
//! checkpoint keeps it; no text where the row is gone. A seal covers all of it.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use projections::Digest;
use projections::store::Seal;
use serde::{Deserialize, Serialize};

/// The version of this form.
const FORMAT: u32 = 2;
/// How much of a file is read at once.
const CHUNK_BYTES: usize = 256 << 10;
/// No first line is longer.
const HEAD_BYTES_MAX: u64 = 4 << 10;

/// Rows by kind and identifier, with a space between them.
pub(super) type Content = BTreeMap<String, Option<String>>;

/// What a file says it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    format: u32,
    /// The build that wrote it: the shape of rows is its own affair.
    program: String,
    /// The position before its first record, and that of its last.
    pub(super) from: u64,
    pub(super) to: u64,
    /// The hour of its last record.
    pub(super) at: Timestamp,
    /// The digest of its last record's text.
    pub(super) record: Digest,
    /// Over this line, with an empty seal in it, and all others.
    seal: Seal,
}

impl Head {
    pub(super) fn new(program: &str, (from, to): (u64, u64), at: Timestamp, record: Digest) -> Self {
        Self {
            format: FORMAT,
            program: program.to_owned(),
            from,
            to,
            at,
            record,
            seal: Seal::default(),
        }
    }

    pub(super) fn is_of(&self, program: &str) -> bool {
        self.format == FORMAT && self.program == program
    }

    fn line(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    /// The seal over this line.
    fn bare(&self) -> Result<Seal, serde_json::Error> {
        let bare = Self {
            seal: Seal::default(),
            ..self.clone()
        };
        let mut seal = Seal::default();
        seal.add(&[], bare.line()?.as_bytes());
        Ok(seal)
    }
}

/// Where a stretch lies.
pub(super) fn path(dir: &Path, from: u64, to: u64) -> PathBuf {
    dir.join(format!("{from:012}-{to:012}"))
}

/// From where to where a file leads by its name.
pub(super) fn named(path: &Path) -> Option<(u64, u64)> {
    let (from, to) = path.file_name()?.to_str()?.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

/// The bytes of a stretch.
pub(super) fn content(head: Head, rows: &Content) -> Result<Vec<u8>, serde_json::Error> {
    let (mut body, mut seal) = (String::new(), head.bare()?);
    for (name, text) in rows {
        let from = body.len() + name.len();
        body.push_str(name);
        if let Some(text) = text {
            body.push(' ');
            body.push_str(text);
        }
        body.push('\n');
        seal.add(name.as_bytes(), body.get(from..).unwrap_or_default().as_bytes());
    }
    let mut bytes = Head { seal, ..head }.line()?.into_bytes();
    bytes.extend_from_slice(body.as_bytes());
    Ok(bytes)
}

/// Puts a file in its place, whole. It is not synced: what does not arrive is found by the seal.
pub(super) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let put = fs::write(&new, bytes).and_then(|()| fs::rename(&new, path));
    if put.is_err() {
        drop(fs::remove_file(&new));
    }
    put
}

/// The rows of a file, one after the other. The first row is there when [`Rows::advance`] was called once.
pub(super) struct Rows {
    reader: BufReader<File>,
    head: Head,
    /// Over what was read so far.
    seal: Seal,
    line: Vec<u8>,
    /// Where the row's name ends.
    name: usize,
    /// Its place in the chain.
    pub(super) number: usize,
}

fn spoilt() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

impl Rows {
    pub(super) fn open(path: &Path, number: usize) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(CHUNK_BYTES, File::open(path)?);
        let mut line = Vec::new();
        reader.by_ref().take(HEAD_BYTES_MAX).read_until(b'\n', &mut line)?;
        let head: Head = serde_json::from_slice(&line)?;
        let seal = head.bare()?;
        line.clear();
        Ok(Self {
            reader,
            head,
            seal,
            line,
            name: 0,
            number,
        })
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Goes to the next row; false at the end, where the seal was right.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        if self.reader.read_until(b'\n', &mut self.line)? == 0 {
            return if self.head.seal == self.seal {
                Ok(false)
            } else {
                Err(spoilt())
            };
        }
        let mut spaces = self.line.iter().enumerate().filter(|(_, byte)| **byte == b' ');
        let end = self.line.len() - 1;
        self.name = spaces.nth(1).map_or(end, |(at, _)| at);
        let (name, rest) = self.line.split_at(self.name);
        self.seal.add(name, rest);
        if self.line.ends_with(b"\n") {
            Ok(true)
        } else {
            Err(spoilt())
        }
    }

    /// The row's kind and identifier.
    pub(super) fn name(&self) -> &[u8] {
        self.line.get(..self.name).unwrap_or_default()
    }

    /// The row as it stands in the file; `None` where it is gone.
    pub(super) fn row(&self) -> Option<&[u8]> {
        (self.name + 1 < self.line.len()).then_some(&self.line)
    }
}

/// The one whose name comes first is the greatest, as a heap wants it; of equal names the newest.
impl Ord for Rows {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_name = other.name().cmp(self.name());
        by_name.then_with(|| self.number.cmp(&other.number))
    }
}

impl PartialOrd for Rows {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rows {}
