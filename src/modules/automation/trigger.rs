//! What sets a rule off: an event, a schedule, a date that is reached.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::cron::{self, Cron};
use super::facts;
use crate::choice;
use crate::kernel::reject::Candidate;
use crate::kernel::{Rejection, View, expression, text};

choice! {
    /// What kind of thing sets a rule off.
    #[derive(Default)]
    pub enum TriggerKind {
        /// Something happened.
        #[default]
        Event = "event",
        /// The hour came.
        Schedule = "schedule",
        /// A date of a task came.
        DateReached = "date_reached",
        /// Something came in from outside.
        Inbound = "inbound",
    }
}

/// Events that rules may react to, with the kind of thing that they are about.
pub const EVENTS: [(&str, &str); 56] = [
    ("task.created", "task"),
    ("task.updated", "task"),
    ("task.state_changed", "task"),
    ("task.assigned", "task"),
    ("task.checklist_changed", "task"),
    ("task.transferred", "task"),
    ("task.deleted", "task"),
    ("comment.created", "comment"),
    ("comment.updated", "comment"),
    ("comment.resolved", "comment"),
    ("comment.reopened", "comment"),
    ("comment.deleted", "comment"),
    ("project.created", "project"),
    ("project.updated", "project"),
    ("project.health_changed", "project"),
    ("project.member_added", "project"),
    ("project.member_removed", "project"),
    ("project.member_role_changed", "project"),
    ("project.archived", "project"),
    ("project.restored", "project"),
    ("project.deleted", "project"),
    ("label.created", "label"),
    ("label.updated", "label"),
    ("label.merged", "label"),
    ("label.deleted", "label"),
    ("member.invited", "invitation"),
    ("member.joined", "member"),
    ("member.updated", "member"),
    ("member.suspended", "member"),
    ("member.reactivated", "member"),
    ("member.removed", "member"),
    ("automation.run_failed", "ruleRun"),
    ("bulk.completed", "bulkOperation"),
    ("process.started", "processInstance"),
    ("process.step_entered", "processInstance"),
    ("process.decision_recorded", "processInstance"),
    ("process.delegated", "processInstance"),
    ("process.approvals_reset", "processInstance"),
    ("process.step_timed_out", "processInstance"),
    ("process.escalated", "processInstance"),
    ("process.completed", "processInstance"),
    ("process.rejected", "processInstance"),
    ("process.expired", "processInstance"),
    ("process.cancelled", "processInstance"),
    ("process.failed", "processInstance"),
    ("stock.received", "movement"),
    ("stock.issued", "movement"),
    ("stock.adjusted", "movement"),
    ("stock.reservation_expired", "reservation"),
    ("stock.lot_expired", "lot"),
    ("stock.reorder_point_reached", "reorderState"),
    ("budget.threshold_reached", "budget"),
    ("team.member_added", "team"),
    ("team.member_removed", "team"),
    ("role.granted", "grant"),
    ("role.revoked", "grant"),
];

/// Dates of a task that may be waited for, with the index that finds them.
pub const DATES: [(&str, &str); 2] = [("dueDate", "due"), ("startDate", "start")];

/// What sets a rule off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Trigger {
    /// What kind of thing.
    pub kind: TriggerKind,
    /// The events, one of which must happen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<String>,
    /// A CEL expression that must hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Five fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// The zone of `cron` and `at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The date of a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// So many days after the date; before it where negative.
    #[serde(skip_serializing_if = "is_zero")]
    pub offset_days: i64,
    /// The time of day, `09:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(days: &i64) -> bool {
    *days == 0
}

fn unknown(message: String, field: &str) -> Rejection {
    Rejection::new("unknown_trigger", message)
        .field(field)
        .allowed(["event", "schedule", "date_reached"])
        .hint("list_automation_rules with catalogue: true shows every trigger with an example")
        .next("list_automation_rules", json!({"catalogue": true}))
}

/// Reads and completes a trigger.
///
/// # Errors
/// `unknown_trigger`, or `validation_failed` for what does not belong to its kind.
pub fn read(given: &Map<String, Value>, view: &View<'_>) -> Result<Trigger, Rejection> {
    let kind = given.get("kind").and_then(Value::as_str).unwrap_or_default();
    let kind = TriggerKind::of(kind)
        .ok_or_else(|| unknown(format!("there is no trigger of kind `{kind}`"), "trigger.kind"))?;
    let mut trigger: Trigger = serde_json::from_value(Value::Object(given.clone()))
        .map_err(|cause| Rejection::argument("trigger", format!("cannot be read: {cause}")))?;
    let zone = trigger
        .timezone
        .take()
        .or_else(|| Some(view.organization().ok()?.timezone.clone()));
    let zone = zone.unwrap_or_else(|| "UTC".to_owned());
    if TimeZone::get(&zone).is_err() {
        let rule = format!("must be an IANA time zone such as Europe/Madrid, not `{zone}`");
        return Err(Rejection::argument("trigger.timezone", rule));
    }
    match kind {
        TriggerKind::Event => events(&trigger)?,
        TriggerKind::Schedule => {
            let cron = trigger.cron.as_deref().unwrap_or_default();
            Cron::parse(cron).map_err(|why| Rejection::argument("trigger.cron", why))?;
            trigger.timezone = Some(zone);
        }
        TriggerKind::DateReached => {
            dates(&trigger)?;
            trigger.timezone = Some(zone);
        }
        TriggerKind::Inbound => {
            let message = "nothing comes in from outside here: module Webhooks, which would feed it, is not there yet";
            return Err(unknown(message.to_owned(), "trigger.kind"));
        }
    }
    foreign(&trigger, given)?;
    if let Some(filter) = &trigger.filter {
        let variables = facts::variables(view, &trigger);
        expression::parse(filter, &variables).map_err(|wrong| {
            Rejection::argument("trigger.filter", wrong.to_string())
                .current(json!({"position": wrong.position, "nearest": wrong.nearest}))
        })?;
    }
    Ok(trigger)
}

