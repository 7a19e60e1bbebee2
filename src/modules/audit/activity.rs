//! The feed: what people and agents did, in lines that can be read, bursts folded into one.

use jiff::{SignedDuration, Timestamp};
use projections::facets::{ANY, Index};
use projections::record::Changed;
use projections::{ActorKind, Id, Op, Record};
use serde_json::{Value, json};

use super::seeing::{self, Sight};
use super::words;
use crate::kernel::arg::{In, List, PageArgs, Str, Ts};
use crate::kernel::identity::Member;
use crate::kernel::listing::{Item, Listing, Walk};
use crate::kernel::table::{AnyTable, Label};
use crate::kernel::tool::object;
use crate::kernel::{Ref, Rejection, View};
use crate::modules::projects::Project;
use crate::{args, choice};

choice! {
    /// What kind of principal acted.
    pub enum Kind {
        /// A person.
        Human = "human",
        /// An agent.
        Agent = "agent",
        /// A service account.
        Service = "service",
        /// An automation rule.
        Automation = "automation",
        /// A process step.
        Process = "process",
        /// Something that came in from outside.
        Inbound = "inbound",
        /// The system itself.
        System = "system",
    }
}

impl Kind {
    const fn of_actor(kind: ActorKind) -> Self {
        match kind {
            ActorKind::Human => Self::Human,
            ActorKind::Agent => Self::Agent,
            ActorKind::Service => Self::Service,
            ActorKind::Automation => Self::Automation,
            ActorKind::Process => Self::Process,
            ActorKind::Inbound => Self::Inbound,
            ActorKind::System => Self::System,
        }
    }
}

args! {
    /// Arguments of `list_activity`.
    pub struct ListActivity {
        /// In this project.
        project: Option<Ref<Project>>,
        /// By this member.
        member: Option<Ref<Member>>,
        /// By this kind of actor.
        actor_kind: Option<Kind>,
        /// Events, such as task.*.
        types: Option<List<Str<1, 60>, 0, 20>>,
        /// Since.
        since: Option<Ts>,
        /// Until.
        until: Option<Ts>,
        /// Fold bursts.
        grouped: bool = true,
        page: In<PageArgs>,
    }
}

/// What a line shows.
pub const COLUMNS: [&str; 10] = [
    "id",
    "at",
    "text",
    "actor",
    "actorKind",
    "onBehalfOf",
    "event",
    "count",
    "entities",
    "untrusted",
];

/// Lines so far apart are no burst.
const APART_MAX: SignedDuration = SignedDuration::from_mins(10);
/// Most things that a line links to.
const LINKS_MAX: usize = 5;
/// Most things that a line tells apart.
const THINGS_MAX: usize = 500;

/// What lines must be.
struct Wanted {
    project: Option<Id<Project>>,
    kind: Option<Kind>,
    types: Vec<String>,
}

/// Whether a name is one of some, or begins like one that ends in `*`.
pub fn is_among(name: &str, types: &[String]) -> bool {
    let fits = |wanted: &String| match wanted.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == wanted,
    };
    types.is_empty() || types.iter().any(fits)
}

/// `list_activity`.
pub fn list(args: ListActivity, view: &View<'_>) -> Result<Value, Rejection> {
    let project = args.project.as_ref().map(|project| view.resolve(project)).transpose()?;
    let member = args.member.as_ref().map(|member| view.resolve(member)).transpose()?;
    let types = args
        .types
        .iter()
        .flat_map(|types| types.iter())
        .map(|name| name.0.clone());
    let wanted = Wanted {
        project: project.map(|row| row.id),
        kind: args.actor_kind,
        types: types.collect(),
    };
    let mut by = vec![(Index::Kind, ANY.to_owned())];
    by.extend(member.map(|row| (Index::Actor, row.id.to_string())));
    if let [only] = wanted.types.as_slice()
        && !only.ends_with('*')
    {
        by.push((Index::Event, only.clone()));
    }
    // The rarest first: that is what the rows are asked for first.
    by.reverse();
    let show = |seq, text: &str| seeing::read(seq, text, |record| Ok(lines(view, seq, record, &wanted)));
    let merge = |last: &mut Item, next: &Item| args.grouped && merged(last, next);
    Listing::new(view, &args.page, &COLUMNS, "-at").walked(&Walk {
        range: seeing::span(view, args.since, args.until)?,
        hits: &|range, newest_first| view.records(&by, range, newest_first),
        show: &show,
        merge: &merge,
    })
}

