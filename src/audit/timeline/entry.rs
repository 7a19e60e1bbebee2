//! One line of a timeline: a record, as it is told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use projections::event::{
    Answered, Attempted, ConfirmRefused, Folded, LogRead, Moved, OutcomeRefused, PayloadViewed, Proposed, Rejected,
    names,
};
use projections::record::{Changed as Change, Entry as Event, FieldChanged};
use projections::{Actor, Cause, Digest};
use serde::Serialize;
use serde_json::value::RawValue;

use super::facts;
use crate::modules::audit::{is_secret, veil};

/// A record, as it is told. What does not apply is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The record.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Who.
    pub actor: Actor,
    /// What that member is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// What the member is called whom an agent acts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// What happened first: `answered`, `rejected`, `proposed`, `confirmed`, …: the last word of the event.
    pub what: String,
    /// How an execution ended, where the record says so: `succeeded`, `failed`, `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The action that took its place, or that it undid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The arguments as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Box<RawValue>>,
    /// The plan as it was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<Box<RawValue>>,
    /// The position of the state that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The digest of the answer, or of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// low, medium or high.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// Who may confirm: self, human or dual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The code of a no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What was said: a rejection's message, a note, a reason, evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// How many requests were refused together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The attempt of an execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// From the offer to its confirmation or other end, in milliseconds: what the human took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<i64>,
    /// From the confirmation to the outcome, in milliseconds: what the machine took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<i64>,
    /// What changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Changed>,
    /// That what was in it is not shown, and what it takes to see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withheld: Option<&'static str>,
    /// The trace context that came with the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// What it reacts to, where nobody called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// One change of one entity.
#[derive(Debug, Serialize)]
pub struct Changed {
    /// The event's name.
    pub event: String,
    /// The kind of entity.
    pub entity: String,
    /// Its identifier.
    pub id: String,
    /// The fields that differ.
    pub fields: BTreeMap<String, Side>,
}

/// A field before and after; absent where there is no such side.
#[derive(Debug, Serialize)]
pub struct Side {
    /// Before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Box<RawValue>>,
    /// After.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Box<RawValue>>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            seq: 0,
            at: Timestamp::UNIX_EPOCH,
            org: None,
            actor: Actor::system(),
            who: None,
            on_behalf_of: None,
            what: String::new(),
            outcome: None,
            tool: None,
            action: None,
            by: None,
            args: None,
            shown: None,
            position: None,
            digest: None,
            risk: None,
            policy: None,
            code: None,
            said: None,
            count: None,
            attempt: None,
            waited_ms: None,
            took_ms: None,
            changes: Vec::new(),
            withheld: None,
            trace: None,
            cause: None,
        }
    }
}

impl Entry {
    /// Takes out what was asked, shown and said, and the values of what changed: who, when, which and how it ended stays.
    pub fn veil(&mut self) {
        (self.args, self.shown) = (None, None);
        let is_address = ["log_read", "viewed"].contains(&self.what.as_str());
        self.said = self.said.take().filter(|_| is_address);
        self.said = self.said.take().map(|said| veil::address(&said).to_owned());
        let sides = self.changes.iter_mut().flat_map(|change| change.fields.values_mut());
        for side in sides {
            (side.from, side.to) = (None, None);
        }
        self.withheld = Some(veil::WITHHELD);
    }

