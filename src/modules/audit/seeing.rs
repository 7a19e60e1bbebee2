//! What of the past a caller may see, and how a record is told: who, on whose behalf, with which tool.

use std::ops::RangeInclusive;

use projections::record::Changed;
use projections::{Action, Actor, Id, Named as _, Record};
use serde_json::{Value, json};

use super::veil::BROWSER;
use crate::kernel::arg::Ts;
use crate::kernel::identity::{Member, Token};
use crate::kernel::opened::{Opened, is_own};
use crate::kernel::record_view::{action_of, unread};
use crate::kernel::table::{AnyTable, Label};
use crate::kernel::{Rejection, View};
use crate::modules::comments::Comment;
use crate::modules::labels::Label as Tag;
use crate::modules::live::{in_use, target};
use crate::modules::projects::Project;
use crate::modules::tasks::Task;
use crate::modules::workflows::moves::who;
use crate::modules::workflows::{State, Workflow};

/// Needed for what others keep private.
pub const AUDITOR: &str = "audit.read";

/// How much of a change a caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Everything.
    Whole,
    /// That it happened, but no values.
    Outline,
    /// That it happened to something, but not what that is called.
    Veiled,
    /// Nothing.
    None,
}

/// Reads a record that was found.
pub fn read<T>(seq: u64, text: &str, take: impl FnOnce(&Record<'_>) -> Result<T, Rejection>) -> Result<T, Rejection> {
    let mut room = String::new();
    take(&Record::parse(seq, text, &mut room).map_err(unread)?)
}

/// What of others a page of lines lays open: of those whose record and place in it is one that `is_open` says yes to.
///
/// # Errors
/// `unavailable` where a record cannot be read.
pub fn opened(
    view: &View<'_>,
    answer: &Value,
    is_open: &dyn Fn(&Record<'_>, usize, &Value) -> bool,
) -> Result<Option<Opened>, Rejection> {
    let items = answer.get("items").and_then(Value::as_array);
    let mut opened = None;
    for item in items.into_iter().flatten() {
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
        let (seq, at) = id.split_once('.').unwrap_or((id, "0"));
        let (Ok(seq), Ok(at)) = (seq.parse(), at.parse()) else {
            continue;
        };
        let Some(text) = view.past.record(seq)? else { continue };
        opened = read(seq, &text, |record| {
            let so_far = opened.take();
            Ok(if is_open(record, at, item) {
                Some(Opened::with(so_far, seq, &record.actor))
            } else {
                so_far
            })
        })?;
    }
    Ok(opened)
}

/// Whether a record belongs to the caller's organisation, or to none.
pub fn is_ours(view: &View<'_>, record: &Record<'_>) -> bool {
    record.org.as_deref().is_none_or(|org| org == view.caller.org)
}

/// How much the caller may see of what changed a thing. Auditors see everything; others what they may know of, without the
/// values of what was deleted and of what only some may read, unless they did it themselves.
pub fn sight(view: &View<'_>, kind: &str, id: &str, actor: &Actor) -> Sight {
    if view.rights.allow(AUDITOR) {
        return Sight::Whole;
    }
    match unaided(view, kind, id, actor) {
        Sight::None if view.rights.allow(BROWSER) => Sight::Veiled,
        sight => sight,
    }
}

/// The same for somebody who is no auditor: what more one sees as an auditor is opened.
pub fn unaided(view: &View<'_>, kind: &str, id: &str, actor: &Actor) -> Sight {
    let own = is_own(actor, view.caller);
    match view.describe(kind, id) {
        // What is gone for good cannot be asked who may see it.
        None if own && view.state.any(kind).is_some_and(|table| table.fields(id).is_none()) => Sight::Outline,
        None => Sight::None,
        Some(_) => open(view, kind, id, own),
    }
}

fn open(view: &View<'_>, kind: &str, id: &str, own: bool) -> Sight {
    let alive = || match kind {
        "task" => get::<Task>(view, id).is_some_and(|row| row.deleted_at.is_none() && in_use(view, row.project)),
        "project" => get::<Project>(view, id).is_some_and(|row| row.deleted_at.is_none()),
        "comment" => {
            get::<Comment>(view, id).is_some_and(|row| row.deleted_at.is_none() && target(view, row).is_some())
        }
        // Mail addresses, as in the list of members.
        "member" | "invitation" => id == view.caller.member.to_string() || view.rights.allow("organizations.browse"),
        _ => true,
    };
    match kind {
        "token" if get::<Token>(view, id).is_none_or(|row| row.member != view.caller.member) => Sight::None,
        _ if own || alive() => Sight::Whole,
        _ => Sight::Outline,
    }
}

/// What a thing is called for somebody who sees so much of it: a name is one of its values, and what an invitation is called
/// is a mail address. A member goes by a name that everybody sees.
pub fn named(mut label: Label, sight: Sight) -> Label {
    if sight != Sight::Whole && label.kind != Member::KIND {
        let name = match label.kind {
            _ if sight == Sight::Veiled => "(withheld)",
            "task" | "project" | "comment" => "(deleted)",
            _ => "(withheld)",
        };
        name.clone_into(&mut label.label);
    }
    label
}

/// Whether a change of a record was made in the caller's organisation: founding another one is recorded in this one.
pub fn is_here(view: &View<'_>, record: &Record<'_>, change: &Changed<'_>) -> bool {
    let org = change.org.as_deref().or(record.org.as_deref());
    org.is_none_or(|org| org == view.caller.org)
}

fn get<'a, E: crate::kernel::Entity>(view: &View<'a>, id: &str) -> Option<&'a std::sync::Arc<crate::kernel::Row<E>>> {
    id.parse().ok().and_then(|id: Id<E>| view.get(id))
}

