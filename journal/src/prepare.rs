//! The preparer: makes the next segment before it is needed, off the way of appends.

use std::sync::{Arc, PoisonError};

use crate::disk::Disk;
use crate::queue::{Queue, Spare, closed};
use crate::segment::{self, SPARE};

/// Runs until the queue closes.
pub(crate) fn run(disk: &Arc<dyn Disk>, queue: &Queue, segment_bytes: u64) {
    loop {
        let waiting = queue.lock();
        let idle = queue.changed.wait_while(waiting, |waiting| {
            waiting.spare != Spare::Wanted && closed(waiting).is_none()
        });
        let waiting = idle.unwrap_or_else(PoisonError::into_inner);
        if closed(&waiting).is_some() {
            return;
        }
        drop(waiting);
        let made = ready(disk.as_ref(), segment_bytes);
        queue.lock().spare = match made {
            Ok(()) => Spare::Ready,
            Err(cause) => Spare::Failed(format!("the next segment cannot be made: {cause}")),
        };
        queue.changed.notify_all();
    }
}

/// Makes the spare, unless a whole one was left by an earlier run.
pub(crate) fn ready(disk: &dyn Disk, segment_bytes: u64) -> std::io::Result<()> {
    let left_over = disk.list()?.iter().any(|name| name == SPARE);
    if left_over && disk.open(SPARE)?.len()? == segment_bytes && is_blank(disk)? {
        return Ok(());
    }
    segment::fill_spare(disk, segment_bytes)
}

/// A spare whose header was written but which never became a segment is filled again.
fn is_blank(disk: &dyn Disk) -> std::io::Result<bool> {
    let mut start = [0; 64];
    disk.open(SPARE)?.read_at(0, &mut start)?;
    Ok(start.iter().all(|byte| *byte == 0))
}
