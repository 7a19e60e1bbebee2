//! The journal: a cheap handle to a directory of segments and the two threads that work on it.

mod evidence;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::disk::{Disk, Lock, RealDisk};
use crate::helper::{Chores, Helper};
use crate::index::Source;
use crate::merkle::Tree;
use crate::queue::{BY_OWNER, Queue};
use crate::recovery::{self, Opened};
use crate::writer::{Batch, Writer};
use crate::{Archived, Done, Error, Hook, Line, Log, Options, Priority, Reader, Records, Recovery, directories, key};

/// The file whose lock holds the directory.
const LOCK: &str = "lock";

/// A journal in a directory. Clones are the same journal; the last one closes it when it is dropped.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Arc<Queue>,
    source: Arc<Source>,
    chores: Arc<Chores>,
    tree: Arc<Mutex<Tree>>,
    origin: String,
    /// Held while a checkpoint is compared with the newest and saved.
    saving: Mutex<()>,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    writer: JoinHandle<()>,
    helper: JoinHandle<()>,
}

/// How a journal is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Why it is closed; `None` while it is open.
    pub closed: Option<Arc<str>>,
    /// Why no further segment could be prepared; `None` while all is well.
    pub full: Option<Arc<str>>,
    /// The last durable record.
    pub durable: u64,
    /// Bytes left in the active segment.
    pub room_bytes: u64,
    /// Records that wait to be written.
    pub waiting: usize,
}

impl Journal {
    /// Opens a journal, or makes one where there is none; the directory is made too. `origin` is the log's name in its
    /// checkpoints, for example `example.org/log`.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it; [`Error::Damaged`], [`Error::Missing`], [`Error::Foreign`],
    /// [`Error::Version`], [`Error::Truncated`] when it is not what was written; [`Error::Options`]; [`Error::Key`] for an
    /// origin with white space or `+`; [`Error::Io`].
    pub fn open(dir: &Path, options: Options, origin: &str) -> Result<(Self, Recovery), Error> {
        let disk = RealDisk::create(dir).map_err(Error::io("open", &dir.display().to_string()))?;
        Self::open_on(Arc::new(Archived::over(Arc::new(disk), directories())), options, origin)
    }

    /// Opens a journal on any disk.
    ///
    /// # Errors
    /// As for [`Journal::open`].
    pub fn open_on(disk: Arc<dyn Disk>, options: Options, origin: &str) -> Result<(Self, Recovery), Error> {
        Self::open_watched(disk, options, origin, &mut |_, _| {})
    }

    /// [`Journal::open_on`]; `progress` hears how many bytes of how many were read.
    ///
    /// # Errors
    /// As for [`Journal::open`].
    pub fn open_watched(
        disk: Arc<dyn Disk>,
        options: Options,
        origin: &str,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(Self, Recovery), Error> {
        options.check()?;
        key::check_name(origin)?;
        let lock = disk.lock(LOCK).map_err(Error::io("lock", LOCK))?;
        let lock = lock.ok_or_else(|| Error::Locked { dir: disk.describe() })?;
        let Opened {
            index,
            active,
            recovery,
        } = recovery::open(disk.as_ref(), &options, progress)?;
        let last = recovery.last_seq;
        let source = Arc::new(Source::new(disk, options.record_bytes_max, index));
        let tree = Arc::new(Mutex::new(Tree::load(Arc::clone(&source), last)));
        let queue = Arc::new(Queue::new(options.clone(), last, active.capacity - active.end));
        let chores = Arc::new(Chores::default());
        let writer = Writer {
            queue: Arc::clone(&queue),
            source: Arc::clone(&source),
            chores: Arc::clone(&chores),
            tree: Arc::clone(&tree),
            options,
            journal: recovery.journal.clone(),
            active,
            last,
            batch: Batch::default(),
            backlog: VecDeque::new(),
        };
        let threads = Mutex::new(Some(start(writer, lock)?));
        let inner = Inner {
            queue,
            source,
            chores,
            tree,
            origin: origin.to_owned(),
            saving: Mutex::default(),
            threads,
        };
        Ok((Self { inner: Arc::new(inner) }, recovery))
    }

    fn push(&self, priority: Priority, after: Option<u64>, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        let given = self.inner.queue.push(priority, after, bodies, done);
        if matches!(given, Err(Error::Full { .. })) {
            self.inner.chores.want();
        }
        given
    }

    /// The durable records from `from` on, without a copy of each if [`Reader::next_ref`] is used. Goes on when asked again
    /// after more became durable.
    pub fn reader(&self, from: u64) -> Reader {
        Reader::new(Arc::clone(&self.inner.source), from)
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        let (room_bytes, full, waiting) = self.inner.queue.room();
        Health {
            closed: self.closed(),
            full,
            durable: self.durable(),
            room_bytes,
            waiting,
        }
    }
}

fn start(writer: Writer, lock: Lock) -> Result<Threads, Error> {
    let (chores, queue) = (Arc::clone(&writer.chores), Arc::clone(&writer.queue));
    let (source, tree) = (Arc::clone(&writer.source), Arc::clone(&writer.tree));
    let helper = Helper {
        chores,
        queue,
        source,
        tree,
        segment_bytes: writer.options.segment_bytes,
    };
    // The directory is free again when both threads have ended.
    let (lock, held) = {
        let lock = Arc::new(lock);
        (Arc::clone(&lock), lock)
    };
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(Error::io("start", name))
    };
    let chores = Arc::clone(&writer.chores);
    let helper = spawn(
        "journal-helper",
        Box::new(move || {
            helper.run();
            drop(held);
        }),
    )?;
    let writer = spawn(
        "journal-writer",
        Box::new(move || {
            writer.run();
            drop(lock);
        }),
    );
    if writer.is_err() {
        chores.stop();
    }
    Ok(Threads {
        writer: writer?,
        helper,
    })
}

impl Log for Journal {
    fn append_as(&self, priority: Priority, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.push(priority, None, bodies, done)
    }

    fn append_after(&self, priority: Priority, after: u64, bodies: Vec<String>, done: Done) -> Result<u64, Error> {
        self.push(priority, Some(after), bodies, done)
    }

    fn durable(&self) -> u64 {
        self.inner.queue.durable()
    }

    fn wait(&self, after: u64, timeout: Duration) -> u64 {
        self.inner.queue.wait(after, timeout)
    }

    fn on_durable(&self, hook: Hook) {
        self.inner.queue.hook(hook);
    }

    fn read(&self, from: u64) -> Result<Records, Error> {
        Ok(Box::new(self.reader(from)))
    }

    fn get(&self, seq: u64) -> Result<Option<Line>, Error> {
        if seq == 0 {
            Ok(None)
        } else {
            Reader::one(Arc::clone(&self.inner.source), seq).next().transpose()
        }
    }

    fn closed(&self) -> Option<Arc<str>> {
        self.inner.queue.closed()
    }

    fn close(&self) -> Result<(), Error> {
        self.inner.close();
        match self.closed() {
            Some(reason) if &*reason != BY_OWNER => Err(Error::Closed { reason }),
            _ => Ok(()),
        }
    }
}

impl Inner {
    fn close(&self) {
        self.queue.stop();
        let Some(threads) = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        // A callback may drop the last handle: the writer cannot wait for itself, and ends by itself.
        if threads.writer.thread().id() != thread::current().id() {
            // What they could not do is told by `closed`.
            let _ = threads.writer.join();
        }
        self.chores.stop();
        if threads.helper.thread().id() != thread::current().id() {
            let _ = threads.helper.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
