//! Looking at rules: what there is, what came of them, and what a rule can be made of.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Map, Value, json};

use super::entity::{Rule, Run, Tally, tally};
use super::trigger::{DATES, EVENTS, Trigger, TriggerKind};
use super::{actions, conditions, facts, graph, save};
use crate::args;
use crate::kernel::arg::{In, PageArgs, ReadArgs, Str};
use crate::kernel::expression::{Type, Variables};
use crate::kernel::listing::{self, Item, Listing};
use crate::kernel::tool::object;
use crate::kernel::{Ref, Rejection, Row, View};
use crate::modules::projects::Project;

args! {
    /// Arguments of `list_automation_rules`.
    pub struct ListRules {
        project: Option<Ref<Project>>,
        enabled: Option<bool>,
        /// A kind of trigger, or an event.
        trigger: Option<Str<1, 60>>,
        /// Whose last run failed, or that were disabled for it.
        failing: Option<bool>,
        catalogue: bool = false,
        page: In<PageArgs>,
    }
}

/// What a listed rule shows.
pub const COLUMNS: [&str; 8] = [
    "id",
    "name",
    "does",
    "enabled",
    "runs",
    "failures",
    "owner",
    "disabledWhy",
];

/// `list_automation_rules`.
pub fn list(args: ListRules, view: &View<'_>) -> Result<Value, Rejection> {
    let project = args.project.as_ref().map(|project| view.resolve(project)).transpose()?;
    let fits = |row: &&std::sync::Arc<Row<Rule>>| {
        let trigger = args
            .trigger
            .as_ref()
            .is_none_or(|word| row.trigger.kind.word() == word.0 || row.trigger.event_types.contains(&word.0));
        let failing =
            || tally(view.state, &row.org, row.id).is_some_and(|tally| tally.failing) || row.disabled_why.is_some();
        trigger
            && project.is_none_or(|project| row.project == Some(project.id))
            && args.enabled.is_none_or(|enabled| row.enabled == enabled)
            && args.failing.is_none_or(|wanted| failing() == wanted)
    };
    let items = view.rows::<Rule>().filter(fits).map(|row| shown(view, row)).collect();
    let mut answer = Listing::new(view, &args.page, &COLUMNS, "name").answer(items)?;
    if let (true, Value::Object(members)) = (args.catalogue, &mut answer) {
        members.insert("catalogue".to_owned(), catalogue(view));
    }
    Ok(answer)
}

/// Runs and failures within seven days.
pub fn week(tally: &Tally, now: Timestamp) -> (u64, u64) {
    let today = TimeZone::UTC.to_datetime(now).date();
    let first = today.checked_sub(6.days()).unwrap_or(today);
    let days = tally.days.iter().filter(|day| day.day >= first);
    days.fold((0, 0), |(runs, failures), day| {
        (runs + day.runs, failures + day.failures)
    })
}

fn shown(view: &View<'_>, row: &Row<Rule>) -> Item {
    let tally = tally(view.state, &row.org, row.id);
    let (runs, failures) = tally.as_ref().map_or((0, 0), |tally| week(tally, view.now));
    object(json!({
        "id": row.id.to_string(),
        "name": row.name,
        "does": save::in_words(view, row),
        "enabled": row.enabled,
        "runs": runs,
        "failures": failures,
        "owner": facts::named(view, &row.owner.to_string()),
        "project": row.project.map(|id| facts::named(view, &id.to_string())),
        "disabledWhy": row.disabled_why,
        "failing": tally.as_ref().is_some_and(|tally| tally.failing),
        "nextAt": tally.and_then(|tally| tally.next_at),
        "version": row.version,
    }))
}

args! {
    /// Arguments of `get_automation_rule`.
    pub struct GetRule {
        rule: Ref<Rule>,
        /// `nextRuns` of the answer before.
        runs_cursor: Option<Str<1, 64>>,
        read: In<ReadArgs>,
    }
}

/// Runs that are shown at once.
const RUNS_SHOWN: usize = 10;

/// `get_automation_rule`.
pub fn get(args: GetRule, view: &View<'_>) -> Result<Value, Rejection> {
    let row = view.resolve(&args.rule)?;
    let mut item = shown(view, row);
    let more = json!({
        "trigger": row.trigger, "conditions": row.conditions, "actions": row.actions, "limits": row.limits,
        "onFailure": row.on_failure, "runsAs": facts::named(view, &row.owner.to_string()),
    });
    item.extend(object(more));
    listing::item(view, &args.read, item, &["runs", "graph"], |part| match part {
        "runs" => runs(view, row, args.runs_cursor.as_ref().map(|cursor| cursor.0.as_str())).map(Some),
        "graph" => Ok(Some(graph::around(view, row))),
        _ => Ok(None),
    })
}

