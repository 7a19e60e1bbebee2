//! The history of one thing: every recorded change, and the thing as it once was.

use std::ops::RangeInclusive;

use projections::facets::Index;
use projections::record::Changed;
use projections::{Op, Record};
use serde_json::{Map, Value, json};

use super::seeing::{self, AUDITOR, Sight};
use super::veil::BROWSER;
use crate::args;
use crate::kernel::arg::{In, Int, PageArgs, Str, Ts};
use crate::kernel::listing::{Item, Listing, Walk};
use crate::kernel::opened::Opened;
use crate::kernel::table::{AnyTable, Label};
use crate::kernel::tool::object;
use crate::kernel::{AnyRef, Rejection, View, preview, proposal};

args! {
    /// Arguments of `get_entity_history`.
    pub struct GetHistory {
        /// The thing.
        entity: AnyRef,
        /// Changes of this field.
        field: Option<Str<1, 60>>,
        /// Since.
        from: Option<Ts>,
        /// Until.
        to: Option<Ts>,
        /// Also as it was then.
        at_version: Option<Int<1, { i64::MAX }>>,
        page: In<PageArgs>,
    }
}

/// What a change shows.
pub const COLUMNS: [&str; 13] = [
    "id",
    "at",
    "version",
    "event",
    "actor",
    "onBehalfOf",
    "tool",
    "actionId",
    "confirmedBy",
    "reason",
    "fields",
    "withheld",
    "untrusted",
];

/// Most changes that are folded to show a thing as it was.
const FOLDED_MAX: usize = 5_000;

/// What the history is of.
struct Thing {
    kind: &'static str,
    id: String,
    /// `None` where it is gone for good.
    label: Option<Label>,
    /// Whether it is gone for good.
    is_gone: bool,
}

impl Thing {
    fn by(&self) -> [(Index, String); 1] {
        [(Index::Entity, self.id.clone())]
    }

    fn shown(&self) -> Value {
        match &self.label {
            Some(label) => json!(label),
            None if !self.is_gone => json!({"kind": self.kind, "id": self.id, "withheld": true}),
            None => json!({"kind": self.kind, "id": self.id, "gone": true}),
        }
    }
}

/// `get_entity_history`.
pub fn get(args: GetHistory, view: &View<'_>) -> Result<Value, Rejection> {
    let thing = thing(view, &args.entity)?;
    check_field(view, &thing, args.field.as_deref())?;
    let by = thing.by();
    let version = args.at_version.and_then(|version| u64::try_from(version.0).ok());
    let was = version.map(|version| as_was(view, &thing, version)).transpose()?;
    let wanted = |change: &Changed<'_>| {
        change.id == thing.id
            && version.is_none_or(|version| change.version <= version)
            && args
                .field
                .as_ref()
                .is_none_or(|field| change.fields.contains_key(field.0.as_str()))
    };
    let show = |seq, text: &str| {
        seeing::read(seq, text, |record| {
            let changes = record.events.iter().enumerate();
            let changes = changes.filter_map(|(at, entry)| {
                let change = entry
                    .change
                    .as_ref()
                    .filter(|change| wanted(change) && seeing::is_here(view, record, change))?;
                item(view, (seq, at), record, &entry.name, change)
            });
            Ok(if seeing::is_ours(view, record) {
                changes.collect()
            } else {
                Vec::new()
            })
        })
    };
    let fill = |item: &mut Item| reason(view, item);
    let mut answer = Listing::new(view, &args.page, &COLUMNS, "-at")
        .filled(&["reason"], &fill)
        .walked(&Walk {
            range: seeing::span(view, args.from, args.to)?,
            hits: &|range, newest_first| view.records(&by, range, newest_first),
            show: &show,
            merge: &|_, _| false,
        })?;
    if let Value::Object(members) = &mut answer {
        members.insert("entity".to_owned(), thing.shown());
        members.extend(was.map(|was| ("asWas".to_owned(), was)));
    }
    Ok(answer)
}

