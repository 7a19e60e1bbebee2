//! Looking at organisations and their members.

use serde_json::{Value, json};
use std::sync::Arc;

use crate::args;
use crate::kernel::arg::{In, PageArgs, ReadArgs, Str};
use crate::kernel::authority::{held, people_of, place};
use crate::kernel::identity::{Member, MemberKind, MemberStatus, Organization, OrganizationStatus, Role, Team};
use crate::kernel::listing::{self, Item, Listing};
use crate::kernel::tool::object;
use crate::kernel::{Ref, Rejection, Row, View, policy, text};
use crate::modules::projects::Project;
use crate::modules::tasks::Task;

args! {
    /// Arguments of `list_organizations`.
    pub struct ListOrganizations {
        /// Words in name or slug.
        q: Option<Str<1, 100>>,
        /// Of this status.
        status: Option<OrganizationStatus>,
        page: In<PageArgs>,
    }
}

args! {
    /// Arguments of `get_organization`.
    pub struct GetOrganization {
        /// The token's own without it.
        organization: Option<Ref<Organization>>,
        read: In<ReadArgs>,
    }
}

args! {
    /// Arguments of `list_organization_members`.
    pub struct ListMembers {
        /// Name, handle or e-mail.
        q: Option<Str<1, 100>>,
        /// Of this kind.
        kind: Option<MemberKind>,
        /// Removed ones only where asked for.
        status: Option<MemberStatus>,
        /// With this role.
        role: Option<Ref<Role>>,
        /// Needs module Teams.
        team: Option<Ref<Team>>,
        page: In<PageArgs>,
    }
}

/// What a listed organisation shows.
pub const COLUMNS: [&str; 7] = ["id", "name", "slug", "status", "roles", "members", "projects"];

/// What a listed member shows.
pub const MEMBER_COLUMNS: [&str; 10] = [
    "id",
    "handle",
    "name",
    "email",
    "kind",
    "status",
    "sponsor",
    "roles",
    "timezone",
    "outOfOffice",
];

/// `list_organizations`: the token speaks for one organisation and sees that one.
pub fn list(args: ListOrganizations, view: &View<'_>) -> Result<Value, Rejection> {
    let words = args.q.as_ref().map(|q| text::fold(q));
    let fits = |row: &&Arc<Row<Organization>>| {
        args.status.is_none_or(|status| row.status == status)
            && words
                .as_ref()
                .is_none_or(|words| text::fold(&format!("{} {}", row.name, row.slug)).contains(words.as_str()))
    };
    let own = view.organization()?;
    let items = std::iter::once(own)
        .filter(fits)
        .map(|row| shown(view, row))
        .collect::<Result<Vec<Item>, Rejection>>()?;
    Listing::new(view, &args.page, &COLUMNS, "name").answer(items)
}

fn shown(view: &View<'_>, row: &Row<Organization>) -> Result<Item, Rejection> {
    Ok(object(json!({
        "id": row.id.to_string(), "name": row.name, "slug": row.slug, "status": row.status,
        "roles": roles(view, view.me()?), "members": members(view).count(), "projects": view.rows::<Project>().count(),
        "version": row.version, "createdAt": row.created_at, "updatedAt": row.updated_at,
    })))
}

fn members<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Arc<Row<Member>>> {
    view.rows::<Member>().filter(|row| row.status == MemberStatus::Active)
}

