//! Who decides: the one place that turns a rule for assignees into members.

use projections::Id;
use serde_json::{Map, Value, json};

use super::entity::Assignees;
use crate::kernel::authority::{held, holders, place, teams_of};
use crate::kernel::expression::{self, Type, Variables};
use crate::kernel::identity::{Member, MemberKind, MemberStatus, Team};
use crate::kernel::{Row, View};

/// Most members that one step asks; who is named after them is not asked, which saving the definition warns of.
pub const ASKED_MAX: usize = 50;
/// Most members that an expression is asked about.
const LOOKED_AT_MAX: usize = 1_000;

/// What an expression over members can name.
pub fn variables() -> Variables {
    let member = Variables::default()
        .with("handle", Type::Text)
        .with("name", Type::Text)
        .with("email", Type::Text)
        .with("kind", Type::Text)
        .with("roles", Type::List)
        .with("teams", Type::List);
    Variables::default().with("member", Type::Thing(member))
}

fn facts(view: &View<'_>, row: &Row<Member>) -> Map<String, Value> {
    let roles: Vec<String> = held(view.state, row.id, view.now)
        .into_iter()
        .map(|held| held.role.name.clone())
        .collect();
    let teams: Vec<String> = teams_of(view.state, &row.org, row.id)
        .iter()
        .map(|team| team.handle.clone())
        .collect();
    let member = json!({
        "handle": row.handle, "name": row.display_name, "email": row.email, "kind": row.kind, "roles": roles, "teams": teams,
    });
    Map::from_iter([("member".to_owned(), member)])
}

/// The active members that a rule names, each once, in its order; `subject` is what it is about.
pub fn named(view: &View<'_>, rule: &Assignees, subject: Option<&str>, initiator: Id<Member>) -> Vec<Id<Member>> {
    let org = view.caller.org.as_str();
    let line = subject.map(|id| place::line(view.state, id)).unwrap_or_default();
    let mut ids: Vec<Id<Member>> = rule.members.clone();
    for role in &rule.roles {
        ids.extend(
            holders(view.state, org, *role, &line, view.now)
                .iter()
                .map(|row| row.id),
        );
    }
    let teams = view.state.table::<Team>();
    for team in rule.teams.iter().filter_map(|id| teams?.get(*id)) {
        // Membership counts upwards for what is seen, not for approvals.
        ids.extend(team.members.iter().copied());
    }
    if rule.manager_of_initiator {
        ids.extend(manager(view, initiator));
    }
    let members = view.state.table::<Member>();
    if let Some(test) = rule
        .expression
        .as_ref()
        .and_then(|text| expression::parse(text, &variables()).ok())
    {
        let rows = members.into_iter().flat_map(crate::kernel::table::Table::rows);
        let active = rows
            .filter(|row| row.org == org && row.status == MemberStatus::Active)
            .take(LOOKED_AT_MAX);
        ids.extend(
            active
                .filter(|row| test.holds(&facts(view, row)).unwrap_or(false))
                .map(|row| row.id),
        );
    }
    let mut once: Vec<Id<Member>> = Vec::new();
    for id in ids {
        let row = members.and_then(|table| table.get(id));
        let active = row.is_some_and(|row| row.org == org && row.status == MemberStatus::Active);
        if active && !once.contains(&id) {
            once.push(id);
        }
    }
    once
}

/// Who answers for an agent, or leads a team of a person's.
fn manager(view: &View<'_>, member: Id<Member>) -> Vec<Id<Member>> {
    let row = view.state.table::<Member>().and_then(|table| table.get(member));
    if let Some(sponsor) = row.and_then(|row| row.sponsor) {
        return vec![sponsor];
    }
    let teams = teams_of(view.state, &view.caller.org, member);
    teams
        .iter()
        .filter_map(|team| team.lead)
        .filter(|lead| *lead != member)
        .collect()
}

/// The person whom a member stands for: an agent's sponsor, else themselves.
pub fn person(view: &View<'_>, member: Id<Member>) -> Id<Member> {
    let row = view.state.table::<Member>().and_then(|table| table.get(member));
    row.and_then(|row| row.sponsor).unwrap_or(member)
}

/// Whether a member is an agent or a service.
pub fn is_program(view: &View<'_>, member: Id<Member>) -> bool {
    let row = view.state.table::<Member>().and_then(|table| table.get(member));
    row.is_none_or(|row| row.kind != MemberKind::Human)
}

/// Who stands in for somebody who is away today.
pub fn stand_in(view: &View<'_>, member: Id<Member>) -> Option<Id<Member>> {
    let row = view.state.table::<Member>()?.get(member)?;
    let away = row.out_of_office.as_ref()?;
    (away.from..=away.to)
        .contains(&view.today())
        .then_some(away.delegate)
        .flatten()
}

/// `@ana`.
pub fn handle(view: &View<'_>, member: Id<Member>) -> String {
    let row = view.state.table::<Member>().and_then(|table| table.get(member));
    row.map_or_else(|| "somebody".to_owned(), |row| format!("@{}", row.handle))
}

/// `@ana, @bea`.
pub fn handles(view: &View<'_>, members: impl IntoIterator<Item = Id<Member>>) -> Vec<String> {
    members.into_iter().map(|member| handle(view, member)).collect()
}
