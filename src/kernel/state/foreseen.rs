//! A state that is not there yet: what planned changes would make of one, so that what comes after them can be decided on.

use std::sync::Arc;

use jiff::Timestamp;
use projections::Change;

use super::{State, Unfit};
use crate::kernel::table::Place;

impl State {
    /// A copy for planned changes. Nobody searches in it for words, nor for what changed last.
    #[must_use]
    pub fn ahead(&self) -> Self {
        let mut ahead = self.clone();
        ahead.is_indexed = false;
        for table in Arc::make_mut(&mut ahead.tables).0.values_mut() {
            table.defer_words();
        }
        ahead
    }

    /// Applies a change that is only planned.
    ///
    /// # Errors
    /// [`Unfit`] where it does not follow what is there.
    pub fn foresee(&mut self, org: &str, at: Timestamp, change: &Change) -> Result<(), Unfit> {
        let seq = self.position + 1;
        let tables = &mut Arc::make_mut(&mut self.tables).0;
        let table = tables
            .get_mut(change.entity.as_ref())
            .ok_or_else(|| Unfit::UnknownKind {
                seq,
                kind: change.entity.to_string(),
            })?;
        table.apply(Place { seq, at, org }, &change.as_read())?;
        Ok(())
    }
}
