//! What holds for every team: handles, leads, no cycles, at most five above one another.

use std::collections::BTreeSet;

use projections::Id;
use serde_json::json;

use crate::kernel::authority::TEAM_DEPTH_MAX;
use crate::kernel::entity::NAMES;
use crate::kernel::identity::{Member, MemberKind, MemberStatus, Team};
use crate::kernel::{Plan, Ref, Rejection, Row, View, text};

/// Most members that a team has itself.
pub const MEMBERS_MAX: usize = 1_000;

/// A handle as it is kept: lower-case letters, digits and hyphens.
///
/// # Errors
/// `validation_failed`.
pub fn handle(given: &str) -> Result<String, Rejection> {
    let bare = given.strip_prefix('@').unwrap_or(given);
    if text::slug(bare) == bare && bare.len() >= 2 {
        return Ok(bare.to_owned());
    }
    let rule = format!("must be lower-case letters, digits and hyphens, not `{bare}`");
    Err(Rejection::argument("handle", rule).hint(format!("for example `{}`", text::slug(bare))))
}

/// Refuses a handle that a member or another team has, and a name that another team has.
///
/// # Errors
/// `handle_taken`, with who has it.
pub fn free(view: &View<'_>, field: &'static str, wanted: &str, own: Option<Id<Team>>) -> Result<(), Rejection> {
    let org = &view.caller.org;
    let folded = text::fold(wanted);
    let keys = if field == "handle" {
        vec![format!("@{folded}")]
    } else {
        vec![folded]
    };
    for key in keys {
        // Those out of sight count too: a handle means one thing.
        let teams = view.state.table::<Team>().map(|table| table.find(org, NAMES, &key));
        let team = teams.into_iter().flatten().find(|row| Some(row.id) != own);
        let members = view.state.table::<Member>().map(|table| table.find(org, NAMES, &key));
        let member = members.into_iter().flatten().find(|_| field == "handle");
        if team.is_none() && member.is_none() {
            continue;
        }
        let seen = team
            .filter(|row| view.get(row.id).is_some())
            .map(|row| row.id.to_string());
        return Err(
            Rejection::new("handle_taken", format!("the {field} `{wanted}` is taken"))
                .field(field)
                .current(json!({"team": seen, "member": member.map(|row| row.id.to_string())}))
                .hint("take another one"),
        );
    }
    Ok(())
}

/// A free handle made of a name.
pub fn handle_of(view: &View<'_>, name: &str) -> String {
    let base = match text::slug(name) {
        slug if slug.len() < 2 => "team".to_owned(),
        slug => slug,
    };
    let numbered = (2..1_000).map(|number: u32| format!("{base}-{number}"));
    let mut all = std::iter::once(base.clone()).chain(numbered);
    all.find(|handle| free(view, "handle", handle, None).is_ok())
        .unwrap_or(base)
}

/// The lead that a reference means.
///
/// # Errors
/// `lead_must_be_human`.
pub fn lead(view: &View<'_>, reference: &Ref<Member>) -> Result<Id<Member>, Rejection> {
    let row = view.resolve(reference)?;
    if row.kind == MemberKind::Human && row.status == MemberStatus::Active {
        return Ok(row.id);
    }
    Err(
        Rejection::new("lead_must_be_human", format!("@{} is no active human", row.handle))
            .field("lead")
            .hint("agents may be members of a team, and do not lead it"),
    )
}

/// Refuses a parent that would close a circle or stack too many teams.
///
/// # Errors
/// `cycle`, `limit_exceeded`.
pub fn fits_under(view: &View<'_>, own: Option<&Row<Team>>, parent: &Row<Team>) -> Result<(), Rejection> {
    let table = view.state.table::<Team>();
    let line: Vec<&Row<Team>> = std::iter::successors(Some(parent), |team| table?.get(team.parent?).map(AsRef::as_ref))
        .take(TEAM_DEPTH_MAX + 2)
        .collect();
    if let Some(own) = own.filter(|own| line.iter().any(|team| team.id == own.id)) {
        return Err(
            Rejection::new("cycle", format!("@{} lies in @{} already", parent.handle, own.handle))
                .field("parent")
                .hint("take a team that is not under this one"),
        );
    }
    let below = own.map_or(1, |own| depth(view, own.id));
    if line.len() + below > TEAM_DEPTH_MAX {
        let message = format!(
            "teams may lie in one another {TEAM_DEPTH_MAX} deep, this would be {}",
            line.len() + below
        );
        return Err(Rejection::new("limit_exceeded", message).field("parent"));
    }
    Ok(())
}

/// How many teams lie in one another from this one down.
fn depth(view: &View<'_>, team: Id<Team>) -> usize {
    let table = view.state.table::<Team>();
    let children = table
        .into_iter()
        .flat_map(|table| table.find(&view.caller.org, "parent", &team.to_string()));
    let deepest = children
        .map(|child| if child.id == team { 0 } else { depth(view, child.id) })
        .max();
    1 + deepest.unwrap_or(0)
}

/// Those of a list who may be in a team, each once.
///
/// # Errors
/// `validation_failed` for somebody who is gone.
pub fn people(view: &View<'_>, field: &str, given: &[Ref<Member>]) -> Result<Vec<Id<Member>>, Rejection> {
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    for reference in given {
        let row = view.resolve(reference)?;
        if row.status == MemberStatus::Removed {
            return Err(Rejection::argument(field, format!("has @{}, who is gone", row.handle)));
        }
        if seen.insert(row.id) {
            all.push(row.id);
        }
    }
    Ok(all)
}

/// Plans that somebody joins teams, who may be new in the same plan.
///
/// # Errors
/// What resolving the teams refuses.
pub fn join(
    plan: &mut Plan,
    view: &View<'_>,
    member: Id<Member>,
    teams: &[Ref<Team>],
) -> Result<Vec<String>, Rejection> {
    let mut names = Vec::new();
    for reference in teams {
        let team = view.resolve(reference)?;
        if !view.allows_at("teams.write", &team.id.to_string()) {
            return Err(Rejection::forbidden("teams.write").field(reference.path.clone()));
        }
        plan.edit("team.member_added", team, |row| {
            if !row.members.contains(&member) {
                row.members.push(member);
            }
        })?;
        names.push(format!("@{}", team.handle));
    }
    Ok(names)
}
