//! What becomes of a member whose address is erased: a suspended "erased person", whose work and handle stay.

use crate::kernel::entity::OWNER;
use crate::kernel::identity::{Member, MemberStatus, Token};
use crate::kernel::{Plan, Rejection, Row, View};
use crate::modules::organizations::invitation::{Invitation, InvitationStatus};

/// What is shown instead of a name or an address.
pub const NOBODY: &str = "erased person";

/// Plans that a member is nobody any more: no address, no tokens, no invitation.
///
/// # Errors
/// `last_owner` where the organisation would be left without an owner.
pub fn erase(plan: &mut Plan, view: &View<'_>, member: &Row<Member>) -> Result<(), Rejection> {
    super::member::keep_an_owner(view, member)?;
    plan.edit("member.erased", member, |row| {
        NOBODY.clone_into(&mut row.display_name);
        row.email = None;
        if row.status != MemberStatus::Removed {
            row.status = MemberStatus::Suspended;
        }
    })?;
    let id = member.id.to_string();
    for token in view
        .find::<Token>(OWNER, &id)
        .filter(|token| token.revoked_at.is_none())
    {
        plan.edit("token.revoked", token, |token| token.revoked_at = Some(view.now))?;
    }
    for asked in view.find::<Invitation>("member", &id) {
        plan.edit("invitation.erased", asked, |row| {
            NOBODY.clone_into(&mut row.email);
            if row.status == InvitationStatus::Pending {
                row.status = InvitationStatus::Revoked;
            }
        })?;
    }
    Ok(())
}