/// What a page lays open: the values that only an auditor sees.
pub fn opened(answer: &Value, view: &View<'_>) -> Result<Option<Opened>, Rejection> {
    let opened = seeing::opened(view, answer, &|record, at, item| {
        let change = record.events.get(at).and_then(|entry| entry.change.as_ref());
        item.get("withheld").is_none() && change.is_some_and(|change| is_opened(view, change, &record.actor))
    })?;
    let was = answer.get("asWas").and(answer.get("entity"));
    let was = was.and_then(|entity| Some((entity.get("kind")?.as_str()?, entity.get("id")?.as_str()?)));
    let private =
        was.filter(|(kind, id)| seeing::unaided(view, kind, id, &projections::Actor::system()) != Sight::Whole);
    // It is put together from all that ever changed the thing.
    Ok(private.map(|_| Opened::among(1, Some(view.state.position))).or(opened))
}

fn is_opened(view: &View<'_>, change: &Changed<'_>, actor: &projections::Actor) -> bool {
    view.rights.allow(AUDITOR) && seeing::unaided(view, &change.entity, &change.id, actor) != Sight::Whole
}

/// The thing that is meant. What is gone for good has only its identifier, and only auditors may ask for it.
fn thing(view: &View<'_>, reference: &AnyRef) -> Result<Thing, Rejection> {
    let label = match view.resolve_any(reference, &[]) {
        Ok(label) => label,
        Err(no) => return gone(view, &reference.text)?.ok_or(no),
    };
    let sight = seeing::sight(view, label.kind, &label.id, &projections::Actor::system());
    if sight == Sight::None {
        return Err(Rejection::not_found("thing", &reference.text).field("entity"));
    }
    let label = seeing::named(label, sight);
    if sight != Sight::Whole && view.resolved.borrow().contains_key(&reference.path) {
        view.note(&reference.path, &label);
    }
    Ok(Thing {
        kind: label.kind,
        id: label.id.clone(),
        is_gone: false,
        label: Some(label),
    })
}

fn gone(view: &View<'_>, id: &str) -> Result<Option<Thing>, Rejection> {
    let audits = view.rights.allow(AUDITOR);
    let browses = !audits && view.rights.allow(BROWSER);
    let kind = view.state.kind_of(id).filter(|_| browses || audits);
    // What is there, but not for this caller, is not gone; who browses is told that it is there.
    let is_gone = |kind: &str| view.state.any(kind).is_some_and(|table| table.fields(id).is_none());
    let Some(kind) = kind.filter(|kind| browses || is_gone(kind)) else {
        return Ok(None);
    };
    let by = [(Index::Entity, id.to_owned())];
    let newest = view.records(&by, 1..=u64::MAX, true).next().transpose()?;
    let ours = newest.map(|(seq, text)| seeing::read(seq, &text, |record| Ok(seeing::is_ours(view, record))));
    Ok(ours.transpose()?.filter(|ours| *ours).map(|_| Thing {
        kind,
        id: id.to_owned(),
        label: None,
        is_gone: is_gone(kind),
    }))
}

fn check_field(view: &View<'_>, thing: &Thing, field: Option<&str>) -> Result<(), Rejection> {
    let (Some(field), Some(table)) = (field, view.state.any(thing.kind)) else {
        return Ok(());
    };
    let known = object(table.blank());
    if known.contains_key(field) && !seeing::is_secret(thing.kind, field) {
        return Ok(());
    }
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    let rule = format!("a {} has no field `{field}`", thing.kind);
    Err(Rejection::argument("field", rule).allowed(names))
}

fn item(view: &View<'_>, place: (u64, usize), record: &Record<'_>, event: &str, change: &Changed<'_>) -> Option<Item> {
    let telling = seeing::telling(view, change);
    if telling.is_empty() && change.op == Op::Update {
        return None;
    }
    let sight = seeing::sight(view, &change.entity, &change.id, &record.actor);
    let action = seeing::action(view, record);
    let mut item = object(json!({
        "id": format!("{}.{}", place.0, place.1),
        "at": record.at,
        "record": place.0,
        "version": change.version,
        "event": event,
        "op": change.op,
        "actor": seeing::actor(view, &record.actor),
        "actorKind": record.actor.kind,
        "onBehalfOf": seeing::sponsor(view, &record.actor),
        "client": record.actor.client,
        "tool": action.map(|action| &action.tool),
        "actionId": action.map(|action| action.id.to_string()),
        "confirmedBy": seeing::confirmers(view, action),
        "reason": null,
    }));
    let mut put = |name: &str, value: Value| item.insert(name.to_owned(), value);
    if sight == Sight::Whole {
        let mut own = change.to_owned();
        own.fields.retain(|name, _| telling.contains(&name.as_ref()));
        put("fields", Value::Object(preview::fields(view, &own)));
        put("untrusted", true.into());
    } else {
        let changed: Map<String, Value> = telling.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        put("fields", Value::Object(changed));
        put("withheld", format!("the values need the permission {AUDITOR}").into());
        put("untrusted", false.into());
    }
    Some(item)
}

