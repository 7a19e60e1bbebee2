//! Folding a long journal: one thread reads and parses ahead while another applies.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use journal::{Error as Broken, Line};
use projections::{Record, Unread};

use super::opening::Error;
use crate::kernel::State;

/// Records that are in memory at once, beside those read ahead.
const CHUNK_RECORDS: usize = 2_048;
/// Records handed over at once.
const PART_RECORDS: usize = 128;
/// Parts that wait to be applied.
const PARTS_AHEAD: usize = 8;

type Parsed<'a> = Result<Vec<(u64, Record<'a>)>, Unread>;

/// A record's line, and room for its text where that has an older shape.
type Read = (Line, String);

/// Folds records into a state, in order, and indexes what its rows say; `progress` hears the position now and then.
///
/// # Errors
/// [`Error::Journal`] when a line cannot be read, [`Error::Unfit`] when a record does not fit; the state is then worth
/// nothing.
pub fn fold<L>(state: &mut State, mut lines: L, progress: &mut dyn FnMut(u64)) -> Result<(), Error>
where
    L: Iterator<Item = Result<Line, Broken>> + Send,
{
    let mut chunk = take(&mut lines)?;
    while !chunk.is_empty() {
        chunk = thread::scope(|scope| {
            let (parsed, parts) = sync_channel(PARTS_AHEAD);
            let lines = &mut lines;
            let ahead = scope.spawn(|| {
                parse(&mut chunk, parsed);
                take(lines)
            });
            for part in parts {
                for (seq, record) in part.map_err(crate::kernel::state::Unfit::from)? {
                    state.fold(seq, record)?;
                }
            }
            ahead.join().map_err(|_| Error::Panicked)?.map_err(Error::from)
        })?;
        progress(state.position);
    }
    state.index();
    Ok(())
}

fn take(lines: impl Iterator<Item = Result<Line, Broken>>) -> Result<Vec<Read>, Broken> {
    let some = lines.take(CHUNK_RECORDS);
    some.map(|line| line.map(|line| (line, String::new()))).collect()
}

fn parse<'a>(chunk: &'a mut [Read], parsed: SyncSender<Parsed<'a>>) {
    for part in chunk.chunks_mut(PART_RECORDS) {
        let part = part
            .iter_mut()
            .map(|(line, room)| Ok((line.seq, Record::parse(line.seq, &line.text, room)?)))
            .collect();
        // Nobody hears what follows a record that does not fit.
        if parsed.send(part).is_err() {
            return;
        }
    }
}
