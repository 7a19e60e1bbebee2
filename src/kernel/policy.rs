//! Who may confirm: the stricter of what the organisation and the token ask for. An agent can never widen it, and where it
//! cannot be told, nobody may.

use std::collections::BTreeMap;

use crate::kernel::Rejection;
use crate::kernel::identity::{ConfirmPolicy, Organization, OrganizationSettings, Token};
use crate::kernel::principal::Caller;
use crate::kernel::state::State;
use crate::kernel::tool::{Registry, Run, Tool, ToolKind};

/// Kinds of tools that a rule of an organisation may name; the first is for all that no other rule is about.
pub const KINDS: [&str; 6] = [DEFAULT, "write", "light", "sensitive", "destructive", "bulk"];
const DEFAULT: &str = "default";

/// The rule of an organisation under the first name that it has one for.
fn of_house(settings: &OrganizationSettings, names: &[&str]) -> ConfirmPolicy {
    let mut rules = names.iter().filter_map(|name| settings.confirm_policy.get(*name));
    rules.next().copied().unwrap_or_default()
}

/// What an organisation guards less than before, in words that follow a name: who confirms a kind or a tool, what agents
/// may not do, whom one may invite. `None` where nothing is loosened.
pub fn loosened(registry: &Registry, before: &OrganizationSettings, after: &OrganizationSettings) -> Option<String> {
    let kinds = KINDS.iter().map(|kind| vec![*kind, DEFAULT]);
    let tools = registry
        .tools()
        .iter()
        .filter(|tool| matches!(tool.run, Run::Decide(_)));
    let mut all = kinds.chain(tools.map(|tool| vec![tool.name, tool.kind.word(), DEFAULT]));
    let confirmed = all.find_map(|names| {
        let (old, new) = (of_house(before, &names), of_house(after, &names));
        let name = names.first()?;
        (new < old).then(|| format!("let {name} be confirmed by {new} instead of {old}"))
    });
    let freed = || {
        let (old, new) = (&before.agent_policy.denied_tools, &after.agent_policy.denied_tools);
        let freed = old.iter().find(|tool| !new.contains(tool))?;
        Some(format!("let agents use {freed}"))
    };
    let opened = !before.allowed_email_domains.is_empty() && after.allowed_email_domains.is_empty();
    confirmed
        .or_else(freed)
        .or_else(|| opened.then(|| "let people of any mail domain be invited".to_owned()))
}

/// The policy for one tool and caller, today.
///
/// # Errors
/// `policy_error` where the organisation or the token that it is read from is not there.
pub fn confirm_policy(state: &State, caller: &Caller, tool: &Tool) -> Result<ConfirmPolicy, Rejection> {
    let (settings, token) = asked(state, caller)?;
    Ok(of_tool(settings, tool).max(token))
}

/// What the organisation asks for, and the least that the token asks for.
fn asked<'a>(state: &'a State, caller: &Caller) -> Result<(&'a OrganizationSettings, ConfirmPolicy), Rejection> {
    let organization = caller
        .org
        .parse()
        .ok()
        .and_then(|id| state.table::<Organization>()?.get(id))
        .ok_or_else(|| untold("the organisation is not there"))?;
    let Some(id) = caller.token else {
        return Ok((&organization.settings, ConfirmPolicy::default()));
    };
    let token = state.table::<Token>().and_then(|table| table.get(id));
    let token = token.ok_or_else(|| untold("the token is not there"))?;
    Ok((&organization.settings, token.confirm))
}

fn of_tool(settings: &OrganizationSettings, tool: &Tool) -> ConfirmPolicy {
    let of = |name, kind: ToolKind| of_house(settings, &[name, kind.word(), DEFAULT]);
    // Many at once must not ask for less than one.
    let single = tool.over.map(|over| of(over.tool, over.kind)).unwrap_or_default();
    of(tool.name, tool.kind).max(single)
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

/// The policy for each kind of tool that proposes, and under its name for each tool whose policy is another.
///
/// # Errors
/// As [`confirm_policy`].
pub fn in_force(
    state: &State,
    caller: &Caller,
    registry: &Registry,
) -> Result<BTreeMap<&'static str, &'static str>, Rejection> {
    let (settings, token) = asked(state, caller)?;
    let mut told = BTreeMap::new();
    for tool in registry
        .tools()
        .iter()
        .filter(|tool| matches!(tool.run, Run::Decide(_)))
    {
        let kind = of_house(settings, &[tool.kind.word(), DEFAULT]).max(token);
        told.entry(tool.kind.word()).or_insert_with(|| kind.word());
        let own = of_tool(settings, tool).max(token);
        if own != kind {
            told.insert(tool.name, own.word());
        }
    }
    Ok(told)
}

fn untold(why: &str) -> Rejection {
    Rejection::new(
        "policy_error",
        format!("who may confirm this cannot be told, so nobody may: {why}"),
    )
    .hint("tell the operator; the action can still be cancelled")
}
