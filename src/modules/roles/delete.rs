//! `delete_role`.

use serde_json::json;

use super::shown;
use super::update::own;
use super::uses::Uses;
use crate::args;
use crate::kernel::arg::{In, UpdateArgs};
use crate::kernel::authority::give;
use crate::kernel::identity::Role;
use crate::kernel::plan::Undo;
use crate::kernel::{Plan, Ref, Rejection, Risk, View};

args! {
    /// Arguments of `delete_role`.
    pub struct DeleteRole {
        role: Ref<Role>,
        /// Who holds it gets this one.
        replace_with: Option<Ref<Role>>,
        write: In<UpdateArgs>,
    }
}

/// `delete_role`.
pub fn delete(args: DeleteRole, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.role)?;
    own(row)?;
    Plan::expect(view, row, args.write.expected_version)?;
    give::handles(view, row)?;
    let new = args.replace_with.as_ref().map(|role| view.resolve(role)).transpose()?;
    if let Some(new) = new {
        if new.id == row.id {
            return Err(Rejection::argument("replaceWith", "must be another role"));
        }
        give::handles(view, new).map_err(|no| no.field("replaceWith"))?;
        give::holds_all(view, &new.permissions, None).map_err(|no| no.field("replaceWith"))?;
    }
    let uses = Uses::of(view, row.id);
    if new.is_none() && !uses.is_empty() {
        return Err(Rejection::new("in_use", format!("{} is held or named", row.name))
            .field("role")
            .current(uses.shown(view))
            .hint("name the role that takes its place in replaceWith, or revoke it first"));
    }
    let mut plan = Plan::new(match new {
        Some(new) => format!("Delete role \"{}\" and give \"{}\" in its place", row.name, new.name),
        None => format!("Delete role \"{}\"", row.name),
    });
    plan.detail("uses", uses.shown(view));
    uses.replace(&mut plan, row.id, new.map(|new| new.id))?;
    plan.remove("role.deleted", row)?;
    shown::keeps_a_key(view, &plan)?;
    shown::changes(view, &mut plan)?;
    plan.risk = Some(Risk::High);
    plan.undo = Undo::Never("create the role again and give it to those who had it");
    plan.result = json!({"id": row.id.to_string(), "name": row.name, "replacedBy": new.map(|new| shown::role(new))});
    Ok(plan)
}
