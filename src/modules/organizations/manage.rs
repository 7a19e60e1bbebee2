//! `manage_organization`: one tool, nine operations, each with its preview.

mod erase;
mod invite;
mod member;
mod settings;

use serde_json::json;

use super::invitation::Invitation;
use super::read::own;
use crate::kernel::arg::{In, JsonObject, List, Str, UpdateArgs};
use crate::kernel::engine::closed;
use crate::kernel::identity::{Member, Organization, OrganizationStatus};
use crate::kernel::plan::Undo;
use crate::kernel::{Plan, Ref, Rejection, Risk, Row, View, text};
use crate::modules::projects::Project;
use crate::modules::tasks::Task;
use crate::{args, choice};
pub use erase::{NOBODY, erase};
pub use invite::Invite;

/// The permission to close the organisation, and to open it again.
const CLOSE: &str = "organizations.close";
/// Days in which a closed organisation can be reopened.
const REOPEN_DAYS: i64 = 30;

choice! {
    /// What to do.
    pub enum Operation {
        /// Change name, zone, policies.
        UpdateSettings = "update_settings",
        /// Ask people in, add agents and services.
        InviteMembers = "invite_members",
        /// Take an invitation back.
        RevokeInvitation = "revoke_invitation",
        /// Keep a member from acting for now.
        SuspendMember = "suspend_member",
        /// Let them act again.
        ReactivateMember = "reactivate_member",
        /// Remove a member.
        RemoveMember = "remove_member",
        /// Give the organisation to another human.
        TransferOwnership = "transfer_ownership",
        /// Close it.
        Close = "close",
        /// Open it again.
        Reopen = "reopen",
    }
}

args! {
    /// Arguments of `manage_organization`.
    pub struct ManageOrganization {
        /// The token's own without it.
        organization: Option<Ref<Organization>>,
        /// What to do.
        op: Operation,
        /// For update_settings: name, slug, timezone, currency, locale, weekStart, confirmPolicy, agentPolicy, allowedEmailDomains, retentionDays, guestAccess.
        settings: Option<JsonObject>,
        /// For invite_members.
        invites: Option<List<Invite, 1, 50>>,
        /// For suspend_member, reactivate_member, remove_member.
        member: Option<Ref<Member>>,
        /// For revoke_invitation.
        invitation: Option<Ref<Invitation>>,
        /// Who takes over what a suspended or removed member has.
        reassign_to: Option<Ref<Member>>,
        /// For transfer_ownership.
        new_owner: Option<Ref<Member>>,
        /// For close: the organisation's name, typed.
        confirm_name: Option<Str<1, 80>>,
        write: In<UpdateArgs>,
    }
}

/// `manage_organization`.
pub fn manage(args: ManageOrganization, view: &View<'_>) -> Result<Plan, Rejection> {
    only_its_own(&args)?;
    let row = own(view, args.organization.as_ref())?;
    Plan::expect(view, row, args.write.expected_version)?;
    if row.status == OrganizationStatus::Closed && args.op != Operation::Reopen {
        return Err(closed());
    }
    match args.op {
        Operation::UpdateSettings => settings::update(view, row, needed(args.settings, "settings")?),
        Operation::InviteMembers => invite::invite(view, row, &needed(args.invites, "invites")?),
        Operation::RevokeInvitation => {
            let reference = needed(args.invitation, "invitation")?;
            invite::revoke(view.resolve(&reference)?)
        }
        Operation::SuspendMember => {
            let member = view.resolve(&needed(args.member, "member")?)?;
            member::suspend(view, member, args.reassign_to.as_ref())
        }
        Operation::ReactivateMember => {
            let member = view.resolve(&needed(args.member, "member")?)?;
            member::reactivate(view, member)
        }
        Operation::RemoveMember => {
            let member = view.resolve(&needed(args.member, "member")?)?;
            member::remove(view, member, args.reassign_to.as_ref())
        }
        Operation::TransferOwnership => {
            let new = view.resolve(&needed(args.new_owner, "newOwner")?)?;
            member::transfer(view, row, new)
        }
        Operation::Close => close(view, row, &needed(args.confirm_name, "confirmName")?),
        Operation::Reopen => reopen(view, row),
    }
}

