//! Who holds which roles, where, and since what gave them: the one place that reads memberships, grants and teams.

pub mod gains;
pub mod give;
pub mod place;

use std::sync::Arc;

use jiff::Timestamp;
use projections::Id;

use crate::kernel::identity::{Grant, GrantScope, Member, MemberKind, MemberStatus, Role, Team, Token};
use crate::kernel::principal::{Caller, Rights};
use crate::kernel::state::State;
use crate::kernel::table::{Row, Table};

/// Most teams above a team (catalogue, module Teams).
pub const TEAM_DEPTH_MAX: usize = 5;

/// What gives a role.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The membership itself.
    Membership,
    /// A grant to the member.
    Grant(Id<Grant>),
    /// A grant to a team that the member counts in.
    Team(Id<Grant>, Id<Team>),
}

/// A role that somebody holds; shared with the state, because every call asks for them.
#[derive(Clone, Debug)]
pub struct Held {
    /// The role.
    pub role: Arc<Row<Role>>,
    /// The team or project it counts in; `None` for the organisation.
    pub place: Option<String>,
    /// What gives it.
    pub source: Source,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

impl Held {
    /// Whether it counts for what lies in these places, the nearest first.
    pub fn counts_in(&self, line: &[String]) -> bool {
        self.place.as_ref().is_none_or(|place| line.contains(place))
    }
}

/// What a caller may do at a position and hour: nothing for a member who is not active or a token that is not good.
pub fn rights(state: &State, caller: &Caller, now: Timestamp) -> Rights {
    Rights {
        is_human: caller.is_human(),
        own: held(state, caller.member, now),
        sponsor: caller.sponsor.map(|sponsor| held(state, sponsor, now)),
        teams: teams_seen(state, caller),
        token: caller.token.map(|id| state.table::<Token>()?.get(id).cloned()),
    }
}

/// What a member may do by themselves, through no token.
pub fn rights_of(state: &State, member: &Row<Member>, now: Timestamp) -> Rights {
    Rights {
        is_human: member.kind == MemberKind::Human,
        own: held(state, member.id, now),
        sponsor: member.sponsor.map(|sponsor| held(state, sponsor, now)),
        teams: Vec::new(),
        token: None,
    }
}

/// The roles that a member holds; none unless the member is active.
pub fn held(state: &State, member: Id<Member>, now: Timestamp) -> Vec<Held> {
    let member = state.table::<Member>().and_then(|table| table.get(member));
    let (Some(member), Some(roles)) = (member, state.table::<Role>()) else {
        return Vec::new();
    };
    if member.status != MemberStatus::Active {
        return Vec::new();
    }
    let membership = member.roles.iter().filter_map(|role| {
        Some(Held {
            role: Arc::clone(roles.get(*role)?),
            place: None,
            source: Source::Membership,
            until: None,
        })
    });
    let mut all: Vec<Held> = membership.collect();
    if state.table::<Grant>().is_none_or(Table::is_empty) {
        return all;
    }
    let id = member.id.to_string();
    all.extend(granted(state, &member.org, &id, now, Source::Grant));
    for team in teams_of(state, &member.org, member.id) {
        let through = |grant| Source::Team(grant, team.id);
        all.extend(granted(state, &member.org, &team.id.to_string(), now, through));
    }
    all
}

/// What was granted to one member or team itself.
fn granted<'a, S: Fn(Id<Grant>) -> Source + 'a>(
    state: &'a State,
    org: &str,
    subject: &str,
    now: Timestamp,
    source: S,
) -> impl Iterator<Item = Held> + use<'a, S> {
    let roles = state.table::<Role>();
    let grants = state.table::<Grant>().map(|table| table.find(org, "subject", subject));
    let good = grants.into_iter().flatten().filter(move |grant| grant.is_good(now));
    good.filter_map(move |grant| {
        Some(Held {
            role: Arc::clone(roles?.get(grant.role)?),
            place: grant
                .scope_ref
                .clone()
                .filter(|_| grant.scope != GrantScope::Organization),
            source: source(grant.id),
            until: grant.expires_at,
        })
    })
}