/// The roles that a member holds, with where.
pub fn roles(view: &View<'_>, member: &Row<Member>) -> Vec<String> {
    let by_membership = member.roles.iter().filter_map(|role| view.get(*role));
    let mut names: Vec<String> = by_membership.map(|role| role.name.clone()).collect();
    for held in held(view.state, member.id, view.now) {
        let name = match &held.place {
            None => held.role.name.clone(),
            place => format!("{} in {}", held.role.name, place::in_words(view, place.as_deref())),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The organisation that an argument means: one's own, under its id, name or slug. Others are unknown here.
pub fn own<'a>(view: &View<'a>, given: Option<&Ref<Organization>>) -> Result<&'a Arc<Row<Organization>>, Rejection> {
    let own = view.organization()?;
    match given {
        None => Ok(own),
        Some(reference) if reference.text == own.id.to_string() => Ok(own),
        Some(reference) => view.resolve(reference),
    }
}

/// `get_organization`.
pub fn get(args: GetOrganization, view: &View<'_>) -> Result<Value, Rejection> {
    let row = own(view, args.organization.as_ref())?;
    let mut item = shown(view, row)?;
    let mut put = |name: &str, value: Value| item.insert(name.to_owned(), value);
    put("timezone", json!(row.timezone));
    put("currency", json!(row.currency));
    put("locale", json!(row.locale));
    put("weekStart", json!(row.week_start));
    put("settings", json!(row.settings));
    put(
        "confirmPolicy",
        json!(policy::in_force(view.state, view.caller, view.registry)?),
    );
    if let Some(closed) = row.closed_at {
        put("closedAt", json!(closed));
    }
    listing::item(
        view,
        &args.read,
        item,
        &["limits", "usage", "calendars", "policy"],
        |part| match part {
            "limits" => Ok(Some(json!(view.registry.quotas))),
            "usage" => Ok(Some(usage(view))),
            "policy" => Ok(Some(
                json!({"confirmPolicy": row.settings.confirm_policy, "agentPolicy": row.settings.agent_policy}),
            )),
            "calendars" => Err(Rejection::not_yet("expand", "Calendar")),
            _ => Ok(None),
        },
    )
}

fn usage(view: &View<'_>) -> Value {
    let open = view.rows::<Task>().filter(|task| task.deleted_at.is_none()).count();
    let count = |kind: MemberKind| members(view).filter(|row| row.kind == kind).count();
    json!({
        "projects": view.rows::<Project>().count(), "tasks": open,
        "humans": count(MemberKind::Human), "agents": count(MemberKind::Agent), "services": count(MemberKind::Service),
    })
}

/// `list_organization_members`.
pub fn list_members(args: ListMembers, view: &View<'_>) -> Result<Value, Rejection> {
    let team = args.team.as_ref().map(|team| view.resolve(team)).transpose()?;
    let team = team.map(|team| people_of(view.state, &team.org, team));
    let role = args
        .role
        .as_ref()
        .map(|reference| view.resolve(reference))
        .transpose()?;
    let role = role.map(|row| row.id);
    let words = args.q.as_ref().map(|q| text::fold(q));
    let shows_mail = view.rights.allow("organizations.browse");
    let fits = |row: &&Arc<Row<Member>>| {
        let status = args
            .status
            .map_or(row.status != MemberStatus::Removed, |wanted| row.status == wanted);
        let mail = row.email.as_deref().filter(|_| shows_mail).unwrap_or_default();
        status
            && args.kind.is_none_or(|kind| row.kind == kind)
            && role.is_none_or(|role| {
                row.roles.contains(&role)
                    || held(view.state, row.id, view.now)
                        .iter()
                        .any(|held| held.role.id == role)
            })
            && team.as_ref().is_none_or(|team| team.contains(&row.id))
            && words.as_ref().is_none_or(|words| {
                text::fold(&format!("{} @{} {mail}", row.display_name, row.handle)).contains(words.as_str())
            })
    };
    let item = |row: &Arc<Row<Member>>| {
        let sponsor = row
            .sponsor
            .and_then(|id| view.get(id))
            .map(|row| format!("@{}", row.handle));
        object(json!({
            "id": row.id.to_string(), "handle": format!("@{}", row.handle), "name": row.display_name,
            "email": row.email.as_ref().filter(|_| shows_mail), "kind": row.kind, "status": row.status, "sponsor": sponsor,
            "roles": roles(view, row), "timezone": row.timezone, "outOfOffice": row.out_of_office,
            "capacityHoursPerWeek": row.capacity_hours_per_week, "version": row.version,
        }))
    };
    let items = view.rows::<Member>().filter(fits).map(item).collect();
    Listing::new(view, &args.page, &MEMBER_COLUMNS, "handle").answer(items)
}
