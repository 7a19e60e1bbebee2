//! `update_team`.

use serde_json::json;

use super::rules;
use crate::args;
use crate::kernel::arg::{Clear, In, Str, UpdateArgs};
use crate::kernel::identity::{Member, Team, TeamVisibility};
use crate::kernel::{Plan, Ref, Rejection, View};
use crate::modules::roles;

args! {
    /// Arguments of `update_team`.
    pub struct UpdateTeam {
        team: Ref<Team>,
        name: Option<Str<1, 80>>,
        /// Without the @.
        handle: Option<Str<2, 40>>,
        description: Option<Str<0, 1000>>,
        /// A human.
        lead: Option<Clear<Ref<Member>>>,
        parent: Option<Ref<Team>>,
        visibility: Option<TeamVisibility>,
        write: In<UpdateArgs>,
    }
}

/// `update_team`.
pub fn update(args: UpdateTeam, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.team)?;
    Plan::expect(view, row, args.write.expected_version)?;
    if let Some(name) = &args.name {
        rules::free(view, "name", name, Some(row.id))?;
    }
    let handle = args.handle.as_ref().map(|given| rules::handle(given)).transpose()?;
    if let Some(handle) = &handle {
        rules::free(view, "handle", handle, Some(row.id))?;
    }
    let lead = match args.lead.map(Clear::value) {
        None => row.lead,
        Some(None) => None,
        Some(Some(lead)) => Some(rules::lead(view, &lead)?),
    };
    let parent = args.parent.as_ref().map(|parent| view.resolve(parent)).transpose()?;
    parent.map_or(Ok(()), |parent| rules::fits_under(view, Some(row), parent))?;
    let mut plan = Plan::new(format!("Change team \"{}\"", row.name));
    let changed = plan.edit("team.updated", row, |team| {
        team.name = args.name.map_or_else(|| team.name.clone(), |name| name.0);
        team.handle = handle.unwrap_or_else(|| team.handle.clone());
        team.description = args.description.map_or_else(|| team.description.clone(), |text| text.0);
        team.lead = lead;
        team.parent = parent.map(|parent| parent.id).or(team.parent);
        team.visibility = args.visibility.unwrap_or(team.visibility);
    })?;
    roles::changes(view, &mut plan)?;
    let after = plan.after(row);
    plan.result = json!({
        "id": row.id.to_string(), "name": after.name, "handle": format!("@{}", after.handle),
        "version": row.version + u64::from(changed),
    });
    Ok(plan)
}
