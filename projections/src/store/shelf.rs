//! Where rows lie: a small ordered map that takes batches. sled is one; a map in memory another, for tests.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Error;

/// What sled may keep in memory of its pages.
const CACHE_BYTES: u64 = 16 << 20;
/// The file that sled writes everything to.
const FILE: &str = "db";

/// How often a locked file is tried again: a dropped database lets go of its lock a little later.
const LOCKED_MAX: u32 = 100;
/// How long between two tries.
const LOCKED_PAUSE: Duration = Duration::from_millis(10);

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);
/// Keys with what they are set to; `None` takes a key away.
pub type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// An ordered map of bytes.
pub trait Shelf: Send + Sync {
    /// One value.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// Everything whose key begins with `prefix` and is not before `from`, in order.
    fn scan(&self, prefix: &[u8], from: &[u8]) -> Box<dyn Iterator<Item = Result<Pair, Error>> + '_>;
    /// The last key that begins with `prefix` and is not after `upto`.
    fn last(&self, prefix: &[u8], upto: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut last = None;
        for pair in self.scan(prefix, prefix) {
            let (key, _) = pair?;
            if key.as_slice() > upto {
                break;
            }
            last = Some(key);
        }
        Ok(last)
    }
    /// Makes several changes, all of them or none.
    fn apply(&self, changes: Changes) -> Result<(), Error>;
    /// What was applied before is there after a power cut.
    fn flush(&self) -> Result<(), Error>;
}

/// sled in a directory of its own.
pub struct Sled {
    /// There until it is dropped.
    db: Option<sled::Db>,
    dir: PathBuf,
}

impl Sled {
    /// Opens or makes a database. It may hang or panic on a damaged one.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .mode(sled::Mode::HighThroughput);
        let mut tried = 0;
        loop {
            match config.open() {
                Ok(db) => {
                    let dir = dir.to_owned();
                    return Ok(Self { db: Some(db), dir });
                }
                Err(cause) if tried < LOCKED_MAX && is_locked(&cause) => {
                    tried += 1;
                    std::thread::sleep(LOCKED_PAUSE);
                }
                Err(cause) => return Err(Error::shelf("open")(cause)),
            }
        }
    }
}

impl Sled {
    fn db(&self) -> Result<&sled::Db, Error> {
        self.db.as_ref().ok_or_else(|| Error::shelf("use")("it is closed"))
    }
}

impl Drop for Sled {
    fn drop(&mut self) {
        // It writes when it is dropped, and panics where the disk will not have it; nothing rests on that.
        let db = self.db.take();
        drop(catch_unwind(AssertUnwindSafe(|| drop(db))));
    }
}

/// sled says so only in words.
fn is_locked(cause: &sled::Error) -> bool {
    matches!(cause, sled::Error::Io(cause) if cause.to_string().contains("could not acquire lock"))
}

impl Shelf for Sled {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let found = self.db()?.get(key).map_err(Error::shelf("read"))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], from: &[u8]) -> Box<dyn Iterator<Item = Result<Pair, Error>> + '_> {
        let (prefix, from) = (prefix.to_vec(), from.to_vec());
        let db = match self.db() {
            Ok(db) => db,
            Err(closed) => return Box::new(std::iter::once(Err(closed))),
        };
        let found = db.range(from..).map(|pair| {
            let (key, value) = pair.map_err(Error::shelf("read"))?;
            Ok((key.to_vec(), value.to_vec()))
        });
        Box::new(found.take_while(move |pair| pair.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix))))
    }

    fn last(&self, prefix: &[u8], upto: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let found = self.db()?.range(prefix..=upto).keys().next_back();
        let found = found.transpose().map_err(Error::shelf("read"))?;
        Ok(found.map(|key| key.to_vec()).filter(|key| key.starts_with(prefix)))
    }

    fn apply(&self, changes: Changes) -> Result<(), Error> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.db()?.apply_batch(batch).map_err(Error::shelf("write"))
    }

    fn flush(&self) -> Result<(), Error> {
        self.db()?.flush().map_err(Error::shelf("flush"))?;
        // sled's own flush never asks the disk to sync.
        let file = File::open(self.dir.join(FILE)).map_err(Error::shelf("sync"))?;
        file.sync_data().map_err(Error::shelf("sync"))
    }
}

/// A map in memory.
#[derive(Default)]
pub struct Memory(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Memory {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.lock().get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], from: &[u8]) -> Box<dyn Iterator<Item = Result<Pair, Error>> + '_> {
        let map = self.lock();
        let from = map.range::<[u8], _>((Bound::Included(from), Bound::Unbounded));
        let found: Vec<Pair> = from
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        Box::new(found.into_iter().map(Ok))
    }

    fn apply(&self, changes: Changes) -> Result<(), Error> {
        let mut map = self.lock();
        for (key, value) in changes {
            match value {
                Some(value) => drop(map.insert(key, value)),
                None => drop(map.remove(&key)),
            }
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), Error> {
        Ok(())
    }
}