/// An argument that another operation takes is an error: it would silently do nothing.
fn only_its_own(args: &ManageOrganization) -> Result<(), Rejection> {
    use Operation as Op;
    let given: [(&str, bool, &[Op]); 7] = [
        ("settings", args.settings.is_some(), &[Op::UpdateSettings]),
        ("invites", args.invites.is_some(), &[Op::InviteMembers]),
        (
            "member",
            args.member.is_some(),
            &[Op::SuspendMember, Op::ReactivateMember, Op::RemoveMember],
        ),
        ("invitation", args.invitation.is_some(), &[Op::RevokeInvitation]),
        (
            "reassignTo",
            args.reassign_to.is_some(),
            &[Op::SuspendMember, Op::RemoveMember],
        ),
        ("newOwner", args.new_owner.is_some(), &[Op::TransferOwnership]),
        ("confirmName", args.confirm_name.is_some(), &[Op::Close]),
    ];
    let stray = given.iter().find(|(_, given, ops)| *given && !ops.contains(&args.op));
    match stray {
        Some((name, _, ops)) => {
            let ops: Vec<&str> = ops.iter().map(|op| op.word()).collect();
            Err(Rejection::argument(
                name,
                format!("belongs to {}, not to {}", ops.join(", "), args.op.word()),
            ))
        }
        None => Ok(()),
    }
}

fn needed<T>(given: Option<T>, name: &'static str) -> Result<T, Rejection> {
    given.ok_or_else(|| Rejection::argument(name, "is required for this operation"))
}

fn close(view: &View<'_>, row: &Row<Organization>, typed: &str) -> Result<Plan, Rejection> {
    view.require(CLOSE)?;
    if typed != row.name {
        return Err(
            Rejection::new("name_mismatch", format!("`{typed}` is not the organisation's name"))
                .field("confirmName")
                .hint(format!("type `{}` to close it", row.name)),
        );
    }
    let mut plan = Plan::new(format!("Close organisation \"{}\"", row.name));
    plan.edit("organization.closed", row, |organization| {
        organization.status = OrganizationStatus::Closed;
        organization.closed_at = Some(view.now);
    })?;
    let purge = view.today().checked_add(jiff::Span::new().days(REOPEN_DAYS)).ok();
    plan.detail(
        "counts",
        json!({"members": view.rows::<Member>().count(), "projects": view.rows::<Project>().count(), "tasks": view.rows::<Task>().count()}),
    );
    plan.detail("purgedAfter", purge);
    plan.warn(format!(
        "nothing can be changed in it any more; it can be reopened for {}",
        text::count(30, "day")
    ));
    plan.risk = Some(Risk::High);
    plan.undo = Undo::Days(REOPEN_DAYS);
    plan.result = json!({"id": row.id.to_string(), "status": "closed"});
    Ok(plan)
}

fn reopen(view: &View<'_>, row: &Row<Organization>) -> Result<Plan, Rejection> {
    view.require(CLOSE)?;
    let late = row
        .closed_at
        .and_then(|at| at.checked_add(jiff::SignedDuration::from_hours(24 * REOPEN_DAYS)).ok())
        .is_some_and(|end| view.now > end);
    if late {
        return Err(Rejection::new(
            "reopen_too_late",
            format!("\"{}\" was closed more than {REOPEN_DAYS} days ago", row.name),
        ));
    }
    let mut plan = Plan::new(format!("Reopen organisation \"{}\"", row.name));
    plan.edit("organization.reopened", row, |organization| {
        organization.status = OrganizationStatus::Active;
        organization.closed_at = None;
    })?;
    plan.result = json!({"id": row.id.to_string(), "status": "active"});
    Ok(plan)
}
