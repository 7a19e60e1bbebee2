//! Who may confirm: what is asked of a confirm before anything is decided again.

use jiff::Timestamp;
use projections::{Action, Stage};

use super::confirm::ConfirmArgs;
use super::over::{caller_of, not_pending};
use super::{Call, Engine, admit};
use crate::kernel::identity::ConfirmPolicy;
use crate::kernel::principal::Caller;
use crate::kernel::token::same;
use crate::kernel::tool::Tool;
use crate::kernel::{Rejection, policy};

/// What stands between an action and its execution.
pub(super) enum Gate {
    /// Nothing: carry it out.
    Open,
    /// Another approver is needed; this one counts.
    OneMore,
}

impl Engine {
    /// Token right, caller allowed, not over.
    pub(super) fn gate(
        &self,
        tool: &Tool,
        action: &Action,
        call: &Call,
        args: &ConfirmArgs,
        now: Timestamp,
    ) -> Result<Gate, Rejection> {
        let proposer = caller_of(action);
        // An operator at the data directory stands in for a proposer who is gone: recovery must not depend on an agent.
        let own = call.caller.member == proposer.member || call.caller.via == "cli";
        let unseen = || Rejection::not_found("action", &args.action_id);
        let policy = self.policy_now(tool, action, &proposer);
        let policy = policy.map_err(|no| if own { no } else { unseen() })?;
        let token = self
            .key
            .confirm_token(&action.org, &proposer.member.to_string(), action.id, &action.digest);
        let shown = args.confirm_token.as_deref();
        let needs_token = policy == ConfirmPolicy::ItsProposer || !call.caller.is_human();
        if needs_token && !own {
            return Err(unseen());
        }
        if shown.is_some_and(|shown| !same(shown, &token))
            || (needs_token && policy == ConfirmPolicy::ItsProposer && shown.is_none())
        {
            return Err(Rejection::new(
                "token_invalid",
                "this confirm token does not belong to this action and preview",
            )
            .field("confirmToken")
            .hint("use the confirmToken that came with the newest preview of this action"));
        }
        if action.stage == Stage::Pending && now >= action.expires_at {
            return Err(Rejection::new(
                "token_expired",
                format!("the offer of {} ended at {}", action.id, action.expires_at),
            )
            .hint("call the tool again for a new preview")
            .next_of(action));
        }
        if !matches!(action.stage, Stage::Pending | Stage::Executing | Stage::Succeeded) {
            return Err(not_pending(action));
        }
        admit(&self.state, &call.caller, tool, now)?;
        self.check_proposer(tool, &proposer, now)?;
        if action.stage != Stage::Pending {
            return Ok(Gate::Open);
        }
        Self::quorum(policy, action, &call.caller)
    }

    fn quorum(policy: ConfirmPolicy, action: &Action, caller: &Caller) -> Result<Gate, Rejection> {
        match policy {
            ConfirmPolicy::ItsProposer => Ok(Gate::Open),
            _ if !caller.is_human() => Err(Rejection::new(
                "approver_required",
                format!("{} needs a human's confirmation", action.id),
            )
            .hint("ask a human who may do this to confirm it; get_pending_action follows it")
            .next_of(action)),
            ConfirmPolicy::Human => Ok(Gate::Open),
            ConfirmPolicy::Dual => {
                let me = caller.member.to_string();
                if action.approvals.contains(&me) {
                    return Err(Rejection::new(
                        "approver_required",
                        "you have approved this already; another human must",
                    )
                    .next_of(action));
                }
                Ok(if action.approvals.is_empty() {
                    Gate::OneMore
                } else {
                    Gate::Open
                })
            }
        }
    }

    /// The stricter of what was recorded at the proposal and what holds today.
    pub(super) fn policy_now(
        &self,
        tool: &Tool,
        action: &Action,
        proposer: &Caller,
    ) -> Result<ConfirmPolicy, Rejection> {
        policy::still(&self.state, proposer, tool, &action.policy)
    }

    /// The proposer must still be allowed: a revoked token or a lost role stops what it proposed.
    fn check_proposer(&self, tool: &Tool, proposer: &Caller, now: Timestamp) -> Result<(), Rejection> {
        let token = proposer
            .token
            .and_then(|id| self.state.table::<crate::kernel::identity::Token>()?.get(id));
        if proposer.token.is_some() && !token.is_some_and(|token| token.is_good(now)) {
            return Err(Rejection::new(
                "policy_denied",
                "the token that proposed this is no longer good",
            ));
        }
        admit(&self.state, proposer, tool, now)
    }
}
