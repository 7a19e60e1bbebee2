//! `invite_members` and `revoke_invitation`.

use projections::Id;
use serde_json::{Value, json};

use crate::args;
use crate::kernel::arg::{List, Str};
use crate::kernel::authority::give;
use crate::kernel::entity::NAMES;
use crate::kernel::identity::{Member, MemberKind, MemberStatus, Organization, Role, Team};
use crate::kernel::plan::Undo;
use crate::kernel::{Plan, Ref, Rejection, Row, View, sealed, text};
use crate::modules::organizations::invitation::{Invitation, InvitationStatus, LIFETIME, open_of};
use crate::modules::teams;

args! {
    /// Somebody to ask in.
    pub struct Invite {
        /// Mail address; for agents and services only a name of theirs.
        email: Str<1, 254>,
        /// What they may do; member, or agent_worker for agents and services, where left out.
        role: Option<Ref<Role>>,
        /// Teams that they are in from the start.
        teams: Option<List<Ref<Team>, 0, 20>>,
        /// human, agent or service.
        kind: Option<MemberKind>,
        /// Who answers for an agent or service.
        sponsor: Option<Ref<Member>>,
    }
}

pub(super) fn invite(view: &View<'_>, row: &Row<Organization>, invites: &[Invite]) -> Result<Plan, Rejection> {
    let mut plan = Plan::new(format!(
        "Invite {} to \"{}\"",
        text::count(invites.len(), "member"),
        row.name
    ));
    let (mut lines, mut made) = (Vec::new(), Made::default());
    for (number, invite) in invites.iter().enumerate() {
        let here = |no: Rejection| {
            let field = no.field.clone().unwrap_or_else(|| "email".to_owned());
            no.field(format!("invites[{number}].{field}"))
        };
        lines.push(one(&mut plan, view, row, invite, &mut made).map_err(here)?);
    }
    plan.detail("invitations", &lines);
    plan.undo = Undo::Never("revoke the invitation, or remove the member");
    plan.result = json!({"invited": lines});
    Ok(plan)
}

/// What this call has given away already.
#[derive(Default)]
struct Made {
    handles: Vec<String>,
    emails: Vec<String>,
}

fn one(
    plan: &mut Plan,
    view: &View<'_>,
    row: &Row<Organization>,
    invite: &Invite,
    made: &mut Made,
) -> Result<Value, Rejection> {
    let kind = invite.kind.unwrap_or(MemberKind::Human);
    let email = invite.email.to_lowercase();
    let role = role(view, row, kind, invite.role.as_ref())?;
    let sponsor = sponsor(view, kind, invite.sponsor.as_ref())?;
    let new = |handle: String, status: MemberStatus| Member {
        kind,
        display_name: handle.clone(),
        handle,
        status,
        sponsor,
        roles: vec![role.id],
        ..Member::default()
    };
    if kind != MemberKind::Human {
        // Nobody has to accept for a program; its sponsor answers for it.
        let (id, handle) = (view.new_id::<Member>(), free_handle(view, &email, &mut made.handles));
        plan.create("member.joined", id, new(handle.clone(), MemberStatus::Active))?;
        let teams = teams::join(plan, view, id, invite.teams.as_deref().unwrap_or_default())?;
        let said = json!({"member": id.to_string(), "handle": format!("@{handle}"), "kind": kind, "role": role.name});
        return Ok(with_teams(said, teams));
    }
    let known = check(view, row, &email, &mut made.emails)?;
    let (id, handle) = if let Some(known) = known {
        plan.edit("member.invited", known, |member| {
            member.status = MemberStatus::Invited;
            member.roles = vec![role.id];
        })?;
        (known.id, known.handle.clone())
    } else {
        let (id, handle) = (view.new_id::<Member>(), free_handle(view, &email, &mut made.handles));
        let member = Member {
            email: Some(email.clone()),
            ..new(handle.clone(), MemberStatus::Invited)
        };
        plan.create("member.invited", id, member)?;
        (id, handle)
    };
    let invitation = asked(plan, view, &email, id, role.id)?;
    let teams = teams::join(plan, view, id, invite.teams.as_deref().unwrap_or_default())?;
    let said = json!({
        "member": id.to_string(), "handle": format!("@{handle}"), "kind": kind, "role": role.name, "email": email,
        "invitation": invitation.to_string(),
    });
    Ok(with_teams(said, teams))
}

fn with_teams(mut said: Value, teams: Vec<String>) -> Value {
    if let (Value::Object(members), false) = (&mut said, teams.is_empty()) {
        members.insert("teams".to_owned(), teams.into());
    }
    said
}

fn asked(
    plan: &mut Plan,
    view: &View<'_>,
    email: &str,
    member: Id<Member>,
    role: Id<Role>,
) -> Result<Id<Invitation>, Rejection> {
    let id = view.new_id::<Invitation>();
    let invitation = Invitation {
        email: email.to_owned(),
        member,
        role,
        invited_by: view.caller.member,
        expires_at: view.now.checked_add(LIFETIME).ok(),
        status: InvitationStatus::Pending,
    };
    plan.create("member.invited", id, invitation)?;
    Ok(id)
}

