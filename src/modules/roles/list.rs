//! `list_roles`.

use serde_json::{Value, json};

use super::catalogue;
use crate::args;
use crate::kernel::arg::{In, PageArgs, Str};
use crate::kernel::authority::holders;
use crate::kernel::identity::{Grant, Role};
use crate::kernel::listing::Listing;
use crate::kernel::principal::covers;
use crate::kernel::tool::object;
use crate::kernel::{Ref, Rejection, Row, View};

args! {
    /// Arguments of `list_roles`.
    pub struct ListRoles {
        role: Option<Ref<Role>>,
        builtin: Option<bool>,
        /// Those that hold it.
        permission: Option<Str<1, 80>>,
        catalogue: bool = false,
        page: In<PageArgs>,
    }
}

/// What a listed role shows.
pub const COLUMNS: [&str; 6] = ["id", "name", "description", "builtin", "permissions", "holders"];

/// `list_roles`.
pub fn list(args: ListRoles, view: &View<'_>) -> Result<Value, Rejection> {
    let only = args
        .role
        .as_ref()
        .map(|role| view.resolve(role))
        .transpose()?
        .map(|row| row.id);
    if let Some(permission) = &args.permission {
        catalogue::known(view, std::slice::from_ref(&permission.0)).map_err(|no| no.field("permission"))?;
    }
    let has = |row: &Row<Role>, permission: &Str<1, 80>| row.permissions.iter().any(|one| covers(one, permission));
    let fits = |row: &&std::sync::Arc<Row<Role>>| {
        only.is_none_or(|only| row.id == only)
            && args.builtin.is_none_or(|builtin| row.builtin == builtin)
            && args.permission.as_ref().is_none_or(|permission| has(row, permission))
    };
    let shown = |row: &std::sync::Arc<Row<Role>>| {
        let everywhere = holders(view.state, &row.org, row.id, &[], view.now).len();
        let grants = view.find::<Grant>("role", &row.id.to_string());
        let elsewhere = grants
            .filter(|grant| grant.scope_ref.is_some() && grant.is_good(view.now))
            .count();
        object(json!({
            "id": row.id.to_string(), "name": row.name, "description": row.description, "builtin": row.builtin,
            "permissions": row.permissions, "grantable": row.grantable,
            "holders": {"organization": everywhere, "grantsElsewhere": elsewhere}, "version": row.version,
        }))
    };
    let items = view.rows::<Role>().filter(fits).map(shown).collect();
    let mut answer = Listing::new(view, &args.page, &COLUMNS, "name").answer(items)?;
    if let (true, Value::Object(members)) = (args.catalogue, &mut answer) {
        members.insert("catalogue".to_owned(), catalogue::all(view).into());
    }
    Ok(answer)
}
