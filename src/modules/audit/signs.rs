//! What one record is a sign of: read off the record and the newest state, nothing else. What the record itself changes is
//! judged by how it was before; names, roles and all else by how they are when the record is looked at, a moment later.

use projections::event::{ConfirmRefused, names};
use projections::record::Changed;
use projections::{Actor, ActorKind, Id, Named as _, Op, Record, Timestamp};
use serde::de::DeserializeOwned;

use super::detectors::{HARMLESS_REFUSALS, HOURS, POWERS};
use super::entity::AlertKind;
use super::goods;
use crate::kernel::authority;
use crate::kernel::identity::{Grant, Member, Organization, OrganizationSettings, Role};
use crate::kernel::principal::covers;
use crate::kernel::record_view::action_of;
use crate::kernel::{Registry, State, policy};

/// The field of an organisation that says where its hours are those of work.
const TIMEZONE: &str = "timezone";

/// That something happened once, or several times in one record.
#[derive(Clone, Debug)]
pub struct Sign {
    /// What it may add up to.
    pub kind: AlertKind,
    /// How often.
    pub count: u64,
    /// Who else it is about.
    pub gained: Vec<Id<Member>>,
    /// What happened, for the sentence.
    pub what: String,
}

impl Sign {
    pub(super) fn of(kind: AlertKind, count: u64, what: impl Into<String>) -> Self {
        Self {
            kind,
            count,
            gained: Vec::new(),
            what: what.into(),
        }
    }
}

/// Who did what a record says, and whom else that is about.
#[derive(Clone, Debug)]
pub struct Doer {
    /// The actor, or for what a worker or the system finished, who proposed it.
    pub who: Id<Member>,
    /// On whose behalf, and who proposed what was confirmed, on whose behalf.
    pub others: Vec<Id<Member>>,
}

/// Who did what a record says.
pub fn doer(record: &Record<'_>, state: &State) -> Option<Doer> {
    let parse = |id: &Option<String>| id.as_deref().and_then(|id| id.parse().ok());
    let of = |actor: &Actor| [parse(&actor.principal_id), parse(&actor.on_behalf_of)];
    let action = action_of(record, state).filter(|action| Some(&*action.org) == record.org.as_deref());
    let proposer = action.map(|action| of(&action.proposer)).unwrap_or_default();
    let actor = of(&record.actor);
    // Whoever is refused can name anybody's action.
    let named = record.events.iter().any(|entry| entry.name == names::CONFIRM_REFUSED);
    let (who, rest) = match (actor, proposer) {
        ([Some(who), sponsor], _) if named => (who, vec![sponsor]),
        ([Some(who), sponsor], [by, on_behalf_of]) => (who, vec![sponsor, by, on_behalf_of]),
        ([None, _], [by, on_behalf_of]) => (by?, vec![on_behalf_of]),
    };
    let others = rest.into_iter().flatten().filter(|other| *other != who).collect();
    Some(Doer { who, others })
}

/// Everything that a record is a sign of.
pub fn signs(record: &Record<'_>, state: &State, registry: &Registry) -> Vec<Sign> {
    let mut found = Vec::new();
    let deleted = record.events.iter().filter(|entry| {
        let gone = |change: &Changed<'_>| change.op == Op::Delete || entry.name.ends_with(".deleted");
        entry.change.as_ref().is_some_and(gone)
    });
    match u64::try_from(deleted.count()).unwrap_or(u64::MAX) {
        0 => {}
        count => found.push(Sign::of(AlertKind::MassDelete, count, "deleted things")),
    }
    // Founding another organisation gives nobody power over this one.
    let changes = record.events.iter().filter_map(|entry| entry.change.as_ref());
    let changes = changes.filter(|change| change.org.is_none());
    found.extend(changes.filter_map(|change| privilege(change, state, registry)));
    if record.events.iter().any(|entry| entry.name == names::CONFIRMED) {
        found.extend(confirmed(record, state));
    }
    found.extend(goods::signs(record, state));
    found.extend(record.events.iter().filter_map(|entry| {
        let refused: ConfirmRefused<'_> = (entry.name == names::CONFIRM_REFUSED)
            .then(|| serde_json::from_str(entry.data?.get()).ok())
            .flatten()?;
        let harmless = HARMLESS_REFUSALS.contains(&refused.code.as_ref());
        (!harmless).then(|| Sign::of(AlertKind::ConfirmRefusals, 1, refused.code))
    }));
    found
}

fn confirmed(record: &Record<'_>, state: &State) -> Vec<Sign> {
    let mut found = Vec::new();
    if matches!(record.actor.kind, ActorKind::Agent | ActorKind::Service) {
        found.push(Sign::of(AlertKind::AgentBurst, 1, "carried out actions"));
    }
    let org = record.org.as_deref().unwrap_or_default();
    if let Some(action) = action_of(record, state).filter(|action| is_sensitive(&action.kind))
        && is_off_hours(record.at, &zone(record, org, state))
    {
        found.push(Sign::of(AlertKind::OffHoursSensitive, 1, action.tool.as_ref()));
    }
    found
}

