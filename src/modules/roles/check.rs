//! `check_permission`.

use serde_json::{Value, json};

use super::catalogue;
use super::shown::handle;
use crate::args;
use crate::kernel::arg::{Args as _, Str};
use crate::kernel::authority::{Held, Source, gains, place, rights_of};
use crate::kernel::identity::Member;
use crate::kernel::principal::{Rights, covers, is_for_people};
use crate::kernel::tool::{Reach, object};
use crate::kernel::{AnyRef, Ref, Rejection, Row, View, listing, text};

args! {
    /// Arguments of `check_permission`.
    pub struct CheckPermission {
        /// The caller where left out.
        subject: Option<Ref<Member>>,
        /// Such as `tasks.write`.
        permission: Option<Str<1, 80>>,
        /// The tool whose permission is meant.
        tool: Option<Str<1, 40>>,
        /// What it would be done to.
        entity: Option<AnyRef>,
    }
}

/// What an answer holds.
pub const COLUMNS: [&str; 6] = ["subject", "permission", "allowed", "because", "cutBy", "couldGrant"];
/// Most members who are named as able to grant it.
const GRANTERS_MAX: usize = 10;

/// `check_permission`.
pub fn check(args: CheckPermission, view: &View<'_>) -> Result<Value, Rejection> {
    let (permission, reach) = asked(view, args.permission.as_ref(), args.tool.as_ref())?;
    let subject = match &args.subject {
        Some(reference) => view.resolve(reference)?,
        None => view.me()?,
    };
    let is_me = subject.id == view.caller.member;
    let rights = if is_me {
        view.rights.clone()
    } else {
        rights_of(view.state, subject, view.now)
    };
    let thing = args
        .entity
        .as_ref()
        .map(|entity| view.resolve_any(entity, &[]))
        .transpose()?;
    let line = thing
        .as_ref()
        .map(|thing| place::line(view.state, &thing.id))
        .unwrap_or_default();
    let allowed = match (reach, thing.is_some()) {
        (Reach::Own, _) => rights.allow_somewhere(&permission),
        (Reach::Placed, true) => rights.allow_in(&permission, &line),
        (Reach::Everywhere, _) | (Reach::Placed, false) => rights.allow(&permission),
    };
    let elsewhere = !allowed && reach == Reach::Placed && rights.allow_somewhere(&permission);
    let places = gains::effective(view, view.state, &rights);
    let places = places
        .into_iter()
        .filter(|(name, at)| *name == permission && at.is_some());
    let places: Vec<Value> = places.map(|(_, at)| place::shown(view, at.as_deref())).collect();
    let item = object(json!({
        "subject": handle(subject), "permission": permission, "entity": thing, "allowed": allowed,
        "because": because(view, &rights.own, &permission, &line), "onlyIn": if elsewhere { places } else { Vec::new() },
        "cutBy": cut_by(view, subject, &rights, &permission, &line), "couldGrant": granters(view, &permission, &line, subject),
    }));
    listing::item(
        view,
        &crate::kernel::arg::ReadArgs::read(serde_json::Map::new())?,
        item,
        &[],
        |_| Ok(None),
    )
}

/// The permission that is meant, and where it must be held.
fn asked(
    view: &View<'_>,
    permission: Option<&Str<1, 80>>,
    tool: Option<&Str<1, 40>>,
) -> Result<(String, Reach), Rejection> {
    match (permission, tool) {
        (Some(name), None) => {
            catalogue::known(view, std::slice::from_ref(&name.0)).map_err(|no| no.field("permission"))?;
            let tool = view.registry.tools().iter().find(|tool| tool.permission == name.0);
            Ok((name.0.clone(), tool.map_or(Reach::Placed, |tool| tool.reach)))
        }
        (None, Some(name)) => {
            let tool = view.registry.tool(name).ok_or_else(|| {
                let all = view.registry.tools().iter().map(|tool| tool.name);
                Rejection::argument("tool", format!("there is no tool `{}`", name.0))
                    .allowed(text::nearest(name, all, 3))
            })?;
            Ok((tool.permission.clone(), tool.reach))
        }
        _ => Err(Rejection::argument(
            "permission",
            "or `tool` is required, and only one of them",
        )),
    }
}

/// The roles that give a permission, with where they come from.
fn because(view: &View<'_>, own: &[Held], permission: &str, line: &[String]) -> Vec<Value> {
    let gives = |held: &&Held| held.role.permissions.iter().any(|one| covers(one, permission));
    let one = |held: &Held| {
        let (through, grant) = match &held.source {
            Source::Membership => ("membership".to_owned(), None),
            Source::Grant(id) => ("grant".to_owned(), Some(id.to_string())),
            Source::Team(id, team) => (place::in_words(view, Some(&team.to_string())), Some(id.to_string())),
        };
        json!({
            "role": held.role.name, "where": place::shown(view, held.place.as_deref()), "through": through, "grant": grant,
            "until": held.until, "counts": held.counts_in(line),
        })
    };
    own.iter().filter(gives).map(one).collect()
}

/// What takes away a permission that the subject's own roles give.
fn cut_by(view: &View<'_>, subject: &Row<Member>, rights: &Rights, permission: &str, line: &[String]) -> Vec<String> {
    let gives = |all: &[Held]| {
        let counting = all.iter().filter(|held| held.counts_in(line));
        counting
            .flat_map(|held| &held.role.permissions)
            .any(|one| covers(one, permission))
    };
    let mut cut = Vec::new();
    if !rights.is_human && is_for_people(permission) {
        cut.push("no agent or service can be given this".to_owned());
    }
    if rights.sponsor.as_ref().is_some_and(|held| !gives(held)) {
        let name = subject
            .sponsor
            .and_then(|id| view.get(id))
            .map_or_else(|| "somebody".to_owned(), |row| handle(row));
        cut.push(format!("its sponsor {name} does not have it"));
    }
    if rights
        .scopes()
        .is_some_and(|scopes| !scopes.iter().any(|scope| covers(scope, permission)))
    {
        cut.push("the scopes of this token do not include it".to_owned());
    }
    cut
}

/// Who manages roles and has the permission, and so could give it.
fn granters(view: &View<'_>, permission: &str, line: &[String], subject: &Row<Member>) -> Vec<String> {
    let able = view.rows::<Member>().filter(|row| row.id != subject.id).filter(|row| {
        let rights = rights_of(view.state, row, view.now);
        rights.is_human && rights.allow_in("roles.manage", line) && rights.allow_in(permission, line)
    });
    able.take(GRANTERS_MAX).map(|row| handle(row)).collect()
}
