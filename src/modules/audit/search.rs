//! The security log: records as they were written, and what can be checked of them from inside.

use jiff::SignedDuration;
use projections::facets::{Facets, Index};
use projections::{Action, Digest, Id, Record};
use serde_json::{Value, json};

use super::activity::is_among;
use super::{seeing, veil};
use crate::args;
use crate::kernel::arg::{In, List, PageArgs, Str, Ts};
use crate::kernel::identity::Member;
use crate::kernel::listing::{Item, Listing, Walk};
use crate::kernel::opened::{Opened, is_own};
use crate::kernel::tool::object;
use crate::kernel::{AnyRef, Ref, Rejection, View};

args! {
    /// Arguments of `search_audit_log`.
    pub struct SearchLog {
        /// By this member.
        actor: Option<Ref<Member>>,
        /// For this member.
        on_behalf_of: Option<Ref<Member>>,
        /// Calls of this tool.
        tool: Option<Str<1, 64>>,
        /// Of this action.
        action: Option<Ref<Action>>,
        /// Events, such as task.*.
        types: Option<List<Str<1, 60>, 0, 20>>,
        /// Changes of this thing.
        entity: Option<AnyRef>,
        /// 31 days ago without other filters.
        from: Option<Ts>,
        /// Until.
        to: Option<Ts>,
        /// Say what was checked.
        verify_chain: bool = false,
        page: In<PageArgs>,
    }
}

/// What a record shows; `events` has all of it.
pub const COLUMNS: [&str; 12] = [
    "id",
    "at",
    "types",
    "actor",
    "onBehalfOf",
    "client",
    "via",
    "tool",
    "actionId",
    "confirmedBy",
    "hash",
    "untrusted",
];

/// The longest time that is searched without another filter.
const DAYS_MAX: i64 = 31;

/// `search_audit_log`.
pub fn search(args: SearchLog, view: &View<'_>) -> Result<Value, Rejection> {
    let types: Vec<String> = args
        .types
        .iter()
        .flat_map(|types| types.iter())
        .map(|name| name.0.clone())
        .collect();
    let by = by(&args, view, &types)?;
    let sponsor = args
        .on_behalf_of
        .as_ref()
        .map(|member| view.resolve(member))
        .transpose()?;
    let sponsor = sponsor.map(|row| row.id.to_string());
    let filtered = !by.is_empty() || sponsor.is_some() || !types.is_empty();
    let (from, defaulted) = since(&args, view, filtered)?;
    let fits = |record: &Record<'_>| {
        seeing::is_ours(view, record)
            && (sponsor.is_none() || record.actor.on_behalf_of == sponsor)
            && (types.is_empty() || record.events.iter().any(|entry| is_among(&entry.name, &types)))
    };
    let show = |seq, text: &str| {
        seeing::read(seq, text, |record| {
            let hash = args.verify_chain.then(|| Digest::leaf(text.as_bytes()));
            Ok(if fits(record) {
                vec![item(view, seq, record, hash)]
            } else {
                Vec::new()
            })
        })
    };
    let mut listing = Listing::new(view, &args.page, &COLUMNS, "-at");
    if defaulted {
        listing = listing.notice(format!(
            "only the last {DAYS_MAX} days: say `from`, or filter, for more"
        ));
    }
    let mut answer = listing.walked(&Walk {
        range: seeing::span(view, from, args.to)?,
        hits: &|range, newest_first| view.records(&by, range, newest_first),
        show: &show,
        merge: &|_, _| false,
    })?;
    if args.verify_chain {
        let chain = checked(view, &answer)?;
        if let Value::Object(members) = &mut answer {
            members.insert("chain".to_owned(), chain);
        }
    }
    Ok(answer)
}

/// What records are found by, the rarest first.
fn by(args: &SearchLog, view: &View<'_>, types: &[String]) -> Result<Vec<(Index, String)>, Rejection> {
    let mut by = Vec::new();
    if let Some(action) = &args.action {
        let known = action
            .text
            .parse::<Id<Action>>()
            .ok()
            .and_then(|id| view.state.actions.get(id));
        let known = known.filter(|action| *action.org == *view.caller.org);
        let known = known.ok_or_else(|| Rejection::not_found("action", &action.text).field("action"))?;
        by.push((Index::Action, known.id.to_string()));
    }
    if let Some(entity) = &args.entity {
        by.push((Index::Entity, entity_id(view, entity)?));
    }
    if let Some(actor) = &args.actor {
        by.push((Index::Actor, view.resolve(actor)?.id.to_string()));
    }
    if let [only] = types
        && !only.ends_with('*')
    {
        by.push((Index::Event, only.clone()));
    }
    by.extend(args.tool.as_ref().map(|tool| (Index::Tool, tool.0.clone())));
    Ok(by)
}

/// What is gone for good is found by its identifier.
fn entity_id(view: &View<'_>, entity: &AnyRef) -> Result<String, Rejection> {
    let gone = |no: Rejection| match view.state.kind_of(&entity.text) {
        Some(kind)
            if view
                .state
                .any(kind)
                .is_some_and(|table| table.fields(&entity.text).is_none()) =>
        {
            Ok(entity.text.clone())
        }
        _ => Err(no),
    };
    view.resolve_any(entity, &[]).map(|label| label.id).or_else(gone)
}