    /// Adds what one of the record's events says; what it changed only where that `is_here`, and never a keyed hash.
    pub(super) fn add(&mut self, event: &Event<'_>, is_here: &dyn Fn(&Change<'_>) -> bool) {
        if let Some(change) = event.change.as_ref().filter(|change| is_here(change)) {
            let side = |field: &FieldChanged<'_>| Side {
                from: field.from.map(ToOwned::to_owned),
                to: field.to.map(ToOwned::to_owned),
            };
            let fields = change.fields.iter();
            let fields = fields
                .filter(|(name, _)| !is_secret(&change.entity, name))
                .map(|(name, field)| (name.to_string(), side(field)));
            self.changes.push(Changed {
                event: event.name.to_string(),
                entity: change.entity.to_string(),
                id: change.id.to_string(),
                fields: fields.collect(),
            });
        }
        let word = event.name.rsplit('.').next().unwrap_or_default();
        if self.what.is_empty() && event.change.is_none() {
            word.clone_into(&mut self.what);
        }
        self.add_facts(event, word).unwrap_or_default();
        if self.what.is_empty() {
            "changed".clone_into(&mut self.what);
        }
    }

    fn add_facts(&mut self, event: &Event<'_>, word: &str) -> Option<()> {
        match event.name.as_ref() {
            names::CALL_ANSWERED => self.answered(facts(event)?),
            names::CALL_REJECTED => self.rejected(facts(event)?),
            names::PROPOSED => self.proposed(facts(event)?),
            names::CONFIRM_REFUSED => {
                let facts: ConfirmRefused<'_> = facts(event)?;
                self.action = Some(facts.action.to_string());
                (self.code, self.said) = (Some(facts.code.to_string()), Some(facts.message.to_string()));
                "confirm refused".clone_into(&mut self.what);
            }
            names::OUTCOME_REFUSED => {
                let facts: OutcomeRefused<'_> = facts(event)?;
                (self.action, self.attempt) = (Some(facts.action.to_string()), Some(facts.attempt));
                (self.code, self.said) = (Some(facts.code.to_string()), Some(facts.message.to_string()));
                "outcome refused".clone_into(&mut self.what);
            }
            names::LOG_READ if self.what == "log_read" => {
                let facts: LogRead<'_> = facts(event)?;
                self.said = Some(facts.through.into_owned());
            }
            names::PAYLOAD_VIEWED if self.what == "viewed" => {
                let facts: PayloadViewed = facts(event)?;
                self.said = Some(facts.through);
            }
            names::LIMITED | names::SECURITY_REJECTED => {
                let facts: Folded<'_> = facts(event)?;
                (self.code, self.count) = (Some(facts.what.to_string()), Some(facts.count));
            }
            name if name.starts_with("action.") => self.moved(facts(event)?, name),
            name if name.starts_with("execution.") => self.attempted(facts(event)?, word),
            _ => {}
        }
        Some(())
    }

    fn answered(&mut self, facts: Answered<'_>) {
        self.tool = Some(facts.tool.to_string());
        self.args = Some(facts.args.to_owned());
        (self.position, self.digest) = (Some(facts.position), Some(facts.digest));
    }

    fn rejected(&mut self, facts: Rejected<'_>) {
        self.tool = Some(facts.tool.to_string());
        self.args = facts.args.map(ToOwned::to_owned);
        self.position = Some(facts.position);
        (self.code, self.said) = (Some(facts.code.to_string()), Some(facts.message.to_string()));
    }

    fn proposed(&mut self, facts: Proposed<'_>) {
        "proposed".clone_into(&mut self.what);
        self.by = facts.replaces.as_deref().map(ToOwned::to_owned);
        (self.action, self.tool) = (Some(facts.action.to_string()), Some(facts.tool.to_string()));
        (self.args, self.shown) = (Some(facts.args.to_owned()), Some(facts.plan.to_owned()));
        (self.risk, self.policy) = (Some(facts.risk.to_string()), Some(facts.policy.to_string()));
        self.digest = Some(facts.digest);
    }

    fn moved(&mut self, facts: Moved<'_>, name: &str) {
        if name == names::UNDONE {
            self.by = Some(facts.action.to_string());
            return;
        }
        self.action.get_or_insert_with(|| facts.action.into_owned());
        self.said = self
            .said
            .take()
            .or_else(|| facts.note.as_deref().map(ToOwned::to_owned));
        self.by = self.by.take().or_else(|| facts.by.as_deref().map(ToOwned::to_owned));
    }

    fn attempted(&mut self, facts: Attempted<'_>, word: &str) {
        self.action.get_or_insert_with(|| facts.action.into_owned());
        self.attempt = Some(facts.attempt);
        self.said = self
            .said
            .take()
            .or_else(|| facts.reason.as_deref().map(ToOwned::to_owned));
        if ["succeeded", "failed", "unknown"].contains(&word) {
            self.outcome = Some(word.to_string());
        }
    }
}
