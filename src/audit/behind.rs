//! A log as an audit reads it: from its first record on, looking back at what has passed.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use jiff::Timestamp;
use journal::{Error, Line, Log};
use projections::Record;

use super::check::{AHEAD, CALLED};
use super::travel::Machine;
use crate::kernel::past::{Hits, Search};
use crate::kernel::state::Kind;
use crate::kernel::{Past, Rejection, Snapshot};
use crate::processor::Plain;

/// How many records are kept: more than a check looks ahead, or what it keeps would be gone when it is asked for.
const KEPT: usize = 2 * AHEAD;

/// What decisions may look at of a log: the same record is often asked for twice, so the newest that were read are kept.
pub struct Behind {
    log: Plain,
    kept: RefCell<Vec<Option<(u64, String)>>>,
    /// Made with the first state that is asked for.
    states: OnceCell<Machine>,
}

impl Behind {
    /// The past of a log.
    pub fn new(log: &Arc<dyn Log>) -> Self {
        Self {
            log: Plain(Arc::clone(log)),
            kept: RefCell::default(),
            states: OnceCell::new(),
        }
    }

    /// Every record in order; each that decided something is kept as it passes.
    ///
    /// # Errors
    /// Where the log cannot be read; damage is an item.
    pub fn lines(&self) -> Result<impl Iterator<Item = Result<Line, Error>>, Error> {
        let lines = self.log.0.read(1)?;
        self.kept.borrow_mut().resize(KEPT, None);
        Ok(lines.inspect(|line| {
            if let Ok(line) = line {
                self.keep(line);
            }
        }))
    }

    fn place(seq: u64) -> usize {
        usize::try_from(seq).unwrap_or(0) % KEPT
    }

    /// Nobody asks for an answer again.
    fn keep(&self, line: &Line) {
        if line.text.contains(CALLED) {
            return;
        }
        if let Some(place) = self.kept.borrow_mut().get_mut(Self::place(line.seq)) {
            *place = Some((line.seq, line.text.clone()));
        }
    }
}

impl Past for Behind {
    fn state_at(&self, kinds: &[Kind], position: u64) -> Result<Snapshot, Rejection> {
        let machine = self.states.get_or_init(|| Machine::of(kinds.to_vec()));
        let state = machine.at(self.log.0.as_ref(), position, &mut |_, _| ());
        state.map_err(|cause| Rejection::new("unavailable", cause.to_string()))
    }

    fn record(&self, seq: u64) -> Result<Option<String>, Rejection> {
        match self.kept.borrow().get(Self::place(seq)) {
            Some(Some((kept, text))) if *kept == seq => Ok(Some(text.clone())),
            _ => self.log.record(seq),
        }
    }

    fn find<'p>(&'p self, search: Search<'p>) -> Hits<'p> {
        self.log.find(search)
    }
}

/// The last record at or before a moment; 0 where there is none. Time never goes back in a journal, so halving finds it.
///
/// # Errors
/// Where a record cannot be read.
pub fn position_at(log: &dyn Log, moment: Timestamp) -> Result<u64, Error> {
    let (mut before, mut after) = (0, log.durable() + 1);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        let line = log.get(middle)?;
        let mut room = String::new();
        let record = line.as_ref().map(|line| Record::parse(middle, &line.text, &mut room));
        match record {
            Some(Ok(record)) if record.at <= moment => before = middle,
            _ => after = middle,
        }
    }
    Ok(before)
}