fn since(args: &SearchLog, view: &View<'_>, filtered: bool) -> Result<(Option<Ts>, bool), Rejection> {
    let until = args.to.map_or(view.now, |to| to.0);
    let days = SignedDuration::from_hours(24 * DAYS_MAX);
    match args.from {
        _ if filtered => Ok((args.from, false)),
        None => Ok((until.checked_sub(days).ok().map(Ts), true)),
        Some(from) if until.duration_since(from.0) > days => Err(Rejection::new(
            "range_too_wide",
            format!("more than {DAYS_MAX} days need another filter"),
        )
        .field("from")
        .hint("narrow from and to, or filter by actor, onBehalfOf, tool, action, types or entity")),
        from => Ok((from, false)),
    }
}

/// What a page lays open: the events of others, where they were asked for.
pub fn opened(answer: &Value, view: &View<'_>) -> Result<Option<Opened>, Rejection> {
    seeing::opened(view, answer, &|record, _, item| {
        item.get("events").is_some() && is_whole(view) && !is_own(&record.actor, view.caller)
    })
}

/// Whether what was in the records of others is shown.
fn is_whole(view: &View<'_>) -> bool {
    view.rights.allow(seeing::AUDITOR)
}

fn item(view: &View<'_>, seq: u64, record: &Record<'_>, hash: Option<Digest>) -> Item {
    let is_veiled = !is_whole(view) && !is_own(&record.actor, view.caller);
    let shown = |entry: &_| {
        if is_veiled {
            veil::event(entry)
        } else {
            event(view, record, entry)
        }
    };
    let action = seeing::action(view, record);
    let tool_of = |id: &str| Some(view.state.actions.get(id.parse().ok()?)?.tool.to_string());
    let tool = Facets::of(record, &tool_of)
        .calls
        .into_iter()
        .next()
        .map(|(tool, _)| tool);
    let types: Vec<&str> = record.events.iter().map(|entry| entry.name.as_ref()).collect();
    let mut item = object(json!({
        "id": seq.to_string(),
        "at": record.at,
        "types": types,
        "actor": seeing::actor(view, &record.actor),
        "actorKind": record.actor.kind,
        "onBehalfOf": seeing::sponsor(view, &record.actor),
        "token": record.actor.token_id,
        "client": record.actor.client,
        "via": record.actor.via,
        "tool": tool,
        "actionId": action.map(|action| action.id.to_string()),
        "confirmedBy": seeing::confirmers(view, action),
        "trace": record.trace,
        "events": record.events.iter().map(shown).collect::<Vec<_>>(),
        "untrusted": true,
    }));
    if is_veiled {
        item.insert("withheld".to_owned(), veil::WITHHELD.into());
    }
    item.extend(hash.map(|hash| ("hash".to_owned(), json!(hash))));
    item
}

/// One event as it was written, without keyed hashes, and without what it did in another organisation.
fn event(view: &View<'_>, record: &Record<'_>, entry: &projections::record::Entry<'_>) -> Value {
    let mut shown = json!({"type": entry.name, "v": entry.v});
    let Value::Object(members) = &mut shown else {
        return shown;
    };
    if let Some(data) = entry.data {
        members.insert("data".to_owned(), serde_json::from_str(data.get()).unwrap_or_default());
    }
    if let Some(change) = &entry.change {
        let elsewhere = !seeing::is_here(view, record, change);
        let mut change = change.to_owned();
        let kind = change.entity.to_string();
        change
            .fields
            .retain(|name, _| !elsewhere && !seeing::is_secret(&kind, name));
        members.insert("change".to_owned(), json!(change));
    }
    shown
}

/// What was checked of the records of a page, and what cannot be from inside.
fn checked(view: &View<'_>, answer: &Value) -> Result<Value, Rejection> {
    let items = answer.get("items").and_then(Value::as_array);
    let ids = items
        .into_iter()
        .flatten()
        .filter_map(|item| item.get("id")?.as_str()?.parse().ok());
    let mut seqs: Vec<u64> = ids.collect();
    seqs.sort_unstable();
    let (mut before, mut fault) = (None, None);
    for seq in &seqs {
        let Some(text) = view.past.record(*seq)? else {
            fault.get_or_insert(format!("record {seq} is not there"));
            continue;
        };
        let at = seeing::read(*seq, &text, |record| Ok(record.at))?;
        if before.is_some_and(|before| at < before) {
            fault.get_or_insert(format!("record {seq} is older than the one before it"));
        }
        before = Some(at);
    }
    Ok(json!({
        "ok": fault.is_none(),
        "fault": fault,
        "records": seqs.len(),
        "checked": "each record of this page has its number and its checksum, and hours do not go back; `hash` is its RFC 6962 leaf",
        "notChecked": "whether records were removed or all rewritten: that only shows against a checkpoint kept elsewhere",
        "howTo": ["orkestra journal verify --checkpoint FILE", "orkestra journal prove SEQ"],
    }))
}
