//! What a rule must be to be saved: a name of its own, conditions that can be asked, rights that its owner has, an end.

use projections::Id;
use serde_json::{Value, json};

use crate::kernel::arg::JsonObject;
use crate::kernel::engine::admit;
use crate::kernel::entity::NAMES;
use crate::kernel::identity::ConfirmPolicy;
use crate::kernel::{Caller, Rejection, Row, Tool, View, policy, text};
use crate::modules::automation::entity::{Limits, Rule};
use crate::modules::automation::graph::{self, Cycle};
use crate::modules::automation::{actions, conditions, facts, run};

/// Everything that both ways to save a rule check.
pub fn all(view: &View<'_>, id: Id<Rule>, rule: &Rule) -> Result<(), Rejection> {
    let taken = view
        .find::<Rule>(NAMES, &text::fold(&rule.name))
        .any(|other| other.id != id);
    if taken {
        return Err(Rejection::argument(
            "name",
            format!("`{}` is the name of another rule", rule.name),
        ));
    }
    if let Some(tree) = &rule.conditions {
        conditions::read(tree, &facts::variables(view, &rule.trigger))?;
    }
    rights(view, rule)?;
    match cycles(view, id, rule).iter().find(|cycle| cycle.is_unbounded) {
        Some(cycle) => Err(
            Rejection::new("cycle_unbounded", format!("nothing ends this: {}", cycle.in_words()))
                .field("conditions")
                .hint("every time round makes something new; give one of these rules a condition or a filter"),
        ),
        None => Ok(()),
    }
}

/// The cycles that a rule would close, were it enabled.
pub fn cycles(view: &View<'_>, id: Id<Rule>, rule: &Rule) -> Vec<Cycle> {
    if !rule.enabled {
        return Vec::new();
    }
    let others = graph::rules(view);
    graph::cycles(&graph::nodes(&others, &id.to_string(), rule))
}

/// Both the caller and the owner may do what the rule does; nobody gives a rule more than they have.
fn rights(view: &View<'_>, rule: &Rule) -> Result<(), Rejection> {
    let missing = |message: String| {
        Rejection::new("right_missing", message)
            .field("actions")
            .hint("leave the action out, or ask somebody who may do it to save the rule as its owner")
    };
    let owner = run::caller(view.state, &view.caller.org, rule.owner)
        .ok_or_else(|| missing("the owner is not an active member".to_owned()).field("owner"))?;
    let saved_under = rule.saved_under;
    for action in &rule.actions {
        let Some(tool) = actions::kind(&action.kind).and_then(|kind| actions::tool(view, kind)) else {
            continue;
        };
        for (who, caller) in [("you", view.caller), ("its owner", &owner)] {
            admit(view.state, caller, tool, view.now).map_err(|no| {
                missing(format!(
                    "{} needs {}, which {who} lack: {}",
                    action.kind, tool.permission, no.message
                ))
            })?;
        }
        if let Some(why) = asks(view, view.caller, tool, saved_under)? {
            return Err(missing(why));
        }
    }
    Ok(())
}

/// Who must confirm today what a tool that saves rules does.
///
/// # Errors
/// `policy_error`.
pub fn saved_under(view: &View<'_>, by: &str) -> Result<ConfirmPolicy, Rejection> {
    let save = view.registry.tool(by);
    save.map_or(Ok(ConfirmPolicy::default()), |save| {
        policy::confirm_policy(view.state, view.caller, save)
    })
}

/// Why a rule must not do something in somebody's name: it never asks, and somebody stricter than those who confirmed the rule
/// itself would have to be asked.
///
/// # Errors
/// `policy_error`.
pub fn asks(
    view: &View<'_>,
    caller: &Caller,
    tool: &Tool,
    saved_under: ConfirmPolicy,
) -> Result<Option<String>, Rejection> {
    let policy = policy::confirm_policy(view.state, caller, tool)?;
    let why = || {
        format!(
            "{} must be confirmed by {policy} here, and a rule does not ask",
            tool.name
        )
    };
    Ok((policy > saved_under).then(why))
}

/// The permissions that a rule uses.
pub fn rights_used(view: &View<'_>, rule: &Rule) -> Value {
    let owner = run::caller(view.state, &view.caller.org, rule.owner);
    let used = rule.actions.iter().filter_map(|action| {
        let tool = actions::tool(view, actions::kind(&action.kind)?)?;
        let held = owner
            .as_ref()
            .is_some_and(|owner| admit(view.state, owner, tool, view.now).is_ok());
        Some(json!({"action": action.kind, "permission": tool.permission, "held": held}))
    });
    json!({"runsAs": facts::named(view, &rule.owner.to_string()), "uses": used.collect::<Vec<_>>()})
}

/// Who may change what a rule does, and whose it may become.
pub fn may_change(view: &View<'_>, row: &Row<Rule>, after: &Rule, changes_what: bool) -> Result<(), Rejection> {
    let (me, old, new) = (view.caller.member, row.owner, after.owner);
    let missing = |message: &str, hint: &str| Err(Rejection::new("right_missing", message).field("owner").hint(hint));
    if new != old && new != me && !view.rights.allow("organizations.own") {
        return missing(
            "a rule runs in its owner's name, so it can be given to nobody else",
            "take it over with owner @me, or ask the other one to",
        );
    }
    if changes_what && new != me && new == old {
        return missing(
            "what somebody else's rule does runs in that person's name",
            "take it over with owner @me in the same call",
        );
    }
    Ok(())
}

/// The actions as they were saved must fit another trigger too.
pub fn actions_again(view: &View<'_>, rule: &Rule) -> Result<(), Rejection> {
    let given = rule.actions.iter().map(|action| {
        let value = json!({"kind": action.kind, "params": action.params});
        crate::kernel::tool::object(value)
    });
    actions::read(&given.collect::<Vec<_>>(), &rule.trigger, view).map(|_| ())
}

/// The limits with those that are given.
pub fn limits(given: Option<&JsonObject>, mut limits: Limits) -> Result<Limits, Rejection> {
    for (name, value) in given.into_iter().flat_map(|given| &given.0) {
        let path = format!("limits.{name}");
        let number = |most: u32| {
            let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| (1..=most).contains(number));
            number.ok_or_else(|| Rejection::argument(&path, format!("must be a number from 1 to {most}, not {value}")))
        };
        match name.as_str() {
            "maxRunsPerHour" => limits.max_runs_per_hour = number(1000)?,
            "maxChainDepth" => limits.max_chain_depth = number(5)?,
            "maxTargetsPerRun" => limits.max_targets_per_run = number(200)?,
            "dedupeWindow" => {
                let span = value
                    .as_str()
                    .and_then(|text| text.parse::<jiff::SignedDuration>().ok());
                let seconds = span
                    .map(|span| span.as_secs())
                    .filter(|seconds| (0..=86_400 * 7).contains(seconds));
                let rule = "must be a time of up to a week, such as 1h30m";
                limits.dedupe_window = seconds.ok_or_else(|| Rejection::argument(&path, rule))?;
            }
            _ => {
                let known = ["maxRunsPerHour", "maxChainDepth", "maxTargetsPerRun", "dedupeWindow"];
                return Err(Rejection::argument(&path, "is not a limit").allowed(known));
            }
        }
    }
    Ok(limits)
}
