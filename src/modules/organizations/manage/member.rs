//! Suspending, reactivating and removing members, and giving the organisation to another human.

use std::sync::Arc;

use projections::Id;
use serde_json::json;

use crate::kernel::authority::holders;
use crate::kernel::entity::NAMES;
use crate::kernel::identity::{Grant, Member, MemberKind, MemberStatus, Organization, Role, Team, Token};
use crate::kernel::plan::Undo;
use crate::kernel::{Plan, Ref, Rejection, Risk, Row, View, text};
use crate::modules::organizations::invitation::{InvitationStatus, open_of};
use crate::modules::projects::{Lifecycle, Project, ProjectMember, ProjectRole};
use crate::modules::tasks::Task;
use crate::modules::workflows::State;

fn owner_role<'a>(view: &View<'a>) -> Result<&'a Arc<Row<Role>>, Rejection> {
    view.find::<Role>(NAMES, "owner")
        .find(|role| role.builtin)
        .ok_or_else(|| Rejection::not_found("role", "owner"))
}

/// Refuses what would leave the organisation without an active human owner.
pub(super) fn keep_an_owner(view: &View<'_>, member: &Row<Member>) -> Result<(), Rejection> {
    let owner = owner_role(view)?.id;
    let owners = holders(view.state, &member.org, owner, &[], view.now);
    let others = owners
        .iter()
        .any(|row| row.id != member.id && row.kind == MemberKind::Human);
    if owners.iter().any(|row| row.id == member.id) && !others {
        return Err(
            Rejection::new("last_owner", format!("@{} is the only owner", member.handle))
                .hint("transfer the ownership first, with op transfer_ownership"),
        );
    }
    Ok(())
}

/// What somebody leaves behind.
struct Left<'a> {
    tasks: Vec<&'a Arc<Row<Task>>>,
    projects: Vec<&'a Arc<Row<Project>>>,
    agents: Vec<&'a Arc<Row<Member>>>,
    tokens: usize,
}

impl<'a> Left<'a> {
    fn by(view: &View<'a>, member: Id<Member>) -> Self {
        let id = member.to_string();
        let open = |task: &&Arc<Row<Task>>| {
            task.deleted_at.is_none()
                && view
                    .get::<State>(task.state)
                    .is_some_and(|state| !state.category.is_final())
        };
        Self {
            tasks: view.find::<Task>("assignee", &id).filter(open).collect(),
            projects: view
                .rows::<Project>()
                .filter(|row| row.lead == member && row.lifecycle == Lifecycle::Active)
                .collect(),
            agents: view
                .find::<Member>("sponsor", &id)
                .filter(|row| row.status == MemberStatus::Active)
                .collect(),
            tokens: view
                .rows::<Token>()
                .filter(|row| row.member == member && row.is_good(view.now))
                .count(),
        }
    }

    fn shown(&self) -> serde_json::Value {
        let keys: Vec<String> = self.tasks.iter().take(20).map(|task| task.human_key()).collect();
        let projects: Vec<&str> = self.projects.iter().map(|project| project.key.as_str()).collect();
        let agents: Vec<String> = self.agents.iter().map(|agent| format!("@{}", agent.handle)).collect();
        json!({"openTasks": self.tasks.len(), "firstTasks": keys, "leads": projects, "sponsors": agents, "tokens": self.tokens})
    }
}

fn successor<'a>(
    view: &View<'a>,
    member: &Row<Member>,
    given: Option<&Ref<Member>>,
) -> Result<Option<&'a Arc<Row<Member>>>, Rejection> {
    let Some(reference) = given else { return Ok(None) };
    let row = view.resolve(reference)?;
    if row.status != MemberStatus::Active || row.id == member.id {
        return Err(Rejection::argument(
            "reassignTo",
            format!("must be another active member, not @{}", row.handle),
        ));
    }
    Ok(Some(row))
}