fn lines(view: &View<'_>, seq: u64, record: &Record<'_>, wanted: &Wanted) -> Vec<Item> {
    let kind = Kind::of_actor(record.actor.kind);
    if !seeing::is_ours(view, record) || wanted.kind.is_some_and(|wanted| wanted != kind) {
        return Vec::new();
    }
    let changes = record.events.iter().enumerate();
    let changes = changes.filter_map(|(at, entry)| {
        let change = entry.change.as_ref()?;
        let fits = is_among(&entry.name, &wanted.types)
            && seeing::is_here(view, record, change)
            && (change.op != Op::Update || !seeing::telling(view, change).is_empty());
        let sight = seeing::sight(view, &change.entity, &change.id, &record.actor);
        let project = seeing::project_of(view, change);
        let fits = fits && sight != Sight::None && wanted.project.is_none_or(|wanted| project == Some(wanted));
        let label = fits.then(|| seeing::named(label(view, change), sight))?;
        let to = words::target(view, &entry.name, change).filter(|_| sight != Sight::Veiled);
        Some(line(view, (seq, at), record, &entry.name, (change, project, label, to)))
    });
    changes.collect()
}

fn line(
    view: &View<'_>,
    place: (u64, usize),
    record: &Record<'_>,
    event: &str,
    (change, project, label, to): (&Changed<'_>, Option<Id<Project>>, Label, Option<String>),
) -> Item {
    let who = seeing::actor(view, &record.actor);
    let action = seeing::action(view, record);
    let mut item = object(json!({
        "id": format!("{}.{}", place.0, place.1),
        "at": record.at,
        "from": record.at,
        "record": place.0,
        "text": words::one(&who, event, &label, to.as_deref()),
        "actor": who,
        "actorKind": record.actor.kind,
        "onBehalfOf": seeing::sponsor(view, &record.actor),
        "event": event,
        "kind": change.entity,
        "project": project.map(|id| id.to_string()),
        "tool": action.map(|action| &action.tool),
        "actionId": action.map(|action| action.id.to_string()),
        "count": 1,
        "entities": [label],
        "to": to,
        "untrusted": true,
    }));
    item.insert("things".to_owned(), json!([change.id]));
    item
}

/// What a thing is called: as it is now, or for one that is gone as it was called in what removed it.
fn label(view: &View<'_>, change: &Changed<'_>) -> Label {
    let kind = view.state.any(&change.entity).map(AnyTable::word).unwrap_or_default();
    view.describe(kind, &change.id).unwrap_or_else(|| {
        let recorded = ["name", "title", "displayName"].iter().find_map(|name| {
            let sides = change.fields.get(*name)?;
            serde_json::from_str(sides.to.or(sides.from)?.get()).ok()
        });
        Label {
            kind,
            id: change.id.to_string(),
            key: None,
            label: recorded.unwrap_or_else(|| change.id.to_string()),
            version: change.version,
        }
    })
}

/// Takes a line into the one beside it: the same actor did the same in the same project, shortly before or after.
fn merged(last: &mut Item, next: &Item) -> bool {
    let same = |name: &str| last.get(name) == next.get(name);
    let near = match (hour(last, "at"), hour(last, "from"), hour(next, "at")) {
        (Some(at), Some(from), Some(next)) => {
            let apart = |edge: Timestamp| edge.duration_since(next).abs();
            apart(at).min(apart(from)) <= APART_MAX
        }
        _ => false,
    };
    if !near
        || !["actor", "onBehalfOf", "event", "kind", "project"]
            .into_iter()
            .all(same)
    {
        return false;
    }
    take_in(last, next);
    let count = last.get("count").and_then(Value::as_u64).unwrap_or(1) + 1;
    let to = last.get("to").filter(|to| next.get("to") == Some(*to));
    let to = to.cloned().unwrap_or_default();
    let told = |name: &str| last.get(name).and_then(Value::as_array).map(Vec::as_slice);
    let (things, links) = (
        told("things").unwrap_or_default().len(),
        told("entities").unwrap_or_default(),
    );
    let text = words::many(last, links, things, count, to.as_str());
    let from = next.get("at").cloned().unwrap_or_default();
    for (name, value) in [
        ("text", text.into()),
        ("count", count.into()),
        ("from", from),
        ("to", to),
    ] {
        last.insert(name.to_owned(), value);
    }
    true
}

/// Adds what a line is about to those of the line beside it, where it is not among them.
fn take_in(last: &mut Item, next: &Item) {
    let new = next.get("things").and_then(|things| things.get(0));
    let Some(Value::Array(things)) = last.get_mut("things") else {
        return;
    };
    let Some(new) = new.filter(|new| things.len() < THINGS_MAX && !things.contains(new)) else {
        return;
    };
    things.push(new.clone());
    let more = next.get("entities").and_then(Value::as_array);
    if let (Some(Value::Array(links)), Some(more)) = (last.get_mut("entities"), more)
        && links.len() < LINKS_MAX
    {
        links.extend(more.iter().cloned());
    }
}

fn hour(item: &Item, name: &str) -> Option<Timestamp> {
    item.get(name).and_then(Value::as_str).and_then(|at| at.parse().ok())
}
