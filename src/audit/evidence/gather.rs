//! Finds the records that were asked for and proves each of them, from the journal's directory, without its lock.

use journal::{Checkpoint, Look, Prover, Root};
use projections::store::{Facets, Index};
use projections::{Action, Id, Record};
use thiserror::Error;

use super::bundle::{Entry, FORMAT};
use super::{Bundle, Selection, What, page, succession};
use crate::kernel::token::hex;

/// Most records of a bundle; more is a backup, not evidence.
pub const RECORDS_MAX: usize = 100_000;
/// Most bytes of their texts.
pub const BYTES_MAX: usize = 256 << 20;

/// Records read between two calls of `progress`.
const STRIDE: u64 = 8192;

/// Why nothing can be proven.
#[derive(Debug, Error)]
pub enum Unproven {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A record cannot be read.
    #[error(transparent)]
    Unread(#[from] projections::Unread),
    /// It is no range.
    #[error("{from} to {to} is no range of records: the first is 1, and there are {last}")]
    Range {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
        /// The last one that there is.
        last: u64,
    },
    /// No record is about the action.
    #[error("no record concerns action {0}")]
    Nothing(String),
    /// It is too much for one file.
    #[error("that is more than {RECORDS_MAX} records, or more than 256 MiB; take several ranges")]
    TooMuch,
    /// A checkpoint vouches for more than there is.
    #[error("truncated: the checkpoint vouches for {size} records, the journal holds {found}")]
    Truncated {
        /// How many it vouches for.
        size: u64,
        /// How many there are.
        found: u64,
    },
    /// A checkpoint of the same size has another root.
    #[error(
        "another history: the checkpoint and this journal both have {size} records, with the roots {vouched} and {found}"
    )]
    Fork {
        /// How many records.
        size: u64,
        /// The checkpoint's root.
        vouched: String,
        /// The journal's.
        found: String,
    },
    /// The journal is longer, and does not begin with what the checkpoint vouches for.
    #[error(
        "another history: the checkpoint vouches for {size} records with the root {vouched}, here the first {size} have {found}"
    )]
    Forked {
        /// How many it vouches for.
        size: u64,
        /// Its root.
        vouched: String,
        /// The root here.
        found: String,
    },
}

/// Whether a checkpoint is of the history that is here; `all` is how many records there are.
pub fn same_history(prover: &Prover, all: u64, vouched: &Root) -> Result<(), Unproven> {
    let size = vouched.size;
    if size > all {
        return Err(Unproven::Truncated { size, found: all });
    }
    let found = prover.root(size)?;
    if found == *vouched {
        return Ok(());
    }
    let (vouched, found) = (vouched.hex(), found.hex());
    Err(if size == all {
        Unproven::Fork { size, vouched, found }
    } else {
        Unproven::Forked { size, vouched, found }
    })
}

/// Hashes the records that a checkpoint vouches for, and insists that they are those.
pub fn proven(look: &Look, checkpoint: &Checkpoint, progress: &mut dyn FnMut(u64)) -> Result<Prover, Unproven> {
    let (size, found) = (checkpoint.root.size, look.last_seq());
    if size > found {
        return Err(Unproven::Truncated { size, found });
    }
    let prover = look.prover(size, progress)?;
    same_history(&prover, size, &checkpoint.root)?;
    Ok(prover)
}

/// How far the gathering is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many of the records that the checkpoint vouches for are hashed.
    Hashed(u64),
    /// So many of them are looked through: for those that name keys, or for those about an action.
    Read(u64),
    /// So many records, of so many, have their proof.
    Proven(u64, u64),
}

/// Everything of a bundle but its seal.
pub fn gather(
    look: &Look,
    checkpoint: &Checkpoint,
    key: &str,
    what: What,
    progress: &mut dyn FnMut(Step),
) -> Result<Bundle, Unproven> {
    let prover = proven(look, checkpoint, &mut |done| progress(Step::Hashed(done)))?;
    let size = checkpoint.root.size;
    let mut records = match &what {
        What::Action(id) => of_action(look, size, id, &mut |done| progress(Step::Read(done)))?,
        What::Range { from, to } => of_range(look, size, *from, *to)?,
    };
    let all = records.len() as u64;
    for (done, entry) in (1..).zip(&mut records) {
        *entry = prove(&prover, size, entry.seq, std::mem::take(&mut entry.text))?;
        progress(Step::Proven(done, all));
    }
    let rotations = succession::gather(look, &prover, (size, key), &mut |done| progress(Step::Read(done)))?;
    let journal = look.journal().to_owned();
    Ok(Bundle {
        format: FORMAT.to_owned(),
        page: page::page(&what, records.len(), size),
        selection: Selection { journal, what },
        key: key.to_owned(),
        checkpoint: checkpoint.note.clone(),
        rotations,
        records,
        seal: String::new(),
    })
}

/// A record with its proof.
pub(super) fn prove(prover: &Prover, size: u64, seq: u64, text: String) -> Result<Entry, Unproven> {
    let path = prover.inclusion(seq, size)?.path;
    let proof = path.iter().map(|hash| hex("", hash)).collect();
    Ok(Entry { seq, text, proof })
}

#[derive(Default)]
struct Kept {
    entries: Vec<Entry>,
    bytes: usize,
}

impl Kept {
    fn push(&mut self, seq: u64, text: &str) -> Result<(), Unproven> {
        self.bytes += text.len();
        if self.entries.len() >= RECORDS_MAX || self.bytes > BYTES_MAX {
            return Err(Unproven::TooMuch);
        }
        let (text, proof) = (text.to_owned(), Vec::new());
        self.entries.push(Entry { seq, text, proof });
        Ok(())
    }
}

fn of_range(look: &Look, last: u64, from: u64, to: u64) -> Result<Vec<Entry>, Unproven> {
    if from == 0 || from > to || to > last {
        return Err(Unproven::Range { from, to, last });
    }
    let (mut kept, mut reader) = (Kept::default(), look.reader(from));
    while let Some(line) = reader.next_ref()?.filter(|line| line.seq <= to) {
        kept.push(line.seq, line.text)?;
    }
    Ok(kept.entries)
}

fn of_action(look: &Look, last: u64, id: &str, progress: &mut dyn FnMut(u64)) -> Result<Vec<Entry>, Unproven> {
    let (mut kept, mut reader) = (Kept::default(), look.reader(1));
    while let Some(line) = reader.next_ref()?.filter(|line| line.seq <= last) {
        if concerns(line.seq, line.text, id)? {
            kept.push(line.seq, line.text)?;
        }
        if line.seq.is_multiple_of(STRIDE) {
            progress(line.seq);
        }
    }
    if kept.entries.is_empty() {
        return Err(Unproven::Nothing(id.to_owned()));
    }
    Ok(kept.entries)
}

/// Whether a record concerns an action: proposed, moved, carried out, refused, undone.
pub fn concerns(seq: u64, text: &str, action: &str) -> Result<bool, projections::Unread> {
    let mut room = String::new();
    let record = Record::parse(seq, text, &mut room)?;
    let id = action.parse::<Id<Action>>().map(|id| id.to_string());
    Ok(Facets::of(&record, &|_| None).has(Index::Action, id.as_deref().unwrap_or(action)))
}
