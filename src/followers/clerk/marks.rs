//! The marks on pending and executing actions, compared with the state: a check that the rows are what they say.

use std::collections::{BTreeMap, BTreeSet};

use projections::store::{Facets, Mark, Rows};
use projections::{Action, Named as _, Record};

use super::work::{Failed, mark_of};
use crate::kernel::State;
use crate::processor::Handle;

/// How many actions are marked, and those whose mark is not what the state says.
#[derive(Debug, Default)]
pub struct Marks {
    /// Marked as pending.
    pub pending: usize,
    /// Marked as executing.
    pub executing: usize,
    /// Marked wrongly, or not at all.
    pub wrong: BTreeSet<String>,
}

impl Marks {
    /// The marks of rows that stand where a state stands.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub fn of(rows: &Rows, state: &State) -> Result<Self, projections::store::Error> {
        Ok(Self::compared(rows.marked()?.1, state))
    }

    /// The marks of rows that follow a running server; what moved since they were written is left out.
    pub(super) fn following(rows: &Rows, handle: &Handle) -> Result<Self, Failed> {
        let (position, marked) = rows.marked()?;
        // Taken after the rows, so never before them.
        let snapshot = handle.snapshot();
        let mut marks = Self::compared(marked, &snapshot);
        for line in handle.log().read(position + 1)? {
            let line = line?;
            let mut room = String::new();
            let record = Record::parse(line.seq, &line.text, &mut room).map_err(projections::store::Error::from)?;
            let facets = Facets::of(&record, &|_| None);
            for (_, id) in facets.touched.iter().filter(|(kind, _)| kind == Action::KIND) {
                marks.wrong.remove(id);
            }
        }
        Ok(marks)
    }

    fn compared(marked: Vec<(String, Mark)>, state: &State) -> Self {
        let marked: BTreeMap<String, Mark> = marked.into_iter().collect();
        let count = |wanted: Mark| marked.values().filter(|mark| **mark == wanted).count();
        let (pending, executing) = (count(Mark::Pending), count(Mark::Executing));
        let open = state.actions.pending().chain(state.actions.executing());
        let open: BTreeMap<String, Mark> = open
            .filter_map(|action| {
                let id = action.id.to_string();
                let mark = mark_of(state, Action::KIND, &id)?;
                Some((id, mark))
            })
            .collect();
        let ids = marked.keys().chain(open.keys());
        let wrong = ids.filter(|id| marked.get(*id) != open.get(*id)).cloned().collect();
        Self {
            pending,
            executing,
            wrong,
        }
    }
}
