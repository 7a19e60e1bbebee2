//! What can be permitted, in the words of tools.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kernel::identity::Role;
use crate::kernel::principal::{NEVER_FOR_AGENTS, covers};
use crate::kernel::{Rejection, Row, View, text};

/// Every permission with the tools that it opens.
pub fn all(view: &View<'_>) -> Vec<Value> {
    let one = |permission: &str| {
        let opened = view
            .registry
            .tools()
            .iter()
            .filter(|tool| tool.permission == permission);
        let tools: Vec<&str> = opened.map(|tool| tool.name).collect();
        let places = view.registry.counts_in_places(permission);
        json!({
            "permission": permission, "tools": tools, "allows": view.registry.allows(permission),
            "inPlaces": places, "peopleOnly": NEVER_FOR_AGENTS.contains(&permission),
        })
    };
    view.registry.permissions().map(one).collect()
}

/// The tools that permissions open, by kind.
pub fn opened(view: &View<'_>, permissions: &[String]) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut by_kind: BTreeMap<&'static str, Vec<&'static str>> = BTreeMap::new();
    for tool in view.registry.tools() {
        if permissions.iter().any(|pattern| covers(pattern, &tool.permission)) {
            by_kind.entry(tool.kind.word()).or_default().push(tool.name);
        }
    }
    by_kind
}

/// The role that is most like some permissions: what they have more, and what less.
pub fn nearest(view: &View<'_>, permissions: &[String], but: Option<&Row<Role>>) -> Value {
    let known: Vec<&str> = view.registry.permissions().collect();
    let has = |patterns: &[String], name: &str| patterns.iter().any(|pattern| covers(pattern, name));
    let compared = view
        .rows::<Role>()
        .filter(|row| but.is_none_or(|but| but.id != row.id))
        .map(|row| {
            let more = known
                .iter()
                .filter(|name| has(permissions, name) && !has(&row.permissions, name));
            let less = known
                .iter()
                .filter(|name| !has(permissions, name) && has(&row.permissions, name));
            (row, more.collect::<Vec<_>>(), less.collect::<Vec<_>>())
        });
    let nearest = compared.min_by_key(|(_, more, less)| more.len() + less.len());
    nearest.map_or(
        Value::Null,
        |(row, more, less)| json!({"role": row.name, "more": more, "less": less}),
    )
}

/// Refuses a permission that there is not.
///
/// # Errors
/// `permission_unknown`, with the nearest.
pub fn known(view: &View<'_>, permissions: &[String]) -> Result<(), Rejection> {
    let fits = |name: &String| {
        let whole =
            name.strip_suffix(".*").is_some_and(|module| !module.contains('*')) || !name.contains('*') || name == "*";
        whole && view.registry.knows(name)
    };
    let Some(unknown) = permissions.iter().find(|name| !fits(name)) else {
        return Ok(());
    };
    let all: Vec<&str> = view.registry.permissions().collect();
    Err(
        Rejection::new("permission_unknown", format!("there is no permission `{unknown}`"))
            .field("permissions")
            .allowed(text::nearest(unknown, all, 3).into_iter().map(str::to_owned))
            .hint("list_roles with catalogue names every permission; `tasks.*` stands for all of a module")
            .next("list_roles", json!({"catalogue": true})),
    )
}

/// Refuses a name that another role has.
///
/// # Errors
/// `name_taken`.
pub fn free(view: &View<'_>, name: &str, own: Option<&Row<Role>>) -> Result<(), Rejection> {
    let folded = text::fold(name);
    let taken = view
        .find::<Role>(crate::kernel::entity::NAMES, &folded)
        .find(|row| own.is_none_or(|own| own.id != row.id));
    match taken {
        None => Ok(()),
        Some(row) => Err(
            Rejection::new("name_taken", format!("there is a role `{}` already", row.name))
                .field("name")
                .current(json!({"id": row.id.to_string(), "name": row.name}))
                .hint("use that one, or another name"),
        ),
    }
}
