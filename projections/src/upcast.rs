//! Old shapes: the steps from what an earlier program wrote to what this one reads.
//!
//! A record is never rewritten. Its envelope and each of its events name the version of their shape, and
//! [`Record::parse`] is the only way to read one: it brings what is older to today's shape, one step after the other. What
//! has today's shape is read as it stands, borrowed from its line; all it costs is comparing versions.
//! `ops/decisions/0007-how-to-change-a-shape.md` says when a shape needs a new version.

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::Record;
use crate::record::Entry;

/// The facts that have a shape, as JSON: `data` or `change` of an event, or a whole record for the envelope.
pub type Facts = Map<String, Value>;

/// What has a shape, and so a version, of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape<'a> {
    /// What stands around the events of a record.
    Envelope,
    /// The `data` of an event, by the event's name.
    Event(&'a str),
    /// A `change`, by the kind of entity: every event that changes a task holds the same fields.
    Entity(&'a str),
}

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope => f.write_str("the envelope"),
            Self::Event(name) => write!(f, "event `{name}`"),
            Self::Entity(kind) => write!(f, "a change of `{kind}`"),
        }
    }
}

/// One step: from a version of a shape to the next.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The shape.
    pub of: Shape<'static>,
    /// The version that it takes.
    pub from: u16,
    /// What it makes of the facts; pure, for it runs at every reading. Else the reason why they cannot be what was written.
    pub run: fn(Facts) -> Result<Facts, String>,
}

/// What every shape is at today, and the steps that lead there.
#[derive(Clone, Copy, Debug)]
pub struct Upcasters {
    /// Shapes with their versions of today; those that never changed are at 1 and not listed.
    pub versions: &'static [(Shape<'static>, u16)],
    /// The steps, in any order.
    pub steps: &'static [Step],
}

/// The shapes of this program. None has changed yet.
pub static TODAY: Upcasters = Upcasters {
    versions: &[],
    steps: &[],
};

/// Why a record cannot be read.
#[derive(Debug, Error)]
pub enum Unread {
    /// It is not a record.
    #[error("record {seq} cannot be read: {cause}")]
    Text {
        /// The position.
        seq: u64,
        /// What serde says.
        cause: serde_json::Error,
    },
    /// A later version of this program wrote it.
    #[error("record {seq}: {of} has version {found}, this program knows up to {known}: use the newer program")]
    Future {
        /// The position.
        seq: u64,
        /// What is newer.
        of: String,
        /// Its version.
        found: u16,
        /// The newest known one.
        known: u16,
    },
    /// It is old, and nothing leads on from there.
    #[error(
        "record {seq}: {of} has version {from}, and this program has no step from there towards {known}: \
         go back to the program that ran before, and report this; the journal is whole"
    )]
    NoStep {
        /// The position.
        seq: u64,
        /// What is old.
        of: String,
        /// The version that no step takes.
        from: u16,
        /// Today's version.
        known: u16,
    },
    /// It is old, and a step does not take it.
    #[error(
        "record {seq}: {of} cannot be brought from version {from} to {}: {why}: \
         go back to the program that ran before, and report this; the journal is whole",
        .from + 1
    )]
    Failed {
        /// The position.
        seq: u64,
        /// What is old.
        of: String,
        /// The version that the step takes.
        from: u16,
        /// What the step says.
        why: String,
    },
}

impl Upcasters {
    /// Today's version of a shape: what is written.
    pub fn version(&self, of: Shape<'_>) -> u16 {
        let listed = self.versions.iter().find(|(shape, _)| *shape == of);
        listed.map_or(1, |(_, version)| *version)
    }

    /// Reads a record, as [`Record::parse`] does with [`TODAY`].
    ///
    /// # Errors
    /// [`Unread`] says what is wrong with it and what to do.
    pub fn read<'a>(&self, seq: u64, text: &'a str, room: &'a mut String) -> Result<Record<'a>, Unread> {
        if let Some(record) = Record::as_it_stands(text).ok().filter(|record| self.is_today(record)) {
            return Ok(record);
        }
        *room = self.lifted(seq, text)?;
        Record::as_it_stands(room).map_err(|cause| Unread::Text { seq, cause })
    }

