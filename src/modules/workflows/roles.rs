//! Roles that moves name.

use projections::Id;
use serde_json::{Value, json};

use super::entity::Workflow;
use super::guards::ids;
use crate::kernel::identity::Role;

/// Whether some move is for a role.
pub fn names_role(workflow: &Workflow, role: Id<Role>) -> bool {
    let mut moves = workflow.transitions.iter();
    moves.any(|one| {
        one.roles.contains(&role)
            || one
                .guards
                .iter()
                .any(|guard| ids::<Role>(&guard.params, "roles").contains(&role))
    })
}

/// Puts another role in the place of one.
pub fn replace_role(workflow: &mut Workflow, old: Id<Role>, new: Id<Role>) {
    for one in &mut workflow.transitions {
        swap(&mut one.roles, old, new);
        for guard in &mut one.guards {
            let mut roles = ids::<Role>(&guard.params, "roles");
            if roles.contains(&old) {
                swap(&mut roles, old, new);
                let texts: Vec<Value> = roles.iter().map(|role| role.to_string().into()).collect();
                guard.params = json!({ "roles": texts });
            }
        }
    }
    workflow.revision += 1;
}

fn swap(roles: &mut Vec<Id<Role>>, old: Id<Role>, new: Id<Role>) {
    let has = roles.contains(&new);
    match roles.iter_mut().find(|role| **role == old) {
        Some(role) if !has => *role = new,
        _ => roles.retain(|role| *role != old),
    }
}
