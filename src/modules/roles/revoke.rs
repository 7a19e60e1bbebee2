//! `revoke_role`.

use std::collections::BTreeSet;

use projections::Id;
use serde_json::{Value, json};

use super::shown;
use super::target::{Subject, Where, granted};
use crate::args;
use crate::kernel::arg::{In, UpdateArgs};
use crate::kernel::authority::{gains, give, held, place, subjects};
use crate::kernel::engine::caller_for;
use crate::kernel::identity::{GrantScope, Member, Role};
use crate::kernel::plan::Undo;
use crate::kernel::{AnyRef, Plan, Ref, Rejection, Risk, Row, State, View, text};
use crate::modules::projects::Project;
use crate::modules::tasks::Task;

args! {
    /// Arguments of `revoke_role`.
    pub struct RevokeRole {
        /// A member or team.
        subject: AnyRef,
        role: Ref<Role>,
        scope: GrantScope = GrantScope::Organization,
        /// The team or project.
        scope_ref: Option<AnyRef>,
        write: In<UpdateArgs>,
    }
}

/// Most members whose sight is compared.
const COMPARED_MAX: usize = 20;

/// `revoke_role`.
pub fn revoke(args: RevokeRole, view: &View<'_>) -> Result<Plan, Rejection> {
    let (subject, role) = (Subject::of(view, &args.subject)?, view.resolve(&args.role)?);
    let at = Where::of(view, args.scope, args.scope_ref.as_ref())?;
    give::handles(view, role)?;
    let name = subject.name();
    let mut plan = Plan::new(format!(
        "Take the role \"{}\"{} from {name}",
        role.name,
        at.in_words(view)
    ));
    let grant = granted(view, &subject.id(), role.id, &at);
    if let Some(grant) = grant {
        Plan::expect(view, grant, args.write.expected_version)?;
        plan.remove("role.revoked", grant)?;
    }
    if let (Subject::Member(row), None) = (&subject, &at.place)
        && row.roles.contains(&role.id)
    {
        if grant.is_none() {
            Plan::expect(view, row, args.write.expected_version)?;
        }
        plan.edit("role.revoked", row, |member| member.roles.retain(|one| *one != role.id))?;
    }
    if plan.is_noop() {
        return Err(not_granted(view, &subject, role));
    }
    shown::keeps_a_key(view, &plan)?;
    shown::changes(view, &mut plan)?;
    if view.is_shown {
        let people = subjects(view.state, &view.caller.org, &subject.id());
        let then = gains::after(view, &plan)?;
        plan.detail("outOfSight", out_of_sight(view, &then, &people));
    }
    plan.risk = Some(Risk::High);
    plan.undo = Undo::Never("assign_role gives it again");
    plan.result = json!({"subject": name, "role": role.name, "scope": at.scope, "scopeRef": at.place});
    Ok(plan)
}

fn not_granted(view: &View<'_>, subject: &Subject<'_>, role: &Row<Role>) -> Rejection {
    let said = |role: &str, at: Option<&str>| format!("{role} in {}", place::in_words(view, at));
    let holds: Vec<String> = match subject {
        Subject::Member(row) => {
            let all = held(view.state, row.id, view.now);
            all.iter()
                .map(|held| said(&held.role.name, held.place.as_deref()))
                .collect()
        }
        Subject::Team(row) => {
            let grants = view.find::<crate::kernel::identity::Grant>("subject", &row.id.to_string());
            grants
                .filter_map(|grant| Some(said(&view.get(grant.role)?.name, grant.scope_ref.as_deref())))
                .collect()
        }
    };
    let message = format!(
        "{} does not hold {} there by a grant of its own",
        subject.name(),
        role.name
    );
    Rejection::new("not_granted", message)
        .field("role")
        .current(json!({"holds": holds}))
        .hint("name the scope that it is held in; what comes through a team is taken from the team")
}

/// What those members would see no more: projects by key, tasks in numbers.
fn out_of_sight(view: &View<'_>, then: &State, people: &[Id<Member>]) -> Value {
    let mut lost: BTreeSet<String> = BTreeSet::new();
    let mut tasks = 0;
    for member in people.iter().take(COMPARED_MAX).filter_map(|id| view.get(*id)) {
        let caller = caller_for(member);
        let eyes = |state| View::new(state, &caller, view.now, view.registry, view.past, None);
        // Only projects that whoever looks at the preview sees are named.
        for project in eyes(view.state).rows::<Project>() {
            if eyes(then).get(project.id).is_none() && view.get(project.id).is_some() {
                lost.insert(project.key.clone());
                tasks += view.find::<Task>("project", &project.id.to_string()).count();
            }
        }
    }
    json!({"projects": lost, "tasks": text::count(tasks, "task")})
}