/// Fields that hold keyed hashes; they are shown to nobody.
pub fn is_secret(kind: &str, field: &str) -> bool {
    kind == "token" && ["hash", "oldHash"].contains(&field)
}

/// The fields of a change that say something: no ranks, counters and secrets.
pub fn telling<'c>(view: &View<'_>, change: &'c Changed<'_>) -> Vec<&'c str> {
    let kind = change.entity.as_ref();
    let decoration = view.state.any(kind).map(AnyTable::decoration).unwrap_or_default();
    let names = change.fields.keys().map(AsRef::as_ref);
    names
        .filter(|name| !decoration.contains(name) && !is_secret(kind, name))
        .collect()
}

/// Who acted, as a list shows it.
pub fn actor(view: &View<'_>, actor: &Actor) -> String {
    let member = actor
        .principal_id
        .as_deref()
        .and_then(|id| id.parse::<Id<Member>>().ok());
    member.map_or_else(|| "system".to_owned(), |member| who(view, member))
}

/// On whose behalf; `null` where somebody acted for themselves.
pub fn sponsor(view: &View<'_>, actor: &Actor) -> Value {
    let member = actor
        .on_behalf_of
        .as_deref()
        .and_then(|id| id.parse::<Id<Member>>().ok());
    member.map_or(Value::Null, |member| who(view, member).into())
}

/// Who confirmed the action of a record so far.
pub fn confirmers(view: &View<'_>, action: Option<&Action>) -> Value {
    let ids = action.into_iter().flat_map(|action| &action.approvals);
    let names: Vec<String> = ids
        .filter_map(|id| Some(who(view, id.parse::<Id<Member>>().ok()?)))
        .collect();
    if names.is_empty() { Value::Null } else { json!(names) }
}

/// The action of a record, where it is one of the caller's organisation.
pub fn action<'a>(view: &View<'a>, record: &Record<'_>) -> Option<&'a Action> {
    action_of(record, view.state).filter(|action| *action.org == *view.caller.org)
}

/// The positions between two hours, both of them included.
pub fn span(view: &View<'_>, from: Option<Ts>, to: Option<Ts>) -> Result<RangeInclusive<u64>, Rejection> {
    let first = from.map_or(Ok(1), |from| view.position_at(from.0))?;
    let last = match to.and_then(|to| to.0.checked_add(jiff::SignedDuration::from_nanos(1)).ok()) {
        Some(after) => view.position_at(after)? - 1,
        None => view.state.position,
    };
    Ok(first..=last)
}

/// The project that a change belongs to; what is gone is asked for what it was part of when it went.
pub fn project_of(view: &View<'_>, change: &Changed<'_>) -> Option<Id<Project>> {
    let (kind, id) = (change.entity.as_ref(), change.id.as_ref());
    let now = match kind {
        "project" => id.parse().ok(),
        "task" => get::<Task>(view, id).map(|row| row.project),
        "label" => get::<Tag>(view, id).and_then(|row| row.project),
        "workflow" => get::<Workflow>(view, id).and_then(|row| row.project),
        "state" => {
            let state = get::<State>(view, id)?;
            view.get(state.workflow).and_then(|row| row.project)
        }
        "comment" => {
            let comment = get::<Comment>(view, id)?;
            get::<Task>(view, &comment.target).map(|row| row.project)
        }
        _ => None,
    };
    let recorded = || {
        let sides = change.fields.get("project")?;
        serde_json::from_str(sides.from.or(sides.to)?.get()).ok()
    };
    now.or_else(recorded)
}
