//! Founding an organisation: what exists in it from the first moment.

mod given;

pub use given::{MOVES, ROLES, STATES};

use projections::Id;

use crate::kernel::identity::{Member, MemberKind, Organization, OrganizationSettings, Role};
use crate::kernel::{Plan, Rejection, View};
use crate::modules::workflows::{State, Transition, Workflow};

/// What is to be founded.
#[derive(Clone, Debug)]
pub struct Founding {
    /// Its name.
    pub name: String,
    /// Its slug.
    pub slug: String,
    /// IANA time zone.
    pub timezone: String,
    /// ISO 4217.
    pub currency: String,
    /// BCP 47.
    pub locale: Option<String>,
    /// The owner: name, handle, mail address.
    pub owner: (String, String, Option<String>),
}

/// Plans an organisation with its roles, its owner and its default workflow. Gives the identifiers of organisation and owner.
pub fn found(plan: &mut Plan, view: &View<'_>, new: &Founding) -> Result<(Id<Organization>, Id<Member>), Rejection> {
    let organization = view.new_id::<Organization>();
    plan.home = Some(organization.to_string());
    plan.create(
        "organization.created",
        organization,
        Organization {
            name: new.name.clone(),
            slug: new.slug.clone(),
            timezone: new.timezone.clone(),
            currency: new.currency.clone(),
            locale: new.locale.clone(),
            week_start: "monday".to_owned(),
            settings: OrganizationSettings::default(),
            ..Organization::default()
        },
    )?;
    let owner_role = roles(plan, view)?;
    let owner = view.new_id::<Member>();
    let (name, handle, email) = new.owner.clone();
    plan.create(
        "member.joined",
        owner,
        Member {
            kind: MemberKind::Human,
            display_name: name,
            handle,
            email,
            roles: vec![owner_role],
            ..Member::default()
        },
    )?;
    default_workflow(plan, view)?;
    Ok((organization, owner))
}

fn roles(plan: &mut Plan, view: &View<'_>) -> Result<Id<Role>, Rejection> {
    let mut owner = Id::default();
    for (name, description, permissions) in ROLES {
        let id = view.new_id::<Role>();
        if name == "owner" {
            owner = id;
        }
        plan.create(
            "role.created",
            id,
            Role {
                name: name.to_owned(),
                description: description.to_owned(),
                permissions: permissions.iter().map(ToString::to_string).collect(),
                builtin: true,
                grantable: if name == "owner" { "owners" } else { "admins" }.to_owned(),
            },
        )?;
    }
    Ok(owner)
}

fn default_workflow(plan: &mut Plan, view: &View<'_>) -> Result<(), Rejection> {
    let workflow = view.new_id::<Workflow>();
    let ids: Vec<Id<State>> = STATES.iter().map(|_| view.new_id::<State>()).collect();
    let at = |place: &usize| ids.get(*place).copied().unwrap_or_default();
    let transitions = MOVES
        .iter()
        .map(|(name, from, to)| Transition {
            name: (*name).to_owned(),
            from: from.iter().map(at).collect(),
            to: at(to),
            ..Transition::default()
        })
        .collect();
    plan.create(
        "workflow.created",
        workflow,
        Workflow {
            project: None,
            name: "Default".to_owned(),
            transitions,
            ..Workflow::default()
        },
    )?;
    for ((rank, (name, category, color, initial)), id) in (0u32..).zip(STATES).zip(&ids) {
        plan.create(
            "workflow.state_saved",
            *id,
            State {
                workflow,
                name: name.to_owned(),
                category,
                color: color.to_owned(),
                rank,
                initial,
                ..State::default()
            },
        )?;
    }
    Ok(())
}