    fn is_today(&self, record: &Record<'_>) -> bool {
        let is_today = |entry: &Entry<'_>| entry.v == self.version(shape(&entry.name, kind(entry)));
        record.v == self.version(Shape::Envelope) && record.events.iter().all(is_today)
    }

    /// The text of a record with everything in it brought to today's shape; the same text where nothing is old.
    fn lifted(&self, seq: u64, text: &str) -> Result<String, Unread> {
        let unreadable = |cause| Unread::Text { seq, cause };
        let mut record: Facts = serde_json::from_str(text).map_err(unreadable)?;
        let mut is_old = self.envelope(seq, &mut record)?;
        let events = record.get_mut("events").and_then(Value::as_array_mut);
        for event in events.into_iter().flatten().filter_map(Value::as_object_mut) {
            is_old |= self.event(seq, event)?;
        }
        if is_old {
            serde_json::to_string(&record).map_err(unreadable)
        } else {
            Ok(text.to_owned())
        }
    }

    fn envelope(&self, seq: u64, record: &mut Facts) -> Result<bool, Unread> {
        let known = self.version(Shape::Envelope);
        let from = version(record).unwrap_or(known);
        if from == known {
            return Ok(false);
        }
        *record = self.climbed(seq, Shape::Envelope, from, std::mem::take(record))?;
        record.insert("v".to_owned(), known.into());
        Ok(true)
    }

    fn event(&self, seq: u64, event: &mut Facts) -> Result<bool, Unread> {
        let text = |of: Option<&Value>| of.and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = text(event.get("type"));
        let kind = event.get("change").map(|change| text(change.get("entity")));
        let of = shape(&name, kind.as_deref());
        let known = self.version(of);
        let from = version(event).unwrap_or(known);
        if from == known {
            return Ok(false);
        }
        let member = if kind.is_some() { "change" } else { "data" };
        let facts = match event.remove(member) {
            Some(Value::Object(facts)) => facts,
            // What is no object the reader refuses.
            _ => Facts::new(),
        };
        let facts = self.climbed(seq, of, from, facts)?;
        event.insert(member.to_owned(), facts.into());
        event.insert("v".to_owned(), known.into());
        Ok(true)
    }

    /// Takes every step from a version to today's.
    fn climbed(&self, seq: u64, of: Shape<'_>, from: u16, mut facts: Facts) -> Result<Facts, Unread> {
        let (known, shown) = (self.version(of), || of.to_string());
        if from > known {
            let (of, found) = (shown(), from);
            return Err(Unread::Future { seq, of, found, known });
        }
        for from in from..known {
            let step = self.steps.iter().find(|step| step.of == of && step.from == from);
            let missing = || Unread::NoStep {
                seq,
                of: shown(),
                from,
                known,
            };
            let failed = |why| Unread::Failed {
                seq,
                of: shown(),
                from,
                why,
            };
            facts = (step.ok_or_else(missing)?.run)(facts).map_err(failed)?;
        }
        Ok(facts)
    }
}

/// The shape of an event: that of its change where it has one.
fn shape<'a>(name: &'a str, kind: Option<&'a str>) -> Shape<'a> {
    kind.map_or(Shape::Event(name), Shape::Entity)
}

fn kind<'a>(entry: &'a Entry<'_>) -> Option<&'a str> {
    entry.change.as_ref().map(|change| change.entity.as_ref())
}

/// The version that is written; `None` where there is none, which the reader refuses.
fn version(facts: &Facts) -> Option<u16> {
    let written = facts.get("v")?.as_u64()?;
    // Whatever it is, it is newer.
    Some(u16::try_from(written).unwrap_or(u16::MAX))
}
