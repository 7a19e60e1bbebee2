//! The writer: takes everything that waits, writes it at once, syncs once, then answers. The only thread that writes records.

use std::io;
use std::sync::{Arc, PoisonError};

use crate::disk::{Disk, DiskFile};
use crate::queue::{Job, Queue, Spare};
use crate::reader::Shared;
use crate::recovery::{MARK_EVERY, Mark};
use crate::segment::{self, Header, SPARE, VERSION};
use crate::{Error, line};

/// Most records and bytes of one batch; beyond, a longer batch only delays the first in it.
pub(crate) const BATCH_RECORDS_MAX: usize = 4096;
pub(crate) const BATCH_BYTES_MAX: u64 = 1 << 20;

/// The segment that is written to.
pub(crate) struct Active {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) header: Header,
    pub(crate) end: u64,
    pub(crate) last_sum: String,
}

pub(crate) struct Writer {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) active: Option<Active>,
    /// The journal's identifier.
    pub(crate) journal: String,
}

impl Writer {
    /// Runs until the queue closes and is empty, or a write fails.
    pub(crate) fn run(mut self) {
        loop {
            let jobs = self.take();
            if jobs.is_empty() {
                self.end();
                return;
            }
            if let Err(cause) = self.write(&jobs) {
                self.fail(&cause, jobs);
                return;
            }
            let last = jobs.last().map_or(0, last_of);
            self.shared.publish(last);
            for job in jobs {
                let own = last_of(&job);
                (job.done)(Ok(own));
            }
            self.shared.announce(last);
        }
    }

    /// All jobs that can go in one batch; none when it is over.
    fn take(&self) -> Vec<Job> {
        let waiting = self.queue.lock();
        let idle = self
            .queue
            .changed
            .wait_while(waiting, |waiting| waiting.jobs.is_empty() && !waiting.closing);
        let mut waiting = idle.unwrap_or_else(PoisonError::into_inner);
        let (mut jobs, mut bytes, mut records): (Vec<Job>, u64, usize) = (Vec::new(), 0, 0);
        while let Some(job) = waiting.jobs.front() {
            let fits = bytes + job.bytes <= BATCH_BYTES_MAX && records + job.bodies.len() <= BATCH_RECORDS_MAX;
            if !jobs.is_empty() && (!fits || job.turn) {
                break;
            }
            bytes += job.bytes;
            records += job.bodies.len();
            jobs.extend(waiting.jobs.pop_front());
        }
        jobs
    }

    fn write(&mut self, jobs: &[Job]) -> io::Result<()> {
        if jobs.first().is_some_and(|job| job.turn) || self.active.is_none() {
            self.turn(jobs.first().map_or(1, |job| job.first))?;
        }
        let Some(active) = &mut self.active else {
            return Err(io::Error::other("there is no segment"));
        };
        let batch = jobs.first().map_or(1, |job| job.first);
        let (mut text, mut marks, mut last_line): (String, Vec<Mark>, usize) = (String::new(), Vec::new(), 0);
        for job in jobs {
            for (seq, body) in (job.first..).zip(&job.bodies) {
                last_line = text.len();
                if (seq - active.header.first).is_multiple_of(MARK_EVERY) {
                    marks.push((seq, active.header.first, active.end + size(text.len())));
                }
                line::write_record(seq, batch, body, &mut text);
            }
        }
        active.file.write_at(active.end, text.as_bytes())?;
        active.file.sync()?;
        active.end += size(text.len());
        text.get(last_line..last_line + 8)
            .unwrap_or_default()
            .clone_into(&mut active.last_sum);
        self.shared.mark(marks);
        Ok(())
    }

    /// Seals the segment and begins the next: what is sealed never changes again.
    fn turn(&mut self, first: u64) -> io::Result<()> {
        let (segment, previous) = match self.active.take() {
            Some(old) => {
                old.file.set_len(old.end)?;
                old.file.sync()?;
                (old.header.segment + 1, old.last_sum)
            }
            None => (1, "00000000".to_owned()),
        };
        let header = Header {
            journal: self.journal.clone(),
            version: VERSION,
            segment,
            first,
            previous,
        };
        let (text, name) = (header.text(), segment::name(first));
        let file = self.disk.open(SPARE)?;
        file.write_at(0, text.as_bytes())?;
        file.sync()?;
        self.disk.rename(SPARE, &name)?;
        self.disk.sync_names()?;
        self.shared.begun(first);
        let last_sum = text.get(..8).unwrap_or_default().to_owned();
        self.active = Some(Active {
            file,
            header,
            end: size(text.len()),
            last_sum,
        });
        self.queue.lock().spare = Spare::Wanted;
        self.queue.changed.notify_all();
        Ok(())
    }

    /// Closes for good: a failed sync may have dropped the pages, and a second one would lie (Rebello et al., ATC 2020).
    fn fail(&self, cause: &io::Error, jobs: Vec<Job>) {
        let reason = format!("a write to the journal failed: {cause}");
        let mut waiting = self.queue.lock();
        waiting.failed = Some(reason.clone());
        let rest: Vec<Job> = waiting.jobs.drain(..).collect();
        drop(waiting);
        self.queue.changed.notify_all();
        self.shared.stop();
        for job in jobs.into_iter().chain(rest) {
            (job.done)(Err(Error::Closed { reason: reason.clone() }));
        }
    }

    fn end(&self) {
        self.shared.stop();
    }
}

fn last_of(job: &Job) -> u64 {
    job.first + size(job.bodies.len()) - 1
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
