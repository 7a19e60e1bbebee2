//! Deciding again what was recorded: a replay asks what a step would write today, and writes nothing.

use std::sync::Arc;

use jiff::Timestamp;
use projections::{Action, Event, Id, Record};
use serde_json::{Map, Value};

use super::confirm::Carried;
use super::{Call, Engine, Reading, answer};
use crate::kernel::Rejection;
use crate::kernel::past::Past;
use crate::kernel::state::Unfit;
use crate::kernel::tool::{Run, Tool};

impl Engine {
    /// What a call writes on the state as it is, at the hour that was recorded; `None` for confirming and cancelling, which
    /// need tokens that are recorded nowhere.
    pub fn call_again(&self, call: &Call, now: Timestamp, past: &dyn Past) -> Option<Vec<Event>> {
        let registry = Arc::clone(&self.registry);
        if registry.tool(&call.tool).is_some_and(Tool::is_read) {
            // Whether it is allowed is asked there.
            return Some(vec![self.read_again(call, now, past).event]);
        }
        match self.allowed(&registry, call, now) {
            Err(no) => Some(self.refused(call, no).events),
            Ok(tool) => matches!(tool.run, Run::Decide(_)).then(|| self.draw(tool, call, now, past).events),
        }
    }

    /// What a read answers on the state as it is, at the hour that was recorded.
    pub fn read_again(&self, call: &Call, now: Timestamp, past: &dyn Past) -> Reading {
        answer(&self.registry, &self.state, call, now, past)
    }

    /// What confirming an action that was offered for these arguments writes on the state as it is.
    ///
    /// # Errors
    /// The rejection where nothing is carried out today, with the plan's own where it has none.
    pub fn confirm_again(
        &self,
        id: Id<Action>,
        args: Map<String, Value>,
        note: Option<&str>,
        past: &dyn Past,
    ) -> Result<Vec<Event>, Rejection> {
        let action = self.state.actions.get(id);
        let action = action.ok_or_else(|| Rejection::not_found("action", &id.to_string()))?;
        let tool = self.registry.tool(&action.tool);
        let tool = tool.ok_or_else(|| super::unknown_tool(&action.tool))?;
        match self.carried(tool, action, args, note, past) {
            Carried::Events(events) => Ok(events),
            Carried::Refused(no) | Carried::Stale(Some(no)) => Err(no),
            Carried::Stale(None) => Err(Rejection::new("preview_stale", "the plan is another one")),
        }
    }

    /// Folds in a record that was read.
    ///
    /// # Errors
    /// [`Unfit`] where it does not fit.
    pub fn fold_in(&mut self, seq: u64, record: Record<'_>) -> Result<(), Unfit> {
        self.state.fold(seq, record)
    }
}