/// Why, as whoever proposed it said; only for those who see the values.
fn reason(view: &View<'_>, item: &mut Item) -> Result<(), Rejection> {
    if item.contains_key("withheld") {
        return Ok(());
    }
    let id = item
        .get("actionId")
        .and_then(Value::as_str)
        .and_then(|id| id.parse().ok());
    if let Some(action) = id.and_then(|id| view.state.actions.get(id)) {
        let given = proposal::args(view.past, action)?.remove("reason");
        item.insert("reason".to_owned(), given.unwrap_or_default());
    }
    Ok(())
}

/// The thing as it was at a version: from how it is, back to there; or from its beginning, where that is nearer.
fn as_was(view: &View<'_>, thing: &Thing, version: u64) -> Result<Value, Rejection> {
    let table = view.state.any(thing.kind);
    let newest = thing.label.as_ref().map(|label| label.version);
    if newest.is_some_and(|newest| version > newest) {
        let rule = format!("it is at version {}", newest.unwrap_or_default());
        return Err(Rejection::argument("atVersion", rule));
    }
    if seeing::sight(view, thing.kind, &thing.id, &projections::Actor::system()) != Sight::Whole {
        return Err(Rejection::forbidden(AUDITOR));
    }
    let back = newest.is_some_and(|newest| newest - version < version);
    let blank = table.map(AnyTable::blank).unwrap_or_default();
    let today = table.and_then(|table| table.fields(&thing.id)).filter(|_| back);
    let mut folding = Folding {
        fields: object(today.unwrap_or_else(|| blank.clone())),
        blank: object(blank),
        at: None,
        left: FOLDED_MAX,
    };
    folding.run(view, thing, version, back)?;
    let at = folding.at.ok_or_else(|| {
        Rejection::argument(
            "atVersion",
            format!("no record of version {version} of this {} is known", thing.kind),
        )
    })?;
    let mut fields = folding.fields;
    fields.retain(|name, _| !seeing::is_secret(thing.kind, name));
    Ok(json!({"version": version, "at": at.1, "record": at.0, "fields": fields, "untrusted": true}))
}

struct Folding {
    fields: Map<String, Value>,
    blank: Map<String, Value>,
    at: Option<(u64, projections::Timestamp)>,
    left: usize,
}

impl Folding {
    fn run(&mut self, view: &View<'_>, thing: &Thing, version: u64, back: bool) -> Result<(), Rejection> {
        let all: RangeInclusive<u64> = 1..=u64::MAX;
        for hit in view.records(&thing.by(), all, back) {
            let (seq, text) = hit?;
            let done = seeing::read(seq, &text, |record| {
                let changes = record.events.iter().filter_map(|entry| entry.change.as_ref());
                let changes = changes.filter(|change| change.id == thing.id && seeing::is_here(view, record, change));
                Ok(self.fold((seq, record.at), changes.collect(), version, back))
            })?;
            if done {
                return Ok(());
            }
            self.left = self.left.checked_sub(1).ok_or_else(|| {
                Rejection::new("limit_exceeded", format!("more than {FOLDED_MAX} changes lie between"))
                    .hint("ask for a version nearer to the first or to today's")
            })?;
        }
        Ok(())
    }

    /// True when the version is reached.
    fn fold(
        &mut self,
        place: (u64, projections::Timestamp),
        mut changes: Vec<&Changed<'_>>,
        version: u64,
        back: bool,
    ) -> bool {
        if back {
            changes.reverse();
        }
        for change in changes {
            let reached = change.version == version;
            if reached {
                self.at = Some(place);
            }
            if back && reached {
                return true;
            }
            for (name, sides) in &change.fields {
                let side = if back { sides.from } else { sides.to };
                let value = side.and_then(|text| serde_json::from_str(text.get()).ok());
                let value = value.or_else(|| self.blank.get(name.as_ref()).cloned());
                self.fields.insert(name.to_string(), value.unwrap_or_default());
            }
            if reached {
                return true;
            }
        }
        false
    }
}
