//! States on the way, kept on disk so that a first journey begins near: a chain of stretches, each with the rows that its
//! records touched as they stood at its end. The newest row of all stretches up to a position is the state there.
//!
//! A row that does not change is kept once however long the journal grows, so the chain takes about as many bytes as the
//! rows that changed, not as many states. All of it may be deleted at any time; what is damaged, of another build of the
//! program or of another journal is not believed and made again.

mod file;
mod merge;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal::Log;
use projections::store::Facets;
use projections::{Digest, Record};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::kernel::State;
use crate::kernel::state::Kind;
use file::{Head, Rows};

/// What is longer than so many stretches is not made one: it would help nobody who goes to a place inside it.
const LONGEST: u64 = 4;
/// Most stretches.
const COUNT_MAX: usize = 4_096;
/// Bytes of rows that are read in the time in which one record is folded.
const READ_PER_FOLDED: u64 = 2_000;

/// What is kept for journeys to the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Records from one state on the way to the next.
    pub records: u64,
    /// What the states on the way may take on disk, in bytes; 0 keeps none.
    pub bytes_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        // About a sixteenth of a second of folding.
        let records = 8_192;
        Self {
            records,
            bytes_max: 4 << 30,
        }
    }
}

/// Why a stretch was not written. Nobody needs it.
#[derive(Debug, Error)]
pub enum Unwritten {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] std::io::Error),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A record.
    #[error(transparent)]
    Record(#[from] projections::Unread),
    /// A row.
    #[error(transparent)]
    Row(#[from] serde_json::Error),
}

/// The stretches of one journal, in a directory.
#[derive(Clone, Debug)]
pub struct Stretches {
    dir: Arc<Path>,
    program: Arc<str>,
    bytes_max: u64,
    stride: u64,
    read_per_folded: u64,
}

/// One that is believed so far.
#[derive(Debug)]
pub(super) struct Stretch {
    head: Head,
    path: PathBuf,
    bytes: u64,
}

impl Stretch {
    /// The position it leads to.
    pub(super) fn to(&self) -> u64 {
        self.head.to
    }
}

impl Stretches {
    /// Those below the directory of everything that is derived from a journal; `program` names the build, which alone believes
    /// them.
    pub fn new(projections: &Path, program: &str, settings: &Settings) -> Self {
        Self {
            dir: projections.join("past").into(),
            program: program.into(),
            bytes_max: settings.bytes_max,
            stride: settings.records.max(1),
            read_per_folded: READ_PER_FOLDED,
        }
    }

    /// Reads what is kept even where folding would be quicker.
    #[must_use]
    pub fn eager(mut self) -> Self {
        self.read_per_folded = u64::MAX;
        self
    }

    /// How many records one has.
    pub(crate) fn stride(&self) -> u64 {
        self.stride
    }

    /// Those that follow each other from the first record on and belong to a log.
    pub(super) fn chain(&self, log: &dyn Log) -> Vec<Stretch> {
        let (mut chain, mut end) = (Vec::new(), 0);
        let named: BTreeSet<(u64, u64)> = self.files().filter_map(|path| file::named(&path)).collect();
        let after = |end: u64| named.range((end, 0)..=(end, u64::MAX)).map(|(_, to)| *to);
        while let Some(next) = after(end).find_map(|to| self.believed(log, end, to)) {
            end = next.head.to;
            chain.push(next);
        }
        chain
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.path())
    }

    fn believed(&self, log: &dyn Log, from: u64, to: u64) -> Option<Stretch> {
        let path = file::path(&self.dir, from, to);
        let ignored = |why: &str| tracing::warn!(file = %path.display(), why, "a state on the way is ignored");
        let head = match Rows::open(&path, 0) {
            Ok(rows) => rows.head().clone(),
            Err(cause) => {
                ignored(&cause.to_string());
                return None;
            }
        };
        // Another build is no damage, and a shorter journal has records that are not there yet.
        let fits = head.is_of(&self.program) && (head.from, head.to) == (from, to) && to > from;
        let line = log.get(to).ok().flatten().filter(|_| fits)?;
        let bytes = fs::metadata(&path).ok()?.len();
        if Digest::of(line.text.as_bytes()) == head.record {
            return Some(Stretch { head, path, bytes });
        }
        ignored("it ends with another record than the journal has there");
        None
    }

    /// The state at the end of the stretches up to a position, where reading them is quicker than folding from `near` on. What
    /// turns out not to be what was written is told, removed, and taken out of the chain with what follows it.
    pub(super) fn load(&self, chain: &mut Vec<Stretch>, kinds: &[Kind], near: u64, position: u64) -> Option<State> {
        loop {
            let some = chain.partition_point(|stretch| stretch.head.to <= position);
            let upto = chain.get(..some)?;
            let end = upto.last()?.head.to;
            let bytes: u64 = upto.iter().map(|stretch| stretch.bytes).sum();
            if end <= near || bytes / self.read_per_folded > end - near {
                return None;
            }
            match merge::state(upto, kinds) {
                Ok(state) => return Some(state),
                Err(spoilt) => {
                    let named = upto.get(spoilt)?;
                    tracing::warn!(file = %named.path.display(), "a state on the way is damaged and made again");
                    drop(fs::remove_file(&named.path));
                    chain.truncate(spoilt);
                }
            }
        }
    }

    /// Adds a stretch up to where a state stands, if it is due. Says where the chain ends then; `None` where no more is to be
    /// added.
    ///
    /// # Errors
    /// Then nothing was added, and nothing is lost.
    pub fn extend(&self, log: &dyn Log, state: &State) -> Result<Option<u64>, Unwritten> {
        // On a copy that somebody looks at, nothing is left behind.
        if self.bytes_max == 0 || !self.dir.parent().is_some_and(Path::is_dir) {
            return Ok(None);
        }
        let chain = self.chain(log);
        let end = chain.last().map_or(0, Stretch::to);
        let ahead = state.position.saturating_sub(end);
        if ahead < self.stride {
            return Ok(Some(end));
        }
        if ahead > self.stride * LONGEST || chain.len() >= COUNT_MAX {
            return Ok(None);
        }
        let (record, rows) = touched(log, state, end)?;
        let head = Head::new(&self.program, (end, state.position), state.at, record);
        let content = file::content(head, &rows)?;
        let so_far: u64 = chain.iter().map(|stretch| stretch.bytes).sum();
        if so_far + content.len() as u64 > self.bytes_max {
            return Ok(None);
        }
        self.tidy(&chain);
        fs::create_dir_all(&self.dir)?;
        file::put(&file::path(&self.dir, end, state.position), &content)?;
        Ok(Some(state.position))
    }

    /// Removes what is in no chain.
    fn tidy(&self, chain: &[Stretch]) {
        let named: BTreeSet<&Path> = chain.iter().map(|stretch| stretch.path.as_path()).collect();
        for path in self.files().filter(|path| !named.contains(path.as_path())) {
            drop(fs::remove_file(path));
        }
    }
}

/// The digest of the record where a state stands, and the rows that the records since a position touched, as the state has
/// them: none where it has none.
fn touched(log: &dyn Log, state: &State, from: u64) -> Result<(Digest, file::Content), Unwritten> {
    let (mut last, mut names) = (Digest::default(), BTreeSet::new());
    for line in log.read(from + 1)? {
        let line = line?;
        let mut room = String::new();
        names.extend(Facets::of(&Record::parse(line.seq, &line.text, &mut room)?, &|_| None).touched);
        if line.seq == state.position {
            last = Digest::of(line.text.as_bytes());
            break;
        }
    }
    let mut rows = BTreeMap::new();
    for (kind, id) in names {
        let row = state.keep(&kind, &id).transpose()?;
        rows.insert(format!("{kind} {id}"), row);
    }
    Ok((last, rows))
}
