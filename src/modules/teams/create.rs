//! `create_team`.

use serde_json::json;

use super::rules;
use crate::args;
use crate::kernel::arg::{In, List, Str, WriteArgs};
use crate::kernel::identity::{Grant, Member, Team, TeamVisibility};
use crate::kernel::plan::Undo;
use crate::kernel::{Plan, Ref, Rejection, Row, View};
use crate::modules::roles;

args! {
    /// Arguments of `create_team`.
    pub struct CreateTeam {
        /// Unique.
        name: Str<1, 80>,
        /// Without the @; made of the name where left out.
        handle: Option<Str<2, 40>>,
        description: Option<Str<0, 1000>>,
        /// A human.
        lead: Option<Ref<Member>>,
        /// The team it is part of.
        parent: Option<Ref<Team>>,
        members: Option<List<Ref<Member>, 0, 200>>,
        visibility: TeamVisibility = TeamVisibility::Open,
        write: In<WriteArgs>,
    }
}

/// `create_team`.
pub fn create(args: CreateTeam, view: &View<'_>) -> Result<Plan, Rejection> {
    rules::free(view, "name", &args.name, None)?;
    let handle = match &args.handle {
        Some(given) => rules::handle(given)?,
        None => rules::handle_of(view, &args.name),
    };
    rules::free(view, "handle", &handle, None)?;
    let lead = args.lead.as_ref().map(|lead| rules::lead(view, lead)).transpose()?;
    let parent = args.parent.as_ref().map(|parent| view.resolve(parent)).transpose()?;
    parent.map_or(Ok(()), |parent| rules::fits_under(view, None, parent))?;
    let members = rules::people(view, "members", args.members.as_deref().unwrap_or_default())?;
    let id = view.new_id::<Team>();
    let mut plan = Plan::new(format!("Create team \"{}\" (@{handle})", args.name.0));
    let names = members
        .iter()
        .filter_map(|id| view.get(*id))
        .map(|row| format!("@{}", row.handle));
    plan.detail("adds", names.collect::<Vec<_>>());
    plan.detail(
        "inherits",
        parent.map_or_else(Vec::new, |parent| inherited(view, parent)),
    );
    plan.undo = Undo::Days(30);
    plan.result = json!({"id": id.to_string(), "name": args.name.0, "handle": format!("@{handle}"), "version": 1});
    let team = Team {
        name: args.name.0,
        handle,
        description: args.description.map(|text| text.0).unwrap_or_default(),
        lead,
        parent: parent.map(|parent| parent.id),
        members,
        visibility: args.visibility,
    };
    plan.create("team.created", id, team)?;
    roles::changes(view, &mut plan)?;
    Ok(plan)
}

/// The roles that come from a team and those above it, in words.
pub fn inherited(view: &View<'_>, team: &Row<Team>) -> Vec<String> {
    let table = view.state.table::<Team>();
    let line = std::iter::successors(Some(team), |team| table?.get(team.parent?).map(AsRef::as_ref));
    let mut said = Vec::new();
    for above in line.take(crate::kernel::authority::TEAM_DEPTH_MAX) {
        for grant in view
            .find::<Grant>("subject", &above.id.to_string())
            .filter(|grant| grant.is_good(view.now))
        {
            let role = view.get(grant.role).map_or("a role", |role| role.name.as_str());
            let place = crate::kernel::authority::place::in_words(view, grant.scope_ref.as_deref());
            said.push(format!("{role} in {place}, from @{}", above.handle));
        }
    }
    said
}