/// Refuses an address that may not be invited. Gives the member who had it before, where there is one.
fn check<'a>(
    view: &View<'a>,
    row: &Row<Organization>,
    email: &str,
    invited: &mut Vec<String>,
) -> Result<Option<&'a Row<Member>>, Rejection> {
    // What is no address to the keys of subjects would stand open in the journal.
    let domain = email.rsplit_once('@').map(|(_, domain)| domain);
    let Some(domain) = domain.filter(|_| sealed::is_address(email)) else {
        return Err(Rejection::argument(
            "email",
            format!("must be a mail address, not `{email}`"),
        ));
    };
    let allowed = &row.settings.allowed_email_domains;
    if !allowed.is_empty() && !allowed.iter().any(|one| one.eq_ignore_ascii_case(domain)) {
        return Err(Rejection::new(
            "domain_not_allowed",
            format!("addresses at {domain} may not be invited here"),
        )
        .field("email")
        .allowed(allowed.iter().cloned()));
    }
    if invited.iter().any(|one| one == email) {
        return Err(Rejection::argument("email", format!("must not be `{email}` twice")));
    }
    invited.push(email.to_owned());
    let known = view
        .find::<Member>(NAMES, &text::fold(email))
        .find(|member| member.email.as_deref() == Some(email));
    match known {
        Some(known) if is_in(view, known) => Err(already(known)),
        known => Ok(known.map(AsRef::as_ref)),
    }
}

/// Whether a member takes part, or still can by an invitation that is good.
fn is_in(view: &View<'_>, member: &Row<Member>) -> bool {
    match member.status {
        MemberStatus::Active | MemberStatus::Suspended => true,
        MemberStatus::Invited => open_of(view, member.id).is_some(),
        MemberStatus::Removed => false,
    }
}

fn already(member: &Row<Member>) -> Rejection {
    Rejection::new(
        "already_member",
        format!("@{} is {} already", member.handle, member.status.word()),
    )
    .current(json!({"id": member.id.to_string(), "handle": format!("@{}", member.handle), "status": member.status}))
}

fn role<'a>(
    view: &View<'a>,
    row: &Row<Organization>,
    kind: MemberKind,
    given: Option<&Ref<Role>>,
) -> Result<&'a Row<Role>, Rejection> {
    let default = if kind == MemberKind::Human {
        "member"
    } else {
        "agent_worker"
    };
    let role = match given {
        Some(reference) => view.resolve(reference)?,
        None => view
            .find::<Role>(NAMES, default)
            .next()
            .ok_or_else(|| Rejection::not_found("role", default))?,
    };
    if role.name == "owner" && kind != MemberKind::Human {
        return Err(
            Rejection::new("owner_must_be_human", "agents and services cannot own an organisation").field("role"),
        );
    }
    if role.name == "guest" && !row.settings.guest_access {
        return Err(Rejection::new("policy_denied", "no guests may be invited here").field("role"));
    }
    give::handles(view, role)?;
    give::holds_all(view, &role.permissions, None).map_err(|no| no.field("role"))?;
    if kind != MemberKind::Human {
        give::fits_agents(role)?;
    }
    Ok(role)
}

fn sponsor(view: &View<'_>, kind: MemberKind, given: Option<&Ref<Member>>) -> Result<Option<Id<Member>>, Rejection> {
    match (kind, given) {
        (MemberKind::Human, None) => Ok(None),
        (MemberKind::Human, Some(_)) => Err(Rejection::argument("sponsor", "is only for agents and services")),
        (_, None) => Err(Rejection::new(
            "sponsor_required",
            "an agent or service needs a human who answers for it",
        )
        .field("sponsor")),
        (_, Some(reference)) => {
            let row = view.resolve(reference)?;
            if row.kind != MemberKind::Human || row.status != MemberStatus::Active {
                return Err(
                    Rejection::new("sponsor_required", format!("@{} is no active human", row.handle)).field("sponsor"),
                );
            }
            Ok(Some(row.id))
        }
    }
}

fn free_handle(view: &View<'_>, email: &str, taken: &mut Vec<String>) -> String {
    let local = email.split('@').next().unwrap_or(email);
    let base = match text::slug(local) {
        slug if slug.is_empty() => "member".to_owned(),
        slug => slug,
    };
    let free = |handle: &String| {
        !taken.contains(handle)
            && view
                .find::<Member>(NAMES, &text::fold(&format!("@{handle}")))
                .next()
                .is_none()
    };
    let numbered = (2..).map(|number: u32| format!("{base}-{number}"));
    let handle = std::iter::once(base.clone()).chain(numbered).find(free).unwrap_or(base);
    taken.push(handle.clone());
    handle
}

pub(super) fn revoke(row: &Row<Invitation>) -> Result<Plan, Rejection> {
    let mut plan = Plan::new(format!("Take back the invitation of {}", row.email));
    plan.edit("invitation.revoked", row, |invitation| {
        invitation.status = InvitationStatus::Revoked;
    })?;
    plan.result = json!({"id": row.id.to_string(), "email": row.email, "status": "revoked"});
    Ok(plan)
}
