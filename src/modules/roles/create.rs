//! `create_role`.

use serde_json::json;

use super::catalogue;
use crate::kernel::arg::{In, List, Str, WriteArgs};
use crate::kernel::authority::give;
use crate::kernel::identity::Role;
use crate::kernel::plan::Undo;
use crate::kernel::{Plan, Ref, Rejection, View};
use crate::{args, choice};

choice! {
    /// Who hands a role out.
    #[derive(Default)]
    pub enum Grantable {
        /// Owners only.
        Owners = "owners",
        /// Whoever manages the organisation.
        #[default]
        Admins = "admins",
        /// Whoever manages roles, here or in a place.
        Managers = "managers",
    }
}

args! {
    /// Arguments of `create_role`.
    pub struct CreateRole {
        name: Str<1, 60>,
        description: Option<Str<0, 500>>,
        /// Starts with its permissions.
        copy_from: Option<Ref<Role>>,
        /// Such as `tasks.read`, `tasks.*`.
        permissions: List<Str<1, 80>, 1, 300>,
        /// Who hands it out.
        grantable: Grantable = Grantable::Admins,
        write: In<WriteArgs>,
    }
}

/// `create_role`.
pub fn create(args: CreateRole, view: &View<'_>) -> Result<Plan, Rejection> {
    catalogue::free(view, &args.name, None)?;
    let given: Vec<String> = args.permissions.iter().map(|one| one.0.clone()).collect();
    catalogue::known(view, &given)?;
    let base = args.copy_from.as_ref().map(|role| view.resolve(role)).transpose()?;
    let mut permissions = base.map(|row| row.permissions.clone()).unwrap_or_default();
    for one in given {
        if !permissions.contains(&one) {
            permissions.push(one);
        }
    }
    give::holds_all(view, &permissions, None)?;
    let id = view.new_id::<Role>();
    let mut plan = Plan::new(format!("Create role \"{}\"", args.name.0));
    plan.detail("opens", catalogue::opened(view, &permissions));
    plan.detail("nearest", catalogue::nearest(view, &permissions, None));
    plan.undo = Undo::Never("delete_role takes it away");
    plan.result = json!({"id": id.to_string(), "name": args.name.0, "permissions": permissions, "version": 1});
    let role = Role {
        name: args.name.0,
        description: args.description.map(|text| text.0).unwrap_or_default(),
        permissions,
        builtin: false,
        grantable: args.grantable.word().to_owned(),
    };
    plan.create("role.created", id, role)?;
    Ok(plan)
}
