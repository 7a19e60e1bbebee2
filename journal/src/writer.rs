//! The writer thread: takes everything that waits, one write, one `fdatasync`, then everybody hears.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::write_all;
use crate::helper::Chores;
use crate::index::Source;
use crate::line;
use crate::merkle::{self, Tree};
use crate::queue::{BY_OWNER, Pending, Queue};
use crate::scan::Active;
use crate::segment::{self, Header, VERSION};
use crate::{Done, Error, Options};

/// The least that a segment is extended by after a restart.
const EXTENSION_BYTES_MIN: u64 = 1 << 20;

pub(crate) struct Writer {
    pub(crate) queue: Arc<Queue>,
    pub(crate) source: Arc<Source>,
    pub(crate) chores: Arc<Chores>,
    pub(crate) tree: Arc<Mutex<Tree>>,
    pub(crate) options: Options,
    pub(crate) journal: String,
    pub(crate) active: Active,
    pub(crate) last: u64,
    pub(crate) batch: Batch,
    pub(crate) backlog: VecDeque<Pending>,
}

/// One group commit.
#[derive(Default)]
pub(crate) struct Batch {
    lines: Vec<u8>,
    /// Where each line ends in `lines`.
    ends: Vec<u64>,
    dones: Vec<(u64, Done)>,
    bytes_max: u64,
}

/// What came of looking for room.
enum Room {
    Made,
    None(Arc<str>),
}

