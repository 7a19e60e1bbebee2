//! What a rule would have done: the last 30 days of events, looked at with its conditions.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan as _};
use projections::Record;
use projections::facets::Index;
use serde_json::{Value, json};

use super::entity::Rule;
use super::facts::{self, Happened};
use super::trigger::{DATES, TriggerKind};
use super::{actions, run};
use crate::kernel::record_view::unread;
use crate::kernel::{Rejection, View};
use crate::modules::tasks::Task;

/// Days that are looked back.
pub const DAYS: i32 = 30;
/// Records that are looked at, the newest.
const RECORDS_MAX: usize = 1_000;
/// Samples that are shown.
const SAMPLES_MAX: usize = 10;

/// How often a rule would have run in the last 30 days, and what it would have done.
pub fn replay(view: &View<'_>, rule: &Rule) -> Result<Value, Rejection> {
    match rule.trigger.kind {
        TriggerKind::Event | TriggerKind::Inbound => events(view, rule),
        TriggerKind::Schedule => Ok(hours(view, rule)),
        TriggerKind::DateReached => Ok(dates(view, rule)),
    }
}

fn since(view: &View<'_>) -> Timestamp {
    let ago = view.now.checked_sub((24 * i64::from(DAYS)).hours());
    ago.unwrap_or(Timestamp::UNIX_EPOCH)
}

fn events(view: &View<'_>, rule: &Rule) -> Result<Value, Rejection> {
    let Some(caller) = run::caller(view.state, &view.caller.org, rule.owner) else {
        return Ok(Value::Null);
    };
    let eyes = View::new(view.state, &caller, view.now, view.registry, view.past, None);
    let first = view.position_at(since(view))?;
    let mut records: BTreeMap<u64, String> = BTreeMap::new();
    let mut cut = false;
    for event in &rule.trigger.event_types {
        let mut hits = view.records(&[(Index::Event, event.clone())], first..=view.state.position, true);
        for hit in hits.by_ref().take(RECORDS_MAX) {
            let (seq, text) = hit?;
            records.insert(seq, text);
        }
        cut |= hits.next().is_some();
    }
    let (mut looked, mut matched, mut samples) = (0_usize, 0_usize, Vec::new());
    for (seq, text) in records.iter().rev() {
        let mut room = String::new();
        let record = Record::parse(*seq, text, &mut room).map_err(unread)?;
        let about: BTreeSet<&str> = record
            .events
            .iter()
            .filter_map(|entry| Some(entry.change.as_ref()?.id.as_ref()))
            .collect();
        for id in about {
            let Some(happened) = Happened::in_record(&record, id, &rule.trigger.event_types) else {
                continue;
            };
            looked += 1;
            let known = facts::facts(&eyes, &happened, true).filter(|known| run::holds(&eyes, rule, known));
            let Some(known) = known.filter(|_| run::belongs(&eyes, &happened, rule.project)) else {
                continue;
            };
            matched += 1;
            // The owner may see more than whoever asks.
            if samples.len() < SAMPLES_MAX && view.registry.sees(&happened.kind, view, &happened.id) {
                let key = facts::at(&known, &format!("{}.key", happened.kind)).cloned();
                samples.push(json!({"record": seq, "at": happened.at, "event": happened.event, "about": key, "would": done(rule, &known)}));
            }
        }
    }
    let said = json!({"days": DAYS, "events": looked, "matches": matched, "samples": samples});
    Ok(if cut {
        noted(said, "only the newest 1000 records of each event were looked at")
    } else {
        said
    })
}

fn noted(mut said: Value, note: &str) -> Value {
    if let Value::Object(members) = &mut said {
        members.insert("note".to_owned(), note.into());
    }
    said
}

fn done(rule: &Rule, known: &serde_json::Map<String, Value>) -> Vec<Value> {
    let one = |action: &super::entity::Action| match actions::kind(&action.kind) {
        Some(kind) => match actions::call(kind, action, known) {
            Ok(args) => json!({"tool": kind.tool, "arguments": args}),
            Err(why) => json!({"action": action.kind, "error": why}),
        },
        None => Value::Null,
    };
    rule.actions.iter().map(one).collect()
}

fn hours(view: &View<'_>, rule: &Rule) -> Value {
    let from = since(view);
    let all = std::iter::successors(rule.trigger.next(from), |at| rule.trigger.next(*at));
    let past = all.take_while(|at| *at <= view.now).take(RECORDS_MAX).count();
    let next = std::iter::successors(rule.trigger.next(view.now), |at| rule.trigger.next(*at));
    json!({"days": DAYS, "matches": past, "next": next.take(3).collect::<Vec<_>>()})
}

fn dates(view: &View<'_>, rule: &Rule) -> Value {
    let field = rule.trigger.field.as_deref().unwrap_or_default();
    let index = DATES
        .iter()
        .find(|(name, _)| *name == field)
        .map_or("due", |(_, index)| index);
    let today = rule.trigger.zone().to_datetime(view.now).date();
    let day = |back: i32| {
        let day = today.checked_sub(back.days()).ok()?;
        day.checked_sub(rule.trigger.offset_days.days()).ok()
    };
    let tasks = (0..DAYS)
        .filter_map(day)
        .flat_map(|date| view.find::<Task>(index, &date.to_string()).collect::<Vec<_>>());
    let ours = tasks.filter(|task| rule.project.is_none_or(|project| task.project == project));
    let ours: Vec<String> = ours.take(RECORDS_MAX).map(|task| task.human_key()).collect();
    let samples: Vec<&String> = ours.iter().take(SAMPLES_MAX).collect();
    json!({"days": DAYS, "matches": ours.len(), "samples": samples, "next": rule.trigger.next(view.now)})
}
