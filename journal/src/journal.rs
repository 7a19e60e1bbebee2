//! The journal: opening a directory, and the handle that many may hold.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::disk::{Disk, RealDisk};
use crate::queue::{Queue, closed};
use crate::reader::{Cursor, Shared};
use crate::recovery::{self, Opened, Recovery};
use crate::writer::{Active, Writer};
use crate::{Done, Error, Line, Lines, Log, prepare, segment};

/// Room that a segment's header takes, at most.
const HEADER_BYTES_MAX: u64 = 512;

/// Sizes.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Length of a segment while it is written, in bytes; a multiple of 4096.
    pub segment_bytes: u64,
    /// Longest record, in bytes.
    pub record_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            record_bytes_max: 1 << 20,
        }
    }
}

struct Inner {
    disk: Arc<dyn Disk>,
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// A journal that is open for writing. Cheap to clone; the last one closes it.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

impl Journal {
    /// Opens a directory (made if it is not there), checks every record, cuts a torn end off.
    ///
    /// # Errors
    /// [`Error::Locked`] where another process has it, [`Error::Damaged`] and [`Error::Missing`] where it is not whole.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovery), Error> {
        let disk = RealDisk::lock(dir).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::WouldBlock => Error::Locked,
            _ => Error::disk(dir.display().to_string())(cause),
        })?;
        let seed = format!(
            "{} {:?} {}",
            dir.display(),
            std::time::SystemTime::now(),
            std::process::id()
        );
        Self::open_on(Arc::new(disk), options, &seed)
    }

    /// Opens a directory on any disk; `seed` makes a new journal's identifier.
    pub fn open_on(disk: Arc<dyn Disk>, options: Options, seed: &str) -> Result<(Self, Recovery), Error> {
        let opened = recovery::recover(disk.as_ref())?;
        if opened.last.is_none() {
            // A journal that cannot get its first segment is not worth starting.
            prepare::ready(disk.as_ref(), options.segment_bytes)
                .map_err(Error::disk("the first segment cannot be made"))?;
        }
        let recovery = opened.recovery.clone();
        let journal = Self::start(disk, options, opened, seed)?;
        Ok((journal, recovery))
    }

    fn start(disk: Arc<dyn Disk>, options: Options, opened: Opened, seed: &str) -> Result<Self, Error> {
        let next = opened.recovery.last_seq + 1;
        let (active, left) = active(disk.as_ref(), &opened)?;
        let journal = active
            .as_ref()
            .map_or_else(|| identifier(seed), |active| active.header.journal.clone());
        let room = options.segment_bytes.saturating_sub(HEADER_BYTES_MAX);
        let queue = Arc::new(Queue::new(next, left, room, options.record_bytes_max));
        let shared = Arc::new(Shared::new(next - 1, opened.segments, opened.marks));
        let writer = Writer {
            disk: Arc::clone(&disk),
            queue: Arc::clone(&queue),
            shared: Arc::clone(&shared),
            active,
            journal,
        };
        let (disk2, queue2) = (Arc::clone(&disk), Arc::clone(&queue));
        let threads = vec![
            spawn("journal-writer", move || writer.run())?,
            spawn("journal-preparer", move || {
                prepare::run(&disk2, &queue2, options.segment_bytes)
            })?,
        ];
        Ok(Self(Arc::new(Inner {
            disk,
            queue,
            shared,
            threads: Mutex::new(threads),
        })))
    }

    /// Calls `each` with every record from a position on, without copying them.
    pub fn scan(&self, from: u64, mut each: impl FnMut(u64, &str) -> bool) -> Result<(), Error> {
        let mut cursor = self.cursor(from);
        while let Some((seq, text)) = Cursor::next(&mut cursor)? {
            if !each(seq, text) {
                break;
            }
        }
        Ok(())
    }

    fn cursor(&self, from: u64) -> Cursor {
        Cursor::new(
            Arc::clone(&self.0.disk),
            Arc::clone(&self.0.shared),
            from,
            self.0.shared.durable(),
        )
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(Error::disk("a thread cannot be started"))
}

fn identifier(seed: &str) -> String {
    let digest = crate::tree::leaf(seed);
    crate::tree::hex(digest.0.get(..16).unwrap_or_default())
}

/// The segment to go on with, and the room in it.
fn active(disk: &dyn Disk, opened: &Opened) -> Result<(Option<Active>, u64), Error> {
    let (Some(last), Some(first)) = (&opened.last, opened.segments.last()) else {
        return Ok((None, 0));
    };
    let name = segment::name(*first);
    let file = disk.open(&name).map_err(Error::disk(name.clone()))?;
    let len = file.len().map_err(Error::disk(name))?;
    let active = Active {
        file,
        header: last.header.clone(),
        end: last.end,
        last_sum: last.last_sum.clone(),
    };
    Ok((Some(active), len.saturating_sub(last.end)))
}

impl Log for Journal {
    fn append(&self, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.0.queue.push(bodies, done)
    }

    fn durable(&self) -> u64 {
        self.0.shared.durable()
    }

    fn wait(&self, after: u64, timeout: Duration) -> u64 {
        self.0.shared.wait(after, timeout)
    }

    fn on_durable(&self, hook: Box<dyn Fn(u64) + Send + Sync>) {
        self.0.shared.hook(hook);
    }

    fn read(&self, from: u64) -> Result<Lines, Error> {
        Ok(Box::new(self.cursor(from)))
    }

    fn get(&self, seq: u64) -> Result<Option<Line>, Error> {
        if seq == 0 || seq > self.durable() {
            return Ok(None);
        }
        Cursor::new(Arc::clone(&self.0.disk), Arc::clone(&self.0.shared), seq, seq)
            .collect::<Result<Vec<_>, _>>()
            .map(|mut lines| lines.pop())
    }

    fn closed(&self) -> Option<String> {
        closed(&self.0.queue.lock())
    }

    fn close(&self) -> Result<(), Error> {
        self.0.close();
        match &self.0.queue.lock().failed {
            Some(reason) => Err(Error::Closed { reason: reason.clone() }),
            None => Ok(()),
        }
    }
}

impl Inner {
    fn close(&self) {
        self.queue.lock().closing = true;
        self.queue.changed.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // The last handle may be dropped by an answer on the writer's own thread.
            if thread.thread().id() != std::thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
