//! The helper thread: prepares the next segment before it is needed, and hashes records after they are durable.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Error;
use crate::disk::{Disk, DiskFile};
use crate::index::{Index, Source};
use crate::merkle::Tree;
use crate::queue::Queue;
use crate::segment;

/// How long hashing lags behind. Nothing waits for it.
const TICK: Duration = Duration::from_millis(200);
/// The pause after a preparation failed; on a full disk each attempt fills it to the brim.
const PAUSE: Duration = Duration::from_millis(50);
/// Records hashed before somebody else gets the tree.
const TOGETHER: u64 = 4096;

#[derive(Default)]
struct Slot {
    wanted: bool,
    ready: Option<Box<dyn DiskFile>>,
    failed: Option<Arc<str>>,
    stop: bool,
}

/// What the writer and the helper say to each other.
#[derive(Default)]
pub(crate) struct Chores {
    slot: Mutex<Slot>,
    changed: Condvar,
}

impl Chores {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a next segment, unless there is one.
    pub(crate) fn want(&self) {
        let mut slot = self.slot();
        if slot.ready.is_none() && !slot.wanted {
            slot.wanted = true;
            slot.failed = None;
            self.changed.notify_all();
        }
    }

    /// Asks for a next segment, unless it is known that none can be had.
    pub(crate) fn foresee(&self) {
        let known = self.slot().failed.is_some();
        if !known {
            self.want();
        }
    }

    /// The next segment, waiting for it; or why there is none.
    pub(crate) fn take(&self) -> Result<Box<dyn DiskFile>, Arc<str>> {
        self.want();
        let mut slot = self.slot();
        loop {
            if let Some(file) = slot.ready.take() {
                return Ok(file);
            }
            match &slot.failed {
                Some(why) => return Err(Arc::clone(why)),
                None if slot.stop => return Err("the journal is closing".into()),
                None => slot = self.changed.wait(slot).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Ends the helper.
    pub(crate) fn stop(&self) {
        self.slot().stop = true;
        self.changed.notify_all();
    }

    /// Waits for something to do; `None` is the end, `true` asks for a segment.
    fn next(&self) -> Option<bool> {
        let slot = self.slot();
        let idle = |slot: &mut Slot| !slot.stop && !slot.wanted;
        let (slot, _) = self
            .changed
            .wait_timeout_while(slot, TICK, idle)
            .unwrap_or_else(PoisonError::into_inner);
        (!slot.stop).then_some(slot.wanted)
    }

    /// Waits a moment, or until the end.
    fn pause(&self) {
        // How it ended does not matter.
        drop(self.changed.wait_timeout_while(self.slot(), PAUSE, |slot| !slot.stop));
    }

    fn prepared(&self, result: Result<Box<dyn DiskFile>, Arc<str>>) {
        let mut slot = self.slot();
        slot.wanted = false;
        match result {
            Ok(file) => slot.ready = Some(file),
            Err(why) => slot.failed = Some(why),
        }
        self.changed.notify_all();
    }
}

pub(crate) struct Helper {
    pub(crate) chores: Arc<Chores>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) source: Arc<Source>,
    pub(crate) tree: Arc<Mutex<Tree>>,
    pub(crate) segment_bytes: u64,
}

impl Helper {
    /// Works until it is told to stop; then the tree is brought up to date and saved.
    pub(crate) fn run(self) {
        while let Some(wanted) = self.chores.next() {
            if wanted {
                self.prepare(self.source.disk.as_ref());
            } else {
                // Tiles can be computed again from the records, so what fails here only waits for the next time.
                let _ = self.hash();
            }
        }
        let _ = self.hash().and_then(|()| self.tree().save());
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prepare(&self, disk: &dyn Disk) {
        let result = segment::prepare(disk, self.segment_bytes).map_err(|cause| Arc::<str>::from(cause.to_string()));
        self.queue.prepared(result.as_ref().map(|_| ()).map_err(Arc::clone));
        let failed = result.is_err();
        self.chores.prepared(result);
        if failed {
            self.chores.pause();
        }
    }

    fn hash(&self) -> Result<(), Error> {
        let last = self.source.look(Index::last);
        while self.tree().size() < last {
            let to = self.tree().size().saturating_add(TOGETHER).min(last);
            self.tree().advance(to)?;
            self.tree().flush()?;
        }
        Ok(())
    }
}
