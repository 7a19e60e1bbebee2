//! `assign_role`.

use serde_json::{Value, json};

use super::shown::{self, is_program};
use super::target::{Subject, Where, granted, takes_part};
use crate::args;
use crate::kernel::arg::{In, Ts, WriteArgs};
use crate::kernel::authority::{give, people_of, rights_of};
use crate::kernel::identity::{Grant, GrantScope, Member, MemberKind, Role};
use crate::kernel::plan::Undo;
use crate::kernel::principal::{covers, is_for_people};
use crate::kernel::tool::Reach;
use crate::kernel::{AnyRef, Plan, Ref, Rejection, Risk, Row, View};

args! {
    /// Arguments of `assign_role`.
    pub struct AssignRole {
        /// A member or team.
        subject: AnyRef,
        role: Ref<Role>,
        scope: GrantScope = GrantScope::Organization,
        /// The team or project.
        scope_ref: Option<AnyRef>,
        expires_at: Option<Ts>,
        write: In<WriteArgs>,
    }
}

/// `assign_role`.
pub fn assign(args: AssignRole, view: &View<'_>) -> Result<Plan, Rejection> {
    let (subject, role) = (Subject::of(view, &args.subject)?, view.resolve(&args.role)?);
    let at = Where::of(view, args.scope, args.scope_ref.as_ref())?;
    let until = args.expires_at.map(|end| end.0);
    if until.is_some_and(|end| end <= view.now) {
        return Err(Rejection::argument("expiresAt", "must be an hour to come"));
    }
    give::handles(view, role)?;
    give::holds_all(view, &role.permissions, at.place.as_deref())?;
    fits(view, &subject, role, &at, until.is_some())?;
    free(view, &subject, role, &at)?;
    let id = view.new_id::<Grant>();
    let name = subject.name();
    let mut plan = Plan::new(format!("Give {name} the role \"{}\"{}", role.name, at.in_words(view)));
    let grant = Grant {
        subject: subject.id(),
        role: role.id,
        scope: at.scope,
        scope_ref: at.place.clone(),
        expires_at: until,
        granted_by: view.caller.member,
    };
    plan.create("role.granted", id, grant)?;
    shown::changes(view, &mut plan)?;
    explain(view, &mut plan, &subject, role, &at);
    plan.risk = Some(Risk::High);
    plan.undo = Undo::Never("revoke_role takes it back");
    plan.result = json!({
        "id": id.to_string(), "subject": name, "role": role.name, "scope": at.scope, "scopeRef": at.place,
        "expiresAt": until, "version": 1,
    });
    Ok(plan)
}

/// Refuses a role for whom it is not.
fn fits(view: &View<'_>, subject: &Subject<'_>, role: &Row<Role>, at: &Where, ends: bool) -> Result<(), Rejection> {
    let owns = role.permissions.iter().any(|one| one == "*");
    if owns && (at.place.is_some() || ends) {
        let message = format!("{} is held everywhere and for good, or not at all", role.name);
        return Err(Rejection::argument("scope", message));
    }
    match subject {
        Subject::Team(_) if owns => Err(Rejection::argument(
            "subject",
            format!("a team cannot hold {}", role.name),
        )),
        Subject::Team(_) => Ok(()),
        Subject::Member(row) if row.id == view.caller.member => {
            Err(Rejection::new("self_escalation", "nobody gives themselves a role")
                .hint("ask another holder of roles.manage"))
        }
        Subject::Member(row) => {
            takes_part(row)?;
            if is_program(row) {
                give::fits_agents(role)
            } else {
                Ok(())
            }
        }
    }
}

/// Refuses what is held already.
fn free(view: &View<'_>, subject: &Subject<'_>, role: &Row<Role>, at: &Where) -> Result<(), Rejection> {
    let known = granted(view, &subject.id(), role.id, at);
    let by_membership = match subject {
        Subject::Member(row) => at.place.is_none() && row.roles.contains(&role.id),
        Subject::Team(_) => false,
    };
    if known.is_none() && !by_membership {
        return Ok(());
    }
    let message = format!("{} has {} there already", subject.name(), role.name);
    let current = known.map_or_else(
        || json!({"through": "membership"}),
        |row| json!({"grant": row.id.to_string(), "expiresAt": row.expires_at}),
    );
    Err(Rejection::new("already_granted", message)
        .field("role")
        .current(current)
        .hint("to give it for another time, revoke it first"))
}

fn explain(view: &View<'_>, plan: &mut Plan, subject: &Subject<'_>, role: &Row<Role>, at: &Where) {
    match subject {
        Subject::Team(team) => {
            let people = people_of(view.state, &team.org, team);
            plan.detail("people", people.len());
            let agents = people
                .iter()
                .filter_map(|id| view.get(*id))
                .filter(|row| is_program(row))
                .count();
            if agents > 0 && role.permissions.iter().any(|one| is_for_people(one)) {
                plan.warn("what only people may do does not come to the agents in this team");
            }
        }
        Subject::Member(row) if is_program(row) => plan.detail("cutBySponsor", cut(view, row, role)),
        Subject::Member(_) => {}
    }
    if at.place.is_some() {
        let nowhere = only_everywhere(view, role);
        if !nowhere.is_empty() {
            plan.detail("countsOnlyEverywhere", &nowhere);
            plan.warn("some of its permissions count only for the whole organisation and give nothing here");
        }
    }
}

/// The permissions of a role that an agent's sponsor does not have.
fn cut(view: &View<'_>, agent: &Row<Member>, role: &Row<Role>) -> Value {
    let sponsor = agent
        .sponsor
        .and_then(|id| view.get(id))
        .filter(|row| row.kind == MemberKind::Human);
    let has = sponsor.map(|row| rights_of(view.state, row, view.now));
    let known = view.registry.permissions();
    let of_role = known.filter(|name| role.permissions.iter().any(|one| covers(one, name)));
    let cut = of_role.filter(|name| !has.as_ref().is_some_and(|has| has.allow(name)));
    cut.collect::<Vec<_>>().into()
}

/// The permissions of a role that open tools whose permission must be held everywhere.
fn only_everywhere<'v>(view: &View<'v>, role: &Row<Role>) -> Vec<&'v str> {
    let tools = view
        .registry
        .tools()
        .iter()
        .filter(|tool| tool.reach == Reach::Everywhere);
    let mut names: Vec<&str> = tools.map(|tool| tool.permission.as_str()).collect();
    names.retain(|name| role.permissions.iter().any(|one| covers(one, name)));
    names.sort_unstable();
    names.dedup();
    names
}