fn is_sensitive(kind: &str) -> bool {
    ["sensitive", "bulk"].contains(&kind)
}

/// The zone of an organisation before a record.
fn zone(record: &Record<'_>, org: &str, state: &State) -> String {
    let changes = record.events.iter().filter_map(|entry| entry.change.as_ref());
    let mut moved = changes.filter(|change| change.entity == Organization::KIND && change.id == org);
    let before = moved.find_map(|change| sides::<String>(change, TIMEZONE));
    let now = || {
        let row = state.table::<Organization>()?.get(org.parse().ok()?)?;
        Some(row.timezone.clone())
    };
    before.map(|(before, _)| before).or_else(now).unwrap_or_default()
}

fn is_off_hours(at: Timestamp, zone: &str) -> bool {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let local = zone.to_datetime(at);
    let weekend = [jiff::civil::Weekday::Saturday, jiff::civil::Weekday::Sunday].contains(&local.weekday());
    weekend || !(HOURS.0..HOURS.1).contains(&local.hour())
}

/// A field before and after; what is not there is blank.
fn sides<T: DeserializeOwned + Default>(change: &Changed<'_>, field: &str) -> Option<(T, T)> {
    let sides = change.fields.get(field)?;
    let side = |text: Option<&serde_json::value::RawValue>| {
        text.and_then(|text| serde_json::from_str(text.get()).ok())
            .unwrap_or_default()
    };
    Some((side(sides.from), side(sides.to)))
}

fn privilege(change: &Changed<'_>, state: &State, registry: &Registry) -> Option<Sign> {
    match change.entity.as_ref() {
        "member" => given(change, state),
        "grant" if change.op != Op::Delete => granted(change, state),
        "role" => {
            let (before, after): (Vec<String>, Vec<String>) = sides(change, "permissions")?;
            let power = wider(&before, &after)?;
            Some(Sign::of(
                AlertKind::PrivilegeChange,
                1,
                format!("widened a role by {power}"),
            ))
        }
        "organization" if change.op == Op::Update => unguarded(change, registry),
        _ => None,
    }
}

/// The first power that somebody has after and did not have before.
fn wider(before: &[String], after: &[String]) -> Option<&'static str> {
    let has = |patterns: &[String], power: &str| patterns.iter().any(|pattern| covers(pattern, power));
    let mut powers = POWERS.into_iter();
    powers.find(|power| has(after, power) && !has(before, power))
}

fn given(change: &Changed<'_>, state: &State) -> Option<Sign> {
    let (before, after): (Vec<Id<Role>>, Vec<Id<Role>>) = sides(change, "roles")?;
    let roles = state.table::<Role>()?;
    let all = |ids: &[Id<Role>]| -> Vec<String> {
        let held = ids.iter().filter_map(|id| roles.get(*id));
        held.flat_map(|role| role.permissions.iter().cloned()).collect()
    };
    let power = wider(&all(&before), &all(&after))?;
    let member: Id<Member> = change.id.parse().ok()?;
    let mut sign = Sign::of(
        AlertKind::PrivilegeChange,
        1,
        format!("gave {power} to {}", handle(member, state)),
    );
    sign.gained.push(member);
    Some(sign)
}

/// Power that came by a grant, to one member or to all of a team.
fn granted(change: &Changed<'_>, state: &State) -> Option<Sign> {
    let (_, role): (Id<Role>, Id<Role>) = sides(change, "role")?;
    let role = state.table::<Role>()?.get(role)?;
    let power = wider(&[], &role.permissions)?;
    let grants = state.table::<Grant>()?;
    let grant = grants.get(change.id.parse().ok()?)?;
    let gained = authority::subjects(state, &grant.org, &grant.subject);
    let named = match gained.as_slice() {
        [one] => handle(*one, state),
        many => format!("{} in a team", many.len()),
    };
    let mut sign = Sign::of(AlertKind::PrivilegeChange, 1, format!("gave {power} to {named}"));
    sign.gained.extend(gained);
    Some(sign)
}

fn unguarded(change: &Changed<'_>, registry: &Registry) -> Option<Sign> {
    let settings = || {
        let (before, after): (OrganizationSettings, OrganizationSettings) = sides(change, "settings")?;
        policy::loosened(registry, &before, &after)
    };
    // Another zone moves the hours that are nobody's work.
    let zone = || {
        let (before, after): (String, String) = sides(change, TIMEZONE)?;
        Some(format!("moved the organisation from {before} to {after}"))
    };
    let what = settings().or_else(zone)?;
    Some(Sign::of(AlertKind::PrivilegeChange, 1, what))
}

/// `@bot`: what a member is called in a sentence.
pub fn handle(member: Id<Member>, state: &State) -> String {
    let found = state.table::<Member>().and_then(|table| table.get(member));
    found.map_or_else(|| member.to_string(), |row| format!("@{}", row.handle))
}
