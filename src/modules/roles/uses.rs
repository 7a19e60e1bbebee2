//! Where a role is used, and putting another one in its place.

use std::sync::Arc;

use projections::Id;
use serde_json::{Value, json};

use crate::kernel::identity::{Grant, Member, Role};
use crate::kernel::{Plan, Rejection, Row, View};
use crate::modules::organizations::Invitation;
use crate::modules::workflows::{self, Workflow};

/// What names a role.
pub struct Uses<'a> {
    /// Members who hold it by membership.
    pub members: Vec<&'a Arc<Row<Member>>>,
    /// Grants of it.
    pub grants: Vec<&'a Arc<Row<Grant>>>,
    /// Invitations that would give it.
    pub invitations: Vec<&'a Arc<Row<Invitation>>>,
    /// Workflows whose moves are for it.
    pub workflows: Vec<&'a Arc<Row<Workflow>>>,
}

impl<'a> Uses<'a> {
    /// Of a role.
    pub fn of(view: &View<'a>, role: Id<Role>) -> Self {
        let id = role.to_string();
        let open = |row: &&Arc<Row<Invitation>>| row.role == role && row.is_open(view.now);
        let invited = view
            .state
            .table::<Invitation>()
            .into_iter()
            .flat_map(crate::kernel::table::Table::rows);
        let flows = view
            .state
            .table::<Workflow>()
            .into_iter()
            .flat_map(crate::kernel::table::Table::rows);
        let here = |org: &str| org == view.caller.org;
        Self {
            members: view.find::<Member>("role", &id).collect(),
            grants: view.find::<Grant>("role", &id).collect(),
            invitations: invited.filter(|row| here(&row.org)).filter(open).collect(),
            workflows: flows
                .filter(|row| here(&row.org) && workflows::names_role(row, role))
                .collect(),
        }
    }

    /// Whether nothing does.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.grants.is_empty() && self.invitations.is_empty() && self.workflows.is_empty()
    }

    /// In numbers and names.
    pub fn shown(&self, view: &View<'_>) -> Value {
        let handles: Vec<String> = self
            .members
            .iter()
            .take(50)
            .map(|row| super::shown::handle(row))
            .collect();
        let flows = self.workflows.iter().map(|row| match view.get(row.id) {
            Some(row) => row.name.clone(),
            None => "a workflow that you may not see".to_owned(),
        });
        json!({
            "members": self.members.len(), "first": handles, "grants": self.grants.len(),
            "invitations": self.invitations.len(), "workflows": flows.collect::<Vec<_>>(),
        })
    }

    /// Plans another role in its place, or none.
    pub fn replace(&self, plan: &mut Plan, old: Id<Role>, new: Option<Id<Role>>) -> Result<(), Rejection> {
        for row in &self.members {
            plan.edit("role.revoked", row, |member| {
                let has = new.is_none_or(|new| member.roles.contains(&new));
                match member.roles.iter_mut().find(|role| **role == old) {
                    Some(role) if !has => *role = new.unwrap_or(old),
                    _ => member.roles.retain(|role| *role != old),
                }
            })?;
        }
        for row in &self.grants {
            match new {
                Some(new) => drop(plan.edit("role.granted", row, |grant| grant.role = new)?),
                None => plan.remove("role.revoked", row)?,
            }
        }
        for row in &self.invitations {
            if let Some(new) = new {
                plan.edit("member.invited", row, |invitation| invitation.role = new)?;
            }
        }
        for row in &self.workflows {
            if let Some(new) = new {
                plan.edit("workflow.transitions_changed", row, |workflow| {
                    workflows::replace_role(workflow, old, new);
                })?;
            }
        }
        Ok(())
    }
}
