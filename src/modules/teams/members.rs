//! `update_team_members`.

use serde_json::json;

use super::rules::{MEMBERS_MAX, people};
use crate::args;
use crate::kernel::arg::{In, List, UpdateArgs};
use crate::kernel::identity::{Member, Team};
use crate::kernel::{Plan, Ref, Rejection, View, text};
use crate::modules::roles;

args! {
    /// Arguments of `update_team_members`.
    pub struct UpdateTeamMembers {
        team: Ref<Team>,
        add: Option<List<Ref<Member>, 0, 200>>,
        remove: Option<List<Ref<Member>, 0, 200>>,
        write: In<UpdateArgs>,
    }
}

/// `update_team_members`.
pub fn update(args: UpdateTeamMembers, view: &View<'_>) -> Result<Plan, Rejection> {
    let row = view.resolve(&args.team)?;
    Plan::expect(view, row, args.write.expected_version)?;
    let add = people(view, "add", args.add.as_deref().unwrap_or_default())?;
    let remove = people(view, "remove", args.remove.as_deref().unwrap_or_default())?;
    if let Some(both) = add.iter().find(|id| remove.contains(id)).and_then(|id| view.get(*id)) {
        return Err(Rejection::argument(
            "remove",
            format!("has @{}, whom `add` adds", both.handle),
        ));
    }
    if let Some(stranger) = remove
        .iter()
        .find(|id| !row.members.contains(id))
        .and_then(|id| view.get(*id))
    {
        let message = format!("has @{}, who is not in @{} itself", stranger.handle, row.handle);
        return Err(Rejection::argument("remove", message));
    }
    let fresh = add.iter().filter(|id| !row.members.contains(id)).count();
    if row.members.len() + fresh > MEMBERS_MAX + remove.len() {
        let message = format!("a team has at most {}", text::count(MEMBERS_MAX, "member"));
        return Err(Rejection::new("limit_exceeded", message).hint("make teams in it"));
    }
    let mut plan = Plan::new(format!(
        "Change who is in @{}: {} in, {} out",
        row.handle,
        fresh,
        remove.len()
    ));
    let (joined, left) = (!add.is_empty(), !remove.is_empty());
    let mut changed = 0;
    if joined {
        changed += u64::from(plan.edit("team.member_added", row, |team| {
            team.members.extend(add.iter().filter(|id| !row.members.contains(id)));
        })?);
    }
    if left {
        changed += u64::from(plan.edit("team.member_removed", row, |team| {
            team.members.retain(|id| !remove.contains(id));
        })?);
    }
    if row.lead.is_some_and(|lead| remove.contains(&lead)) {
        plan.warn("the lead leaves the team and still leads it");
    }
    roles::changes(view, &mut plan)?;
    let after = plan.after(row);
    let names = after
        .members
        .iter()
        .filter_map(|id| view.get(*id))
        .map(|row| format!("@{}", row.handle));
    plan.result = json!({
        "id": row.id.to_string(), "members": names.collect::<Vec<_>>(), "version": row.version + changed,
    });
    Ok(plan)
}
