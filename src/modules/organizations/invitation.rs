//! Invitations: somebody is asked in, and joins when an operator gives them their first token.

use jiff::{SignedDuration, Timestamp};
use projections::Id;

use crate::kernel::identity::{Member, MemberStatus, Role};
use crate::kernel::{Describe, Keys, Plan, Rejection, Row, View};
use crate::{choice, entity};

/// How long an invitation is good.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(14 * 24);

choice! {
    /// Where an invitation stands.
    #[derive(Default)]
    pub enum InvitationStatus {
        /// Waits.
        #[default]
        Pending = "pending",
        /// They joined.
        Accepted = "accepted",
        /// Taken back.
        Revoked = "revoked",
        /// Nobody answered in time.
        Expired = "expired",
    }
}

entity! {
    /// Somebody was asked in.
    pub struct Invitation("invitation", "inv") {
        /// Where it was sent.
        email: String,
        /// The member they will be.
        member: Id<Member>,
        /// What they may do then.
        role: Id<Role>,
        /// Who asked.
        invited_by: Id<Member>,
        /// Until when it is good.
        expires_at: Option<Timestamp>,
        /// Where it stands.
        status: InvitationStatus,
    }
}

impl Describe for Invitation {
    fn keys(&self, keys: &mut Keys) {
        keys.name(&self.email);
        keys.key("member", self.member);
    }
    fn label(&self) -> String {
        self.email.clone()
    }
    fn is_alive(&self) -> bool {
        self.status == InvitationStatus::Pending
    }
}

impl Invitation {
    /// Whether it can still be taken up.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.status == InvitationStatus::Pending && self.expires_at.is_none_or(|end| now < end)
    }
}

/// The open invitation of a member.
pub fn open_of<'a>(view: &View<'a>, member: Id<Member>) -> Option<&'a std::sync::Arc<Row<Invitation>>> {
    view.find::<Invitation>("member", &member.to_string())
        .find(|row| row.is_open(view.now))
}

/// Plans that an invited member joins.
///
/// # Errors
/// `not_invited` when there is no invitation that is still good.
pub fn accept(plan: &mut Plan, view: &View<'_>, member: &Row<Member>) -> Result<(), Rejection> {
    let open = open_of(view, member.id).ok_or_else(|| {
        Rejection::new(
            "not_invited",
            format!("@{} has no invitation that is still good", member.handle),
        )
        .hint("invite them again with manage_organization")
    })?;
    plan.edit("member.joined", member, |row| row.status = MemberStatus::Active)?;
    plan.edit("member.joined", open, |row| row.status = InvitationStatus::Accepted)?;
    Ok(())
}
