//! `update_role`.

use serde_json::json;

use super::create::Grantable;
use super::{catalogue, shown};
use crate::args;
use crate::kernel::arg::{In, Patch, Str, UpdateArgs};
use crate::kernel::authority::give;
use crate::kernel::identity::Role;
use crate::kernel::plan::Undo;
use crate::kernel::{Plan, Ref, Rejection, Risk, Row, View};

args! {
    /// Arguments of `update_role`.
    pub struct UpdateRole {
        role: Ref<Role>,
        name: Option<Str<1, 60>>,
        description: Option<Str<0, 500>>,
        permissions: Option<Patch<Str<1, 80>>>,
        /// Who hands it out.
        grantable: Option<Grantable>,
        write: In<UpdateArgs>,
    }
}

/// Refuses a role that came with the organisation.
///
/// # Errors
/// `builtin_role`.
pub fn own(row: &Row<Role>) -> Result<(), Rejection> {
    if !row.builtin {
        return Ok(());
    }
    let message = format!("{} came with the organisation and cannot be changed", row.name);
    Err(Rejection::new("builtin_role", message)
        .field("role")
        .hint("create_role with copyFrom makes one of your own from it"))
}

/// `update_role`.
pub fn update(args: UpdateRole, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.role)?;
    own(row)?;
    Plan::expect(view, row, args.write.expected_version)?;
    give::handles(view, row)?;
    if let Some(name) = &args.name {
        catalogue::free(view, name, Some(row))?;
    }
    let permissions = patched(view, row, args.permissions)?;
    let added: Vec<&String> = permissions
        .iter()
        .filter(|one| !row.permissions.contains(one))
        .collect();
    give::holds_all(view, added.iter().copied(), None)?;
    let mut plan = Plan::new(format!("Change role \"{}\"", row.name));
    let removed: Vec<&String> = row
        .permissions
        .iter()
        .filter(|one| !permissions.contains(one))
        .collect();
    plan.detail("permissions", json!({"added": added, "removed": removed}));
    let changed = plan.edit("role.updated", row, |role| {
        role.name = args.name.map_or_else(|| role.name.clone(), |name| name.0);
        role.description = args.description.map_or_else(|| role.description.clone(), |text| text.0);
        role.grantable = args
            .grantable
            .map_or_else(|| role.grantable.clone(), |who| who.word().to_owned());
        role.permissions.clone_from(&permissions);
    })?;
    shown::keeps_a_key(view, &plan)?;
    shown::changes(view, &mut plan)?;
    plan.risk = (permissions != row.permissions).then_some(Risk::High);
    plan.undo = Undo::Never("change the role back");
    let after = plan.after(row);
    plan.result = json!({
        "id": row.id.to_string(), "name": after.name, "permissions": after.permissions,
        "version": row.version + u64::from(changed),
    });
    Ok(plan)
}

fn patched(view: &View<'_>, row: &Row<Role>, patch: Option<Patch<Str<1, 80>>>) -> Result<Vec<String>, Rejection> {
    let Some(patch) = patch else {
        return Ok(row.permissions.clone());
    };
    let texts = |list: Vec<Str<1, 80>>| list.into_iter().map(|one| one.0).collect::<Vec<String>>();
    let (add, remove) = (texts(patch.add), texts(patch.remove));
    let mut all = patch.set.map_or_else(|| row.permissions.clone(), texts);
    catalogue::known(view, &add)?;
    let fresh: Vec<String> = all
        .iter()
        .filter(|one| !row.permissions.contains(one))
        .cloned()
        .collect();
    catalogue::known(view, &fresh)?;
    if let Some(absent) = remove.iter().find(|one| !all.contains(one)) {
        let no = Rejection::argument("permissions.remove", format!("`{absent}` is not in this role as such"));
        return Err(no.allowed(row.permissions.clone()));
    }
    all.retain(|one| !remove.contains(one));
    all.extend(add);
    let mut kept: Vec<String> = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    if kept.is_empty() {
        return Err(Rejection::argument("permissions", "must leave at least one"));
    }
    Ok(kept)
}
