//! `get_me`.

use serde_json::{Value, json};

use crate::args;
use crate::kernel::arg::{In, ReadArgs};
use crate::kernel::authority::{gains, place, teams_of};
use crate::kernel::tool::object;
use crate::kernel::{Rejection, View, listing, policy};
use crate::modules::organizations;

args! {
    /// Arguments of `get_me`.
    pub struct GetMe {
        read: In<ReadArgs>,
    }
}

/// `get_me`.
pub fn get(args: GetMe, view: &View<'_>) -> Result<Value, Rejection> {
    let (me, organization) = (view.me()?, view.organization()?);
    let roles = organizations::roles(view, me);
    let sponsor = view
        .caller
        .sponsor
        .and_then(|id| view.get(id))
        .map(|row| format!("@{}", row.handle));
    let policies = policy::in_force(view.state, view.caller, view.registry)?;
    let permissions = view.registry.permissions();
    let permissions: Vec<&str> = permissions.filter(|name| view.rights.allow(name)).collect();
    let elsewhere: Vec<String> = gains::elsewhere(view, view.state, &view.rights)
        .iter()
        .map(|(name, place)| format!("{name} in {}", place::in_words(view, Some(place))))
        .collect();
    let item = object(json!({
        "id": me.id.to_string(),
        "handle": format!("@{}", me.handle),
        "name": me.display_name,
        "kind": me.kind,
        "sponsor": sponsor,
        "roles": roles,
        "permissions": permissions,
        "permissionsElsewhere": elsewhere,
        "teams": teams_of(view.state, &me.org, me.id).iter().map(|team| format!("@{}", team.handle)).collect::<Vec<_>>(),
        "organization": {"id": organization.id.to_string(), "name": organization.name, "slug": organization.slug},
        "timezone": me.timezone.as_ref().unwrap_or(&organization.timezone),
        "now": view.now,
        "today": view.today(),
        "confirmPolicy": policies,
        "scopes": view.rights.scopes(),
        "readOnly": view.rights.read_only(),
    }));
    listing::item(view, &args.read, item, &["settings", "limits"], |part| {
        Ok(match part {
            "settings" => Some(json!(organization.settings)),
            "limits" => Some(json!(view.registry.quotas)),
            _ => None,
        })
    })
}