impl Writer {
    /// Works until the journal is closed.
    pub(crate) fn run(mut self) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.work()));
        let reason: Arc<str> = match ended {
            Ok(Ok(())) => BY_OWNER.into(),
            Ok(Err(cause)) => cause.to_string().into(),
            Err(_) => "the writer stopped unexpectedly".into(),
        };
        let mut waiting = std::mem::take(&mut self.backlog);
        waiting.extend(self.queue.close(&reason));
        let batch = std::mem::take(&mut self.batch.dones);
        let uncertain = Error::Uncertain {
            reason: Arc::clone(&reason),
        };
        refuse(batch.into_iter().map(|(_, done)| done), &uncertain);
        refuse(
            waiting.into_iter().map(|pending| pending.done),
            &Error::Closed { reason },
        );
    }

    fn work(&mut self) -> Result<(), Error> {
        while self.queue.take(&mut self.backlog) {
            while !self.backlog.is_empty() {
                self.fill();
                if self.batch.ends.is_empty() {
                    self.make_room()?;
                    continue;
                }
                self.commit()?;
                self.acknowledge();
            }
        }
        self.seal()
    }

    /// Takes as many appends into the batch as the caps and the segment allow, each whole: it is durable whole or not at all.
    fn fill(&mut self) {
        let room = self.active.capacity - self.active.end;
        let first = self.last + 1;
        let batch = &mut self.batch;
        batch.lines.clear();
        batch.ends.clear();
        batch.bytes_max = 0;
        while let Some(pending) = self.backlog.front() {
            let bytes = batch.lines.len() as u64 + pending.bytes_max;
            let records = batch.ends.len() + pending.bodies.len();
            let full = records > self.options.batch_records_max || bytes > self.options.batch_bytes_max;
            if bytes > room || (full && !batch.ends.is_empty()) {
                break;
            }
            let Some(pending) = self.backlog.pop_front() else { break };
            for body in &pending.bodies {
                line::encode(&mut batch.lines, first + batch.ends.len() as u64, first, body);
                batch.ends.push(batch.lines.len() as u64);
            }
            batch.bytes_max += pending.bytes_max;
            batch.dones.push((self.last + batch.ends.len() as u64, pending.done));
        }
    }

    fn commit(&mut self) -> Result<(), Error> {
        let (file, name) = (self.active.file.as_ref(), self.active.name.as_str());
        write_all(file, &self.batch.lines, self.active.end).map_err(Error::io("write", name))?;
        file.sync_data().map_err(Error::io("sync", name))
    }

    /// What was written is durable: first readers may see it, then everybody hears, in order.
    fn acknowledge(&mut self) {
        let (start, first) = (self.active.end, self.last + 1);
        self.source.change(|index| {
            let mut offset = start;
            for (seq, end) in (first..).zip(&self.batch.ends) {
                index.record(seq, offset, start + end);
                offset = start + end;
            }
        });
        self.active.end += self.batch.lines.len() as u64;
        self.last += self.batch.ends.len() as u64;
        self.queue
            .publish(self.last, self.batch.bytes_max, self.active.capacity - self.active.end);
        for (seq, done) in self.batch.dones.drain(..) {
            call(done, Ok(seq));
        }
        self.queue.call_hooks(self.last);
        if self.active.end > self.options.segment_bytes / 4 {
            self.chores.foresee();
        }
    }

    /// Makes room for the first append that waits, or refuses all that wait: nothing of them was written.
    fn make_room(&mut self) -> Result<(), Error> {
        let needed = self.backlog.front().map_or(0, |pending| pending.bytes_max);
        if self.extend(needed)? {
            return Ok(());
        }
        if let Room::None(why) = self.roll()? {
            let room_bytes = self.active.capacity - self.active.end;
            let mut waiting = std::mem::take(&mut self.backlog);
            waiting.extend(self.queue.take_back());
            refuse(
                waiting.into_iter().map(|pending| pending.done),
                &Error::Full { room_bytes, why },
            );
        }
        Ok(())
    }

    /// A segment that was cut to its length when the journal was closed is zero-filled again, step by step.
    fn extend(&mut self, needed: u64) -> Result<bool, Error> {
        let active = &mut self.active;
        let step = needed.max(active.capacity).max(EXTENSION_BYTES_MIN);
        let target = active.capacity.saturating_add(step).min(self.options.segment_bytes);
        if target < active.end + needed || target <= active.capacity {
            return Ok(false);
        }
        let filled =
            segment::zero(active.file.as_ref(), active.capacity, target).map_err(Error::io("extend", &active.name));
        match filled {
            Err(cause) if cause.is_full() => {
                // Gives back what was taken; if it fails, only zeros stay behind.
                let _ = active.file.truncate(active.capacity);
                return Ok(false);
            }
            filled => filled?,
        }
        active.file.sync_all().map_err(Error::io("sync", &active.name))?;
        active.capacity = target;
        Ok(true)
    }

    /// Seals the active segment and goes on to the next.
    fn roll(&mut self) -> Result<Room, Error> {
        let file = match self.chores.take() {
            Ok(file) => file,
            Err(why) => return Ok(Room::None(why)),
        };
        let previous = {
            let mut tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
            tree.advance(self.last)?;
            merkle::hex(&tree.root())
        };
        self.seal()?;
        let (first, number) = (self.last + 1, self.active.number + 1);
        let header = Header {
            journal: self.journal.clone(),
            version: VERSION,
            segment: number,
            first,
            previous,
        };
        let end = segment::adopt(self.source.disk.as_ref(), file.as_ref(), &header)?;
        let (name, capacity) = (segment::name(first), self.options.segment_bytes);
        self.source.change(|index| index.segment(&name, first, end));
        self.active = Active {
            name,
            number,
            file,
            end,
            capacity,
            batch_at: end,
        };
        self.queue.rolled(capacity - end);
        Ok(Room::Made)
    }

    /// Cuts the active segment to its length, durably.
    fn seal(&mut self) -> Result<(), Error> {
        let active = &mut self.active;
        active
            .file
            .truncate(active.end)
            .map_err(Error::io("truncate", &active.name))?;
        active.file.sync_all().map_err(Error::io("sync", &active.name))?;
        active.capacity = active.end;
        Ok(())
    }
}

fn call(done: Done, result: Result<u64, Error>) {
    // A callback that panics is its owner's trouble; the records of the others are durable all the same.
    let _ = catch_unwind(AssertUnwindSafe(move || done(result)));
}

fn refuse(dones: impl Iterator<Item = Done>, cause: &Error) {
    for done in dones {
        call(done, Err(cause.clone()));
    }
}