fn runs(view: &View<'_>, row: &Row<Rule>, cursor: Option<&str>) -> Result<Value, Rejection> {
    let before = cursor.map(|cursor| {
        let id = cursor.parse::<projections::Id<Run>>();
        id.map_err(|_| Rejection::argument("runsCursor", "must be the nextRuns of an answer before"))
    });
    let before = before.transpose()?;
    let mut runs: Vec<_> = view.find::<Run>("rule", &row.id.to_string()).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.id));
    runs.retain(|run| before.is_none_or(|before| run.id < before));
    let next = runs
        .get(RUNS_SHOWN.wrapping_sub(1))
        .filter(|_| runs.len() > RUNS_SHOWN)
        .map(|run| run.id.to_string());
    let shown: Vec<Value> = runs.iter().take(RUNS_SHOWN).map(|run| ran(view, run)).collect();
    Ok(
        json!({"items": shown, "nextRuns": next, "kept": "the newest 20 runs; get_entity_history and the audit log have all"}),
    )
}

fn ran(view: &View<'_>, run: &Row<Run>) -> Value {
    let read = |seq: u64| view.past.record(seq).ok().flatten();
    let at = read(run.trigger).and_then(|text| {
        let mut room = String::new();
        projections::Record::parse(run.trigger, &text, &mut room)
            .ok()
            .map(|record| record.at)
    });
    let took = at.map(|at| run.created_at.duration_since(at).as_millis());
    json!({
        "id": run.id.to_string(), "status": run.status, "trigger": run.trigger, "correlation": run.correlation, "depth": run.depth,
        "about": run.about.as_ref().map(|id| facts::named(view, id)), "at": run.created_at, "durationMs": took,
        "actions": run.steps, "why": run.why,
    })
}

fn catalogue(view: &View<'_>) -> Value {
    let events: Vec<Value> = EVENTS
        .iter()
        .map(|(event, kind)| json!({"event": event, "about": kind}))
        .collect();
    let offered = actions::KINDS.iter().filter_map(|kind| {
        let tool = actions::tool(view, kind)?;
        let example: Value = serde_json::from_str(kind.example).unwrap_or_default();
        let params = match kind.name {
            "watch" => json!({"members": "list of members, needed", "task": "the task"}),
            _ => params(&tool.input),
        };
        Some(json!({
            "kind": kind.name, "tool": tool.name, "params": params, "target": kind.target.map(|(name, _)| name),
            "causes": kind.emits, "example": {"kind": kind.name, "params": example},
        }))
    });
    let later = actions::KINDS.iter().filter(|kind| actions::tool(view, kind).is_none());
    let later: Vec<Value> = later
        .map(|kind| json!({"kind": kind.name, "needs": kind.module}))
        .collect();
    let about = |kinds: &[&str]| {
        let trigger = Trigger {
            kind: TriggerKind::Event,
            event_types: kinds.iter().map(|name| (*name).to_owned()).collect(),
            ..Trigger::default()
        };
        typed(&facts::variables(view, &trigger))
    };
    json!({
        "triggers": [
            {"kind": "event", "params": {"eventTypes": "list of 1 to 10 events", "filter": "CEL, optional"},
             "example": {"kind": "event", "eventTypes": ["task.created"], "filter": "task.priority == \"urgent\""}},
            {"kind": "schedule", "params": {"cron": "minute hour day-of-month month day-of-week", "timezone": "IANA, else the organisation's"},
             "example": {"kind": "schedule", "cron": "0 8 * * mon-fri"}},
            {"kind": "date_reached", "params": {"field": DATES.map(|(name, _)| name), "offsetDays": "-365 to 365", "at": "HH:MM", "timezone": "IANA", "filter": "CEL, optional"},
             "example": {"kind": "date_reached", "field": "dueDate", "offsetDays": -1, "at": "09:00"}},
        ],
        "notYet": [{"kind": "inbound", "needs": "Webhooks"}],
        "events": events,
        "conditions": {
            "tree": ["all", "any", "not"], "ops": conditions::OPS, "leavesAtMost": 20,
            "example": {"all": [{"field": "task.priority", "op": "in", "value": ["urgent", "high"]}, {"cel": "size(task.assignees) == 0"}]},
        },
        "variables": {"task": about(&["task.updated"]), "comment": about(&["comment.created"])},
        "actions": offered.collect::<Vec<_>>(),
        "actionsNotYet": later,
        "limits": {"maxRunsPerHour": 1000, "maxChainDepth": 5, "maxTargetsPerRun": 200, "dedupeWindow": "1h30m"},
    })
}

fn params(input: &Map<String, Value>) -> Value {
    let required: Vec<&str> = input
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = input.get("properties").and_then(Value::as_object);
    let known = properties
        .into_iter()
        .flatten()
        .filter(|(name, _)| !["reason", "clientKey", "expectedVersion"].contains(&name.as_str()));
    let one = |(name, schema): (&String, &Value)| {
        let of = schema.get("type").and_then(Value::as_str).unwrap_or("any");
        let needed = if required.contains(&name.as_str()) {
            ", needed"
        } else {
            ""
        };
        (name.clone(), Value::from(format!("{of}{needed}")))
    };
    Value::Object(known.map(one).collect())
}

fn typed(known: &Variables) -> Value {
    let one = |(name, of): (&String, &Type)| {
        let said = match of {
            Type::Thing(fields) => typed(fields),
            other => other.word().into(),
        };
        (name.clone(), said)
    };
    Value::Object(known.0.iter().map(one).collect())
}
