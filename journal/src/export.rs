//! Ways out of a log: the last records, and all of a range as one JSON object per line.

use std::io::Write;
use std::ops::RangeInclusive;

use crate::{Error, Log, Records};

/// Records between two calls of `progress`.
const STRIDE: u64 = 4096;

/// The last `count` durable records. To follow, read from the next one after [`Log::wait`].
///
/// # Errors
/// As for [`Log::read`].
pub fn tail(log: &dyn Log, count: u64) -> Result<Records, Error> {
    log.read(log.durable().saturating_sub(count) + 1)
}

/// Writes the durable records of a range as NDJSON, each verified as it is read; `progress` hears now and then how many
/// were written. Says how many there were.
///
/// # Errors
/// [`Error::Damaged`] at the first record that is not what was written; [`Error::Io`] when reading or writing fails.
pub fn export(
    log: &dyn Log,
    range: RangeInclusive<u64>,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, Error> {
    let mut count = 0;
    for line in log.read(*range.start())? {
        let line = line?;
        if line.seq > *range.end() {
            break;
        }
        writeln!(out, "{}", line.text).map_err(Error::io("write", "the export"))?;
        count += 1;
        if count % STRIDE == 0 {
            progress(count);
        }
    }
    out.flush().map_err(Error::io("write", "the export"))?;
    progress(count);
    Ok(count)
}