fn events(trigger: &Trigger) -> Result<(), Rejection> {
    if trigger.event_types.is_empty() || trigger.event_types.len() > 10 {
        return Err(Rejection::argument("trigger.eventTypes", "must name 1 to 10 events"));
    }
    let known = |name: &&String| !EVENTS.iter().any(|(event, _)| event == name);
    let Some(strange) = trigger.event_types.iter().find(known) else {
        return Ok(());
    };
    let near = text::nearest(strange, EVENTS.iter().map(|(event, _)| *event), 3);
    let candidate = |event: &&str| Candidate {
        id: (*event).to_owned(),
        key: None,
        label: (*event).to_owned(),
    };
    Err(unknown(
        format!("nothing emits the event `{strange}` here"),
        "trigger.eventTypes",
    )
    .candidates(near.iter().map(candidate).collect()))
}

fn dates(trigger: &Trigger) -> Result<(), Rejection> {
    let field = trigger.field.as_deref().unwrap_or_default();
    if !DATES.iter().any(|(name, _)| *name == field) {
        let rule = format!("must be a date of tasks, not `{field}`");
        return Err(Rejection::argument("trigger.field", rule).allowed(DATES.map(|(name, _)| name)));
    }
    if !(-365..=365).contains(&trigger.offset_days) {
        return Err(Rejection::argument("trigger.offsetDays", "must be from -365 to 365"));
    }
    trigger.time().map(|_| ())
}

/// A member that another kind of trigger has is a mistake, not something to pass over.
fn foreign(trigger: &Trigger, given: &Map<String, Value>) -> Result<(), Rejection> {
    let own: &[&str] = match trigger.kind {
        TriggerKind::Event | TriggerKind::Inbound => &["kind", "eventTypes", "filter"],
        TriggerKind::Schedule => &["kind", "cron", "timezone"],
        TriggerKind::DateReached => &["kind", "field", "offsetDays", "at", "timezone", "filter"],
    };
    match given.keys().find(|name| !own.contains(&name.as_str())) {
        Some(name) => {
            let rule = format!("does not belong to a trigger of kind {}", trigger.kind);
            Err(Rejection::argument(&format!("trigger.{name}"), rule).allowed(own.to_vec()))
        }
        None => Ok(()),
    }
}

impl Trigger {
    /// The kinds of thing that it is about.
    pub fn kinds(&self) -> Vec<&'static str> {
        let mut kinds: Vec<&'static str> = match self.kind {
            TriggerKind::DateReached => vec!["task"],
            _ => EVENTS
                .iter()
                .filter(|(event, _)| self.event_types.iter().any(|name| name == event))
                .map(|(_, kind)| *kind)
                .collect(),
        };
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    pub(super) fn zone(&self) -> TimeZone {
        let zone = self.timezone.as_deref().and_then(|name| TimeZone::get(name).ok());
        zone.unwrap_or(TimeZone::UTC)
    }

    fn time(&self) -> Result<Time, Rejection> {
        let text = self.at.as_deref().unwrap_or("00:00");
        text.parse().map_err(|_| {
            Rejection::argument(
                "trigger.at",
                format!("must be a time of day such as 09:00, not `{text}`"),
            )
        })
    }

    /// When it is due after an hour; `None` where no hour sets it off.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self.kind {
            TriggerKind::Schedule => Cron::parse(self.cron.as_deref()?).ok()?.next(after, &self.zone()),
            TriggerKind::DateReached => cron::daily(self.time().ok()?, after, &self.zone()),
            TriggerKind::Event | TriggerKind::Inbound => None,
        }
    }

    /// In words.
    pub fn in_words(&self) -> String {
        let zone = self.timezone.as_deref().unwrap_or("UTC");
        let filter = self
            .filter
            .as_ref()
            .map(|filter| format!(" where {filter}"))
            .unwrap_or_default();
        match self.kind {
            TriggerKind::Schedule => format!("at `{}` in {zone}", self.cron.as_deref().unwrap_or_default()),
            TriggerKind::DateReached => {
                let field = self.field.as_deref().unwrap_or_default();
                let days = match self.offset_days {
                    0 => format!("on the {field}"),
                    days if days < 0 => format!(
                        "{} before the {field}",
                        text::count(days.unsigned_abs().try_into().unwrap_or(0), "day")
                    ),
                    days => format!(
                        "{} after the {field}",
                        text::count(days.unsigned_abs().try_into().unwrap_or(0), "day")
                    ),
                };
                format!(
                    "{days} of a task, at {} in {zone}{filter}",
                    self.at.as_deref().unwrap_or("00:00")
                )
            }
            TriggerKind::Event | TriggerKind::Inbound => format!("when {}{filter}", self.event_types.join(" or ")),
        }
    }
}
