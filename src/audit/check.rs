//! Deciding again: every recorded decision is made once more on the state it was made on, and must come out the same.
//!
//! The state is folded record by record. A read is answered again where the state stands at the position that it read, which is
//! before its own record; so some records are looked at ahead of time. Nothing is written, sent or asked of anybody.

mod again;
mod ahead;
mod compare;
mod lately;
mod report;

pub use report::{Divergence, Report};

use std::sync::Arc;

use journal::Line;
use projections::{Record, Unread};

use super::Unreadable;
use crate::kernel::token::ConfirmKey;
use crate::kernel::{Engine, Past, Registry, State, sealed};
use again::Asked;
pub(super) use again::CALLED;
pub(super) use ahead::AHEAD;
use ahead::Ahead;
use lately::Lately;

/// Goes through a journal from its first record and decides again what was decided; `progress` hears the position now and then.
///
/// # Errors
/// [`Unreadable`] where a record cannot be read or folded. What comes out otherwise is no error but in the report.
pub fn check(
    registry: Arc<Registry>,
    lines: impl Iterator<Item = Result<Line, journal::Error>>,
    past: &dyn Past,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, Unreadable> {
    let mut checking = Checking::new(registry, past);
    let mut ahead = Ahead::new(lines);
    while let Some((seq, text)) = ahead.next()? {
        for asked in ahead.due(seq - 1) {
            checking.read(&asked);
        }
        checking.record(seq, &text)?;
        if seq.is_multiple_of(1024) {
            progress(seq);
        }
    }
    let last = checking.engine.state().position;
    progress(last);
    checking.report.late += ahead.late();
    checking.end()
}

struct Checking<'a> {
    engine: Engine,
    past: &'a dyn Past,
    lately: Lately,
    report: Report,
}

impl<'a> Checking<'a> {
    fn new(registry: Arc<Registry>, past: &'a dyn Past) -> Self {
        let state = State::new(&registry.kinds());
        // Tokens are derived from it, and none is asked for or shown here.
        let key = ConfirmKey::new([0; 32]);
        Self {
            engine: Engine::new(registry, state, key),
            past,
            lately: Lately::new(),
            report: Report::default(),
        }
    }

    /// A call that the state at this position answered or refused.
    fn read(&mut self, asked: &Asked) {
        let today = asked.again(&self.engine, self.past);
        let compared = compare::unless_erased(asked.compared(&self.engine, today), || {
            asked.is_erased(&self.engine, self.past) || compare::has_erased(self.engine.state())
        });
        self.report.count(asked.seq, compared);
    }

    /// A record in its turn: what it decided is decided again, then it is folded in.
    fn record(&mut self, seq: u64, text: &str) -> Result<(), Unreadable> {
        let mut room = String::new();
        let record = Record::parse(seq, text, &mut room)?;
        if Asked::is_in_turn(seq, text)
            && let Some(asked) = Asked::of(seq, &record)?
        {
            if asked.position == self.engine.state().position {
                self.read(&asked);
            } else {
                self.report.late += 1;
            }
        }
        if let Some(compared) = again::write(&self.engine, (self.past, &mut self.lately), text, &record) {
            let touched = || sealed::is_in(text) || compare::has_erased(self.engine.state());
            self.report.count(seq, compare::unless_erased(compared, touched));
        }
        self.report.note(&record);
        self.engine.fold_in(seq, record)?;
        Ok(())
    }

    fn end(mut self) -> Result<Report, Unreadable> {
        let state = self.engine.state();
        self.report.records = state.position;
        let digest = state.digest().map_err(|cause| Unread::Text {
            seq: state.position,
            cause,
        })?;
        self.report.state = digest.to_string();
        Ok(self.report)
    }
}
