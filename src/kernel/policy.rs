//! Who may confirm: the stricter of what the organisation and the token ask for. An agent can never widen it.

use crate::kernel::identity::{ConfirmPolicy, Organization, Token};
use crate::kernel::principal::Caller;
use crate::kernel::state::State;
use crate::kernel::tool::Tool;

/// The policy for one tool and caller, today.
pub fn confirm_policy(state: &State, caller: &Caller, tool: &Tool) -> ConfirmPolicy {
    let organization = caller
        .org
        .parse()
        .ok()
        .and_then(|id| state.table::<Organization>()?.get(id));
    let named = organization.map(|row| &row.settings.confirm_policy);
    let of = |name: &str| named.and_then(|policies| policies.get(name)).copied();
    let house = of(tool.name)
        .or_else(|| of(tool.kind.word()))
        .or_else(|| of("default"))
        .unwrap_or_default();
    let token = caller.token.and_then(|id| state.table::<Token>()?.get(id));
    house.max(token.map(|token| token.confirm).unwrap_or_default())
}
