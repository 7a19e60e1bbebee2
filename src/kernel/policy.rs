//! Who may confirm: the stricter of what the organisation and the token ask for. An agent can never widen it, and where it
//! cannot be told, nobody may.

use std::collections::BTreeMap;

use crate::kernel::Rejection;
use crate::kernel::identity::{ConfirmPolicy, Organization, Token};
use crate::kernel::principal::Caller;
use crate::kernel::state::State;
use crate::kernel::tool::{Registry, Tool};

/// The policy for one tool and caller, today.
///
/// # Errors
/// `policy_error` where the organisation or the token that it is read from is not there.
pub fn confirm_policy(state: &State, caller: &Caller, tool: &Tool) -> Result<ConfirmPolicy, Rejection> {
    let organization = caller
        .org
        .parse()
        .ok()
        .and_then(|id| state.table::<Organization>()?.get(id))
        .ok_or_else(|| untold("the organisation is not there"))?;
    let named = &organization.settings.confirm_policy;
    let of = |name: &str| named.get(name).copied();
    let house = of(tool.name)
        .or_else(|| of(tool.kind.word()))
        .or_else(|| of("default"))
        .unwrap_or_default();
    let Some(id) = caller.token else { return Ok(house) };
    let token = state.table::<Token>().and_then(|table| table.get(id));
    let token = token.ok_or_else(|| untold("the token is not there"))?;
    Ok(house.max(token.confirm))
}

/// The stricter of what was recorded with a proposal and what holds today.
///
/// # Errors
/// `policy_error`, also where the recorded word is one that this version does not know: it may have asked for more.
pub fn still(state: &State, proposer: &Caller, tool: &Tool, recorded: &str) -> Result<ConfirmPolicy, Rejection> {
    let then = ConfirmPolicy::of(recorded);
    let then = then.ok_or_else(|| {
        untold(&format!(
            "it was proposed under a policy `{recorded}`, which is unknown here"
        ))
    })?;
    Ok(then.max(confirm_policy(state, proposer, tool)?))
}

/// The policy for each kind of tool that proposes.
///
/// # Errors
/// As [`confirm_policy`].
pub fn by_kind(
    state: &State,
    caller: &Caller,
    registry: &Registry,
) -> Result<BTreeMap<&'static str, &'static str>, Rejection> {
    let proposing = registry
        .tools()
        .iter()
        .filter(|tool| !tool.is_read() && tool.module != "actions");
    proposing
        .map(|tool| Ok((tool.kind.word(), confirm_policy(state, caller, tool)?.word())))
        .collect()
}

fn untold(why: &str) -> Rejection {
    Rejection::new(
        "policy_error",
        format!("who may confirm this cannot be told, so nobody may: {why}"),
    )
    .hint("tell the operator; the action can still be cancelled")
}
