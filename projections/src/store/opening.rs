//! Opening a store that may be damaged: in a thread of its own, with a time limit, and never believed without a check.
//!
//! sled can hang or panic on a damaged file. Then its thread is left behind with its directory, and a fresh store begins in
//! the next one. Only what [`open`] returns as believed counts: the seal is known when the last row is.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use super::seal::Seal;
use super::shelf::{Pair, Shelf, Sled};
use super::{Error, Meta, Stand, Store, keys};

/// What a directory with a store in it is called, before its number.
const NAME: &str = "rows-";
/// Rows that are handed over together.
const TOGETHER: usize = 512;
/// Hand-overs that wait.
const WAITING: usize = 8;
/// For every so many bytes of a store, its opening is given one more second.
const BYTES_PER_SECOND: u64 = 20 << 20;

/// What a store must be to be believed.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The build of this program: the shape of rows is its own affair.
    pub program: String,
    /// The journal they must come from.
    pub journal: String,
    /// How long opening may take, beside what the size of the store needs.
    pub patience: Duration,
}

/// Why a store was not believed.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    /// The position is in no row, or that row cannot be read.
    #[error("they do not say where they stand")]
    Nowhere,
    /// Another build of the program wrote them.
    #[error("another build of the program wrote them ({0})")]
    Program(String),
    /// They come from another journal.
    #[error("they come from another journal ({0})")]
    Journal(String),
    /// Not all of the state's rows are there.
    #[error("they were never finished")]
    Unfinished,
    /// A row is missing, stale or altered.
    #[error("a row is missing, stale or altered")]
    Seal,
    /// The caller does not believe it.
    #[error("{0}")]
    Refused(String),
    /// It could not be opened or read.
    #[error(transparent)]
    Unreadable(#[from] Error),
    /// It panicked.
    #[error("reading them panicked")]
    Panicked,
    /// It hung.
    #[error("reading them took longer than {0:?}")]
    Hung(Duration),
}

/// A store, and how it came to be.
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Whether its rows were believed and handed over; otherwise it is empty, and what was handed over does not count.
    pub believed: bool,
    /// Why the one before was not believed; `None` also where there was none.
    pub doubt: Option<Doubt>,
}

/// Makes something of a row: its kind, its identifier and its text.
pub type Understand<R> = Box<dyn FnMut(&str, &str, &str) -> Result<R, String> + Send>;

/// What the caller has to say about a store.
pub trait Reading {
    /// What a row of the state is made into.
    type Row: Send + 'static;
    /// Whether a store may stand there.
    fn stands(&mut self, stand: &Stand) -> Result<(), String>;
    /// How rows of the state are understood. Whoever waits does it: the thread that reads the store, or this one.
    fn understand(&self) -> Understand<Self::Row>;
    /// Takes a row of the state.
    fn row(&mut self, row: Self::Row) -> Result<(), String>;
    /// All rows of the state were told. They are not believed yet: the rest of the store is still read and checked.
    fn told(&mut self) {}
}

/// A row of the state on its way.
enum Piece<R> {
    Made(R),
    Raw(Pair),
}

enum Said<R> {
    Meta(Meta),
    Rows(Vec<Piece<R>>),
    Told,
    /// All rows were told; with the seal over them.
    End(Arc<dyn Shelf>, Seal),
    Doubt(Doubt),
}

/// How many bytes the stores in a directory take on disk.
pub fn bytes(dir: &Path) -> u64 {
    size(dir)
}

/// Opens the newest store in `dir` and hands its rows of the state to `reading`; begins a fresh one where there is none that
/// can be believed. Only one process may do so at a time.
///
/// # Errors
/// When no fresh one can be made either.
pub fn open<R: Reading>(dir: &Path, wanted: &Wanted, reading: &mut R) -> Result<Opened, Error> {
    fs::create_dir_all(dir).map_err(Error::shelf("create"))?;
    let numbers = numbers(dir)?;
    let newest = numbers.last().copied();
    let read = newest.map(|number| read(&path(dir, number), wanted, reading));
    let (store, doubt) = match read {
        Some(Ok(store)) => (Some(store), None),
        Some(Err(doubt)) => (None, Some(doubt)),
        None => (None, None),
    };
    let believed = store.is_some();
    let number = newest.map_or(1, |number| if believed { number } else { number + 1 });
    for old in numbers.into_iter().filter(|old| *old != number) {
        // What cannot be removed now is removed at the next start.
        drop(fs::remove_dir_all(path(dir, old)));
    }
    let store = match store {
        Some(store) => store,
        None => fresh(&path(dir, number), wanted)?,
    };
    Ok(Opened { store, believed, doubt })
}

/// Begins a fresh store beside those that are there, which the next [`open`] removes.
///
/// # Errors
/// When it cannot be made.
pub fn begin(dir: &Path, wanted: &Wanted) -> Result<Store, Error> {
    let newest = numbers(dir)?.last().copied();
    fresh(&path(dir, newest.map_or(1, |number| number + 1)), wanted)
}

fn fresh(dir: &Path, wanted: &Wanted) -> Result<Store, Error> {
    let made = catch_unwind(AssertUnwindSafe(|| Sled::open(dir)));
    let shelf = made.map_err(|_| Error::shelf("open")("it panicked"))??;
    Ok(Store::new(Arc::new(shelf), &wanted.program, &wanted.journal))
}

pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{NAME}{number}"))
}

pub(super) fn numbers(dir: &Path) -> Result<Vec<u64>, Error> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::shelf("list"))? {
        let name = entry.map_err(Error::shelf("list"))?.file_name();
        numbers.extend(
            name.to_str()
                .and_then(|name| name.strip_prefix(NAME)?.parse::<u64>().ok()),
        );
    }
    numbers.sort_unstable();
    Ok(numbers)
}