fn hand_over(plan: &mut Plan, left: &Left<'_>, from: Id<Member>, to: &Row<Member>) -> Result<(), Rejection> {
    for task in &left.tasks {
        plan.edit("task.assigned", task, |task| replace(&mut task.assignees, from, to.id))?;
    }
    for project in &left.projects {
        plan.edit("project.updated", project, |project| {
            project.lead = to.id;
            project.members.retain(|member| member.member != to.id);
            project.members.push(ProjectMember {
                member: to.id,
                role: ProjectRole::Lead,
            });
        })?;
    }
    for agent in &left.agents {
        if to.kind == MemberKind::Human {
            plan.edit("member.updated", agent, |agent| agent.sponsor = Some(to.id))?;
        }
    }
    plan.cascades.push(format!(
        "{} and {} go to @{}",
        text::count(left.tasks.len(), "open task"),
        text::count(left.projects.len(), "project"),
        to.handle
    ));
    Ok(())
}

fn replace(list: &mut Vec<Id<Member>>, from: Id<Member>, to: Id<Member>) {
    let place = list.iter().position(|id| *id == from);
    list.retain(|id| *id != from && *id != to);
    list.insert(place.unwrap_or_default().min(list.len()), to);
}

/// What was granted to a member beyond the membership.
fn own_grants<'a>(view: &View<'a>, member: Id<Member>) -> impl Iterator<Item = &'a Arc<Row<Grant>>> + use<'a> {
    let table = view.state.table::<Grant>();
    let found = table.map(|table| table.find(&view.caller.org, "subject", &member.to_string()));
    found.into_iter().flatten()
}

fn may_touch(view: &View<'_>, member: &Row<Member>) -> Result<(), Rejection> {
    let owner = owner_role(view)?.id;
    let owns = member.roles.contains(&owner) || own_grants(view, member.id).any(|grant| grant.role == owner);
    if owns && !view.rights.allow("*") {
        return Err(Rejection::forbidden("*").hint("only an owner may do this to an owner"));
    }
    if member.id == view.caller.member {
        return Err(Rejection::argument("member", "must be somebody else than yourself"));
    }
    Ok(())
}

pub(super) fn suspend(view: &View<'_>, member: &Row<Member>, to: Option<&Ref<Member>>) -> Result<Plan, Rejection> {
    keep_an_owner(view, member)?;
    may_touch(view, member)?;
    if member.status != MemberStatus::Active {
        return Err(Rejection::argument(
            "member",
            format!("is {}, not active", member.status.word()),
        ));
    }
    let mut plan = Plan::new(format!("Suspend @{}", member.handle));
    plan.edit("member.suspended", member, |row| row.status = MemberStatus::Suspended)?;
    let left = Left::by(view, member.id);
    plan.detail("leaves", left.shown());
    match successor(view, member, to)? {
        Some(to) => hand_over(&mut plan, &left, member.id, to)?,
        None if !left.tasks.is_empty() => plan.warn(format!(
            "@{} keeps {}",
            member.handle,
            text::count(left.tasks.len(), "open task")
        )),
        None => {}
    }
    for agent in &left.agents {
        plan.warn(format!(
            "@{} can do nothing while its sponsor is suspended",
            agent.handle
        ));
    }
    plan.risk = Some(Risk::High);
    plan.result = json!({"id": member.id.to_string(), "status": "suspended"});
    Ok(plan)
}

pub(super) fn reactivate(view: &View<'_>, member: &Row<Member>) -> Result<Plan, Rejection> {
    may_touch(view, member)?;
    if member.status != MemberStatus::Suspended && member.status != MemberStatus::Active {
        return Err(Rejection::argument(
            "member",
            format!("is {}, not suspended", member.status.word()),
        ));
    }
    let mut plan = Plan::new(format!("Reactivate @{}", member.handle));
    plan.edit("member.reactivated", member, |row| row.status = MemberStatus::Active)?;
    plan.result = json!({"id": member.id.to_string(), "status": "active"});
    Ok(plan)
}