/// The teams that a member counts in: their own, and those above them.
pub fn teams_of<'a>(state: &'a State, org: &str, member: Id<Member>) -> Vec<&'a Arc<Row<Team>>> {
    let Some(table) = state.table::<Team>().filter(|table| !table.is_empty()) else {
        return Vec::new();
    };
    let mut all: Vec<&Arc<Row<Team>>> = Vec::new();
    for own in table.find(org, "member", &member.to_string()) {
        let line = std::iter::successors(Some(own), |team| table.get(team.parent?));
        for team in line.take(TEAM_DEPTH_MAX + 1) {
            if !all.iter().any(|known| known.id == team.id) {
                all.push(team);
            }
        }
    }
    all
}

fn teams_seen(state: &State, caller: &Caller) -> Vec<Id<Team>> {
    let of = |member| teams_of(state, &caller.org, member);
    let own = of(caller.member).into_iter();
    let all = own.chain(caller.sponsor.map(of).into_iter().flatten());
    all.map(|team| team.id).collect()
}

/// The members of a team and of the teams under it, each once.
pub fn people_of(state: &State, org: &str, team: &Row<Team>) -> Vec<Id<Member>> {
    let mut people = Vec::new();
    for team in std::iter::once(team.id).chain(under(state, org, team.id)) {
        let row = state.table::<Team>().and_then(|table| table.get(team));
        for member in row.into_iter().flat_map(|row| row.members.iter()) {
            if !people.contains(member) {
                people.push(*member);
            }
        }
    }
    people
}

/// The teams under a team, at any depth.
pub fn under(state: &State, org: &str, team: Id<Team>) -> Vec<Id<Team>> {
    let Some(table) = state.table::<Team>() else {
        return Vec::new();
    };
    let mut found: Vec<Id<Team>> = Vec::new();
    let mut next = vec![team];
    while let Some(parent) = next.pop() {
        for child in table.find(org, "parent", &parent.to_string()) {
            if !found.contains(&child.id) && child.id != team {
                found.push(child.id);
                next.push(child.id);
            }
        }
    }
    found
}

/// The active members who hold a role in a place (`line`, the nearest first; empty for the whole organisation only), by
/// membership, by a grant, or through a team; oldest member first.
pub fn holders<'a>(
    state: &'a State,
    org: &str,
    role: Id<Role>,
    line: &[String],
    now: Timestamp,
) -> Vec<&'a Arc<Row<Member>>> {
    let mut ids: Vec<Id<Member>> = candidates(state, org, role);
    ids.sort();
    ids.dedup();
    let members = state.table::<Member>();
    let rows = ids.into_iter().filter_map(|id| members?.get(id));
    let holds = |row: &&Arc<Row<Member>>| {
        let held = held(state, row.id, now);
        held.iter().any(|held| held.role.id == role && held.counts_in(line))
    };
    rows.filter(holds).collect()
}

/// Everybody who may hold a role in some way.
pub fn candidates(state: &State, org: &str, role: Id<Role>) -> Vec<Id<Member>> {
    let text = role.to_string();
    let members = state.table::<Member>().map(|table| table.find(org, "role", &text));
    let mut ids: Vec<Id<Member>> = members.into_iter().flatten().map(|row| row.id).collect();
    let grants = state.table::<Grant>().map(|table| table.find(org, "role", &text));
    for grant in grants.into_iter().flatten() {
        ids.extend(subjects(state, org, &grant.subject));
    }
    ids
}

/// The members that a subject stands for: one, or all who count in a team.
pub fn subjects(state: &State, org: &str, subject: &str) -> Vec<Id<Member>> {
    if let Ok(member) = subject.parse::<Id<Member>>() {
        return vec![member];
    }
    let team = subject.parse::<Id<Team>>().ok();
    let team = team.and_then(|id| state.table::<Team>()?.get(id));
    team.map(|team| people_of(state, org, team)).unwrap_or_default()
}