pub(super) fn read<R: Reading>(dir: &Path, wanted: &Wanted, reading: &mut R) -> Result<Store, Doubt> {
    let patience = wanted.patience + Duration::from_secs(size(dir) / BYTES_PER_SECOND);
    let (say, said) = sync_channel(WAITING);
    let (its_dir, mut understand) = (dir.to_owned(), reading.understand());
    let mut own = reading.understand();
    std::thread::Builder::new()
        .name("rows".to_owned())
        .spawn(move || tell(&its_dir, &mut understand, &say))
        .map_err(Error::shelf("start a thread"))?;
    let until = (Instant::now() + patience, patience);
    let Said::Meta(meta) = hear(&said, until)? else {
        return Err(Doubt::Nowhere);
    };
    believable(&meta, wanted)?;
    reading.stands(&meta.stand).map_err(Doubt::Refused)?;
    loop {
        match hear(&said, until)? {
            Said::Rows(rows) => {
                for piece in rows {
                    let row = match piece {
                        Piece::Made(row) => row,
                        Piece::Raw(pair) => made(&pair, &mut own)?,
                    };
                    reading.row(row).map_err(Doubt::Refused)?;
                }
            }
            Said::Told => reading.told(),
            Said::End(shelf, seal) => return Ok(Store::with(shelf, meta, seal)),
            _ => return Err(Doubt::Nowhere),
        }
    }
}

fn hear<R>(said: &Receiver<Said<R>>, (until, patience): (Instant, Duration)) -> Result<Said<R>, Doubt> {
    match said.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(Said::Doubt(doubt)) => Err(doubt),
        Ok(said) => Ok(said),
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(Doubt::Hung(patience)),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Err(Doubt::Panicked),
    }
}

fn believable(meta: &Meta, wanted: &Wanted) -> Result<(), Doubt> {
    if meta.program != wanted.program {
        return Err(Doubt::Program(meta.program.clone()));
    }
    if meta.journal != wanted.journal {
        return Err(Doubt::Journal(meta.journal.clone()));
    }
    if meta.whole { Ok(()) } else { Err(Doubt::Unfinished) }
}

fn made<R>((key, value): &Pair, understand: &mut Understand<R>) -> Result<R, Doubt> {
    let (kind, id) = keys::row_of(key).ok_or(Error::Damaged("the key of a row"))?;
    let text = std::str::from_utf8(value).map_err(|_| Error::Damaged("the text of a row"))?;
    understand(kind, id, text).map_err(Doubt::Refused)
}

/// Reads a store and says what it finds, until the end or until nobody hears.
fn tell<R>(dir: &Path, understand: &mut Understand<R>, say: &SyncSender<Said<R>>) {
    let told = catch_unwind(AssertUnwindSafe(|| tell_all(dir, understand, say)));
    let doubt = match told {
        Ok(Ok(())) => return,
        Ok(Err(doubt)) => doubt,
        Err(_) => Doubt::Panicked,
    };
    drop(say.send(Said::Doubt(doubt)));
}

fn tell_all<R>(dir: &Path, understand: &mut Understand<R>, say: &SyncSender<Said<R>>) -> Result<(), Doubt> {
    let shelf = Sled::open(dir)?;
    let meta = shelf.get(keys::META)?.ok_or(Doubt::Nowhere)?;
    let meta: Meta = serde_json::from_slice(&meta).map_err(|_| Doubt::Nowhere)?;
    if say.send(Said::Meta(meta.clone())).is_err() {
        return Ok(());
    }
    let (mut seal, mut rows) = (Seal::default(), Vec::with_capacity(TOGETHER));
    let (mut before, mut is_told, mut is_ahead) = (Vec::new(), false, false);
    for pair in shelf.scan(b"", b"") {
        let (key, value) = pair?;
        if key <= before {
            return Err(Error::Damaged("the order of keys").into());
        }
        before.clone_from(&key);
        if key == keys::META {
            continue;
        }
        seal.add(&key, &value);
        if key.starts_with(keys::ROWS) {
            let pair = (key, value);
            rows.push(if is_ahead {
                Piece::Made(made(&pair, understand)?)
            } else {
                Piece::Raw(pair)
            });
        } else if !is_told && key.as_slice() > keys::ROWS {
            is_told = true;
            if say.send(Said::Rows(std::mem::take(&mut rows))).is_err() || say.send(Said::Told).is_err() {
                return Ok(());
            }
        }
        if rows.len() == TOGETHER {
            let some = Said::Rows(std::mem::replace(&mut rows, Vec::with_capacity(TOGETHER)));
            is_ahead = match say.try_send(some) {
                Ok(()) => false,
                Err(TrySendError::Full(some)) => {
                    if say.send(some).is_err() {
                        return Ok(());
                    }
                    true
                }
                Err(TrySendError::Disconnected(_)) => return Ok(()),
            };
        }
    }
    let sealed = meta.seal;
    if meta.sealed(seal).map_err(|_| Doubt::Nowhere)?.seal != sealed {
        return Err(Doubt::Seal);
    }
    // Whoever does not hear any more has given up on this store.
    drop(say.send(Said::Rows(rows)));
    drop(say.send(Said::End(Arc::new(shelf), seal)));
    Ok(())
}

/// How many bytes lie in a directory and those below it.
fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let size_of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(size_of).sum()
}

#[cfg(test)]
#[path = "spoilt.rs"]
mod spoilt;