pub(super) fn remove(view: &View<'_>, member: &Row<Member>, to: Option<&Ref<Member>>) -> Result<Plan, Rejection> {
    keep_an_owner(view, member)?;
    may_touch(view, member)?;
    let left = Left::by(view, member.id);
    let to = successor(view, member, to)?;
    let burdened = !left.tasks.is_empty() || !left.projects.is_empty() || !left.agents.is_empty();
    if burdened && to.is_none() {
        return Err(Rejection::new(
            "reassignment_required",
            format!("@{} has work that must go to somebody", member.handle),
        )
        .field("reassignTo")
        .current(left.shown())
        .hint("name who takes it over in reassignTo"));
    }
    if !left.agents.is_empty() && to.is_some_and(|to| to.kind != MemberKind::Human) {
        return Err(Rejection::new("sponsor_required", "only a human can take over agents").field("reassignTo"));
    }
    let mut plan = Plan::new(format!("Remove @{}", member.handle));
    plan.edit("member.removed", member, |row| {
        row.status = MemberStatus::Removed;
        row.roles.clear();
    })?;
    for grant in own_grants(view, member.id) {
        plan.remove("role.revoked", grant)?;
    }
    for team in view
        .state
        .table::<Team>()
        .into_iter()
        .flat_map(|table| table.find(&member.org, "member", &member.id.to_string()))
    {
        plan.edit("team.member_removed", team, |team| {
            team.members.retain(|id| *id != member.id);
        })?;
    }
    if let Some(open) = open_of(view, member.id) {
        plan.edit("invitation.revoked", open, |row| row.status = InvitationStatus::Revoked)?;
    }
    plan.detail("leaves", left.shown());
    if let Some(to) = to {
        hand_over(&mut plan, &left, member.id, to)?;
    }
    for project in view.rows::<Project>() {
        if project.role_of(member.id).is_some() {
            plan.edit("project.updated", project, |project| {
                project.members.retain(|one| one.member != member.id);
            })?;
        }
    }
    if left.tokens > 0 {
        plan.cascades
            .push(format!("{} stop working at once", text::count(left.tokens, "token")));
    }
    plan.risk = Some(Risk::High);
    plan.undo = Undo::Days(30);
    plan.result = json!({"id": member.id.to_string(), "status": "removed", "reassignedTo": to.map(|to| format!("@{}", to.handle))});
    Ok(plan)
}

pub(super) fn transfer(view: &View<'_>, row: &Row<Organization>, new: &Row<Member>) -> Result<Plan, Rejection> {
    if new.kind != MemberKind::Human {
        return Err(Rejection::new(
            "owner_must_be_human",
            format!(
                "@{} is {}; agents and services cannot own an organisation",
                new.handle,
                new.kind.word()
            ),
        )
        .field("newOwner"));
    }
    if new.status != MemberStatus::Active {
        return Err(Rejection::argument(
            "newOwner",
            format!("must be active, and @{} is {}", new.handle, new.status.word()),
        ));
    }
    let (owner, me) = (owner_role(view)?.id, view.me()?);
    if !view.rights.has_role(&[owner], &[]) {
        return Err(Rejection::forbidden("*").hint("only an owner can give the organisation away"));
    }
    let admin = view
        .find::<Role>(NAMES, "admin")
        .find(|role| role.builtin)
        .map(|role| role.id);
    let mut plan = Plan::new(format!("Give \"{}\" to @{}", row.name, new.handle));
    if new.id != me.id {
        plan.edit("organization.ownership_transferred", new, |member| {
            if !member.roles.contains(&owner) {
                member.roles.push(owner);
            }
        })?;
        plan.edit("organization.ownership_transferred", me, |member| {
            member.roles.retain(|role| *role != owner);
            member.roles.extend(admin.filter(|admin| !member.roles.contains(admin)));
        })?;
        for grant in own_grants(view, me.id).filter(|grant| grant.role == owner) {
            plan.remove("organization.ownership_transferred", grant)?;
        }
        plan.warn("you become an admin and cannot take this back yourself");
    }
    plan.risk = Some(Risk::High);
    plan.undo = Undo::Never("only the new owner can give it back");
    plan.result = json!({"owner": format!("@{}", new.handle), "version": row.version});
    Ok(plan)
}
