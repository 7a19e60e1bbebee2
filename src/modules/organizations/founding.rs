//! Founding an organisation: what exists in it from the first moment.

use projections::Id;

use crate::kernel::identity::{Member, MemberKind, Organization, OrganizationSettings, Role};
use crate::kernel::{Plan, Rejection, View};
use crate::modules::workflows::{Category, State, Transition, Workflow};

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

/// The roles that every organisation has: name, what for, permissions. They cannot be changed.
pub const ROLES: [(&str, &str, &[&str]); 7] = [
    ("owner", "Everything", &["*"]),
    (
        "admin",
        "Everything but closing and owning the organisation",
        &[
            "organizations.read",
            "organizations.browse",
            "organizations.manage",
            "projects.*",
            "tasks.*",
            "wiki.*",
            "workflows.*",
            "analytics.*",
            "automation.*",
            "audit.*",
            "bulk.*",
            "processes.*",
            "stock.*",
            "products.*",
            "actions.*",
            "search.*",
            "comments.*",
            "dependencies.*",
            "teams.*",
            "roles.*",
            "labels.*",
            "fields.*",
            "sprints.*",
            "milestones.*",
            "goals.*",
            "templates.*",
            "forms.*",
            "time.*",
            "calendar.*",
            "chat.*",
            "notifications.*",
            "files.*",
            "contacts.*",
            "registers.*",
            "expenses.*",
            "integrations.*",
            "webhooks.*",
        ],
    ),
    (
        "manager",
        "Runs projects and people's work",
        &[
            "organizations.read",
            "organizations.browse",
            "projects.*",
            "tasks.*",
            "wiki.*",
            "workflows.*",
            "analytics.*",
            "bulk.*",
            "processes.*",
            "stock.*",
            "products.*",
            "actions.*",
            "search.*",
            "comments.*",
            "dependencies.*",
            "teams.*",
            "roles.read",
            "labels.*",
            "fields.*",
            "sprints.*",
            "milestones.*",
            "goals.*",
            "templates.*",
            "forms.*",
            "time.*",
            "calendar.*",
            "chat.*",
            "notifications.*",
            "files.*",
            "contacts.*",
            "registers.*",
            "expenses.*",
        ],
    ),
    (
        "member",
        "Works",
        &[
            "organizations.read",
            "organizations.browse",
            "projects.read",
            "projects.write",
            "tasks.*",
            "wiki.*",
            "workflows.read",
            "analytics.*",
            "bulk.*",
            "processes.read",
            "processes.write",
            "stock.read",
            "stock.write",
            "products.read",
            "products.write",
            "actions.*",
            "search.*",
            "comments.*",
            "dependencies.*",
            "teams.read",
            "roles.read",
            "labels.*",
            "fields.read",
            "sprints.read",
            "sprints.write",
            "milestones.*",
            "goals.*",
            "templates.*",
            "forms.read",
            "forms.write",
            "time.*",
            "calendar.*",
            "chat.*",
            "notifications.*",
            "files.*",
            "contacts.*",
            "registers.*",
            "expenses.read",
            "expenses.write",
        ],
    ),
    (
        "guest",
        "Sees the projects they are in",
        &[
            "organizations.read",
            "projects.read",
            "tasks.read",
            "workflows.read",
            "actions.*",
            "search.*",
            "comments.read",
            "comments.write",
            "labels.read",
        ],
    ),
    (
        "agent_worker",
        "An agent that works within its sponsor's rights",
        &[
            "organizations.read",
            "organizations.browse",
            "projects.*",
            "tasks.*",
            "wiki.*",
            "workflows.read",
            "workflows.write",
            "analytics.*",
            "bulk.*",
            "processes.read",
            "processes.write",
            "stock.read",
            "stock.write",
            "products.*",
            "actions.*",
            "search.*",
            "comments.*",
            "dependencies.*",
            "teams.read",
            "roles.read",
            "labels.*",
            "fields.*",
            "sprints.*",
            "milestones.*",
            "goals.*",
            "templates.*",
            "forms.*",
            "time.*",
            "calendar.*",
            "chat.*",
            "notifications.*",
            "files.*",
            "contacts.*",
            "registers.*",
            "expenses.read",
            "expenses.write",
        ],
    ),
    (
        "agent_reader",
        "An agent that only reads",
        &[
            "organizations.read",
            "organizations.browse",
            "projects.read",
            "tasks.read",
            "wiki.read",
            "workflows.read",
            "analytics.read",
            "stock.read",
            "products.read",
            "actions.read",
            "search.read",
            "comments.read",
            "dependencies.read",
            "teams.read",
            "roles.read",
            "labels.read",
            "fields.read",
            "sprints.read",
            "milestones.read",
            "goals.read",
            "templates.read",
            "forms.read",
            "time.read",
            "calendar.read",
            "chat.read",
            "files.read",
            "contacts.read",
            "registers.read",
        ],
    ),
];

/// The states of the default workflow: name, category, colour, initial.
pub const STATES: [(&str, Category, &str, bool); 6] = [
    ("Backlog", Category::Backlog, "#94a3b8", true),
    ("To do", Category::Unstarted, "#64748b", false),
    ("In progress", Category::Started, "#2563eb", false),
    ("In review", Category::Started, "#7c3aed", false),
    ("Done", Category::Completed, "#16a34a", false),
    ("Cancelled", Category::Cancelled, "#dc2626", false),
];

/// The moves of the default workflow: name, from, to (places in [`STATES`]).
pub const MOVES: [(&str, &[usize], usize); 8] = [
    ("Plan", &[0], 1),
    ("Start", &[0, 1], 2),
    ("Send to review", &[2], 3),
    ("Back to work", &[3], 2),
    ("Finish", &[2, 3], 4),
    ("Cancel", &[0, 1, 2, 3], 5),
    ("Put back", &[1, 2], 0),
    ("Reopen", &[4, 5], 1),
];

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
