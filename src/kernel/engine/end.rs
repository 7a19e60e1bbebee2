//! The other ends of a pending action: cancelled, declined, expired.

use jiff::Timestamp;
use projections::event::{Moved, names};
use projections::{Action, Event, Stage};
use serde_json::json;

use super::over::{caller_of, not_pending};
use super::{Call, Engine, Step, action_id, said};
use crate::args;
use crate::kernel::Rejection;
use crate::kernel::arg::{Args, Str};
use crate::kernel::state::Unfit;

/// Most expiries in one record.
const EXPIRED_PER_RECORD: usize = 100;

args! {
    /// Arguments of `cancel_action`.
    pub struct CancelArgs {
        /// The pending action.
        action_id: Str<1, 64>,
        /// Why; kept in the journal.
        reason: Option<Str<0, 500>>,
    }
}

impl Engine {
    pub(super) fn cancel(&mut self, call: &Call, now: Timestamp) -> Result<Step, Unfit> {
        let now = self.hour(now);
        let args = match CancelArgs::read(super::without_injected(&call.args).0) {
            Ok(args) => args,
            Err(no) => return self.refuse_confirm(call, now, "", no),
        };
        let found = action_id(&args.action_id).and_then(|id| self.state.actions.get(id).cloned());
        let found = found.filter(|action| *action.org == *call.caller.org && self.may_end(action, call, now));
        let Some(action) = found else {
            return self.refuse_confirm(
                call,
                now,
                &args.action_id,
                Rejection::not_found("action", &args.action_id),
            );
        };
        match action.stage {
            Stage::Pending => self.end(&action, call, now, args.reason.as_deref()),
            Stage::Cancelled | Stage::Declined => self.ended_before(&action, call, now),
            _ => self.refuse_confirm(call, now, &args.action_id, not_pending(&action)),
        }
    }

    fn may_end(&self, action: &Action, call: &Call, now: Timestamp) -> bool {
        let own = caller_of(action).member == call.caller.member;
        let tool = self.registry.tool(&action.tool);
        own || (call.caller.is_human()
            && tool.is_some_and(|tool| super::admit(&self.state, &call.caller, tool, now).is_ok()))
    }

    fn end(&mut self, action: &Action, call: &Call, now: Timestamp, reason: Option<&str>) -> Result<Step, Unfit> {
        let own = caller_of(action).member == call.caller.member;
        let name = if own { names::CANCELLED } else { names::DECLINED };
        let mut moved = Moved::of(action.id.to_string());
        moved.note = reason.map(Into::into);
        let text = self.commit(now, &call.caller, vec![said(name, &moved)])?;
        let status = if own { Stage::Cancelled } else { Stage::Declined };
        let answer = json!({"status": status, "actionId": action.id.to_string(), "asOf": self.state.position});
        Ok(Step {
            records: vec![text],
            answer: Ok(answer),
        })
    }

    fn ended_before(&mut self, action: &Action, call: &Call, now: Timestamp) -> Result<Step, Unfit> {
        let text = self.commit(
            now,
            &call.caller,
            vec![said(names::REPEATED, &Moved::of(action.id.to_string()))],
        )?;
        let answer = json!({"status": action.stage, "actionId": action.id.to_string(), "asOf": self.state.position});
        Ok(Step {
            records: vec![text],
            answer: Ok(answer),
        })
    }

    /// When [`Engine::expire`], [`Engine::give_up`] or [`Engine::work`] has something to do next by the hour alone.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let hours = [self.state.actions.next_deadline(), self.next_timer()];
        hours.into_iter().flatten().min()
    }

    /// Ends every offer whose time has passed; the records say so, in order.
    pub fn expire(&mut self, now: Timestamp) -> Result<Vec<String>, Unfit> {
        let mut records = Vec::new();
        loop {
            let due: Vec<(String, String)> = self
                .state
                .actions
                .pending()
                .take_while(|action| action.expires_at <= now)
                .take(EXPIRED_PER_RECORD)
                .map(|action| (action.org.to_string(), action.id.to_string()))
                .collect();
            let Some((org, _)) = due.first().cloned() else {
                return Ok(records);
            };
            let same_org = due.iter().filter(|(of, _)| *of == org);
            let events: Vec<Event> = same_org
                .map(|(_, id)| said(names::EXPIRED, &Moved::of(id.clone())))
                .collect();
            records.push(self.system(now, Some(org), events)?);
        }
    }
}
