//! `list_teams` and `get_team`.

use serde_json::{Value, json};

use super::delete::{grant_in_words, grants};
use crate::args;
use crate::kernel::arg::{In, PageArgs, ReadArgs, Str};
use crate::kernel::authority::people_of;
use crate::kernel::identity::{Grant, GrantScope, Member, Team};
use crate::kernel::listing::{self, Item, Listing};
use crate::kernel::tool::object;
use crate::kernel::{Ref, Rejection, Row, View, text};

args! {
    /// Arguments of `list_teams`.
    pub struct ListTeams {
        /// Words in name or handle.
        q: Option<Str<1, 100>>,
        /// That this member is in.
        member: Option<Ref<Member>>,
        parent: Option<Ref<Team>>,
        page: In<PageArgs>,
    }
}

/// What a listed team shows.
pub const COLUMNS: [&str; 6] = ["id", "handle", "name", "lead", "size", "parent"];

/// `list_teams`.
pub fn list(args: ListTeams, view: &View<'_>) -> Result<Value, Rejection> {
    let member = args
        .member
        .as_ref()
        .map(|member| view.resolve(member))
        .transpose()?
        .map(|row| row.id);
    let parent = args
        .parent
        .as_ref()
        .map(|parent| view.resolve(parent))
        .transpose()?
        .map(|row| row.id);
    let words = args.q.as_ref().map(|q| text::fold(q));
    let fits = |row: &&std::sync::Arc<Row<Team>>| {
        member.is_none_or(|member| row.members.contains(&member))
            && parent.is_none_or(|parent| row.parent == Some(parent))
            && words
                .as_ref()
                .is_none_or(|words| text::fold(&format!("{} @{}", row.name, row.handle)).contains(words))
    };
    let items = view.rows::<Team>().filter(fits).map(|row| shown(view, row)).collect();
    Listing::new(view, &args.page, &COLUMNS, "handle").answer(items)
}

fn shown(view: &View<'_>, row: &Row<Team>) -> Item {
    let lead = row
        .lead
        .and_then(|id| view.get(id))
        .map(|row| format!("@{}", row.handle));
    let parent = row
        .parent
        .and_then(|id| view.get(id))
        .map(|row| format!("@{}", row.handle));
    object(json!({
        "id": row.id.to_string(), "handle": format!("@{}", row.handle), "name": row.name, "lead": lead,
        "size": row.members.len(), "parent": parent, "description": row.description, "visibility": row.visibility,
        "version": row.version,
    }))
}

args! {
    /// Arguments of `get_team`.
    pub struct GetTeam {
        team: Ref<Team>,
        read: In<ReadArgs>,
    }
}

/// `get_team`.
pub fn get(args: GetTeam, view: &View<'_>) -> Result<Value, Rejection> {
    let row = view.resolve(&args.team)?;
    let mut item = shown(view, row);
    let all = people_of(view.state, &row.org, row).len();
    item.insert("sizeWithChildren".to_owned(), all.into());
    let parts = ["members", "children", "projects", "roles", "usage"];
    listing::item(view, &args.read, item, &parts, |part| {
        Ok(match part {
            "members" => Some(members(view, row)),
            "children" => {
                let children = view.find::<Team>("parent", &row.id.to_string());
                Some(children.map(|child| Value::Object(shown(view, child))).collect())
            }
            "projects" => Some(projects(view, row)),
            "roles" => Some(super::create::inherited(view, row).into()),
            "usage" => {
                let named = grants(view, row);
                let said: Vec<String> = named.iter().map(|grant| grant_in_words(view, grant)).collect();
                Some(json!({ "grants": said }))
            }
            _ => None,
        })
    })
}

fn members(view: &View<'_>, row: &Row<Team>) -> Value {
    let rows = row.members.iter().filter_map(|id| view.get(*id));
    rows.map(|row| json!({"handle": format!("@{}", row.handle), "name": row.display_name, "kind": row.kind, "status": row.status}))
        .collect()
}

/// The projects in which the team holds a role.
fn projects(view: &View<'_>, row: &Row<Team>) -> Value {
    let grants = view.find::<Grant>("subject", &row.id.to_string());
    let there = grants.filter(|grant| grant.scope == GrantScope::Project && grant.is_good(view.now));
    let named = there.filter_map(|grant| {
        let place = view.describe("project", grant.scope_ref.as_deref()?)?;
        Some(json!({"project": place.key, "role": view.get(grant.role).map(|role| role.name.clone())}))
    });
    named.collect()
}
